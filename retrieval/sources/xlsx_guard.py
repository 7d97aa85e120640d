"""Looks through a workbook before it is read, holding nothing: bombs, entities, pieces without end are refused."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path

from retrieval.record import SourceError

MOST_PARTS = 10_000
LARGEST_SHEET = 2 << 30  # bytes unpacked; a full sheet of a million rows has some 700 MB
LARGEST_STRINGS = 256 << 20
LARGEST_OTHER = 32 << 20
LARGEST_PIECE = 8 << 20  # between two rows or two strings: what stands there is held in memory
_BLOCK = 1 << 20
_OVERLAP = 64
_PIECE = re.compile(rb"<(?:\w+:)?(?:row|si|mergeCell|cfRule|hyperlink|dataValidation|xf|Relationship)\b")
_DECLARED = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


def inspect(path: Path) -> None:
    """Read through every part that will be read. Raises SourceError for what is no workbook or no honest one."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise SourceError(f"an archive of {len(parts)} parts: this is no workbook")
            if all(part.filename != "xl/workbook.xml" for part in parts):
                raise SourceError("a ZIP archive, but no Excel workbook: save the table as .xlsx or CSV")
            for part in parts:
                if part.filename.endswith((".xml", ".rels")):
                    _inspect_part(archive, part)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as exc:
        raise SourceError(f"the workbook cannot be unpacked ({exc}); open it and save it again") from exc


def _inspect_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    limit = _limit(part.filename)
    size = since = 0
    before = b""
    with archive.open(part) as file:
        while block := file.read(_BLOCK):
            size += len(block)
            if max(part.file_size, size) > limit:
                raise SourceError(f"{part.filename} unpacks to more than {limit >> 20} MB: not read")
            seen = before + block
            if b"<!" in seen.replace(b"\x00", b"") and _DECLARED.search(seen.replace(b"\x00", b"")):
                raise SourceError(f"{part.filename} declares entities, as no workbook does: not read")
            last = max((found.end() for found in _PIECE.finditer(seen)), default=0)
            since = len(seen) - last if last else since + len(block)
            if since > LARGEST_PIECE:
                raise SourceError(f"{part.filename} has a piece of more than {LARGEST_PIECE >> 20} MB: not read")
            before = seen[-_OVERLAP:]


def _limit(name: str) -> int:
    if "worksheets/" in name:
        return LARGEST_SHEET
    return LARGEST_STRINGS if name.endswith("sharedStrings.xml") else LARGEST_OTHER
