"""Which cluster a new question joins: the one of the same words, else the nearest in meaning, else one of its own.

The thresholds were tuned on half of the questions of `data/faq` and told on the other half; see docs/decisions.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.blocks import plain_of
from retrieval.embedder import Embedder, Vectors

SAME_BY_STATIC = 0.64
SAME_BY_SENTENCE = 0.94
_ROOM = 256  # clusters added before the table grows


def meant(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """Return a vector of unit length for each question, as answers are searched by."""
    return embedder.queries([plain_of(text) for text in texts])


def same_from(embedder: Embedder) -> float:
    """Return the cosine from which two questions are taken for one."""
    return SAME_BY_STATIC if embedder.bare else SAME_BY_SENTENCE


class Clusters:
    """The sums of the clusters' vectors, side by side. One thread at a time."""

    def __init__(self, embedder: Embedder, sums: Mapping[int, NDArray[np.float32]]) -> None:
        self._same, self._width = same_from(embedder), embedder.dimension
        self._numbers = list(sums)
        self._sums = np.zeros((len(sums) + _ROOM, self._width), np.float32)
        if sums:
            self._sums[: len(sums)] = np.stack(list(sums.values()))
        self._means = _unit(self._sums)
        self._rows = {number: row for row, number in enumerate(self._numbers)}

    def __len__(self) -> int:
        return len(self._numbers)

    def nearest(self, vector: NDArray[np.float32]) -> int | None:
        """Return the cluster that this question belongs to, None where it is the first of its kind."""
        if not self._numbers or not vector.any():
            return None
        near = self._means[: len(self._numbers)] @ vector
        best = int(near.argmax())
        return self._numbers[best] if near[best] >= self._same else None

    def add(self, number: int, vector: NDArray[np.float32]) -> bytes:
        """Return the sum of the cluster's vectors with this one, as it is stored."""
        row = self._rows.get(number)
        if row is None:
            row = self._rows[number] = len(self._numbers)
            self._numbers.append(number)
            if row == len(self._sums):
                self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
                self._means = np.concatenate([self._means, np.zeros_like(self._means)])
        self._sums[row] += vector
        self._means[row] = _unit(self._sums[row : row + 1])[0]
        stored: bytes = self._sums[row].tobytes()
        return stored


def read(stored: bytes) -> NDArray[np.float32]:
    return np.frombuffer(stored, np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit
