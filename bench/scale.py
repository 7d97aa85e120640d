"""`make bench-scale [N=1000000]`: a catalogue of N records from import to search, one JSON line a figure.

`python -m bench.scale FOLDER N [SOURCE …]`: SOURCE are MARC files whose records are varied; the demo library's unless
given. The folder is kept, and what stands in it is not done again: an interrupted run takes up where it stopped.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench import varied
from library.text import fold
from retrieval import index as index_folder
from retrieval import intake
from retrieval.catalogue import Catalogue
from retrieval.commands import Places
from retrieval.passages import passage
from retrieval.record import Record
from retrieval.searcher import Searcher
from retrieval.slips import hurried
from retrieval.sources.files import read_file

DEMO = Path(__file__).resolve().parent.parent / "demo" / "catalogue.mrc"
_WORKERS = 2
_KNOWN, _CHANGED, _READERS = 200, 1000, 2
_BATCH = 20_000
_ALIKE = 1e-5  # editions lie at one point: a neighbour as near as the tenth is as good as the tenth
Figure = dict[str, Any]


def main() -> None:
    if sys.argv[1:2] == ["--read"]:
        for figure in reading(Places.under(Path(sys.argv[2]), "fast")):
            print(json.dumps(figure, ensure_ascii=False), flush=True)
        return
    folder, count, *sources = sys.argv[1:]
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:  # fmt: skip
        run(Path(folder) / count, int(count), [Path(source) for source in sources] or [DEMO], bar)


def run(folder: Path, count: int, sources: Sequence[Path], bar: Progress) -> None:
    """Print the figures of every step; those of a step that an earlier run ended are printed as they were."""
    folder.mkdir(parents=True, exist_ok=True)
    kept, places = folder / "figures.json", Places.under(folder, "fast")
    figures: dict[str, Figure] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    steps: dict[str, Callable[[], Figure]] = {
        "generate": lambda: generate(folder, count, sources, bar),
        "import": lambda: take_in(folder, places, count, bar),
        "index": lambda: build(places, bar),
    }
    for name, step in steps.items():
        if name not in figures:
            figures[name] = {"figure": name, **step()}
            kept.write_text(json.dumps(figures), encoding="utf-8")
        print(json.dumps(figures[name]), flush=True)
    ready = sum(figures[name]["s"] for name in ("import", "index"))
    print(json.dumps({"figure": "from_file_to_found", "records": count, "s": round(ready, 1)}), flush=True)
    # A fresh process: what building took shall not count as memory of a searching one.
    subprocess.run([sys.executable, "-m", "bench.scale", "--read", str(folder)], check=True)


def generate(folder: Path, count: int, sources: Sequence[Path], bar: Progress) -> Figure:
    records = [read.record for source in sources for read in read_file(source) if read.record and read.record.title]
    task, began = bar.add_task("records", total=count), time.perf_counter()
    path = folder / "records.mrc"
    varied.write(path, varied.varied(records, count), lambda done: bar.update(task, completed=done))
    return {"s": since(began), "varied_from": len(records), "mb": path.stat().st_size >> 20}


def take_in(folder: Path, places: Places, count: int, bar: Progress) -> Figure:
    places.catalogue.unlink(missing_ok=True)
    task, began, worked = bar.add_task("import", total=count), time.perf_counter(), cpu_s()
    account = intake.take_in(
        folder / "records.mrc", Catalogue(places.catalogue), intake.ImportOptions(workers=_WORKERS),
        lambda done, _: bar.update(task, completed=done),
    )  # fmt: skip
    took = since(began)
    return {"s": took, "cpu_s": cpu_s(worked), "records_per_s": round(account.read / took), "read": account.read,
            "stored": account.stored.total, "refused": account.refused}  # fmt: skip


def build(places: Places, bar: Progress) -> Figure:
    tasks: dict[str, Any] = {}
    peak = Peak()

    def reached(what: str, done: int, whole: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(f"index: {what}", total=whole)
        bar.update(tasks[what], completed=done)

    began, worked = time.perf_counter(), cpu_s()
    with peak:
        made = index_folder.build(
            places.index, Catalogue(places.catalogue), embedder=places.embedder(), progress=reached, workers=_WORKERS
        )
    size = sum(path.stat().st_size for path in places.index.resolve().rglob("*") if path.is_file())
    return {
        "s": since(began),
        "cpu_s": cpu_s(worked),
        "records": made.records,
        "mb": size >> 20,
        "peak_memory_mb": peak.mb,
    }


class Peak:
    """The most memory this process and its children held together, looked at ten times a second."""

    def __init__(self) -> None:
        self.mb = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.mb = max(self.mb, held_by(psutil.Process()) >> 20)


def held_by(process: psutil.Process) -> int:
    """Return the bytes of memory of a process and its children; pages of a file two of them look at count twice."""
    held = 0
    for each in (process, *process.children(recursive=True)):
        try:
            held += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return held


def reading(places: Places) -> Iterator[Figure]:
    """Yield the figures of a process that only searches: opening, searches, memory, nearness, changes."""
    faiss.omp_set_num_threads(1)
    began = time.perf_counter()
    searcher = places.searcher(places.embedder())
    opened = searcher.index
    yield {"figure": "open", "s": since(began), "records": opened.manifest.records}
    began = time.perf_counter()
    searcher.warm_up()
    searcher.search("thư viện")
    yield {"figure": "first_search", "s": since(began)}
    known = drawn(searcher, places)
    for way, typed in ways(known).items():
        yield {"figure": f"search_{way}", **asked(searcher, known, typed)}
    yield {"figure": "resident", "mb": psutil.Process().memory_info().rss >> 20, **own_memory()}
    yield {"figure": "nearness", **nearness(searcher, places, ways(known)["noisy"][:100])}
    yield {"figure": "changes", **changes(searcher, places, ways(known)["accented"])}


def own_memory() -> Figure:
    """Return what of the memory is this process's alone; the rest are pages of files, given back when others want."""
    info = psutil.Process().memory_full_info()
    return {"own_mb": info.uss >> 20} if hasattr(info, "uss") else {}


