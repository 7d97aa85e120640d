"""One search: reads the query, asks the rankings, puts them together."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from library.text import fold, nfc, normalise, tokens
from library.titles import TitleMatch, exactness
from retrieval.agreement import Agreement, Asked, Evidence, agreement
from retrieval.asking import Span, part, spans, without_medium
from retrieval.cards import Card, folded
from retrieval.diacritics import lacks_marks
from retrieval.embedder import Embedder
from retrieval.facets import Filters
from retrieval.fields import Field, fields, named_by
from retrieval.index import Index
from retrieval.passages import words
from retrieval.ranker import Ranking, fused, in_series_order, ordered, scores_of
from retrieval.record import Record
from retrieval.sources.isbn import isbn13
from retrieval.spacing import respaced

POOL = 60  # rows each ranking gives to the fusion
_TITLE, _TITLE_UNACCENTED, _TITLE_FOLDED, _AUTHOR, _PART = 5.0, 4.0, 3.0, 2.0, 0.5
_WORDS_WEIGHT, _MEANING_WEIGHT, _AUTHOR_WEIGHT = 1.0, 1.2, 3.0
_MANY_COPIES = 10  # and more: what a library buys often is asked for often
_OLD, _YEARS = 1950, 100  # from this year on, a later edition is a little better, for so many years
_MOST_NAMED = 100  # records of one title or name that are looked up: a union may hold thousands
_HALF = 0.5  # of the words asked for: a record with no more of them is shown only if it is close in meaning
_LOOKED_AT, _SPARE = 50, 20  # candidates whose cards are compared with the query; more for a long list
_NUMBER = re.compile(r"[\dXx][\dXx\s-]{5,}")
_KINDS = frozenset("truyen tieu thuyet tho kich sach bao tap chi giao trinh tai lieu".split())
_CONNECTING = frozenset(("cua", "tac", "gia", "do", "viet", "by", "boi", "nha", "van", "tho"))


@dataclass(frozen=True)
class _Found:
    """What one lexical search found, how much its order counts, and which features its scores are."""

    found: list[tuple[int, float]]
    weight: float
    names: tuple[str, ...]


def _against_best(found: Sequence[tuple[int, float]]) -> dict[int, float]:
    best = max((score for _, score in found), default=1.0) or 1.0
    return {row: score / best for row, score in found}


def _with_kind(text: str, span: Span) -> Span:
    """Return the span with the words before it that say what kind of book is wanted: "truyện", "tiểu thuyết"."""
    said = [token.folded for token in tokens(text)[: span[0]]]
    start = span[0]
    while start and said[start - 1] in _KINDS:
        start -= 1
    return start, span[1]


@dataclass(frozen=True)
class Query:
    """What is asked for: free text, or its parts where the dialogue has found them; empty parts ask nothing."""

    text: str = ""
    title: str = ""
    author: str = ""
    topic: str = ""
    isbn: str = ""

    @property
    def sought(self) -> str:
        return self.title or self.topic or (self.text if not self.author else "")


class Search:
    """One query against one index. `embedder` is None where or while there is no meaning to search by."""

    def __init__(self, index: Index, embedder: Embedder | None, query: Query, filters: Filters) -> None:
        self.index, self.embedder, self.filters = index, embedder, filters
        self._number = (query.isbn or query.text).strip()
        self.bare = lacks_marks(query.sought)
        self.topic = ""
        self.fields = fields(query.sought)
        self.author = self._read(query.author)[1]
        self.sought, self.meant, self.sure = self._read(query.sought)
        self.allowed = index.facets.mask(filters) if filters else None
        self._cards: dict[int, Card] = {}
        self.near: set[int] = set()  # rows close in meaning
        self._worth_showing = embedder.near if embedder else 1.0

    def _read(self, text: str) -> tuple[str, str, bool]:
        """Return what is asked for as typed and as meant, with its marks, and whether those are more than a guess."""
        if not text.strip():
            return "", "", True
        restorer, typed = self.index.restorer, normalise(text).text
        restored = restorer.restore(typed, 1)[0] if lacks_marks(text) else None
        meant = restored.text if restored else typed
        span = self._asked_for(typed, meant)
        if not self.index.titles.entries(part(typed, span)):  # what is named as it stands has no slip
            typed = respaced(part(typed, _with_kind(meant, span)), restorer)
            restored = restorer.mend(typed, 1, bare=lacks_marks(text))[0]
            meant = restored.text
            span = self._asked_for(typed, meant)
        self.topic = part(meant, _with_kind(meant, span))
        return part(typed, span), part(meant, span), not self.bare or restored is None or restored.sure

    def _asked_for(self, typed: str, meant: str) -> Span:
        """Return the words that are asked for; a whole title or name keeps those that look like asking."""
        named = self.index.titles.entries
        last: Span = (0, 0)
        for last in spans(meant):
            if named(part(typed, last)):
                return last
        rest = without_medium(meant, last)
        return rest if named(part(typed, rest)) else last

    def ranked(self, wanted: int = 10) -> list[tuple[int, float]]:
        """Return rows with their scores, best first: those with most of the words, and those close in meaning.

        There may be more than `wanted`, and fewer only where hardly more are to be found.
        """
        if numbered := self._by_number():
            return [(row, _TITLE) for row in numbered]
        evidence = self.evidence(max(_LOOKED_AT, wanted + _SPARE))
        agreements = self.agreements(evidence)
        scores = zip(evidence, agreements, scores_of(agreements), strict=True)
        best = ordered({row: score for row, told, score in scores if self._shown(row, told)})
        return in_series_order(best, self._series)

    def _series(self, row: int) -> tuple[str, tuple[int, ...]]:
        """Return what the volumes of one work share, and which volume this is; '' for a work in one."""
        card = self._card(row)
        return (f"{card.title}|{card.names[:1]}" if card.volumes else ""), card.volumes

    def _shown(self, row: int, told: Agreement) -> bool:
        return told.held > _HALF or told.author_asked > 0 or row in self.near

    def agreements(self, evidence: Mapping[int, Evidence]) -> list[Agreement]:
        """Return how well each of these rows agrees with the query."""
        rarity = [self.index.words.rarity(word) for word in words(self.meant).folded]
        asked = Asked.of(self.sought, self.meant, self.author, rarity, self.topic)
        return [self._agreement(asked, row, told) for row, told in evidence.items()]

    def _agreement(self, asked: Asked, row: int, told: Evidence) -> Agreement:
        card = self._card(row)
        copies = min(_MANY_COPIES, int(self.index.facets.copies[row])) / _MANY_COPIES
        granted = [words for field in self.fields if (words := self._granted(field, row, card))]
        fits = (2 * len(granted) - len(self.fields)) / (len(self.fields) or 1)
        year = self.index.facets.year(row) or _OLD
        recent = min(1.0, max(0.0, (year - _OLD) / _YEARS))
        told = told._replace(copies=copies, recent=recent, fits=fits, granted=frozenset(chain.from_iterable(granted)))
        return agreement(asked, card, told)

    def _card(self, row: int) -> Card:
        if row not in self._cards:
            self._cards[row] = self.index.cards.card(row)
        return self._cards[row]

    def _granted(self, field: Field, row: int, card: Card) -> tuple[str, ...]:
        """Return the words that say this wish, if the record fits it."""
        if field.publisher:
            return named_by(field, folded(card.publisher))
        return field.words if self.index.facets.admits(field.filters, row) else ()

    def evidence(self, most: int = _LOOKED_AT) -> dict[int, Evidence]:
        """Return the rows worth looking at, with what each ranking says of them."""
        by_words = self._by_words()
        by_meaning = self._by_meaning()
        tiers = self._tiers()
        worded = {row for ranking in by_words for row, _ in ranking.found} | tiers.keys()
        self.near = {row for row, cosine in by_meaning if cosine >= self._worth_showing} | tiers.keys()
        near = [row for row, _ in by_meaning if row in worded or row in self.near]
        rankings = [Ranking.of(each.found, each.weight) for each in by_words]
        place = fused([*rankings, Ranking(near, _MEANING_WEIGHT)])
        for row in tiers:
            place.setdefault(row, 0.0)
        far = min((cosine for _, cosine in by_meaning), default=0.0)  # what counts as far is the encoder's own
        cosines = {row: (cosine - far) / max(1.0 - far, 1e-6) for row, cosine in by_meaning}
        parts = {name: _against_best(each.found) for each in by_words for name in each.names}
        best = heapq.nlargest(most, place, key=lambda row: tiers.get(row, 0.0) + place[row])
        return {
            row: Evidence(
                by_exact=parts.get("exact", {}).get(row, 0.0),
                by_folded=parts.get("folded", {}).get(row, 0.0),
                place=place[row],
                near=cosines.get(row, 0.0),
                named=tiers.get(row, 0.0) / _TITLE,
            )
            for row in best
        }

    def named_by_number(self, record: Record) -> str:
        """Return the number in the query that this record or one of its copies bears, or ''."""
        borne = {each.value for each in record.identifiers} | {item.barcode for item in record.items}
        return next((number for number in self._numbers() if number in borne), "")

    def _by_number(self) -> list[int]:
        return self._admitted(
            dict.fromkeys(row for number in self._numbers() for row in self.index.words.by_number(number))
        )

    def _numbers(self) -> list[str]:
        found = _NUMBER.search(self._number)
        if not found:
            return []
        digits = re.sub(r"[\s-]", "", found[0])
        return list(dict.fromkeys(filter(None, (isbn13(digits), digits, self._number))))

    def _admitted(self, rows: Iterable[int]) -> list[int]:
        return [row for row in rows if self.allowed is None or self.allowed[row]]

    def _by_words(self) -> list[_Found]:
        search, filters, rankings = self.index.words.search, self.filters, []
        if self.author:
            named = search(words(self.author), POOL, fields=("names",), forms=("folded", "pairs"), filters=filters,
                           all_words=True)  # fmt: skip
            rankings.append(_Found(named, _AUTHOR_WEIGHT, ()))
        if self.sought:
            meant = words(self.meant)
            if self._said_exactly():
                found = search(meant, POOL, forms=("exact",), filters=filters)
                rankings.append(_Found(found, _WORDS_WEIGHT, ("exact", "folded")))
            else:
                for name, forms in (("exact", ("exact", "folded", "pairs")), ("folded", ("folded", "pairs"))):
                    found = search(meant, POOL, forms=forms, filters=filters)
                    rankings.append(_Found(found, _WORDS_WEIGHT, (name,)))
            if self.topic != self.meant:  # "tiểu thuyết lịch sử": the kind of book may be part of a subject
                found = search(words(self.topic), POOL, fields=("about",), forms=("folded", "pairs"), filters=filters)
                rankings.append(_Found(found, _WORDS_WEIGHT, ()))
            if self.fields:
                found = search(words(self._rest()), POOL, forms=("folded", "pairs"), filters=self._wished())
                rankings.append(_Found(found, _WORDS_WEIGHT, ()))
        return rankings

    def _rest(self) -> str:
        """Return what is meant without the words for years, publisher, language and readers."""
        said = {word for field in self.fields for word in field.words}
        return " ".join(token.text for token in tokens(self.meant) if token.folded not in said)

    def _wished(self) -> Filters:
        """Return the filters with what the query wishes besides; the filters were chosen, so they hold."""
        wished = Filters()
        for each in (*(field.filters for field in self.fields), self.filters):
            wished = replace(wished, **{name: value for name, value in vars(each).items() if value is not None})
        return wished

    def _said_exactly(self) -> bool:
        """Return whether a short accented query has records with all its words: "đường" must not bring "Dương"."""
        if self.bare or len(tokens(self.sought)) > 3:
            return False
        return bool(self.index.words.search(words(self.sought), 1, forms=("exact",), all_words=True))

    def _by_meaning(self) -> list[tuple[int, float]]:
        # To most encoders words without their marks are noise: such a query goes in restored, or not at all.
        embedder, meaning = self.embedder, self.index.meaning
        if embedder is None or meaning is None or not self.sought or not (self.sure or embedder.bare):
            return []
        vector = embedder.queries([self.meant if self.sure else self.sought])[0]
        return meaning.search(vector, POOL, self.allowed)

    def _tiers(self) -> dict[int, float]:
        """Return the rows whose title or author the query names, each with the worth of that."""
        tiers: dict[int, float] = {}
        for text in dict.fromkeys((self.sought, self.meant)) if self.sought else ():
            for record_ids, worth in self._named(text):
                few = islice(record_ids, _MOST_NAMED)
                rows = [row for record_id in few if (row := self.index.row(record_id)) is not None]
                for row in self._admitted(rows):
                    tiers[row] = max(worth, tiers.get(row, 0.0))
        return tiers

    def _named(self, text: str) -> Iterable[tuple[Sequence[str], float]]:
        matches = self.index.titles.find(text)
        content = [token for token in tokens(text) if token.folded not in _CONNECTING]
        covered = sum(1 for token in content if any(match.start <= token.start < match.end for match in matches))
        authors = {record_id for match in matches if match.kind == "author" for record_id in match.record_ids}
        authors |= self._of_author()
        titled = [match for match in matches if match.kind == "title"]
        for match in titled:
            alone = match.end - match.start >= len(text.strip())
            both = [record_id for record_id in match.record_ids if record_id in authors]
            if both and covered == len(content):
                yield both, self._worth(match, text)
            elif alone:
                yield match.record_ids, self._worth(match, text)
            elif len(tokens(match.value)) > 2 and 2 * len(tokens(match.value)) >= len(content):
                yield match.record_ids, _PART
        if authors and covered == len(content) and not titled:
            yield sorted(authors), _AUTHOR

    def _of_author(self) -> set[str]:
        entries = self.index.titles.entries(self.author) if self.author else []
        return {record_id for entry in entries if entry.kind == "author" for record_id in entry.record_ids}

    def _worth(self, match: TitleMatch, text: str) -> float:
        """Return the worth of a title by how the patron typed it, not by how it was restored."""
        if fold(text) == fold(self.sought):
            typed = nfc(self.sought)[match.start : match.end]
        else:
            typed = match.value if match.exactness == "exact" and not self.bare else fold(match.value)
        return {"exact": _TITLE, "unaccented": _TITLE_UNACCENTED, "folded": _TITLE_FOLDED}[
            exactness(typed, match.value)
        ]
