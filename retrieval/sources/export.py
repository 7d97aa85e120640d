"""Writes records out again: MARC21 for another system, JSON lines with everything we know."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pymarc

from retrieval.record import ADULTS, CHILDREN, Record, SourceError

_LEADERS = {"map": "em", "audiobook": "im", "video": "gm", "score": "cm", "computer file": "mm", "periodical": "as",
            "newspaper": "as"}  # fmt: skip
_XML_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<collection xmlns="http://www.loc.gov/MARC21/slim">\n'


def write_file(path: Path, records: Iterable[Record]) -> int:
    """Write the records to the file, in the format its name ends in, and return how many.

    The file appears whole or not at all. Raises SourceError for an ending that is none of .mrc, .xml, .jsonl.
    """
    writers = {".mrc": _iso2709, ".xml": _xml, ".jsonl": _json_lines}
    if path.suffix not in writers:
        raise SourceError(f"{path}: name the file .mrc (ISO 2709), .xml (MARCXML) or .jsonl")
    count, beside = 0, path.with_name(path.name + ".new")

    def counted() -> Iterator[Record]:
        nonlocal count
        for record in records:
            count += 1
            yield record

    try:
        with beside.open("wb") as file:
            file.writelines(writers[path.suffix](counted()))
        beside.replace(path)
    except OSError as exc:
        beside.unlink(missing_ok=True)
        raise SourceError(f"{path}: cannot be written ({exc}); what was there before is unchanged") from exc
    return count


def _iso2709(records: Iterable[Record]) -> Iterator[bytes]:
    return (to_marc(record).as_marc() for record in records)


def _xml(records: Iterable[Record]) -> Iterator[bytes]:
    yield _XML_HEAD
    yield from (pymarc.record_to_xml(to_marc(record)) + b"\n" for record in records)
    yield b"</collection>\n"


def _json_lines(records: Iterable[Record]) -> Iterator[bytes]:
    return (record.to_json().encode() + b"\n" for record in records)


def to_marc(record: Record) -> pymarc.Record:
    """Return the record as MARC21 in Unicode; reading it back gives an equal record."""
    kind = _LEADERS.get(record.material, "am")
    marc = pymarc.Record(leader=f"     n{kind} a22     2a 4500", force_utf8=True)
    marc.add_field(*_fields(record, kind))
    return marc


def _fields(record: Record, kind: str) -> Iterator[pymarc.Field]:
    yield pymarc.Field("001", data=record.record_id)
    yield pymarc.Field("008", data=_fixed(record, kind))
    for each in record.identifiers:
        yield _field("022" if each.kind == "issn" else "020", a=each.value)
    if record.language:
        yield _field("041", "0 ", a=record.language)
    yield _field("082", "04", a=record.classification)
    mains = 0
    for who in record.contributors:
        main = not mains and who.role in ("author", "corporate")
        mains += main
        tag = ("1" if main else "7") + ("10" if who.role == "corporate" else "00")
        yield _field(tag, "0 ", a=who.name, e="" if who.role in ("author", "corporate", "other") else who.role,
                     **({"4": "aut"} if who.role == "author" and not main else {}))  # fmt: skip
    yield _field("245", "00", a=record.title, b=record.subtitle, n=record.part)
    yield _field("250", a=record.edition)
    yield _field("260", a=record.place, b=record.publisher, c=record.year_text)
    yield _field("300", a=record.extent)
    yield _field("490", "0 ", a=record.series)
    if record.material == "thesis":
        yield _field("502", a="Luận văn, luận án")
    yield _field("520", a=record.summary)
    if record.audience != ADULTS:
        yield _field("521", a=record.audience)
    yield from (_field("653", a=subject) for subject in record.subjects)
    yield _field("765", "0 ", t=record.original_title)
    yield from (_field("856", "40" if link.label else "4 ", u=link.url, y=link.label) for link in record.links)
    for item in record.items:
        arrived = record.added_on.isoformat() if record.added_on else ""
        yield _field("952", a=item.branch, b=item.branch, c=item.room, d=arrived, o=item.call_number, p=item.barcode,
                     **{"7": "1" if item.reading_only else "0"})  # fmt: skip


def _fixed(record: Record, kind: str) -> str:
    entered = f"{record.added_on:%y%m%d}" if record.added_on else "      "
    year = f"{record.year:4}" if record.year and re.fullmatch(r"\d{4}", str(record.year)) else "    "
    serial = {"newspaper": "n", "periodical": "p"}.get(record.material, " ")
    audience = "j" if record.audience == CHILDREN and kind == "am" else " "
    return f"{entered}s{year}    vm    {serial}{audience}            {record.language or 'und'}  "


def _field(tag: str, indicators: str = "  ", **subfields: str) -> pymarc.Field:
    kept = [pymarc.Subfield(code, value) for code, value in subfields.items() if value]
    return pymarc.Field(tag, pymarc.Indicators(*indicators), kept)
