"""The vectors of a book's texts, each made once and seen from the middle of the book in which they were met first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.embedder import Embedder, Vectors
from retrieval.vectors import Kind, VectorStore

Key = tuple[Kind, str]
_CHANGED = 0.2  # share of the texts from which all is reckoned anew


@dataclass(frozen=True)
class Meant:
    """The texts of one book: row `rows[i]` of the table is the i-th; a mean an answer; the sum of rows' squares."""

    table: Vectors
    rows: NDArray[np.int64]
    means: Vectors
    products: Vectors  # table[rows].T @ table[rows]
    centre: Vectors

    def centred(self, vectors: Vectors) -> Vectors:
        """Return the vectors as they are seen from the middle, of length 1 again."""
        return _seen_from(self.centre, vectors)


class Meanings:
    """A growing table of vectors. One thread adds to it; what it gave stays as it was."""

    def __init__(self, embedder: Embedder, store: VectorStore | None) -> None:
        self._embedder, self._store = embedder, store
        self._raw: dict[Key, Vectors] = {}
        self._place: dict[Key, int] = {}
        self._table = self._centre = np.zeros((0, embedder.dimension), np.float32)
        self._counts = np.zeros(0, np.int64)  # how often each row is in the book told last
        self._products: NDArray[np.float64] = np.zeros((embedder.dimension, embedder.dimension))

    def of(self, books: Sequence[Sequence[Key]]) -> Meant:
        """Return the texts of these answers, in this order."""
        wanted = [key for keys in books for key in keys]
        self._add(list(dict.fromkeys(key for key in wanted if key not in self._raw)))
        counted = sum(key in self._place for key in wanted)
        if counted < (1 - _CHANGED) * len(wanted) or len(self._place) > (1 + _CHANGED) * len(wanted):
            self._begin(wanted)
        self._append([key for key in dict.fromkeys(wanted) if key not in self._place])
        rows = np.array([self._place[key] for key in wanted], np.int64)
        counts = np.array([len(keys) for keys in books], np.int64)
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)[:-1]])
        sums = np.add.reduceat(self._table[rows], starts, axis=0)
        means: Vectors = (sums / counts[:, None]).astype(np.float32)
        return Meant(self._table, rows, means, self._product_of(rows), self._centre)

    def holds(self, key: Key) -> bool:
        return key in self._raw

    def _begin(self, wanted: Sequence[Key]) -> None:
        """See everything from the middle of this book, and forget what is in no answer any more."""
        self._raw = {key: self._raw[key] for key in wanted}
        self._centre = np.stack([self._raw[key] for key in wanted]).mean(axis=0)
        self._place, self._table = {}, np.zeros((0, self._embedder.dimension), np.float32)
        self._counts, self._products = np.zeros(0, np.int64), np.zeros_like(self._products)

    def _append(self, new: Sequence[Key]) -> None:
        if new:
            self._place |= {key: len(self._table) + at for at, key in enumerate(new)}
            seen = _seen_from(self._centre, np.stack([self._raw[key] for key in new]))
            self._table = np.concatenate([self._table, seen])

    def _product_of(self, rows: NDArray[np.int64]) -> Vectors:
        """Return the sum of the rows' squares: what was added to and taken from the last book is what it costs."""
        counts = np.bincount(rows, minlength=len(self._table))
        more = counts - np.pad(self._counts, (0, len(counts) - len(self._counts)))
        changed = np.flatnonzero(more)
        moved = self._table[changed]
        self._products = self._products + (moved.T * more[changed].astype(np.float32)) @ moved
        self._counts = counts
        products: Vectors = self._products.astype(np.float32)
        return products

    def _add(self, new: Iterable[Key]) -> None:
        for kind, texts in by_kind(new).items():
            self._raw |= {(kind, text): row for text, row in zip(texts, self._embedded(texts, kind), strict=True)}

    def _embedded(self, texts: Sequence[str], kind: Kind) -> Vectors:
        if self._embedder.cheap or self._store is None:
            return self._embedder.queries(texts) if kind == "query" else self._embedder.passages(texts)
        return self._store.embed(texts, self._embedder, kind)


def by_kind(keys: Iterable[Key]) -> dict[Kind, list[str]]:
    """Return the texts by how they are embedded."""
    texts: dict[Kind, list[str]] = {}
    for kind, text in keys:
        texts.setdefault(kind, []).append(text)
    return texts


def _seen_from(centre: Vectors, vectors: Vectors) -> Vectors:
    moved = vectors - centre
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    seen: Vectors = (moved / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return seen
