"""What a search may be narrowed by, as flat arrays: one number a record, so that a million are sifted in a moment."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.record import Record
from retrieval.works import work_key

CODED = ("audience", "language", "material", "library")
_NO_YEAR = -1
_NEVER = 0  # `added_on` of a record without a date
_MOST = 32767
_COLUMNS: Mapping[str, tuple[str, Any]] = {  # name → (code of `array`, type on the disk)
    "year": ("h", np.int16),
    "copies": ("h", np.int16),
    "added": ("i", np.int32),
    "work": ("Q", np.uint64),
    **{name: ("i", np.int32) for name in CODED},
    "branch": ("i", np.int32),  # of every pair (row, branch); the rows are in `branched`
    "branched": ("i", np.int32),
}
Codes = Mapping[str, list[str]]


@dataclass(frozen=True)
class Filters:
    """What a search is narrowed to, in the catalogue's own codes; None leaves it open. Years are inclusive."""

    year_from: int | None = None
    year_to: int | None = None
    audience: str | None = None
    language: str | None = None
    material: str | None = None
    branch: str | None = None
    library: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) is not None for each in fields(self))

    def admit(self, record: Record) -> bool:
        """Return whether the record passes. A record without a year passes no limit of years."""
        if self.year_from is not None or self.year_to is not None:
            year = record.year
            if year is None or year < (self.year_from or 0) or year > (self.year_to or 9999):
                return False
        coded = all(getattr(self, name) in (None, getattr(record, name)) for name in CODED)
        return coded and (self.branch is None or self.branch in record.branches)


class FacetTable:
    """The facets of every row of an index, its parts put together on first use."""

    def __init__(self, folders: Sequence[Path], starts: Sequence[int], codes: Codes, dead: NDArray[np.int64]) -> None:
        self._folders, self._starts, self._codes = folders, starts, codes
        self._columns: dict[str, NDArray[Any]] = {}
        self.dead = dead  # rows that a later part replaced or that were deleted

    def _column(self, name: str) -> NDArray[Any]:
        if name not in self._columns:
            parts = [np.load(folder / f"{name}.npy", mmap_mode="r") for folder in self._folders]
            if name == "branched":
                parts = [part + start for part, start in zip(parts, self._starts, strict=True)]
            self._columns[name] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return self._columns[name]

    @property
    def copies(self) -> NDArray[np.int16]:
        """Return for each row how many copies the library has."""
        return self._column("copies")

    def year(self, row: int) -> int | None:
        """Return the year of this row, or None where it is not known."""
        year = int(self._column("year")[row])
        return None if year == _NO_YEAR else year

    @property
    def works(self) -> NDArray[np.uint64]:
        """Return for each row a number that editions of one work share."""
        return self._column("work")

    def mask(self, filters: Filters) -> NDArray[np.bool_]:
        """Return for each row whether it passes; one that was replaced or deleted does not."""
        years = self._column("year")
        allowed = np.ones(len(years), dtype=np.bool_)
        allowed[self.dead] = False
        if filters.year_from is not None or filters.year_to is not None:
            allowed &= (years >= (filters.year_from or 0)) & (years <= (filters.year_to or 9999))
        for name in CODED:
            if (value := getattr(filters, name)) is not None:
                allowed &= self._column(name) == self._code(name, value)
        if filters.branch is not None:
            there = np.zeros(len(years), dtype=np.bool_)
            there[self._column("branched")[self._column("branch") == self._code("branch", filters.branch)]] = True
            allowed &= there
        return allowed

    def admits(self, filters: Filters, row: int) -> bool:
        """Return whether this row passes, branches and what was deleted aside."""
        year = self.year(row)
        if filters.year_from is not None and (year is None or year < filters.year_from):
            return False
        if filters.year_to is not None and (year is None or year > filters.year_to):
            return False
        wanted = ((name, getattr(filters, name)) for name in CODED)
        return all(value is None or self.value(name, row) == value for name, value in wanted)

    def value(self, name: str, row: int) -> str:
        """Return the audience, language, material or library of this row."""
        return self._codes[name][int(self._column(name)[row])]

    def newest(self, n: int, filters: Filters = Filters()) -> list[int]:
        """Return up to n rows that pass and say when they came, the last to come first."""
        added = np.where(self.mask(filters), self._column("added"), _NEVER)
        best = np.argsort(-added, kind="stable")[:n]
        return [int(row) for row in best if added[row] != _NEVER]

    def _code(self, name: str, value: str) -> int:
        known = self._codes[name]
        return known.index(value) if value in known else -1


class FacetWriter:
    """Takes the records of a part in the order of their rows and writes their columns."""

    def __init__(self, codes: Codes | None = None) -> None:
        """`codes`: the values that earlier parts gave numbers to; new ones come after them."""
        known = codes or {}
        self._codes = {name: _numbered(known.get(name, ())) for name in (*CODED, "branch")}
        self._columns = {name: array(kind) for name, (kind, _) in _COLUMNS.items()}
        self._row = 0

    def add(self, record: Record) -> None:
        columns = self._columns
        columns["year"].append(_NO_YEAR if record.year is None else max(-_MOST, min(record.year, _MOST)))
        columns["copies"].append(min(len(record.items), _MOST))
        columns["added"].append(_NEVER if record.added_on is None else record.added_on.toordinal())
        columns["work"].append(work_number(record))
        for name in CODED:
            columns[name].append(self._code(name, getattr(record, name)))
        for branch in sorted(record.branches):
            columns["branch"].append(self._code("branch", branch))
            columns["branched"].append(self._row)
        self._row += 1

    def _code(self, name: str, value: str) -> int:
        codes = self._codes[name]
        return codes.setdefault(value, len(codes))

    def write(self, folder: Path) -> dict[str, list[str]]:
        """Write the columns into the folder and return the codes: the values each number stands for."""
        for name, (_, kind) in _COLUMNS.items():
            np.save(folder / f"{name}.npy", np.array(self._columns[name], dtype=kind))
        return {name: list(codes) for name, codes in self._codes.items()}


def work_number(record: Record) -> int:
    """Return the number that editions of this record's work share."""
    return int.from_bytes(hashlib.blake2b(work_key(record).encode(), digest_size=8).digest(), "little")


def _numbered(values: Iterable[str]) -> dict[str, int]:
    return {value: number for number, value in enumerate(values)}
