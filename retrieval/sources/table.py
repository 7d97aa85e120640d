"""Reads records from a table (CSV or Excel) by what its columns are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import IO

from library.text import nfc
from retrieval.record import Contributor, Identifier, Item, Link, Problem, Read, Record, SourceError
from retrieval.sources.charsets import unmixed
from retrieval.sources.codes import audience_of, language_code, material_of
from retrieval.sources.columns import Column, ColumnMap, guess
from retrieval.sources.csv_rows import Row, csv_rows
from retrieval.sources.isbn import isbn13
from retrieval.sources.names import people
from retrieval.sources.xlsx import Workbook

_TOP = 60  # rows in which the headings are looked for
_AS_THEY_ARE = ("subtitle", "original_title", "part", "series", "publisher", "place", "edition", "extent", "summary",
                "classification")  # fmt: skip
_OF_A_COPY = frozenset(("barcode", "branch", "room", "call_number", "added_on"))
_ROLES = {"author": "author", "translator": "translator", "editor": "editor"}
_YEAR = re.compile(r"(?<!\d)(1[4-9]\d\d|20\d\d)(?!\d)")
_NUMBERS = ("record_id", "barcode", "isbn", "issn", "year", "part")
_WHOLE = re.compile(r"(\d+)\.0+")  # a number that a spreadsheet took for one with decimals
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


@dataclass(frozen=True)
class TableOptions:
    """How a table is to be read; what is empty is guessed."""

    columns: ColumnMap | None = None
    sheet: str = ""
    charset: str = ""


def read_csv(file: IO[bytes], options: TableOptions = TableOptions()) -> Iterator[Read]:
    """Yield one `Read` per title: rows that differ in their copies alone are one. Raises SourceError."""
    yield from _reads(map(_vietnamese, csv_rows(file, options.charset)), options.columns)


def read_xlsx(path: Path, options: TableOptions = TableOptions()) -> Iterator[Read]:
    """Yield one `Read` per title of one sheet: that of the map or the options, else the first with a heading."""
    with Workbook(path) as book:
        sheet, columns = _sheet(book, options)
        for other in book.sheets:
            if other != sheet:
                what = "another sheet was not read; import it with --sheet"
                yield Read(0, None, (Problem(0, "", what, True, other),))
        yield from _reads(map(_vietnamese, book.rows(sheet)), columns)


def guess_csv(file: IO[bytes], charset: str = "") -> ColumnMap:
    """Return what the columns seem to be. Raises SourceError when no row names a title."""
    return _guessed(list(map(_vietnamese, islice(csv_rows(file, charset), _TOP))))


def guess_xlsx(path: Path, sheet: str = "") -> ColumnMap:
    """Return the same for a sheet of a workbook, the first with a heading when none is named."""
    with Workbook(path) as book:
        return _sheet(book, TableOptions(sheet=sheet))[1]


def _sheet(book: Workbook, options: TableOptions) -> tuple[str, ColumnMap]:
    named = options.sheet or (options.columns.sheet if options.columns else "")
    if named and nfc(named) not in book.sheets:
        raise SourceError(f"there is no sheet {named}; there are {', '.join(book.sheets)}")
    for sheet in [nfc(named)] if named else book.sheets:
        if options.columns:
            return sheet, options.columns
        if found := _guess_rows(list(map(_vietnamese, islice(book.rows(sheet), _TOP))), sheet):
            return sheet, found
    raise SourceError(_NO_HEADING)


def _vietnamese(row: Row) -> Row:
    """Return the row with cells typed in an old font (.VnTime, VNI) as what they showed."""
    cells, found = list(row.cells), ""
    for at, text in enumerate(cells):
        if not text.isascii() and (meant := unmixed(text))[0]:
            cells[at], found = meant
    what = f"{found} stored as Western letters, converted to Vietnamese"
    return replace(row, cells=tuple(cells), wrong=row.wrong or what) if found else row


_NO_HEADING = (
    "no row names a column title or nhan đề: write the headings above the columns, or say what the columns are in a map"
)


def _guessed(rows: Sequence[Row]) -> ColumnMap:
    if found := _guess_rows(rows):
        return found
    raise SourceError(_NO_HEADING)


def _guess_rows(rows: Sequence[Row], sheet: str = "") -> ColumnMap | None:
    """Return the guess with its heading row as it is numbered in the file, where empty rows count."""
    found = guess([row.cells for row in rows], sheet)
    return replace(found, heading_row=rows[found.heading_row - 1].number) if found else None


def _reads(rows: Iterator[Row], columns: ColumnMap | None) -> Iterator[Read]:
    top = list(islice(rows, _TOP))
    told = columns or _guessed(top)
    for heading in (row for row in top if row.number == told.heading_row and columns):
        _agree(heading, told)
    body = (row for row in chain(top, rows) if row.number > told.heading_row)
    reader = _Reader(told.columns)
    yield from _joined(reader.read(row) for row in body)


def _agree(heading: Row, told: ColumnMap) -> None:
    """Raise SourceError where a map belongs to another table."""
    for column in told.columns:
        found = heading.cells[column.number - 1] if column.number <= len(heading.cells) else ""
        if found and column.heading and " ".join(found.split()) != column.heading:
            raise SourceError(
                f"column {column.number} is called {found!r}, in the map {column.heading!r}: is it this table's map?"
            )


@dataclass(frozen=True)
class _Told:
    """One row: what it tells of the title, and of one or several copies."""

    number: int
    title: dict[str, list[str]]  # field → its cells
    items: tuple[Item, ...]
    added_on: str
    wrong: str

    @property
    def name(self) -> str:
        return next(iter(self.title.get("record_id", ())), "")


class _Reader:
    def __init__(self, columns: Sequence[Column]) -> None:
        self._fields = [(column.number - 1, column.field) for column in columns if column.field]

    def read(self, row: Row) -> _Told:
        cells: dict[str, list[str]] = {}
        for at, field in self._fields:
            if at < len(row.cells) and (text := " ".join(row.cells[at].split())):
                number = _WHOLE.fullmatch(text) if field in _NUMBERS else None
                cells.setdefault(field, []).append(number[1] if number else text)
        title = {field: texts for field, texts in cells.items() if field not in _OF_A_COPY}
        return _Told(row.number, title, tuple(_items(cells)), _one(cells, "added_on"), row.wrong)


def _one(cells: dict[str, list[str]], field: str) -> str:
    return next(iter(cells.get(field, ())), "")


def _items(cells: dict[str, list[str]]) -> Iterator[Item]:
    branch, room, call_number = (_one(cells, field) for field in ("branch", "room", "call_number"))
    barcodes = [code for text in cells.get("barcode", ()) for code in re.split(r"\s*[;,\n]\s*", text) if code]
    if barcodes or branch or room or call_number:
        yield from (Item(barcode, branch, call_number, room) for barcode in barcodes or [""])


def _joined(rows: Iterable[_Told]) -> Iterator[Read]:
    """Yield one read a title: copies follow it, by its number, with all of its cells again, or with theirs alone."""
    first: _Told | None = None
    items: list[Item] = []
    notes: list[tuple[int, str]] = []
    for row in rows:
        if first and _is_copy(row, first):
            items += row.items
            notes += [(row.number, row.wrong)] if row.wrong else []
            continue
        if first:
            yield _read(first, items, notes)
        first, items, notes = row, list(row.items), [(row.number, row.wrong)] if row.wrong else []
    if first:
        yield _read(first, items, notes)


def _is_copy(row: _Told, first: _Told) -> bool:
    if not first.title.get("title"):
        return False
    if row.name or first.name:
        return row.name == first.name or (not row.title and bool(row.items))
    return bool(row.items) and (not row.title or (row.title == first.title and bool(first.items)))


def _read(row: _Told, items: list[Item], notes: list[tuple[int, str]]) -> Read:
    cells = row.title
    title = _one(cells, "title")
    problems = [Problem(number, row.name, what, taken=True) for number, what in notes]
    if not title:
        shown = " | ".join(text for texts in cells.values() for text in texts)
        return Read(row.number, None, (*problems, Problem(row.number, row.name, "no title", taken=False, value=shown)))
    year = _YEAR.search(_one(cells, "year"))
    isbns = [isbn for text in cells.get("isbn", ()) if (isbn := isbn13(text))]
    issn = _one(cells, "issn")
    links = [text for text in cells.get("url", ()) if re.match(r"https?://\S+$", text)]
    language, material = language_code(_one(cells, "language")), material_of(_one(cells, "material"))
    unread = {"year": not year, "isbn": not isbns, "url": not links, "added_on": not _day(row.added_on),
              "language": not language, "material": not material}  # fmt: skip
    for field, wrong in unread.items():
        text = row.added_on if field == "added_on" else _one(cells, field)
        if text and wrong:
            problems.append(Problem(row.number, row.name, f"{field} cannot be read", True, text))
    record = Record(
        record_id=row.name or _identity(cells, items),
        title=title,
        **{field: _one(cells, field) for field in _AS_THEY_ARE},
        contributors=tuple(_contributors(cells)),
        year_text=_one(cells, "year"),
        year=int(year[0]) if year else None,
        language=language,
        material=material or "book",
        audience=audience_of(_one(cells, "audience")),
        subjects=tuple(_pieces(cells.get("subjects", ()))),
        identifiers=(*(Identifier("isbn", isbn) for isbn in isbns), *([Identifier("issn", issn)] if issn else [])),
        items=tuple(items),
        links=tuple(map(Link, links)),
        added_on=_day(row.added_on),
    )
    return Read(row.number, record, tuple(problems))


def _contributors(cells: dict[str, list[str]]) -> Iterator[Contributor]:
    seen: set[str] = set()
    for field, role in _ROLES.items():
        for text in cells.get(field, ()):
            for name in people(text, family_first=False):
                if name not in seen:
                    seen.add(name)
                    yield Contributor(name, role)


def _pieces(texts: Iterable[str]) -> Iterable[str]:
    """Return the subjects in the cells: semicolons part them; commas where a cell has several and no semicolon."""
    pieces = (piece for text in texts for piece in re.split(r"[;|]" if re.search(r"[;|]", text) else r",", text))
    return dict.fromkeys(piece.strip(" .") for piece in pieces if piece.strip(" ."))


def _identity(cells: dict[str, list[str]], items: Sequence[Item]) -> str:
    """Return the id of a title without a number: its first barcode, else what tells it from others."""
    barcode = next((item.barcode for item in items if item.barcode), "")
    if barcode:
        return "b" + barcode
    told = "|".join(
        _one(cells, field) for field in ("title", "subtitle", "part", "author", "year", "publisher", "isbn")
    )
    return "x" + hashlib.sha256(told.encode()).hexdigest()[:16]


def _day(text: str) -> date | None:
    """Return the day in a cell: 2024-05-01 as spreadsheets give it, or 1/5/2024 as people here write it."""
    try:
        if found := _DAY.match(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        return None
