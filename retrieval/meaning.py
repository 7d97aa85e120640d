"""Finds by meaning over the parts of an index: each part has vectors of its own, searched side by side."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest

import numpy as np
from numpy.typing import NDArray

from retrieval.dense import DenseIndex, Vectors

_SPARE = 20  # rows asked for beyond what is wanted, since some may be dead


class Meaning:
    """The vectors of an index. A row without one (found by words alone so far) is never returned."""

    def __init__(self, parts: Sequence[tuple[int, DenseIndex]], dead: NDArray[np.int64]) -> None:
        """`parts`: each with its first row; `dead`: rows that were replaced or deleted."""
        self._parts = parts
        self._dead = frozenset(dead.tolist())

    def __len__(self) -> int:
        return sum(len(part) for _, part in self._parts)

    @property
    def dimension(self) -> int:
        return self._parts[0][1].dimension

    def search(self, vector: Vectors, n: int, allowed: NDArray[np.bool_] | None = None) -> list[tuple[int, float]]:
        """Return up to n (row, cosine), nearest first; `allowed` tells for each row whether it may be returned."""
        found: list[tuple[int, float]] = []
        for start, part in self._parts:
            within = None if allowed is None else allowed[start : start + len(part)]
            found += self._living(start, part, vector, n, within)
        return nlargest(n, found, key=lambda hit: (hit[1], -hit[0]))

    def _living(
        self, start: int, part: DenseIndex, vector: Vectors, n: int, allowed: NDArray[np.bool_] | None
    ) -> list[tuple[int, float]]:
        asked = n + min(_SPARE, len(self._dead))
        while True:
            rows = part.search(vector, asked, allowed)
            living = [(start + row, score) for row, score in rows if score > 0 and start + row not in self._dead]
            if len(living) >= n or len(rows) < asked or asked >= len(part):
                return living[:n]
            asked *= 2

    def vector(self, row: int) -> Vectors | None:
        """Return the vector of this row, or None for one found by words alone."""
        for start, part in self._parts:
            if start <= row < start + len(part):
                return part.vector(row - start)
        return None
