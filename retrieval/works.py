"""Which records are editions of one work: by title, volume, author and language, helped by ISBN, year and publisher.

A wrong join hides one book behind another; a missed one only shows two lines. So what is in doubt stays apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from library.text import fold, has_diacritics, same_tones
from retrieval.record import Record
from retrieval.volumes import split_volume, volume

_WORDS = re.compile(r"[^\W_]+")
_ADDED = re.compile(r"\[[^\]]*\]|\([^)]*\)")  # "[sách]", "(tái bản lần 2)": the cataloguer's, not the work's
_EDITION = re.compile(r"\W+(?:tai ban|in lan thu|xuat ban lan thu|an ban)\b.*|\W+\w+ ed(?:n|ition)?\W*$")
_MORE = re.compile(r"[\[(=/]")
_MAY_BE_EDITION = re.compile(r"(?i)\W(?:t[áa]i|in|xu[ấa]t|[ấa]n)\s|\bed")
_AFTER = re.compile(r" = .*| / .*")  # a parallel title, a statement of responsibility
_GENRE = re.compile(
    r"(?:(?:tieu thuyet|truyen|ky su|hoi ky)(?: \w+){0,2}|(?:tap )?(?:tho|truyen ngan|truyen dai)|a novel|novel"
    r"|giao trinh(?: .{0,60})?|(?:sach )?(?:tham khao|chuyen khao)(?: .{0,60})?)"
)
_ARTICLE = re.compile(r"^(?:the|a|an|les?|la|der|die|das|el|los|las) (?=\w)")
# Same title, same author, and yet another book: what a subtitle must keep apart.
_KIND = re.compile(
    r"\b(?:sach giao vien|(?:vo |sach )?bai tap|bai giai|loi giai|dap an|workbook|exercises|problems|teacher'?s? \w+"
    r"|instructor'?s? \w+|solutions?|test bank|answer key|study guide)\b"
)
_SHORT_I = re.compile(r"(?<=[bcdđghklmnpqrstvx])[yýỳỷỹỵ]\b")  # "kỹ" and "kĩ" are one syllable, "tay" and "tai" two
_I = dict(zip("yýỳỷỹỵ", "iíìỉĩị", strict=True))
_NUMBER = re.compile(r"(?<!lan )(?<!lan thu )\b\d+")  # "Toán cao cấp 2" below "Bài giảng", not "in lần thứ 2"
_YEAR = re.compile(r"1[4-9]\d\d|20\d\d")
_ACADEMIC = frozenset("gs pgs ts ths ks bs ngnd ngut nsnd nsut gsts pgsts gvc dr prof phd msc cb chu_bien".split())
_CROWD = 12  # more titles than this under one ISBN: it is a default or a running number, not theirs
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class _Sign:
    """What of a record tells its work; all folded and in one spelling but `accented`."""

    title: str
    volume: str
    author: str  # the words of the name, sorted: "Phụng, Vũ Trọng" is "Vũ Trọng Phụng"
    language: str
    accented: str  # the author with diacritics, '' where there are none
    bare: str  # the title without what a subtitle adds


def work_key(record: Record) -> str:
    """Return a text that is equal for editions of one work: same volume, same language.

    One record is judged by itself here; `clusters` sees them all, so it joins and parts more.
    """
    sign = _sign(record)
    return "|".join((sign.title, sign.volume, sign.author, sign.language))


def clusters(records: Iterable[Record]) -> list[int]:
    """Return for each record, in the order given, the place (from 0) of the first record of its work.

    Time and memory grow in step with the number of records; each is looked at once and not kept.
    """
    works = _Works()
    for record in records:
        works.add(record)
    return works.joined()


class _Works:
    """Records by what they may share, and the forest in which they are joined."""

    def __init__(self) -> None:
        self._signs: list[_Sign] = []
        self._above: list[int] = []
        self._by_title: dict[Hashable, list[int]] = defaultdict(list)
        self._by_isbn: dict[Hashable, list[int]] = defaultdict(list)
        self._by_imprint: dict[Hashable, list[int]] = defaultdict(list)

    def add(self, record: Record) -> None:
        row, sign = len(self._signs), _sign(record)
        self._signs.append(sign)
        self._above.append(row)
        self._by_title[sign.title, sign.volume, sign.author].append(row)
        if record.isbn:
            self._by_isbn[record.isbn].append(row)
        if record.year and record.publisher:
            self._by_imprint[sign.bare, sign.volume, record.year, _words(record.publisher)].append(row)

    def joined(self) -> list[int]:
        for rows in _several(self._by_title):
            self._join_titled(rows)
        for rows in _several(self._by_isbn):
            self._join_isbn(rows)
        for rows in _several(self._by_imprint):
            self._join_imprint(rows)
        return [self._root(row) for row in range(len(self._above))]

    def _join_titled(self, rows: list[int]) -> None:
        """Join rows of one title and folded author, unless the language or the accents of the name part them."""
        for same_language in self._parted(rows, lambda sign: sign.language):
            for same_name in self._parted(same_language, lambda sign: sign.accented):
                self._join(same_name)

    def _parted(self, rows: list[int], told: Callable[[_Sign], str]) -> Iterator[list[int]]:
        """Yield the rows by what they tell; those that tell nothing go with the others when these all agree."""
        groups: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            groups[told(self._signs[row])].append(row)
        yield from [rows] if len(groups.keys() - {""}) == 1 else groups.values()

    def _join_isbn(self, rows: list[int]) -> None:
        firsts: dict[_Sign, int] = {}
        for row in rows:
            self._join([firsts.setdefault(self._signs[row], row), row])
        if len(firsts) > _CROWD:
            return
        signs = list(firsts.items())
        for i, (sign, row) in enumerate(signs):
            self._join([row, *(other for before, other in signs[:i] if _one_book(sign, before))])

    def _join_imprint(self, rows: list[int]) -> None:
        """Join rows of one title, publisher and year when their authors are one name, in full, in part, or left out."""
        for same_language in self._parted(rows, lambda sign: sign.language):
            names = [set(self._signs[row].author.split()) for row in same_language]
            longest = max(names, key=len)
            if longest and all(name <= longest for name in names):
                self._join(same_language)

    def _root(self, row: int) -> int:
        while self._above[row] != row:
            self._above[row] = self._above[self._above[row]]
            row = self._above[row]
        return row

    def _join(self, rows: Iterable[int]) -> None:
        roots = {self._root(row) for row in rows}
        first = min(roots)
        for root in roots:
            self._above[root] = first


def _several(groups: dict[Hashable, list[int]]) -> Iterator[list[int]]:
    return (rows for rows in groups.values() if len(rows) > 1)


def _one_book(one: _Sign, other: _Sign) -> bool:
    """Return whether two records with one ISBN are one book: a set shares its number, and so do errors."""
    if one.volume != other.volume or _numbers(one.bare) != _numbers(other.bare):
        return False
    if one.language and other.language and one.language != other.language:
        return False
    if one.author and one.author == other.author:
        return True
    strangers = one.author and other.author and set(one.author.split()).isdisjoint(other.author.split())
    return not strangers and _likeness(one.bare, other.bare) >= _ALIKE


def _numbers(title: str) -> list[str]:
    return re.findall(r"\d+|\b[ivx]+\b", title)


def _likeness(one: str, other: str) -> float:
    """Return how many pairs of letters two titles share, against the shorter: one often has more after it."""
    ours, theirs = ({text[i : i + 2] for i in range(len(text) - 1)} for text in (one, other))
    return len(ours & theirs) / max(1, min(len(ours), len(theirs)))


def _sign(record: Record) -> _Sign:
    author, accented = _name(_maker(record))
    language = record.language or ("vie" if has_diacritics(record.title) else "")
    title, number = split_volume(record.title)
    subtitle, below = split_volume(record.subtitle) if record.subtitle else ("", "")
    whole = _title(title, language)
    bare = fold(whole)
    told = " ".join([bare, *_apart(fold(subtitle))]) if author else _told_alone(record, whole, subtitle)
    serial = "~" if record.material in ("periodical", "newspaper") else ""
    return _Sign(serial + told, volume(record.part) or number or below, author, language, accented, serial + bare)


def _apart(subtitle: str) -> Iterator[str]:
    if subtitle:
        yield from (f"+{mark}" for mark in (*_KIND.findall(subtitle), *_NUMBER.findall(subtitle)))


def _maker(record: Record) -> str:
    """Return who a work goes by: its author, else its first editor or whoever else is named, not its translator."""
    others = (who.name for who in record.contributors if who.role in ("editor", "other"))
    return record.author or next(others, "")


@lru_cache(maxsize=1 << 16)
def _name(name: str) -> tuple[str, str]:
    plain = same_tones(_ADDED.sub(" ", name)).lower()
    words = [word for word in _WORDS.findall(plain) if word not in _ACADEMIC and not _YEAR.fullmatch(word)]
    accented = " ".join(sorted(words))
    return " ".join(sorted(map(fold, words))), accented if has_diacritics(accented) else ""


def _title(title: str, language: str) -> str:
    """Return the title in one spelling, accents kept: no articles, no cataloguer's additions, no genre after it."""
    text = _AFTER.sub("", _ADDED.sub(" ", title)) if _MORE.search(title) else title
    head, colon, rest = text.partition(":")
    if colon and _GENRE.fullmatch(_words(rest)):
        text = head
    if _MAY_BE_EDITION.search(text) and (edition := _EDITION.search(fold(text))):
        text = text[: edition.start()] or text
    spelt = " ".join(_WORDS.findall(same_tones(text).lower())) or " ".join(_WORDS.findall(same_tones(title).lower()))
    spelt = _SHORT_I.sub(lambda found: _I[found[0]], spelt)
    return spelt if language == "vie" else _ARTICLE.sub("", spelt, count=1)


def _told_alone(record: Record, title: str, subtitle: str) -> str:
    """Return what tells a work without an author: title and subtitle with their accents.

    "Hóa học" or "Kỷ yếu" alone is no name: fewer than three words count only with publisher and year.
    """
    below = "" if _GENRE.fullmatch(_words(subtitle)) else " ".join(_WORDS.findall(same_tones(subtitle).lower()))
    told = f"{title} {below}".strip()
    if not told:
        return f"#{record.record_id}"
    return told if told.count(" ") > 1 else f"{told} {_words(record.publisher)} {record.year_text}"


def _words(text: str) -> str:
    return " ".join(_WORDS.findall(fold(text)))
