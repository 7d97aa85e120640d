"""A MARCXML record that was parsed as part of an OAI-PMH page → ours."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from library.text import nfc
from retrieval.record import Read
from retrieval.sources.marc import unmix
from retrieval.sources.marc_fields import to_record as from_marc
from retrieval.sources.marc_record import Field, Marc, Notes
from retrieval.sources.oai_page import local

_TAG = re.compile(r"[0-9A-Za-z]{3}")


def to_record(number: int, metadata: Element) -> Read:
    """Return what the <record> in the metadata says, in whatever namespace."""
    record = next((each for each in metadata.iter() if local(each) == "record"), metadata)
    notes: Notes = []
    marc = _marc(record, notes)
    unmix(marc, notes)
    return from_marc(number, marc, notes)


def _marc(record: Element, notes: Notes) -> Marc:
    leader, control, fields = "", dict[str, str](), list[Field]()
    for child in record:
        kind, tag = local(child), child.get("tag", "")
        if kind == "leader":
            leader = (child.text or "").ljust(24)[:24]
        elif kind not in ("controlfield", "datafield"):
            continue
        elif not _TAG.fullmatch(tag):
            notes.append(("a field without a proper tag, left out", tag))
        elif kind == "controlfield":
            control.setdefault(tag, nfc(child.text or ""))
        else:
            indicators = f"{child.get('ind1', ' '):1.1}{child.get('ind2', ' '):1.1}"
            fields.append(Field(tag, indicators, list(_subfields(child, notes))))
    return Marc(leader, control, fields)


def _subfields(field: Element, notes: Notes) -> Iterator[tuple[str, str]]:
    for each in field:
        code, text = each.get("code", ""), nfc(each.text or "")
        if len(code) == 1:
            yield code, text
        elif text.strip():
            notes.append(("a subfield without a proper code, left out", text))
