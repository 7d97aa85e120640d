"""Reads records from a CSV file whose first line names the columns, in Vietnamese or English."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import IO

from library.text import fold, nfc
from retrieval.record import Contributor, Identifier, Item, Problem, Read, Record, SourceError
from retrieval.sources.marc_fields import isbn13

_COLUMNS = {
    "record_id": ("ma", "ma tai lieu", "bieu ghi", "mfn", "id"),
    "title": ("nhan de", "ten sach", "tua de", "ten tai lieu"),
    "subtitle": ("phu de", "nhan de phu"),
    "part": ("tap", "phan"),
    "author": ("tac gia", "tac gia chinh"),
    "publisher": ("nha xuat ban", "nxb"),
    "place": ("noi xuat ban",),
    "year": ("nam xuat ban", "nam", "nam xb"),
    "language": ("ngon ngu",),
    "material": ("loai tai lieu", "loai hinh"),
    "audience": ("doi tuong", "doi tuong ban doc"),
    "classification": ("phan loai", "ddc", "chi so phan loai"),
    "subjects": ("chu de", "tu khoa", "de muc chu de"),
    "summary": ("tom tat",),
    "isbn": (),
    "barcode": ("dkcb", "so dkcb", "ma vach", "so dang ky ca biet"),
    "branch": ("chi nhanh", "co so", "kho"),
    "call_number": ("ky hieu xep gia", "ky hieu", "xep gia"),
}
_NAMES = {word: column for column, words in _COLUMNS.items() for word in (column.replace("_", " "), *words)}
_AS_THEY_ARE = frozenset(_COLUMNS) - {
    "record_id",
    "author",
    "year",
    "subjects",
    "isbn",
    "barcode",
    "branch",
    "call_number",
}


def read_csv(file: IO[bytes]) -> Iterator[Read]:
    """Yield one `Read` per row; rows that follow each other with one `record_id` are copies of one title.

    Raises SourceError when the text is not UTF-8 or no column is named as the title.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        rows = csv.reader(text, delimiter=_delimiter(text))
        columns = [_NAMES.get(re.sub(r"[\s_]+", " ", fold(name)).strip(), "") for name in next(rows, [])]
        if "title" not in columns:
            raise SourceError("no column is named title or nhan đề: name the columns in the first line of the table")
        yield from _joined(_row(number, columns, row) for number, row in enumerate(rows, 1) if any(row))
    except UnicodeDecodeError as exc:
        raise SourceError(f"the table is not UTF-8 (byte {exc.start}): save it again as “CSV UTF-8”") from exc
    finally:
        text.detach()


def _delimiter(text: io.TextIOWrapper) -> str:
    first = text.readline()
    text.seek(0)
    return max(",;\t", key=first.count)


def _row(number: int, columns: list[str], row: list[str]) -> Read:
    cells = {column: nfc(cell).strip() for column, cell in zip(columns, row, strict=False) if column and cell.strip()}
    title = cells.get("title", "")
    problems = []
    if not title:
        return Read(number, None, (Problem(number, cells.get("record_id", ""), "no title", taken=False),))
    isbn = isbn13(cells.get("isbn", ""))
    year = re.search(r"(?<!\d)(1[4-9]\d\d|20\d\d)(?!\d)", cells.get("year", ""))
    for column, ok in (("isbn", isbn), ("year", year)):
        if cells.get(column) and not ok:
            problems.append(
                Problem(number, cells.get("record_id", ""), f"{column} cannot be read", True, cells[column])
            )
    item = Item(cells.get("barcode", ""), cells.get("branch", ""), cells.get("call_number", ""))
    told = {name: cell for name, cell in cells.items() if name in _AS_THEY_ARE}
    identity = cells.get("record_id") or f"b{item.barcode or number}"
    record = replace(
        Record.from_plain({"record_id": identity, **told}),
        contributors=tuple(Contributor(name) for name in _pieces(cells.get("author", ""))),
        year_text=cells.get("year", ""),
        year=int(year[0]) if year else None,
        subjects=tuple(_pieces(cells.get("subjects", ""))),
        identifiers=(Identifier("isbn", isbn),) if isbn else (),
        items=(item,) if item.barcode or item.branch else (),
    )
    return Read(number, record, tuple(problems))


def _pieces(cell: str) -> list[str]:
    return [piece for piece in re.split(r"\s*;\s*", cell) if piece]


def _joined(reads: Iterator[Read]) -> Iterator[Read]:
    held: Read | None = None
    for read in reads:
        if held and held.record and read.record and held.record.record_id == read.record.record_id:
            record = replace(held.record, items=held.record.items + read.record.items)
            held = Read(held.number, record, held.problems + read.problems)
            continue
        if held:
            yield held
        held = read
    if held:
        yield held
