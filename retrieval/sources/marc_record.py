"""A MARC21 record as plain text: what ISO 2709 and MARCXML are both read into, fast to make and to ask.

All text is NFC. Building `pymarc.Record` instead costs three times the whole budget of a record.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Notes: TypeAlias = list[tuple[str, str]]  # what was not taken as it stood, and the text in question


class Field(NamedTuple):
    tag: str
    indicators: str  # two characters, as a rule
    subfields: list[tuple[str, str]]  # (code, text) in the order of the record

    def first(self, codes: str) -> str:
        """Return the first text under any of these codes, or ''."""
        for code, text in self.subfields:
            if code in codes:
                return text
        return ""

    def all(self, codes: str) -> list[str]:
        """Return every text under these codes, in the order of the record."""
        return [text for code, text in self.subfields if code in codes]


class Marc:
    """One record: its leader, its control fields by tag (the first of each), its data fields in order."""

    __slots__ = ("_by_tag", "control", "fields", "leader")

    def __init__(self, leader: str, control: dict[str, str], fields: list[Field]) -> None:
        self.leader, self.control, self.fields = leader, control, fields
        self._by_tag: dict[str, list[Field]] = {}
        for field in fields:
            self._by_tag.setdefault(field.tag, []).append(field)

    def get(self, tag: str) -> list[Field]:
        """Return the fields of this tag."""
        return self._by_tag.get(tag, [])

    def among(self, tags: frozenset[str]) -> list[Field]:
        """Return the fields of any of these tags, in the order of the record."""
        return [field for field in self.fields if field.tag in tags]

    def first(self, tag: str, codes: str) -> str:
        """Return the first text under these codes in any field of this tag, or ''."""
        for field in self._by_tag.get(tag, ()):
            if text := field.first(codes):
                return text
        return ""

    def first_of(self, *tags_and_codes: tuple[str, str]) -> str:
        """Return the text of the first of these places that has one, or ''."""
        for tag, codes in tags_and_codes:
            if tag in self._by_tag and (text := self.first(tag, codes)):
                return text
        return ""
