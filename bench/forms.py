"""Forms of the vector index side by side: `python -m bench.forms CATALOGUE.sqlite N [form …]`, one JSON line a form.

The vectors are those of the fast encoder over N varied records; the queries are titles as hurried patrons type them.
Each form is built, written, opened by memory map and asked in a process of its own, so that its memory can be told.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import faiss
import numpy as np
import psutil
from numpy.typing import NDArray

from bench.varied import varied
from retrieval import dense
from retrieval.catalogue import Catalogue
from retrieval.passages import passage
from retrieval.slips import hurried
from retrieval.static_encoder import StaticEncoder

_QUERIES, _WANTED = 300, 10
_BATCH = 10_000
_ALIKE = 1e-5  # a neighbour as near as the tenth is as good as the tenth: editions lie at one point
Array = NDArray[np.float32]


def main() -> None:
    if sys.argv[1] == "--one":
        print(json.dumps(measured(Path(sys.argv[2]), form_of(sys.argv[3]))))
        return
    catalogue, count, forms = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    with TemporaryDirectory() as folder:
        vectors_of(catalogue, count, Path(folder))
        for form in forms or [dense.form_for(count)]:
            command = [sys.executable, "-m", "bench.forms", "--one", folder, str(form)]
            subprocess.run(command, check=True)


def vectors_of(catalogue: Path, count: int, folder: Path) -> None:
    """Write base.npy, queries.npy and the ten nearest scores of each query, reckoned over every vector."""
    encoder, records = StaticEncoder(), list(Catalogue(catalogue))
    base = np.lib.format.open_memmap(folder / "base.npy", "w+", np.float32, (count, encoder.dimension))
    stream, at = varied(records, count), 0
    while batch := list(islice(stream, _BATCH)):
        base[at : at + len(batch)] = encoder.passages([passage(record) for record in batch])
        at += len(batch)
    chance = random.Random(7)
    queries = encoder.queries([hurried(chance.choice(records).title, chance) for _ in range(_QUERIES)])
    best = np.full((_QUERIES, _WANTED), -1, np.float32)
    for start in range(0, count, 50_000):
        scores = np.hstack((best, queries @ base[start : start + 50_000].T))
        best = -np.sort(-np.partition(scores, -_WANTED, axis=1)[:, -_WANTED:], axis=1)
    np.save(folder / "queries.npy", queries)
    np.save(folder / "best.npy", best)


def form_of(told: str) -> dense.Form:
    """Return the form that is told as `SQ8` or `IVF1024,PQ128x4fs,Refine(SQ8)`."""
    cells, _, kept = told.removesuffix(")").rpartition(",Refine(")
    return dense.Form(kept, cells)


def measured(folder: Path, form: dense.Form) -> dict[str, Any]:
    """Return what this form costs and finds."""
    base, queries, best = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("base", "queries", "best"))
    path = folder / "form.faiss"
    faiss.omp_set_num_threads(2)
    began, worked = time.perf_counter(), time.process_time()
    index = dense.made(form, (base[at : at + _BATCH] for at in range(0, len(base), _BATCH)), base.shape[1])
    built, built_cpu = time.perf_counter() - began, time.process_time() - worked
    faiss.write_index(index, str(path))
    del index
    faiss.omp_set_num_threads(1)
    before, began = psutil.Process().memory_info().rss, time.perf_counter()
    opened = dense.DenseIndex.open(path)
    took = time.perf_counter() - began
    hits, spent = zip(*(_asked(opened, query) for query in queries), strict=True)
    resident = (psutil.Process().memory_info().rss - before) >> 20
    right = sum(
        float(base[row] @ query) >= known[-1] - _ALIKE
        for query, known, rows in zip(queries, best, hits, strict=True)
        for row in rows
    )
    return {
        "form": str(form), "vectors": len(base), "build_s": round(built, 1), "build_cpu_s": round(built_cpu, 1),
        "file_mb": path.stat().st_size >> 20, "open_ms": round(took * 1000, 1), "resident_mb": resident,
        "recall_at_10": round(right / best.size, 4), "cpu_p50_ms": round(float(np.percentile(spent, 50)), 2),
        "cpu_p95_ms": round(float(np.percentile(spent, 95)), 2),
    }  # fmt: skip


def _asked(index: dense.DenseIndex, query: Array) -> tuple[list[int], float]:
    """Return the rows found and the milliseconds of one core that took, whoever else is at work on the machine."""
    began = time.thread_time()
    rows = [row for row, _ in index.search(query, _WANTED)]
    return rows, (time.thread_time() - began) * 1000


if __name__ == "__main__":
    main()
