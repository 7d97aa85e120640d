"""Finds by meaning: unit vectors in FAISS, inner product, rows as ids. The form of the index follows its size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
_engine: Any = faiss  # its stubs do not know what its Python wrappers take

_TRAINED_ON = 50_000
_BATCH = 10_000
_MOST_PROBES, _SHARE_PROBED = 512, 4  # cells looked into: one in four, up to so many
_SECOND_LOOKS = 300  # vectors whose cosine is reckoned anew from what is kept of them
_FEW = 20  # where fewer than one row in so many is allowed, the cells near the question may hold none of them


@dataclass(frozen=True)
class Form:
    """How vectors are `kept`, and the `cells` that tell which are worth a look, as FAISS writes both."""

    kept: str
    cells: str = ""

    def __str__(self) -> str:
        return f"{self.cells},Refine({self.kept})" if self.cells else self.kept


# Up to so many vectors, this form: exact while that is quick, then a byte a number, then cells as well, where half a
# byte for two numbers says which vectors deserve a second look. Measured: docs/benchmarks.md.
_SCHEDULE = ((20_000, Form("Flat")), (100_000, Form("SQ8")), (2_000_000, Form("SQ8", "IVF1024,PQ{half}x4fs")))
_BEYOND = Form("SQ8", "IVF4096_HNSW32,PQ{half}x4fs")


def form_for(count: int) -> Form:
    """Return the form for so many vectors."""
    return next((form for most, form in _SCHEDULE if count <= most), _BEYOND)


def build(path: Path, batches: Iterable[Vectors], count: int, dimension: int) -> None:
    """Write an index of `count` vectors given in batches; their rows are 0, 1, 2 … in the order given."""
    faiss.write_index(made(form_for(count), batches, dimension), str(path))


def made(form: Form, batches: Iterable[Vectors], dimension: int) -> Any:
    """Return a FAISS index of this form that holds the vectors; in memory it is as large as its file will be."""
    kept = _empty(form.kept, dimension)
    stream = iter(batches)
    if not kept.is_trained:
        first = list(_until(stream, _TRAINED_ON))
        kept.train(np.concatenate(first))
        stream = chain(first, stream)
    for batch in stream:
        kept.add(batch)
    return _engine.IndexRefine(_cells(form, kept), kept) if form.cells else kept


def _cells(form: Form, kept: Any) -> Any:
    """Return the cells of all vectors, learnt from vectors of the whole: those that come first may be of one kind."""
    cells = _empty(form.cells.format(half=kept.d // 2), kept.d)
    starts = range(0, kept.ntotal, _BATCH)
    each = -(-_TRAINED_ON // len(starts))
    cells.train(np.concatenate([kept.reconstruct_n(at, min(each, kept.ntotal - at)) for at in starts]))
    for at in starts:
        cells.add(kept.reconstruct_n(at, min(_BATCH, kept.ntotal - at)))
    return cells


def _empty(form: str, dimension: int) -> Any:
    return faiss.index_factory(dimension, form, faiss.METRIC_INNER_PRODUCT)


def _until(batches: Iterable[Vectors], enough: int) -> Iterator[Vectors]:
    seen = 0
    for batch in batches:
        yield batch
        seen += len(batch)
        if seen >= enough:
            return


class DenseIndex:
    """A finished index, opened by memory map."""

    def __init__(self, index: Any) -> None:
        self._index = faiss.downcast_index(index)
        self._opened = index  # owns what `_index` points to
        self._kept, self._probes = self._index, 0
        if isinstance(self._index, faiss.IndexRefine):
            cells: Any = faiss.downcast_index(self._index.base_index)
            self._probes = max(1, min(cells.nlist // _SHARE_PROBED, _MOST_PROBES))
            self._kept = faiss.downcast_index(self._index.refine_index)

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
        wanted = min(n, len(self))
        selector = None
        if allowed is not None:
            selector = _engine.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if not self._probes or (allowed is not None and np.count_nonzero(allowed) * _FEW < len(self)):
            index, parameters = self._kept, _engine.SearchParameters(sel=selector)
        else:
            index, parameters = self._index, self._parameters(wanted, selector)
        scores, rows = index.search(vector.reshape(1, -1), wanted, params=parameters)
        return [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]

    def _parameters(self, n: int, selector: Any) -> Any:
        within = _engine.SearchParametersIVF(sel=selector, nprobe=self._probes)
        return _engine.IndexRefineSearchParameters(k_factor=max(1.0, _SECOND_LOOKS / n), base_index_params=within)

    def vector(self, row: int) -> Vectors:
        """Return the vector of this row, as the index holds it."""
        return np.asarray(self._index.reconstruct(row), dtype=np.float32)
