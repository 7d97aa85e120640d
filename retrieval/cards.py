"""One card a record, for ranking: its words field by field, ready to be compared, without opening the record itself."""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from library.text import fold, folded_words, one_spelling, written_words
from retrieval.parts import volumes
from retrieval.record import Record

_CARDS, _ENDS = "cards.bin", "cards.npy"
_FIELD, _NAME = "\x1f", "\x1e"
_FOLDED = {code: bare for code in range(0xC0, 0x1F00) if len(bare := fold(chr(code))) == 1 and bare != chr(code)}


def plainly(text: str) -> str:
    """Return the words of a text in lower case, each in one spelling, divided by single spaces."""
    return " ".join(written_words(one_spelling(text)))


class Card(NamedTuple):  # made by the hundred in every search: a tuple costs a third of a dataclass
    """The words of a record. Each text is lower case, its words divided by single spaces; `names` one a person."""

    title: str
    subtitle: str
    series: str
    original: str
    names: tuple[str, ...]
    subjects: tuple[str, ...]
    summary: str
    publisher: str
    volumes: tuple[int, ...]

    @property
    def whole(self) -> str:
        """Return every word of the card, as written."""
        texts = (self.title, self.subtitle, self.series, self.original, *self.names, *self.subjects, self.summary)
        return " ".join(texts)


def folded(text: str) -> str:
    """Return what `fold` does to words that are in lower case and composed, many times as fast."""
    return text.translate(_FOLDED)


def compared(text: str) -> list[str]:
    """Return the folded words of a text, each in one spelling."""
    return folded_words(one_spelling(text))


def card(record: Record) -> Card:
    """Return the card of a record."""
    return Card(
        plainly(record.title), plainly(record.subtitle), plainly(record.series), plainly(record.original_title),
        tuple(plainly(who.name) for who in record.contributors), tuple(map(plainly, record.subjects)),
        plainly(record.summary), plainly(record.publisher), volumes(record.part),
    )  # fmt: skip


def written(folder: Path, records: Iterable[Record]) -> Iterator[Record]:
    """Yield the records as they come, and write their cards into the folder; rows are 0, 1, 2 … in the order given."""
    ends = array("q", [0])
    with (folder / _CARDS).open("wb") as file:
        for record in records:
            ends.append(ends[-1] + file.write(_line(card(record))))
            yield record
    np.save(folder / _ENDS, np.frombuffer(ends, dtype=np.int64))


def _line(made: Card) -> bytes:
    numbers = " ".join(map(str, made.volumes))
    names, subjects = _NAME.join(made.names), _NAME.join(made.subjects)
    fields = (made.title, made.subtitle, made.series, made.original, names, subjects, made.summary, made.publisher)
    return _FIELD.join((*fields, numbers)).encode()


def _several(joined: str) -> tuple[str, ...]:
    return tuple(filter(None, joined.split(_NAME)))


class Cards:
    """The cards of an index, opened by memory map; each part of it begins at a row of its own."""

    def __init__(self, parts: Sequence[tuple[bytes | mmap.mmap, NDArray[np.int64]]], starts: Sequence[int]) -> None:
        self._parts, self._starts = parts, starts

    @classmethod
    def open(cls, folders: Sequence[Path], starts: Sequence[int]) -> Cards:
        return cls([_opened(folder) for folder in folders], starts)

    def card(self, row: int) -> Card:
        """Return the card of this row."""
        number = bisect_right(self._starts, row) - 1
        data, ends = self._parts[number]
        at = row - self._starts[number]
        line = data[int(ends[at]) : int(ends[at + 1])].decode()
        title, subtitle, series, original, names, subjects, summary, publisher, numbers = line.split(_FIELD)
        return Card(
            title, subtitle, series, original, _several(names), _several(subjects), summary, publisher,
            tuple(map(int, numbers.split())),
        )  # fmt: skip


def _opened(folder: Path) -> tuple[bytes | mmap.mmap, NDArray[np.int64]]:
    ends: NDArray[np.int64] = np.load(folder / _ENDS, mmap_mode="r")
    with (folder / _CARDS).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if ends[-1] else b"", ends
