"""A bibliographic record in the library's own words, whatever format it came in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import msgspec

ADULTS, CHILDREN, PUPILS = "", "thiếu nhi", "học sinh"  # audiences; most of a catalogue says nothing: adults


@dataclass(frozen=True)
class Contributor:
    name: str  # direct order: "Vũ Trọng Phụng"
    role: str = "author"  # author, translator, editor, illustrator, corporate, other


@dataclass(frozen=True)
class Identifier:
    kind: str  # isbn (ISBN-13, digits only), issn, other (as it stands)
    value: str


@dataclass(frozen=True)
class Item:
    barcode: str = ""
    branch: str = ""  # branch code, as the library system writes it
    call_number: str = ""  # shown as it stands, never parsed
    room: str = ""
    reading_only: bool = False


@dataclass(frozen=True)
class Link:
    url: str
    label: str = ""


@dataclass(frozen=True)
class Record:
    """One title. Text is NFC without cataloguing punctuation; what is unknown is empty, never guessed."""

    record_id: str
    title: str
    subtitle: str = ""
    part: str = ""  # "Tập 1", "Tập 2: Đất"
    series: str = ""
    original_title: str = ""
    contributors: tuple[Contributor, ...] = ()
    publisher: str = ""
    place: str = ""
    year_text: str = ""  # as it stands: "[1992?]", "199", "k.đ."
    year: int | None = None  # when it can be read with certainty
    edition: str = ""
    extent: str = ""
    language: str = ""  # ISO 639-2/B: vie, eng, fre …
    material: str = "book"  # book, periodical, newspaper, map, audiobook, video, score, thesis, computer file
    audience: str = ADULTS
    classification: str = ""
    subjects: tuple[str, ...] = ()
    summary: str = ""
    identifiers: tuple[Identifier, ...] = ()
    items: tuple[Item, ...] = ()
    links: tuple[Link, ...] = ()
    added_on: date | None = None
    library: str = ""  # code of the library whose record it is, in a union catalogue

    def of_library(self, code: str) -> Record:
        """Return the record as the library's own in a union: its id is "code:id", so no two libraries' ids meet."""
        return replace(self, record_id=f"{code}:{self.record_id}", library=code)

    @property
    def author(self) -> str:
        """Return the first author's name, or '' for a work without one."""
        return next((who.name for who in self.contributors if who.role in ("author", "corporate")), "")

    @property
    def full_title(self) -> str:
        """Return title and part as they are said: "Kính vạn hoa. Tập 1"."""
        return f"{self.title}. {self.part}" if self.part else self.title

    @property
    def isbn(self) -> str:
        return next((each.value for each in self.identifiers if each.kind == "isbn"), "")

    @property
    def call_number(self) -> str:
        return next((item.call_number for item in self.items if item.call_number), "")

    @property
    def branches(self) -> frozenset[str]:
        return frozenset(item.branch for item in self.items if item.branch)

    def to_json(self) -> str:
        """Return the record as one line of JSON with what is empty left out, equal for equal records."""
        return json.dumps(self, default=_plain, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Record:
        return _DECODER.decode(text)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Record:
        """Return the record a JSON object holds. Raises ValueError for a key no record has."""
        unknown = plain.keys() - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"record {plain.get('record_id')}: unknown fields {sorted(unknown)}")
        return cls(**{name: _PARTS.get(name, _same)(value) for name, value in plain.items()})


_DECODER = msgspec.json.Decoder(Record)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return {name: each for name, each in vars(value).items() if each or name in ("record_id", "title")}


def _same(value: Any) -> Any:
    return value


_PARTS: Mapping[str, Any] = {
    "contributors": lambda plain: tuple(Contributor(**each) for each in plain),
    "identifiers": lambda plain: tuple(Identifier(**each) for each in plain),
    "items": lambda plain: tuple(Item(**each) for each in plain),
    "links": lambda plain: tuple(Link(**each) for each in plain),
    "subjects": tuple,
    "added_on": date.fromisoformat,
}


@dataclass(frozen=True)
class Problem:
    """Something in a source that was not taken as it stood; `taken`: its record was stored all the same."""

    number: int  # the record's place in the source, from 1; 0 for the source as a whole
    control_number: str
    what: str
    taken: bool
    value: str = ""  # the text in question, where there is one


@dataclass(frozen=True)
class Read:
    """One record read from a source: the record, or None when it could not be made out, with what was wrong."""

    number: int
    record: Record | None
    problems: tuple[Problem, ...] = ()


class SourceError(Exception):
    """A source cannot be read at all. The message says which, why, and what to do."""
