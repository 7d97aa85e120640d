"""The rows of an Excel workbook (.xlsx), read as a stream: memory holds its strings and one row."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from posixpath import join, normpath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from library.text import nfc
from retrieval.record import SourceError
from retrieval.sources.csv_rows import Row
from retrieval.sources.xlsx_guard import inspect

_MOST_COLUMNS = 200
_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))  # numFmtId of built-in dates
_DATE_PARTS = re.compile(r"[ymdhs]", re.IGNORECASE)
_NOT_PARTS = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
_LETTERS = re.compile(r"[A-Z]{1,3}")
_NOUGHTS = re.compile(r"0{2,}")
_DAY_NOUGHT = datetime(1899, 12, 30)  # so that 61 is 1 March 1900, as Excel counts
_DAY_NOUGHT_1904 = datetime(1904, 1, 1)


def is_zip(path: Path) -> bool:
    """Return whether the file is a ZIP archive, which an .xlsx is."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


@dataclass(frozen=True)
class _Style:
    is_date: bool = False
    width: int = 0  # digits shown with noughts before: 123 under "00000" is 00123


class Workbook:
    """An open workbook. Use it in a `with` block; raises SourceError for what is none, or would not fit in memory."""

    def __init__(self, path: Path) -> None:
        inspect(path)
        with _told():
            self._archive = zipfile.ZipFile(path)
            book = self._root("xl/workbook.xml")
            targets = {each.get("Id", ""): each.get("Target", "") for each in self._root("xl/_rels/workbook.xml.rels")}
            self._parts = {
                nfc(sheet.get("name", "")): _part(targets[reference])
                for sheet in book.iter()
                if _local(sheet) == "sheet" and (reference := _attribute(sheet, "id")) in targets
            }
            epochs = (each.get("date1904", "") for each in book.iter() if _local(each) == "workbookPr")
            self._nought = _DAY_NOUGHT_1904 if next(epochs, "") in ("1", "true") else _DAY_NOUGHT
            self._strings = list(self._shared_strings())
            self._styles = list(self._read_styles())

    @property
    def sheets(self) -> Sequence[str]:
        """Return the names of the sheets, in the workbook's order."""
        return tuple(self._parts)

    def __enter__(self) -> Workbook:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def rows(self, sheet: str) -> Iterator[Row]:
        """Yield the rows of a sheet that are not empty. Raises SourceError where the sheet breaks off."""
        number = 0
        with _told(), self._archive.open(self._parts[sheet]) as file:
            data: Element | None = None  # <sheetData>, which would gather every row
            for event, element in ElementTree.iterparse(file, ("start", "end")):  # noqa: S314 - looked through before
                if event == "start":
                    data = element if data is None and _local(element) == "sheetData" else data
                elif element.tag.endswith("}row") and data is not None:
                    number = int(element.get("r") or number + 1)
                    cells = self._cells(element)
                    if any(cells):
                        yield Row(number, cells)
                    data.clear()

    def _cells(self, row: Element) -> tuple[str, ...]:
        cells: list[str] = []
        for cell in row:
            at = _column(cell.get("r", "")) or len(cells) + 1
            if at > _MOST_COLUMNS:
                continue  # a stray cell far to the right is no column of the table
            cells += [""] * (at - len(cells))
            cells[at - 1] = self._text(cell)
        return tuple(cells)

    def _text(self, cell: Element) -> str:
        """Return what a cell shows. Numbers come whole where they are, dates in ISO form, errors as nothing."""
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return nfc(_shown(cell)).strip()
        value = next((each.text or "" for each in cell if _local(each) == "v"), "")
        if kind == "s":
            return self._strings[int(value)] if value else ""
        if kind in ("str", "d"):
            return nfc(value).strip()
        return self._number(value, int(cell.get("s") or 0)) if kind == "n" and value else ""

    def _number(self, text: str, style_number: int) -> str:
        value = float(text)
        style = self._styles[style_number] if style_number < len(self._styles) else _Style()
        if style.is_date and 0 < value < 2_958_466:  # 31 December 9999
            moment = self._nought + timedelta(days=value)
            return moment.date().isoformat() if value.is_integer() else moment.isoformat(timespec="minutes")
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value)).zfill(style.width)
        return text

    def _root(self, part: str) -> Element:
        with self._archive.open(part) as file:
            return ElementTree.parse(file).getroot()  # noqa: S314 - looked through before

    def _shared_strings(self) -> Iterator[str]:
        if "xl/sharedStrings.xml" not in self._archive.namelist():
            return
        with self._archive.open("xl/sharedStrings.xml") as file:
            root: Element | None = None
            for event, element in ElementTree.iterparse(file, ("start", "end")):  # noqa: S314 - looked through before
                root = element if root is None else root
                if event == "end" and _local(element) == "si":
                    yield nfc(_shown(element)).strip()
                    root.clear()

    def _read_styles(self) -> Iterator[_Style]:
        if "xl/styles.xml" not in self._archive.namelist():
            return
        root = self._root("xl/styles.xml")
        formats = {each.get("numFmtId"): each.get("formatCode", "") for each in root.iter() if _local(each) == "numFmt"}
        styles = next((each for each in root if _local(each) == "cellXfs"), ())
        yield from (_style(each.get("numFmtId", "0"), formats) for each in styles)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (ElementTree.ParseError, zipfile.BadZipFile, KeyError, ValueError, IndexError, EOFError, OSError) as exc:
        raise SourceError(f"the workbook is damaged ({type(exc).__name__} {exc}); open it and save it again") from exc


def _style(number: str, formats: Mapping[str | None, str]) -> _Style:
    code = formats.get(number, "")
    if _NOUGHTS.fullmatch(code):
        return _Style(width=len(code))
    return _Style(is_date=int(number) in _DATES or bool(_DATE_PARTS.search(_NOT_PARTS.sub("", code))))


def _part(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else normpath(join("xl", target))


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _attribute(element: Element, name: str) -> str:
    """Return an attribute in whatever namespace: the strict form of the format has others."""
    return next((value for key, value in element.items() if key.rpartition("}")[2] == name and "}" in key), "")


def _column(reference: str) -> int:
    """Return the number of the column in a reference: 28 for "AB7", 0 for none."""
    letters = _LETTERS.match(reference)
    number = 0
    for letter in letters[0] if letters else "":
        number = number * 26 + ord(letter) - 64
    return number


def _shown(element: Element) -> str:
    """Return the text of a string with its runs together, without the reading aids of East Asian text."""
    if _local(element) == "rPh":
        return ""
    if _local(element) == "t":
        return element.text or ""
    return "".join(map(_shown, element))
