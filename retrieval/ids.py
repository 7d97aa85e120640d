"""The ids of a part's rows, in order, mapped from the disk: the id of a row, and the row of an id."""

from __future__ import annotations

import mmap
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

_TEXT, _OFFSETS = "ids.bin", "ids.npy"


def write(folder: Path, record_ids: Iterable[str]) -> Ids:
    """Write the ids, given in their order, and return them; memory stays flat."""
    offsets = array("Q", [0])
    with (folder / _TEXT).open("wb") as file:
        for record_id in record_ids:
            offsets.append(offsets[-1] + file.write(record_id.encode()))
        file.write(b"\n")  # an empty file could not be mapped
    np.save(folder / _OFFSETS, np.frombuffer(offsets, dtype=np.uint64))
    return Ids(folder)


class Ids:
    def __init__(self, folder: Path) -> None:
        with (folder / _TEXT).open("rb") as file:
            self._text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._offsets = memoryview(np.load(folder / _OFFSETS, mmap_mode="r"))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, at: int) -> bytes:
        return self._text[self._offsets[at] : self._offsets[at + 1]]

    def __iter__(self) -> Iterator[str]:
        return (self[at].decode() for at in range(len(self)))

    def find(self, record_id: str) -> int | None:
        """Return the place of this id, or None."""
        wanted = record_id.encode()
        at = bisect_left(self, wanted)
        return at if at < len(self) and self[at] == wanted else None
