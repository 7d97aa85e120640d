"""What our own catalogue tells a library system's adapter: titles and copies, which the system may not tell itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from library.model import Branch


@dataclass(frozen=True)
class Copy:
    barcode: str
    branch: str
    call_number: str
    room: str = ""
    reading_only: bool = False


@dataclass(frozen=True)
class Shelved:
    record_id: str
    title: str


class Shelf(Protocol):
    """The catalogue as adapters see it. What it does not know is left out."""

    def titles(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the full title of each record."""
        ...

    def by_barcode(self, barcodes: Sequence[str]) -> Mapping[str, Shelved]:
        """Return which title each copy is of."""
        ...

    def copies_of(self, record_ids: Sequence[str]) -> Mapping[str, Sequence[Copy]]:
        """Return the copies of each record."""
        ...

    def branches(self) -> Sequence[Branch]:
        """Return the library's branches, by the calendar."""
        ...
