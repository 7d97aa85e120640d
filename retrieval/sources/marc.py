"""Reads MARC21 files, ISO 2709 or MARCXML, one record at a time; a bad record is reported and the next one is read."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import IO, Any
from xml.etree import ElementTree

import pymarc

from retrieval.record import Problem, Read, SourceError
from retrieval.sources.marc_fields import to_record

logging.getLogger("pymarc").setLevel(logging.ERROR)  # it warns on stderr; what it warns of is in our problems

END_OF_FIELD, END_OF_RECORD = b"\x1e", b"\x1d"
_BLOCK = 1 << 20
_LONGEST = 4 << 20  # ISO 2709 allows 99,999 bytes, real files somewhat more; beyond this it is no MARC file
_CUT = b"\x00"  # stands at the end of a chunk whose terminator is missing
_BETWEEN = b"\r\n\t \x00\x1a"  # left between records by transfers and DOS editors


def read_iso2709(file: IO[bytes]) -> Iterator[Read]:
    """Yield one `Read` per record of the stream.

    Records are cut at their terminator, not by the length in the leader: a wrong length then spoils no other record.
    """
    for number, chunk in enumerate(_chunks(file), 1):
        yield _read_chunk(number, chunk)
        if chunk.endswith(_CUT):
            yield Read(
                0, None, (Problem(0, "", "the file ends inside a record; what follows it is missing", taken=False),)
            )


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := file.read(_BLOCK):
        *whole, rest = (rest + block).split(END_OF_RECORD)
        yield from (chunk for each in whole if (chunk := each.lstrip(_BETWEEN)))
        if len(rest) > _LONGEST:
            raise SourceError("no end of record (byte 1D) in 4 MB: this is not an ISO 2709 file, or it is damaged")
    if rest := rest.strip(_BETWEEN):
        yield rest + _CUT


def _read_chunk(number: int, chunk: bytes) -> Read:
    notes: list[tuple[str, str]] = []
    if chunk.endswith(_CUT):
        chunk = chunk[: -len(_CUT)]
        notes.append(("the file ends inside this record", ""))
    try:
        marc = _decode(_mended(chunk + END_OF_RECORD, notes), notes)
    except (
        Exception
    ) as exc:  # pymarc lets IndexError, ValueError, UnicodeError and its own through, depending on the damage
        what = f"cannot be read as MARC: {type(exc).__name__} {exc}".strip()
        return Read(number, None, (Problem(number, "", what, taken=False, value=chunk[:60].decode("latin-1")),))
    return to_record(number, marc, notes)


def _mended(chunk: bytes, notes: list[tuple[str, str]]) -> bytes:
    """Return the record with leader and directory that tell the truth, as far as its field terminators show it.

    A file whose text was converted by a program that does not know MARC has every length wrong and every field whole.
    """
    if chunk[:5] != b"%05d" % len(chunk):
        notes.append(("the length in the leader is wrong", f"{chunk[:5].decode('latin-1')}, found {len(chunk)}"))
    directory, *fields = chunk[24:-1].split(END_OF_FIELD)
    if len(directory) % 12 == 0 and len(fields) == len(directory) // 12 + 1 and not _agrees(chunk, directory):
        notes.append(("the directory is wrong: fields were taken in their order", ""))
        entries, at = b"", 0
        for i, field in enumerate(fields[:-1]):
            entries += directory[12 * i : 12 * i + 3] + b"%04d%05d" % (len(field) + 1, at)
            at += len(field) + 1
        base = b"%05d" % (24 + len(entries) + 1)
        chunk = chunk[:12] + base + chunk[17:24] + END_OF_FIELD.join([entries, *fields]) + END_OF_RECORD
    return b"%05d" % min(len(chunk), 99999) + chunk[5:]


def _agrees(chunk: bytes, directory: bytes) -> bool:
    base = chunk[12:17]
    for at in range(0, len(directory), 12):
        entry = directory[at : at + 12]
        if not (base.isdigit() and entry[3:].isdigit()):
            return False
        end = int(base) + int(entry[7:]) + int(entry[3:7])
        if chunk[end - 1 : end] != END_OF_FIELD:
            return False
    return True


def _decode(chunk: bytes, notes: list[tuple[str, str]]) -> Any:
    try:
        chunk.decode("utf-8")
    except UnicodeDecodeError as exc:
        if chunk[9:10] != b"a":
            if any(byte >= 0x80 for byte in chunk):
                notes.append(("text is in MARC-8, converted to Unicode", ""))
            return pymarc.Record(chunk, to_unicode=True, hide_utf8_warnings=True)
        notes.append(("bytes that are not UTF-8, replaced by �", chunk[exc.start : exc.start + 4].hex(" ")))
        return pymarc.Record(chunk, to_unicode=True, force_utf8=True, utf8_handling="replace")
    # Blank leader/09 on UTF-8 bytes is common; decoding them as MARC-8 would silently give nonsense.
    return pymarc.Record(chunk, to_unicode=True, force_utf8=True)


def read_xml(file: IO[bytes]) -> Iterator[Read]:
    """Yield one `Read` per <record> of a MARCXML stream, with or without namespace; memory stays flat.

    XML that breaks off ends the reading with a problem of number 0: what follows the break cannot be found again.
    """
    number = 0
    try:
        for element in _records(file):
            number += 1
            yield _read_element(number, element)
    except ElementTree.ParseError as exc:
        what = f"the XML breaks off after record {number}: {exc}"
        yield Read(0, None, (Problem(0, "", what, taken=False),))


def _records(file: IO[bytes]) -> Iterator[ElementTree.Element]:
    parents: list[ElementTree.Element] = []
    for event, element in ElementTree.iterparse(file, ("start", "end")):  # noqa: S314 - expat bounds entities, fetches none
        if event == "start":
            parents.append(element)
            continue
        parents.pop()
        if _name(element) == "record" and any(
            _name(child) in ("leader", "controlfield", "datafield") for child in element
        ):
            yield element
        if _name(element) == "record" and parents:
            parents[-1].clear()


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _read_element(number: int, element: ElementTree.Element) -> Read:
    notes: list[tuple[str, str]] = []
    marc = pymarc.Record()
    try:
        for child in element:
            _add_field(marc, child, notes)
    except Exception as exc:  # as above: whatever one record holds must not stop the rest
        what = f"cannot be read as MARCXML: {type(exc).__name__} {exc}"
        return Read(number, None, (Problem(number, "", what, taken=False),))
    return to_record(number, marc, notes)


def _add_field(marc: Any, child: ElementTree.Element, notes: list[tuple[str, str]]) -> None:
    kind, tag = _name(child), child.get("tag", "")
    if kind == "leader":
        marc.leader = (child.text or "").ljust(24)[:24]
    elif kind in ("controlfield", "datafield") and not re.fullmatch(r"[0-9A-Za-z]{3}", tag):
        notes.append(("a field without a proper tag, left out", tag))
    elif kind == "controlfield":
        marc.add_field(pymarc.Field(tag, data=child.text or ""))
    elif kind == "datafield":
        subfields = [pymarc.Subfield(each.get("code", ""), each.text or "") for each in child]
        indicators = pymarc.Indicators(child.get("ind1", " "), child.get("ind2", " "))
        marc.add_field(pymarc.Field(tag, indicators, subfields))
