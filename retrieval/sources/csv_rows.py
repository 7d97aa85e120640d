"""The rows of a CSV file, whatever its character set and delimiter; a quote that never closes costs no other row."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO

from library.text import nfc
from retrieval.record import SourceError
from retrieval.sources import charsets

_SAMPLE = 1 << 20
_LONGEST_LINE = 4 << 20  # bytes
_LONGEST_ROW = 200  # lines; a summary with line breaks has some, a quote that never closes has all
_LONE_RETURN = re.compile(r"\r(?!\n)")  # how old Macs end a line
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Row:
    number: int  # of its first line, from 1
    cells: tuple[str, ...]
    wrong: str = ""  # what was wrong with it, where something was


def csv_rows(file: IO[bytes], charset: str = "") -> Iterator[Row]:
    """Yield the rows that are not empty; memory stays flat. Raises SourceError for what is no text of lines.

    `charset`: what text that is not Unicode is in; found out when not given.
    """
    lines = _lines(file, charset)
    first = list(islice(lines, 50))
    yield from _Rows(first, lines, _delimiter(first))


def _lines(file: IO[bytes], charset: str) -> Iterator[str]:
    sample = file.read(_SAMPLE)
    file.seek(0)
    if sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = io.TextIOWrapper(file, "utf-16", "replace", newline="")
        lines = iter(lambda: text.readline(_LONGEST_LINE), "")
    elif b"\x00" in sample:
        raise SourceError("not a table of text: it holds zero bytes; save it as “CSV UTF-8” or .xlsx")
    else:
        decode = charsets.decoder(charsets.named(charset) or _detected(sample))
        lines = (_decoded(line, decode) for line in iter(lambda: file.readline(_LONGEST_LINE), b""))
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_LINE // 4 and not line.endswith("\n"):
            raise SourceError(f"line {number} is longer than {_LONGEST_LINE >> 20} MB: this is no table")
        yield from io.StringIO(_LONE_RETURN.sub("\n", nfc(line)), newline="\n")


def _detected(sample: bytes) -> str:
    """Return the set of the lines that are not UTF-8, '' when there are none or no set makes sense of them."""
    return charsets.detect(line for line in sample.splitlines()[:-1] or [sample] if not _is_utf8(line))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(line: bytes, decode: Callable[[bytes], str]) -> str:
    """Return the line as text; UTF-8 wins where it fits, for files put together from two."""
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return decode(line)


def _delimiter(lines: list[str]) -> str:
    """Return the delimiter that cuts most lines into one same number of cells, the most cells of those."""

    def steadiness(delimiter: str) -> tuple[int, int]:
        rows = (next(csv.reader([line[:10_000]], delimiter=delimiter), []) for line in lines if line.strip())
        widths = [len(row) for row in rows]
        return max(((widths.count(width), width) for width in set(widths) if width > 1), default=(0, 0))

    return max(_DELIMITERS, key=steadiness)


class _Unclosed(Exception):
    """A quote opened and the row went on without end."""


class _Rows:
    """csv.reader over lines that can be put back."""

    def __init__(self, first: list[str], lines: Iterator[str], delimiter: str) -> None:
        self._waiting, self._lines, self._delimiter = deque(first), lines, delimiter
        self._fed: list[str] = []  # the lines of the row that is being read
        self._number = 0

    def __iter__(self) -> Iterator[Row]:
        reader = csv.reader(self._feed(), delimiter=self._delimiter)
        while True:
            first = self._number + 1
            self._fed = []
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (_Unclosed, csv.Error) as exc:
                yield from self._bare(first, exc)
                reader = csv.reader(self._feed(), delimiter=self._delimiter)
                continue
            if any(cell.strip() for cell in cells):
                yield Row(first, tuple(cells))

    def _feed(self) -> Iterator[str]:
        while (line := self._waiting.popleft() if self._waiting else next(self._lines, "")) or len(self._fed) > 1:
            if not line or len(self._fed) >= _LONGEST_ROW:
                if line:
                    self._waiting.appendleft(line)
                raise _Unclosed
            self._number += 1
            self._fed.append(line)
            yield line

    def _bare(self, first: int, exc: Exception) -> Iterator[Row]:
        """Yield the row's first line cut without regard to quotes, and put the others back."""
        line, *others = self._fed
        self._waiting.extendleft(reversed(others))
        self._number -= len(others)
        cells = [cell.strip().strip('"') for cell in line.rstrip("\r\n").split(self._delimiter)]
        wrong = "a quote opens and never closes" if isinstance(exc, _Unclosed) else f"not a row of a table ({exc})"
        if any(cells):
            yield Row(first, tuple(cells), wrong)
