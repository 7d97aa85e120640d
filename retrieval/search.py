"""One search: reads the query, asks the rankings, puts them together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from library.text import fold, nfc, normalise, tokens
from library.titles import TitleMatch, exactness
from retrieval.asking import Span, part, spans, without_medium
from retrieval.diacritics import lacks_marks
from retrieval.embedder import Embedder
from retrieval.facets import Filters
from retrieval.index import Index
from retrieval.passages import words
from retrieval.ranker import Ranking, fused, ordered
from retrieval.record import Record
from retrieval.sources.marc_fields import isbn13

POOL = 60  # rows each ranking gives to the fusion
_TITLE, _TITLE_UNACCENTED, _TITLE_FOLDED, _AUTHOR, _PART = 5.0, 4.0, 3.0, 2.0, 0.5
_WORDS_WEIGHT, _MEANING_WEIGHT, _AUTHOR_WEIGHT = 1.0, 1.2, 3.0
_COPIES_WORTH = 0.05  # a copy more: what a library buys often is asked for often
_NEAR = 0.83  # cosine from which a record that shares no words is worth showing
_NUMBER = re.compile(r"[\dXx][\dXx\s-]{5,}")
_CONNECTING = frozenset(("cua", "tac", "gia", "do", "viet", "by", "boi", "nha", "van", "tho"))


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
        self.sought, self.meant, self.sure = self._read(query.sought)
        self.author = self._read(query.author)[1]
        self.allowed = index.facets.mask(filters) if filters else None
        self.near: set[int] = set()  # rows close in meaning

    def _read(self, text: str) -> tuple[str, str, bool]:
        """Return what is asked for as typed and as meant, with its marks, and whether those are more than a guess."""
        if not text.strip():
            return "", "", True
        typed = normalise(text).text
        restored = self.index.restorer.restore(typed, 1)[0] if lacks_marks(text) else None
        meant = restored.text if restored else typed
        span = self._asked_for(typed, meant)
        return part(typed, span), part(meant, span), restored is None or restored.sure

    def _asked_for(self, typed: str, meant: str) -> Span:
        """Return the words that are asked for; a whole title or name keeps those that look like asking."""
        named = self.index.titles.entries
        last: Span = (0, 0)
        for last in spans(meant):
            if named(part(typed, last)):
                return last
        rest = without_medium(meant, last)
        return rest if named(part(typed, rest)) else last

    def ranked(self) -> list[tuple[int, float]]:
        """Return rows with their scores, best first: what is named whole, then the fusion of words and meaning."""
        if numbered := self._by_number():
            return [(row, _TITLE) for row in numbered]
        by_words = self._by_words()
        by_meaning = self._by_meaning()
        tiers = self._tiers()
        worded = {row for ranking in by_words for row in ranking.keys} | tiers.keys()
        self.near = {row for row, cosine in by_meaning if cosine >= _NEAR} | tiers.keys()
        near = [row for row, _ in by_meaning if row in worded or row in self.near]
        return ordered(fused([*by_words, Ranking(near, _MEANING_WEIGHT)]), tiers)

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

    def _by_words(self) -> list[Ranking[int]]:
        search, filters, rankings = self.index.words.search, self.filters, []
        if self.author:
            named = search(words(self.author), POOL, fields=("names",), forms=("folded", "pairs"), filters=filters,
                           all_words=True)  # fmt: skip
            rankings.append(Ranking([row for row, _ in named], _AUTHOR_WEIGHT))
        if self.sought:
            meant = words(self.meant)
            ways = [("exact",)] if self._said_exactly() else [("exact", "folded", "pairs"), ("folded", "pairs")]
            for forms in ways:
                found = search(meant, POOL, forms=forms, filters=filters)
                rankings.append(Ranking([row for row, _ in found], _WORDS_WEIGHT))
        return rankings

    def _said_exactly(self) -> bool:
        """Return whether a short accented query has records with all its words: "đường" must not bring "Dương"."""
        if self.bare or len(tokens(self.sought)) > 3:
            return False
        return bool(self.index.words.search(words(self.sought), 1, forms=("exact",), all_words=True))

    def _by_meaning(self) -> list[tuple[int, float]]:
        # Vectors of words without their marks are noise: such a query goes in restored, or not at all.
        if self.embedder is None or self.index.meaning is None or not self.sought or not self.sure:
            return []
        return self.index.meaning.search(self.embedder.queries([self.meant])[0], POOL, self.allowed)

    def _tiers(self) -> dict[int, float]:
        """Return the rows whose title or author the query names, each with the worth of that."""
        tiers: dict[int, float] = {}
        for text in dict.fromkeys((self.sought, self.meant)) if self.sought else ():
            for record_ids, worth in self._named(text):
                rows = [row for record_id in record_ids if (row := self.index.row(record_id)) is not None]
                for row in self._admitted(rows):
                    copies = min(10, int(self.index.facets.copies[row]))
                    tiers[row] = max(worth + _COPIES_WORTH * copies, tiers.get(row, 0.0))
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
