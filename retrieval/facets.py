"""What a search may be narrowed by, as flat arrays: one number a record, so that a million are sifted in a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.record import Record

_CODED = ("audience", "language", "material")
_NO_YEAR = -1


@dataclass(frozen=True)
class Filters:
    """What a search is narrowed to, in the catalogue's own codes; None leaves it open. Years are inclusive."""

    year_from: int | None = None
    year_to: int | None = None
    audience: str | None = None
    language: str | None = None
    material: str | None = None
    branch: str | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) is not None for each in fields(self))

    def admit(self, record: Record) -> bool:
        """Return whether the record passes. A record without a year passes no limit of years."""
        if self.year_from is not None or self.year_to is not None:
            year = record.year
            if year is None or year < (self.year_from or 0) or year > (self.year_to or 9999):
                return False
        coded = all(getattr(self, name) in (None, getattr(record, name)) for name in _CODED)
        return coded and (self.branch is None or self.branch in record.branches)


class FacetTable:
    """The facets of every row of an index."""

    def __init__(self, columns: Mapping[str, NDArray[Any]], codes: Mapping[str, Sequence[str]]) -> None:
        self._columns, self._codes = columns, codes

    @property
    def copies(self) -> NDArray[np.int16]:
        """Return for each row how many copies the library has."""
        return self._columns["copies"]

    def mask(self, filters: Filters) -> NDArray[np.bool_]:
        """Return for each row whether it passes."""
        years = self._columns["year"]
        allowed = np.ones(len(years), dtype=np.bool_)
        if filters.year_from is not None or filters.year_to is not None:
            allowed &= (years >= (filters.year_from or 0)) & (years <= (filters.year_to or 9999))
        for name in _CODED:
            if (value := getattr(filters, name)) is not None:
                allowed &= self._columns[name] == self._code(name, value)
        if filters.branch is not None:
            place = self._code("branch", filters.branch)
            allowed &= (self._columns["branch"] >> np.uint64(place)) & np.uint64(1) == 1 if place >= 0 else False
        return allowed

    def _code(self, name: str, value: str) -> int:
        known = self._codes[name]
        return known.index(value) if value in known else -1


def build(folder: Path, records: Sequence[Record]) -> dict[str, list[str]]:
    """Write the columns into the folder and return the codes: the values each number stands for."""
    np.save(folder / "year.npy", np.array([record.year or _NO_YEAR for record in records], dtype=np.int16))
    np.save(folder / "copies.npy", np.array([len(record.items) for record in records], dtype=np.int16))
    codes: dict[str, list[str]] = {}
    for name in _CODED:
        values = [str(getattr(record, name)) for record in records]
        codes[name] = sorted(set(values))
        numbers = {value: number for number, value in enumerate(codes[name])}
        np.save(folder / f"{name}.npy", np.array([numbers[value] for value in values], dtype=np.int16))
    # One bit a branch: 64 are enough for a province and its districts.
    codes["branch"] = sorted({branch for record in records for branch in record.branches})[:64]
    bits = {branch: 1 << place for place, branch in enumerate(codes["branch"])}
    masks = [sum(bits.get(branch, 0) for branch in record.branches) for record in records]
    np.save(folder / "branch.npy", np.array(masks, dtype=np.uint64))
    return codes


def open_table(folder: Path, codes: Mapping[str, Sequence[str]]) -> FacetTable:
    names = ("year", "copies", *_CODED, "branch")
    return FacetTable({name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}, codes)
