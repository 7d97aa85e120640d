"""What a query asks of a record besides its words: years, publisher, language, readers. Preferences, never limits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from library.text import folded_words
from retrieval.facets import Filters
from retrieval.record import CHILDREN, PUPILS

_YEAR = r"(1[5-9]\d\d|20\d\d)"
_BETWEEN = re.compile(rf"\b(?:tu |trong |khoang )?(?:nam )?{_YEAR} (?:den |toi )?(?:nam )?{_YEAR}\b")
_AFTER = re.compile(rf"\bsau (?:nam )?{_YEAR}\b")
_SINCE = re.compile(rf"\b(?:ke tu|tu) (?:nam )?{_YEAR}\b")
_BEFORE = re.compile(rf"\btruoc (?:nam )?{_YEAR}\b")
_UNTIL = re.compile(rf"\b(?:den|cho den) (?:nam )?{_YEAR}\b")
_IN_YEAR = re.compile(rf"\b(?:(?:xuat ban|in|ra)? ?(?:vao |trong )?nam|xuat ban|in) {_YEAR}\b")
_AGE = re.compile(r"\b(?:(?:cho|danh cho) )?(?:be|tre|con|chau|em|hoc sinh)? ?(\d{1,2}) tuoi\b")
_GRADE = re.compile(r"\b(?:(?:cho|danh cho) )?(?:hoc sinh |be |tre )?lop (\d{1,2})\b")
_OLDEST_CHILD, _OLDEST_PUPIL, _LAST_GRADE = 11, 17, 12
_PUBLISHER = re.compile(r"\b(?:nxb|nha xuat ban|nha sach|publisher|published by) ((?:\w+ ?){1,4})")
_LANGUAGES = {"anh": "eng", "nhat": "jpn", "phap": "fre", "nga": "rus", "trung": "chi", "han": "kor", "duc": "ger"}
_IN_LANGUAGE = re.compile(rf"\b(?:bang |ban |sach |truyen |thuyet |tho )(?:tieng )?tieng ({'|'.join(_LANGUAGES)})\b")
_IN_ENGLISH = re.compile(r"\bin english\b|\benglish (?=novels?|stor(?:y|ies)|books?)")
_READERS = (
    (re.compile(r"\b(?:cho|danh cho) (?:cac )?(?:be|tre em|tre|con nit|thieu nhi|nhi dong|mam non)\b|\bthieu nhi\b"
                r"|\b(?:mau giao|mam non)\b|\b(?:for )?(?:kids|children)\b"), CHILDREN),
    (re.compile(r"\b(?:cho|danh cho) (?:hoc sinh|tuoi teen)\b"), PUPILS),
)  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One such wish: the words that say it, and the filters or the publisher a record should agree with."""

    words: tuple[str, ...]
    filters: Filters = Filters()
    publisher: str = ""


def fields(text: str) -> list[Field]:
    """Return the wishes a query tells, in no order."""
    line = " ".join(folded_words(text))
    return [*_years(line), *_publisher(line), *_language(line), *_readers(line)]


def _years(line: str) -> Iterator[Field]:
    if (found := _BETWEEN.search(line)) and found[1] <= found[2]:
        yield _said(found, Filters(year_from=int(found[1]), year_to=int(found[2])))
    elif found := _AFTER.search(line):
        yield _said(found, Filters(year_from=int(found[1]) + 1))
    elif found := _SINCE.search(line):
        yield _said(found, Filters(year_from=int(found[1])))
    elif found := _BEFORE.search(line):
        yield _said(found, Filters(year_to=int(found[1]) - 1))
    elif found := _UNTIL.search(line):
        yield _said(found, Filters(year_to=int(found[1])))
    elif found := _IN_YEAR.search(line):
        yield _said(found, Filters(year_from=int(found[1]), year_to=int(found[1])))


def _said(found: re.Match[str], filters: Filters) -> Field:
    return Field(tuple(found[0].split()), filters)


def _publisher(line: str) -> Iterator[Field]:
    if found := _PUBLISHER.search(line):
        yield Field(tuple(found[0].split()), publisher=found[1].strip())


def _language(line: str) -> Iterator[Field]:
    if found := _IN_LANGUAGE.search(line):
        yield Field(("bang", "tieng", found[1]), Filters(language=_LANGUAGES[found[1]]))
    elif found := _IN_ENGLISH.search(line):
        yield Field(tuple(found[0].split()), Filters(language="eng"))


def _readers(line: str) -> Iterator[Field]:
    if (found := _AGE.search(line)) and int(found[1]) <= _OLDEST_PUPIL:
        yield _said(found, Filters(audience=CHILDREN if int(found[1]) <= _OLDEST_CHILD else PUPILS))
        return
    if (found := _GRADE.search(line)) and 1 <= int(found[1]) <= _LAST_GRADE:
        yield _said(found, Filters(audience=PUPILS))
    for pattern, audience in _READERS:
        if found := pattern.search(line):
            yield _said(found, Filters(audience=audience))


def named_by(field: Field, publisher: str) -> tuple[str, ...]:
    """Return the words of the field that name this (folded) publisher, () if none do: only the first may be its name,
    as in "nxb trẻ của Dương Thuỵ"."""
    asked = field.publisher.split()
    for count in range(len(asked), 0, -1):
        if f" {' '.join(asked[:count])} " in f" {publisher} ":
            return field.words[: len(field.words) - len(asked) + count]
    return ()