def drawn(searcher: Searcher, places: Places) -> list[Record]:
    """Return records drawn with a seed, all with a title."""
    chance, index = random.Random(3), searcher.index
    rows = chance.sample(range(index.manifest.records), min(2 * _KNOWN, index.manifest.records))
    records = Catalogue(places.catalogue).in_order([index.record_id(row) for row in rows])
    return [record for record in records if len(record.title.split()) > 2][:_KNOWN]


def ways(known: Sequence[Record]) -> dict[str, list[str]]:
    """Return the titles as they stand, without marks, and as hurried patrons type them."""
    chance, titles = random.Random(4), [record.title for record in known]
    return {
        "accented": titles,
        "unaccented": [fold(title) for title in titles],
        "noisy": [hurried(title, chance) for title in titles],
    }


def asked(searcher: Searcher, known: Sequence[Record], typed: Sequence[str]) -> Figure:
    took, worked, found = [], [], 0
    for record, text in zip(known, typed, strict=True):
        began, before = time.perf_counter(), time.process_time()
        hits = searcher.search(text)
        took.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - before) * 1000)
        found += record.record_id in {hit.record_id for hit in hits}
    share = round(found / len(known), 3)
    return {**spread(took), **{f"cpu_{name}": ms for name, ms in spread(worked).items()}, "found_in_ten": share}


def nearness(searcher: Searcher, places: Places, typed: Sequence[str]) -> Figure:
    """Return how many of the ten nearest vectors, reckoned over every record, the index finds."""
    embedder, meaning = searcher.embedder, searcher.index.meaning
    assert embedder
    assert meaning
    queries = embedder.queries(typed)
    took, hits = [], []
    for query in queries:
        began = time.perf_counter()
        hits.append([row for row, _ in meaning.search(query, 10)])
        took.append((time.perf_counter() - began) * 1000)
    ids = [[searcher.index.record_id(row) for row in rows] for rows in hits]
    wanted = {record_id for each in ids for record_id in each}
    best, found = np.full((len(typed), 10), -1, np.float32), dict[str, Any]()
    for batch in batches(Catalogue(places.catalogue)):
        scores = queries @ embedder.passages([passage(record) for record in batch]).T
        found |= {record.record_id: scores[:, at] for at, record in enumerate(batch) if record.record_id in wanted}
        best = -np.sort(-np.hstack((best, scores)), axis=1)[:, :10]
    right = sum(found[record_id][at] >= best[at, -1] - _ALIKE for at, each in enumerate(ids) for record_id in each)
    return {"recall_at_10": round(right / best.size, 4), **spread(took)}


def batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    stream = iter(records)
    while batch := list(islice(stream, _BATCH)):
        yield batch


def changes(searcher: Searcher, places: Places, typed: Sequence[str]) -> Figure:
    """Change 900 records and delete 100 while readers search; return how long until searches know it."""
    catalogue, chance = Catalogue(places.catalogue), random.Random(time.time_ns())
    rows = chance.sample(range(searcher.index.manifest.records), min(_CHANGED, searcher.index.manifest.records))
    records = catalogue.in_order([searcher.index.record_id(row) for row in rows])
    deleted, changed = records[: len(records) // 10], records[len(records) // 10 :]
    stamp = f"bản sửa {time.time_ns()}"
    with Readers(searcher, typed) as readers:
        time.sleep(1)
        began = time.perf_counter()
        catalogue.upsert(replace(record, summary=stamp) for record in changed)
        catalogue.delete([record.record_id for record in deleted])
        index_folder.update(places.index, catalogue, embedder=searcher.embedder)
        searcher.search(typed[0])
        took = since(began)
        time.sleep(0.5)
    return {
        "s": took,
        "changes": len(records),
        "failed_searches": len(readers.failed),
        "searches": len(readers.took),
        **spread(readers.took),
    }


class Readers:
    """Threads that search without a pause until they are told to stop."""

    def __init__(self, searcher: Searcher, typed: Sequence[str]) -> None:
        self.took: list[float] = []
        self.failed: list[Exception] = []
        self._searcher, self._typed = searcher, typed
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._search, args=(each,), daemon=True) for each in range(_READERS)]

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _search(self, number: int) -> None:
        chance = random.Random(number)
        while not self._over.is_set():
            began = time.perf_counter()
            try:
                self._searcher.search(chance.choice(self._typed))
            except Exception as exc:  # counted: none is the goal
                self.failed.append(exc)
            self.took.append((time.perf_counter() - began) * 1000)


def spread(ms: Sequence[float]) -> Figure:
    return {
        "p50_ms": round(float(np.percentile(ms, 50)), 2),
        "p95_ms": round(float(np.percentile(ms, 95)), 2),
    }


def cpu_s(before: float = 0) -> float:
    """Return the seconds of a core that this process and its ended children took, beyond those before."""
    spent = os.times()
    return round(spent.user + spent.system + spent.children_user + spent.children_system - before, 2)


def since(began: float) -> float:
    return round(time.perf_counter() - began, 2)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
