"""Cuts an ISO 2709 stream into records and a record into fields, trusting marks in the text more than numbers.

Records are cut at their terminator, not by the length in the leader: a wrong length then spoils no other record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import IO, NamedTuple

from library.text import nfc
from retrieval.record import SourceError
from retrieval.sources.marc_record import Field, Marc, Notes

END_OF_FIELD, END_OF_RECORD = b"\x1e", b"\x1d"
CUT_SHORT = "the file ends inside this record"
NO_END = "the end mark of the record is missing"
TOO_LONG = "longer than 4 MB: no MARC record"
_BLOCK = 1 << 20
_LONGEST = 4 << 20  # ISO 2709 allows 99,999 bytes, real files somewhat more
_HOPELESS = 256 << 20  # so much without an end of record is no MARC file
_BETWEEN = b"\r\n\t \x00\x1a"  # left between records by transfers and DOS editors
_BOM = b"\xef\xbb\xbf"
_LEADER = re.compile(rb"(?<![0-9])[0-9]{5}[a-z ][a-z ][a-z ][ -~]{2}22([0-9]{5})[ -~]{3}45[ -~]{2}")
_CODES = frozenset("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")


class BadRecord(Exception):
    """The bytes of a record do not hold together; the message says where."""


class Chunk(NamedTuple):
    """The bytes of one record without its terminator, and what is wrong with its end."""

    data: bytes
    fault: str = ""


def looks_like_leader(start: bytes) -> bool:
    """Return whether the bytes begin as a MARC record does."""
    return bool(_LEADER.match(start.removeprefix(_BOM).lstrip(_BETWEEN)))


def batches(file: IO[bytes]) -> Iterator[list[Chunk]]:
    """Yield the records of the stream, about a megabyte of them at a time.

    Memory stays flat whatever the file holds. Raises SourceError after 256 MB without an end of record.
    """
    rest, skipped = b"", 0
    while block := file.read(_BLOCK):
        if skipped:
            _, end, block = block.partition(END_OF_RECORD)
            if not end:
                skipped += _BLOCK
                if skipped > _HOPELESS:
                    raise SourceError("no end of record (byte 1D) in 256 MB: this is not ISO 2709, or it is damaged")
                continue
            skipped = 0
        *whole, rest = (rest + block).split(END_OF_RECORD)
        batch = [chunk for each in whole if (data := _trimmed(each)) for chunk in _apart(data)]
        if len(rest) > _LONGEST:
            *found, last = _apart(rest)
            batch += found
            rest = last.data
            if len(rest) > _LONGEST:
                batch.append(Chunk(rest[:_BLOCK], TOO_LONG))
                rest, skipped = b"", 1
        if batch:
            yield batch
    if rest := _trimmed(rest).rstrip(_BETWEEN):
        *found, last = _apart(rest)
        complete = last.data[:5] == b"%05d" % (len(last.data) + 1)
        yield [*found, Chunk(last.data, NO_END if complete else CUT_SHORT)]


def _trimmed(data: bytes) -> bytes:
    return data.removeprefix(_BOM).lstrip(_BETWEEN)


def _apart(data: bytes) -> list[Chunk]:
    """Return the records in the bytes: more than one where a terminator is missing before a leader."""
    if data[:5].isdigit() and int(data[:5]) == len(data) + 1:
        return [Chunk(data)]
    first = 24 if _LEADER.match(data) else 1
    starts = [found.start() for found in _LEADER.finditer(data, first) if _has_directory(data, found)]
    if not starts:
        return [Chunk(data, TOO_LONG if len(data) > _LONGEST else "")]
    bounds = [0, *starts, len(data)]
    pieces = [data[a:b] for a, b in pairwise(bounds)]
    return [*(Chunk(piece.rstrip(_BETWEEN), NO_END) for piece in pieces[:-1]), Chunk(pieces[-1])]


def _has_directory(data: bytes, leader: re.Match[bytes]) -> bool:
    base = int(leader[1])
    directory = data[leader.start() + 24 : leader.start() + base - 1]
    return base > 25 and len(directory) % 12 == 0 and END_OF_FIELD not in directory and directory[3:12].isdigit()


def parse(data: bytes, decode: Callable[[bytes], str] | None, notes: Notes) -> Marc:
    """Return the record in the bytes, each field read by `decode`, by UTF-8 where that is None. Raises BadRecord.

    A file whose text was converted by a program that does not know MARC has every length wrong and every field whole:
    fields are then taken in their order.
    """
    if data[:5] != b"%05d" % (len(data) + 1):
        notes.append(("the length in the leader is wrong", f"{data[:5].decode('latin-1')}, found {len(data) + 1}"))
    directory, body = _halves(data)
    tags = [directory[at : at + 3].decode("latin-1") for at in range(0, len(directory), 12)]
    return _record(data[:24].decode("latin-1"), tags, _texts(directory, body, decode, notes), notes)


def _halves(data: bytes) -> tuple[bytes, bytes]:
    """Return directory and fields, which the first end of field divides, or else the address in the leader."""
    directory, _, body = data[24:].partition(END_OF_FIELD)
    if (len(directory) % 12 or not directory[-9:].isdigit()) and data[12:17].isdigit():
        base = int(data[12:17])
        if data[24 : base - 1][-9:].isdigit():
            directory, body = data[24 : base - 1], data[base:]
    if not directory or len(directory) % 12 or not body:
        raise BadRecord("its directory is not whole")
    return directory, body


def _texts(directory: bytes, body: bytes, decode: Callable[[bytes], str] | None, notes: Notes) -> list[str]:
    fields = body.split(END_OF_FIELD)
    if not fields[-1]:
        fields.pop()
    if directory != _directory(directory, fields):
        placed = _placed(directory, body)
        if all(field is not None for field in placed):
            fields = [field or b"" for field in placed]
        elif len(fields) == len(directory) // 12:
            notes.append(("the directory is wrong: fields were taken in their order", ""))
        elif any(placed):
            notes.append(("the directory is wrong: some fields could not be found", ""))
            fields = [field or b"" for field in placed]
        else:
            raise BadRecord("its directory does not fit its fields")
    elif decode is None:
        return nfc(body.decode()).split("\x1e")
    return [nfc(decode(field) if decode else field.decode()) for field in fields]


def _directory(directory: bytes, fields: list[bytes]) -> bytes:
    """Return the directory these fields would have under the same tags."""
    entries, at = [], 0
    for i, field in enumerate(fields):
        length = len(field) + 1
        entries.append(b"%b%04d%05d" % (directory[12 * i : 12 * i + 3], length, at))
        at += length
    return b"".join(entries)


def _placed(directory: bytes, body: bytes) -> list[bytes | None]:
    """Return each field where the directory says it is, or None for one that is not there."""
    return [
        _field(directory[at + 3 : at + 7], directory[at + 7 : at + 12], body) for at in range(0, len(directory), 12)
    ]


def _field(length: bytes, start: bytes, body: bytes) -> bytes | None:
    if not (length.isdigit() and start.isdigit()):
        return None
    begin, end = int(start), int(start) + int(length) - 1
    marked = body[end : end + 1] == END_OF_FIELD and (not begin or body[begin - 1 : begin] == END_OF_FIELD)
    return body[begin:end] if marked else None


def _record(leader: str, tags: list[str], texts: list[str], notes: Notes) -> Marc:
    control: dict[str, str] = {}
    fields: list[Field] = []
    for tag, text in zip(tags, texts, strict=False):
        head, *parts = text.split("\x1f")
        if parts:
            fields.append(Field(tag, head, _subfields(parts, notes)))
        elif tag < "010":
            control.setdefault(tag, head)
        elif head[2:].strip():
            notes.append(("a field without subfield marks was taken as subfield a", head))
            fields.append(Field(tag, head[:2], [("a", head[2:])]))
    return Marc(leader, control, fields)


def _subfields(parts: list[str], notes: Notes) -> list[tuple[str, str]]:
    subfields: list[tuple[str, str]] = []
    for part in parts:
        if part[:1] in _CODES:
            subfields.append((part[0], part[1:]))
        elif part:
            notes.append(("a subfield mark inside the text was taken as a space", part))
            code, text = subfields.pop() if subfields else ("a", "")
            subfields.append((code, f"{text} {part.strip()}" if text else part[1:]))
    return subfields
