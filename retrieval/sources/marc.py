"""Reads MARC21 files, ISO 2709 or MARCXML, one record at a time; a bad record is reported and the next one is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import IO, NamedTuple

from retrieval.record import Problem, Read
from retrieval.sources import charsets, iso2709, marcxml
from retrieval.sources.iso2709 import CUT_SHORT, TOO_LONG, BadRecord, Chunk
from retrieval.sources.marc_fields import problems, to_record
from retrieval.sources.marc_record import Marc, Notes


class Batch(NamedTuple):
    """Records that follow each other in a file, and all it takes to read them apart from the rest of it."""

    number: int  # of the first
    chunks: list[Chunk]
    xml: bool
    charset: str  # of text that is not UTF-8; '' when unknown


def read_iso2709(file: IO[bytes], charset: str = "") -> Iterator[Read]:
    """Yield one `Read` per record of an ISO 2709 stream, and one of number 0 when it ends inside a record.

    `charset`: what text that is not UTF-8 is in, when it is known; otherwise it is found out.
    Raises SourceError for a character set we do not know, and for a stream without an end of record.
    """
    return (read for batch in batches(file, xml=False, charset=charset) for read in read_batch(batch))


def read_xml(file: IO[bytes], charset: str = "") -> Iterator[Read]:
    """Yield one `Read` per <record> of a MARCXML stream, and one of number 0 if it breaks off.

    Records may be wrapped in OAI-PMH or SRU; a <record> without MARC fields is passed over.
    """
    return (read for batch in batches(file, xml=True, charset=charset) for read in read_batch(batch))


def batches(file: IO[bytes], *, xml: bool, charset: str = "") -> Iterator[Batch]:
    """Yield the records of the stream about a megabyte at a time."""
    number, charset, evidence = 1, charsets.named(charset), list[bytes]()
    known = bool(charset) or xml
    for chunks in (marcxml if xml else iso2709).batches(file):
        if not known and (odd := [chunk.data[24:] for chunk in chunks if not _is_utf8(chunk.data)]):
            evidence += odd[: charsets.SAMPLE - len(evidence)]
            charset = charsets.detect(evidence)
            known = len(evidence) >= charsets.SAMPLE
        yield Batch(number, chunks, xml, charset)
        number += len(chunks)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_batch(batch: Batch) -> list[Read]:
    """Return one `Read` per record of the batch, in order."""
    reads = [_read(number, chunk, batch) for number, chunk in enumerate(batch.chunks, batch.number) if chunk.data]
    if batch.chunks[-1].fault == CUT_SHORT:
        what = "the file breaks off; what should follow is missing"
        reads.append(Read(0, None, (Problem(0, "", what, taken=False),)))
    return reads


def _read(number: int, chunk: Chunk, batch: Batch) -> Read:
    notes: Notes = [(chunk.fault, "")] if chunk.fault else []
    try:
        if chunk.fault == TOO_LONG:
            raise BadRecord(TOO_LONG)
        marc = _marc(chunk.data, batch, notes)
    except BadRecord as exc:
        notes = [(f"cannot be read as MARC: {exc}", chunk.data[:60].decode("latin-1"))]
        return Read(number, None, problems(number, "", notes, taken=False))
    unmix(marc, notes)
    return to_record(number, marc, notes)


def unmix(marc: Marc, notes: Notes) -> None:
    """Put right, in the record itself, text of an old Vietnamese font that was stored as Western letters."""
    for field in marc.fields:
        for i, (code, text) in enumerate(field.subfields):
            if not text.isascii() and (found := charsets.unmixed(text))[0]:
                notes.append((f"{found[1]} stored as Western letters, converted to Vietnamese", text))
                field.subfields[i] = (code, found[0])


def _marc(data: bytes, batch: Batch, notes: Notes) -> Marc:
    if batch.xml:
        return marcxml.parse(data, batch.charset, notes)
    return iso2709.parse(data, _decoder(data, batch.charset, notes), notes)


def _decoder(data: bytes, charset: str, notes: Notes) -> Callable[[bytes], str] | None:
    """Return how the record's fields are read; None for UTF-8, flagged as such or not."""
    flagged, body = data[9:10] == b"a", data[24:]
    if _is_utf8(body) and (flagged or b"\x1b" not in body):
        # Blank leader/09 on UTF-8 bytes is common; decoding them as MARC-8 would silently give nonsense.
        return None
    if charsets.is_damaged_utf8(body) or (flagged and not charset and not charsets.is_marc8(body)):
        notes.append(("bytes that are not UTF-8, replaced by �", ""))
        return partial(str, encoding="utf-8", errors="replace")
    charset = charset or "MARC-8"
    notes.append((f"text is in {charset}, converted to Unicode", ""))
    return charsets.decoder(charset)
