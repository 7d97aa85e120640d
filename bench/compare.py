"""Ways of finding side by side, on the same records and queries: `python -m bench.compare [--records FILE …] [-n 300]`.

Ours with the fast and the thorough encoder; SQLite FTS5 and plain BM25, as a library system would set them up; e5 alone
by its vectors. The queries are drawn from the records with a seed, each typed with marks, without, and hurriedly.
One JSON line for each way of finding. Without files it takes the demo library's records.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np
import tantivy

from bench.scale import DEMO, spread
from retrieval import commands, encoder, evaluate, intake, known_items
from retrieval.catalogue import Catalogue
from retrieval.commands import Places
from retrieval.embedder import FAST, THOROUGH_FOLDER, Embedder, SentenceEmbedder
from retrieval.evaluate import Judged
from retrieval.passages import passage
from retrieval.record import Record
from retrieval.searcher import Hit

_SEED = 11


class Finder(Protocol):
    def search(self, query: str, n: int) -> list[Hit]: ...


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.compare")
    parser.add_argument("--records", type=Path, nargs="+", default=[DEMO], help="files of records")
    parser.add_argument("-n", type=int, default=300, help="known items asked for, each in three ways")
    parser.add_argument("--most", type=int, default=0, help="records taken, evenly drawn; 0: all")
    told = parser.parse_args(arguments)
    with TemporaryDirectory() as folder:
        for figure in compared(told.records, Path(folder), told.n, told.most):
            print(json.dumps(figure, ensure_ascii=False), flush=True)


def compared(files: Sequence[Path], var: Path, n: int, most: int) -> Iterator[dict[str, Any]]:
    whole = Catalogue(var / "all.sqlite")
    for file in files:
        intake.take_in(file, whole)
    records = [record for record in whole if record.title]
    if most:
        records = records[:: max(1, len(records) // most)][:most]
    judged = list(known_items.draw(records, n, _SEED))
    yield {"figure": "compared_on", "records": len(records), "queries": len(judged)}
    ways: dict[str, Callable[[], Finder]] = {
        "ours, fast": lambda: ours(records, var / "fast", FAST),
        "SQLite FTS5": lambda: FullText(records),
        "plain BM25": lambda: PlainBM25(records),
        "e5 alone": lambda: Nearest(records, SentenceEmbedder(e5(var))),
        "ours, thorough": lambda: ours(records, var / "thorough", str(e5(var))),
    }
    for name, make in ways.items():
        began = time.perf_counter()
        finder = make()
        yield {"figure": name, "ready_s": round(time.perf_counter() - began, 1), **measured(finder, judged)}


def measured(finder: Finder, judged: Sequence[Judged]) -> dict[str, Any]:
    """Return recall, MRR and milliseconds, for each way of typing."""
    timed = Timed(finder)
    found = evaluate.catalogue(timed, judged)["by_tag"]
    kept = ("recall@1", "recall@5", "recall@10", "mrr")
    ways = ("accented", "unaccented", "noisy")
    return {**spread(timed.ms), **{way: {name: found[way][name] for name in kept} for way in ways}}


class Timed:
    """A finder whose searches are timed."""

    def __init__(self, finder: Finder) -> None:
        self.ms: list[float] = []
        self._finder = finder
        finder.search("thư viện", 10)  # what is only loaded once is not counted

    def search(self, query: str, n: int) -> list[Hit]:
        began = time.perf_counter()
        hits = self._finder.search(query, n)
        self.ms.append((time.perf_counter() - began) * 1000)
        return hits


def ours(records: Sequence[Record], var: Path, name: str) -> Finder:
    var.mkdir()
    places = Places.under(var, name)
    Catalogue(places.catalogue).upsert(records)
    commands.build_index(places)
    searcher = places.searcher(places.embedder())
    searcher.warm_up()
    return searcher


def e5(var: Path) -> Path:
    """Return the folder of e5, made from its weights if set-up has not done so yet."""
    if THOROUGH_FOLDER.is_dir():
        return THOROUGH_FOLDER
    encoder.set_up(var / "encoder")
    return var / "encoder"


def words(query: str) -> list[str]:
    return re.findall(r"\w+", query.lower())


class FullText:
    """SQLite FTS5 with its tokenizer set to leave marks out; any word of the query may do, the best by BM25 first."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._database = sqlite3.connect(":memory:")
        self._database.execute(
            "CREATE VIRTUAL TABLE records USING fts5(id UNINDEXED, text, tokenize='unicode61 remove_diacritics 2')"
        )
        self._database.executemany("INSERT INTO records VALUES (?, ?)", ((r.record_id, passage(r)) for r in records))

    def search(self, query: str, n: int) -> list[Hit]:
        asked = " OR ".join(f'"{word}"' for word in words(query))
        rows = self._database.execute(
            "SELECT id, -rank FROM records WHERE records MATCH ? ORDER BY rank LIMIT ?", (asked, n)
        )
        return [Hit(record_id, score, ()) for record_id, score in rows]


class PlainBM25:
    """BM25 over words as they are written, marks and all: tantivy with its default analyser."""

    def __init__(self, records: Sequence[Record]) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("id", stored=True, tokenizer_name="raw")
        builder.add_text_field("text")
        self._index = tantivy.Index(builder.build())
        writer = self._index.writer()
        for record in records:
            writer.add_document(tantivy.Document(id=record.record_id, text=passage(record)))
        writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()

    def search(self, query: str, n: int) -> list[Hit]:
        asked = self._index.parse_query(" ".join(words(query)), ["text"])
        hits = self._searcher.search(asked, n).hits
        return [Hit(self._searcher.doc(address)["id"][0], float(score), ()) for score, address in hits]


class Nearest:
    """The records whose vectors are nearest to the query's, by one multiplication."""

    def __init__(self, records: Sequence[Record], embedder: Embedder) -> None:
        self._ids = [record.record_id for record in records]
        self._embedder = embedder
        self._vectors = embedder.passages([passage(record) for record in records])

    def search(self, query: str, n: int) -> list[Hit]:
        scores = self._vectors @ self._embedder.queries([query])[0]
        best = np.argsort(-scores)[:n]
        return [Hit(self._ids[at], float(scores[at]), ()) for at in best]


if __name__ == "__main__":
    main(sys.argv[1:])
