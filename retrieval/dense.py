"""Finds by meaning: unit vectors in FAISS, inner product, rows as ids. The form of the index follows its size."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]

_TRAINED_ON = 50_000
# Up to so many vectors, this form: exact while that is quick, then 8 bits a number, then cells.
_SCHEDULE = ((50_000, "Flat"), (300_000, "SQ8"), (2_000_000, "IVF4096_HNSW32,SQ8"))
_BEYOND = "IVF8192_HNSW32,SQ8"
_PROBES = 64


def form_for(count: int) -> str:
    """Return the FAISS form for so many vectors."""
    return next((form for most, form in _SCHEDULE if count <= most), _BEYOND)


def build(path: Path, batches: Iterable[Vectors], count: int, dimension: int) -> None:
    """Write an index of `count` vectors given in batches; their rows are 0, 1, 2 … in the order given."""
    index = faiss.index_factory(dimension, f"IDMap2,{form_for(count)}", faiss.METRIC_INNER_PRODUCT)
    stream = iter(batches)
    if not index.is_trained:
        first = list(_until(stream, _TRAINED_ON))
        index.train(np.concatenate(first))
        stream = chain(first, stream)
    row = 0
    for batch in stream:
        index.add_with_ids(batch, np.arange(row, row + len(batch), dtype=np.int64))
        row += len(batch)
    faiss.write_index(index, str(path))


def _until(batches: Iterable[Vectors], enough: int) -> Iterable[Vectors]:
    seen = 0
    for batch in batches:
        yield batch
        seen += len(batch)
        if seen >= enough:
            return


class DenseIndex:
    """A finished index, opened by memory map."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def open(cls, path: Path) -> DenseIndex:
        return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def search(self, vector: Vectors, n: int, allowed: NDArray[np.bool_] | None = None) -> list[tuple[int, float]]:
        """Return up to n (row, cosine), nearest first; `allowed` tells for each row whether it may be returned."""
        engine: Any = faiss  # its stubs do not know what its Python wrappers take
        selector = engine.IDSelectorBitmap(np.packbits(allowed, bitorder="little")) if allowed is not None else None
        if isinstance(faiss.downcast_index(self._index.index), faiss.IndexIVF):
            parameters = engine.SearchParametersIVF(sel=selector, nprobe=_PROBES)
        else:
            parameters = engine.SearchParameters(sel=selector)
        scores, rows = self._index.search(vector.reshape(1, -1), min(n, len(self)), params=parameters)
        return [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]

    def vector(self, row: int) -> Vectors:
        """Return the vector of this row, as the index holds it."""
        return np.asarray(self._index.reconstruct(row), dtype=np.float32)
