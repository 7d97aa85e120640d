"""What a message asks to find, the search for it, and the words that say what was asked and why a record is here."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from bot.actions.base import Heard, Services
from bot.actions.filters import described, filters_of, to_plain
from bot.actions.wording import plainly
from library.phrasing import Lang, Words
from library.text import fold, tokens
from library.titles import exactness
from retrieval.asking import wanted
from retrieval.facets import Filters
from retrieval.record import Record
from retrieval.searcher import Hit, Query, Why

PAGE = 5
MOST = 50  # hits looked through: further pages, sorting and sifting stay within them
FEW, NEAREST = 2, 3  # with fewer firm hits than FEW, near ones are added, up to NEAREST in all
Order = Literal["best", "newest", "oldest", "author", "title"]
Likeness = Literal["exact", "unaccented", "folded", "part", "near", "other"]

_NEAR = 0.78  # of the letters two folded titles share; below it they are two different titles
# "tìm giúp mình sách": what is wanted is still to be said.
_NOTHING_NAMED = re.compile(
    r"(?:(?:sach|truyen|cuon|quyen|tai lieu|do|cai|gi|nao|mot|vai|may|nua|di|voi|giup|cua|cho|toi|tui|minh|em|con|chau"
    r"|anh|chi|books?|a|some|something|my|me)\b\s*)+"
)
# "harry potter tập 3": the volume is no part of the title, and picks among its records.
_VOLUME = re.compile(r"\b(?:tap|quyen so|cuon so|phan|vol(?:ume)?|book|part)\.? ?(?P<number>\d{1,3}|[ivx]{1,4})\b")
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "vi": 6, "vii": 7, "viii": 8, "ix": 9, "x": 10}
_NEVER_MIND = re.compile(r"^\s*(?:thôi|thoi|không|khong|ko|no|never mind)\s*,\s*", re.IGNORECASE)
WORKS_OF = Words("sách của {}", "works by {}")
BY = Words("{} của {}", "{} by {}")
BOOKS = Words("sách", "books")
_WHY: Mapping[str, Words] = {
    "title": Words("Đúng tên sách", "The very title"),
    "title_folded": Words("Đúng tên sách, khác dấu", "The title but for its accents"),
    "author": Words("Tác giả {}", "By {}"),
    "subject": Words("Khớp với chủ đề “{}”", "On the subject “{}”"),
    "number": Words("Đúng số bạn đưa", "The very number"),
    "words": Words("Nhan đề hoặc tóm tắt có “{}”", "Has “{}” in its title or summary"),
    "meaning": Words("Gần nghĩa với điều bạn tìm", "Close in meaning"),
}
_LIKE: Mapping[str, Words] = {
    "author": Words("Cùng tác giả {}", "Also by {}"),
    "subject": Words("Cùng chủ đề “{}”", "Same subject: “{}”"),
}


@dataclass(frozen=True)
class Wish:
    """A search: what is asked for, what it is narrowed to, and how it is put in order."""

    query: Query
    filters: Filters = Filters()
    order: Order = "best"
    only_in: bool = False  # only what stands on a shelf now

    @property
    def empty(self) -> bool:
        return self.query == Query() and not self.filters

    def to_plain(self) -> dict[str, Any]:
        """Return the search for a slot."""
        query = {name: value for name, value in asdict(self.query).items() if value}
        return {"query": query, "filters": to_plain(self.filters), "order": self.order, "only_in": self.only_in}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Wish:
        return cls(Query(**plain["query"]), Filters(**plain["filters"]), plain["order"], plain["only_in"])


def wish_of(heard: Heard, services: Services) -> Wish:
    """Return what this message asks for; without any slot, all of its words but the asking."""
    filters, more_words = filters_of(heard, services.calendar())
    title, author, topic = heard.one("title") or "", heard.one("author") or "", " ".join(heard.all("topic"))
    if more_words and not title:
        topic = " ".join(filter(None, (topic, *more_words)))
    query = Query(title=title, author=author, topic=topic, isbn=heard.one("isbn") or "")
    if query == Query() and not filters and not heard.text.startswith("/"):
        text = wanted(_NEVER_MIND.sub("", heard.text))
        query = Query(text="" if _NOTHING_NAMED.fullmatch(plainly(text)) else text)
    return Wish(query, filters)


async def search(services: Services, wish: Wish, n: int = MOST) -> list[tuple[Record, Hit]]:
    """Return up to n records with why each matched; with filters alone, the newest that pass them.

    Records that only come near what was asked are left out, unless hardly any does more than that.
    """

    def find() -> list[tuple[Record, Hit]]:
        if wish.query == Query():
            return with_records(services, services.searcher.newest(n, wish.filters))
        hits = services.searcher.search(wish.query, n, wish.filters)
        firm = [hit for hit in hits if not only_near(hit, wish)]
        near = [hit for hit in hits if only_near(hit, wish)] if len(firm) < FEW else []
        return with_records(services, _by_named_author(firm, wish) or [*firm, *near[: NEAREST - len(firm)]])

    return await asyncio.to_thread(find)


def only_near(hit: Hit, wish: Wish) -> bool:
    """Return whether the record has only some of the words asked for, or is only close in meaning."""
    sought = len(tokens(wish.query.sought))
    needed = sought if sought < 5 else sought * 0.8
    return bool(hit.why) and all(
        why.kind == "meaning" or (why.kind == "words" and len(why.value.split()) < needed) for why in hit.why
    )


def _by_named_author(hits: list[Hit], wish: Wish) -> list[Hit]:
    """Return the works of the author asked for."""
    asked = wish.query.author or wish.query.text
    return [hit for hit in hits if any(why.kind == "author" and fold(why.value) == fold(asked) for why in hit.why)]


def with_records(services: Services, hits: Sequence[Hit]) -> list[tuple[Record, Hit]]:
    """Return the hits with their records, those left out that are gone by now."""
    records = services.catalogue.many([hit.record_id for hit in hits])
    return [(records[hit.record_id], hit) for hit in hits if hit.record_id in records]


def in_order(found: Sequence[tuple[Record, Hit]], order: Order) -> list[tuple[Record, Hit]]:
    """Return the hits in the order asked for; records without a year come last."""
    if order == "newest":
        return sorted(found, key=lambda pair: -(pair[0].year or 0))
    if order == "oldest":
        return sorted(found, key=lambda pair: pair[0].year or 9999)
    if order == "author":
        return sorted(
            found, key=lambda pair: (not pair[0].author, fold(pair[0].author.split(" ")[-1]), fold(pair[0].author))
        )
    if order == "title":
        return sorted(found, key=lambda pair: fold(pair[0].full_title))
    return list(found)


def _by_given_name(author: str) -> tuple[bool, str, str]:
    """Return what Vietnamese names are sorted by; works without an author come last."""
    return not author, fold(author.split(" ")[-1]), fold(author)


def likeness(said: str, record: Record) -> Likeness:
    """Return how near the words said come to a title of the record.

    "part": they stand in the title; "near": some letters differ; "folded": a typed accent says otherwise.
    """
    words = [token.folded for token in tokens(said)]
    titles = [title for title in (record.title, record.full_title, record.original_title, record.series) if title]
    same = [title for title in titles if [token.folded for token in tokens(title)] == words]
    if same:
        return min((exactness(said, title) for title in same), key=("exact", "unaccented", "folded").index)
    if words and any(_stands_in(words, [token.folded for token in tokens(title)]) for title in titles):
        return "part"
    alike = max(difflib.SequenceMatcher(None, " ".join(words), fold(title)).ratio() for title in titles)
    return "near" if alike >= _NEAR else "other"


def _stands_in(part: list[str], whole: list[str]) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))


def is_about(hit: Hit, wish: Wish) -> bool:
    """Return whether the record is about what was taken for a title: it is a subject, or all its words are there."""
    sought = tokens(wish.query.sought)
    if any(why.kind == "subject" for why in hit.why):
        return True
    return any(why.kind == "words" and len(why.value.split()) == len(sought) > 1 for why in hit.why)


def wanted_words(wish: Wish, services: Services, lang: Lang) -> str:
    """Return what is asked for as it is read back: '“Số đỏ” của Vũ Trọng Phụng', '“nuôi tôm”, từ năm 2016'."""
    query = wish.query
    named = query.title or query.topic or query.text or query.isbn
    quoted = f"“{named}”" if named else ""
    if query.author:
        quoted = BY.to(lang).format(quoted, query.author) if quoted else WORKS_OF.to(lang).format(query.author)
    narrowing = described(wish.filters, services.calendar(), lang)
    if not quoted and wish.filters.material:  # "sách nói", "tạp chí": no books besides
        return ", ".join(narrowing)
    if not quoted:
        return " ".join((BOOKS.to(lang), ", ".join(narrowing))).strip()
    return ", ".join((quoted, *narrowing))


def named(record: Record, lang: Lang) -> str:
    """Return '“Số đỏ” của Vũ Trọng Phụng'."""
    quoted = f"“{record.full_title}”"
    return BY.to(lang).format(quoted, record.author) if record.author else quoted


def why_words(hit: Hit, wish: Wish, lang: Lang) -> str:
    """Return why the record is here, in words; nothing when the search named no words at all."""
    return _reason(hit.why, _WHY, wish.query, lang)


def why_alike(hit: Hit, lang: Lang) -> str:
    """Return what the record has in common with the one it was compared to."""
    return _reason(hit.why, _LIKE, Query(), lang)


def _reason(why: Sequence[Why], said: Mapping[str, Words], query: Query, lang: Lang) -> str:
    first = next((each for each in why if each.kind in said), None)
    if first is None:
        return ""
    value = _as_typed(first.value, query) if first.kind == "words" else first.value
    return said[first.kind].to(lang).format(value)


def _as_typed(folded: str, query: Query) -> str:
    """Return the words as the patron wrote them; the index knows them without their marks."""
    typed = (token.text for token in tokens(query.sought) if token.folded in folded.split())
    return " ".join(typed) or folded  # a slip that was mended was not typed so


def volume_in(text: str) -> int | None:
    """Return the number of the volume that the words name: 3 of "harry potter tập 3" and "Vol. III"."""
    match = _VOLUME.search(plainly(text))
    if match is None:
        return None
    return int(match["number"]) if match["number"].isdigit() else _ROMAN.get(match["number"])


def of_volume(found: Sequence[tuple[Record, Hit]], number: int | None) -> list[tuple[Record, Hit]]:
    """Return the hits that are this volume of their series, or all of them when none is."""
    same = [(record, hit) for record, hit in found if number is not None and volume_in(record.full_title) == number]
    return same or list(found)


def without_filters(wish: Wish) -> Wish:
    return replace(wish, filters=Filters(), only_in=False)


def as_catalogued(wish: Wish, found: Sequence[tuple[Record, Hit]]) -> Wish:
    """Return the search with title and author spelled as in the catalogue, where the hits leave no doubt."""
    if not found:
        return wish
    record, hit = found[0]
    query = wish.query
    if (
        query.title
        and likeness(query.title, record) in ("exact", "unaccented")
        and fold(query.title) == fold(record.title)
    ):
        query = replace(query, title=record.title)
    names = (why.value for why in hit.why if why.kind == "author")
    author = next((name for name in names if fold(name) == fold(query.author)), None)
    return replace(wish, query=replace(query, author=author) if author else query)
