"""Figures of finding, one JSON line each: `python -m bench.retrieval [file.mrc]`.

Without a file it takes the demo library. Everything is built in a temporary folder.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from library.text import fold
from retrieval import commands, encoder, evaluate
from retrieval.catalogue import Catalogue
from retrieval.commands import Places
from retrieval.evaluate import Judged

DEMO = Path(__file__).resolve().parent.parent / "demo"
_TITLES = 200  # known-item queries: every so many-th title of the catalogue


def main(source: Path | None = None) -> None:
    with TemporaryDirectory() as folder:
        for figure in figures(source or DEMO / "catalogue.mrc", Path(folder)):
            print(json.dumps(figure, ensure_ascii=False), flush=True)


def figures(source: Path, var: Path) -> Iterator[dict[str, Any]]:
    took, path = timed(lambda: encoder.set_up(var / "encoder"))
    yield {"figure": "encoder_setup", "s": took}
    places = Places.under(var, path)
    took, account = timed(lambda: commands.import_catalogue(source, places))
    yield {"figure": "import_until_found_by_words", "s": took, "records": account.read, "stored": account.stored.total,
           "refused": account.refused, "repeated": account.repeated}  # fmt: skip
    took, _ = timed(lambda: commands.open_index(places))
    yield {"figure": "open_index", "s": took}
    yield from searches(places, "words")
    commands.import_answers(DEMO / "answers", places, datetime(2026, 11, 22))
    took, manifest = timed(lambda: commands.build_index(places))
    yield {"figure": "index_with_meaning", "s": took, "records_per_s": round(manifest.records / took, 1)}
    yield from searches(places, "words_and_meaning")
    yield from answers(places)
    yield {"figure": "peak_memory", "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = work()
    return round(time.perf_counter() - begun, 3), result


def searches(places: Places, name: str) -> Iterator[dict[str, Any]]:
    """Yield how known titles are found, typed with and without marks, and how quickly."""
    searcher = places.searcher(places.embedder() if name == "words_and_meaning" else None)
    searcher.warm_up()
    judged = list(known_titles(Catalogue(places.catalogue)))
    took = [timed(lambda query=each.query: searcher.search(query))[0] * 1000 for each in judged]  # type: ignore[misc]
    yield {"figure": f"search_{name}", **spread(took)}
    yield {"figure": f"search_{name}_quality", **evaluate.catalogue(searcher, judged)["by_tag"]}


def known_titles(catalogue: Catalogue) -> Iterator[Judged]:
    """Yield titles as queries; every record of that very title is right, marks and all."""
    records = list(catalogue)
    same: dict[str, set[str]] = {}
    for record in records:
        same.setdefault(record.title.lower(), set()).add(record.record_id)
    for record in records[:: max(1, len(records) // _TITLES)]:
        right = frozenset(same[record.title.lower()])
        yield Judged.of(record.title, right, ("accented",))
        yield Judged.of(fold(record.title), right, ("unaccented",))


def answers(places: Places) -> Iterator[dict[str, Any]]:
    yield {"figure": "answers_quality", **commands.eval_own_answers(places)}
    embedder = places.embedder()
    if embedder:
        embedder.queries(["thư viện"])  # until its model is loaded, answers are found by words alone
    searcher = places.answer_searcher(embedder)
    searcher.warm_up()
    took, _ = timed(lambda: searcher.ask("mượn được mấy cuốn"))
    yield {"figure": "answers_swap", "s": took}
    asked = [phrasing for answer in searcher.shelf.answers for phrasing in answer.phrasings[:1]]
    yield {
        "figure": "answers_ask",
        **spread([timed(lambda text=text: searcher.ask(f"{text} thì thế nào"))[0] * 1000 for text in asked]),
    }  # type: ignore[misc]


def spread(ms: list[float]) -> dict[str, float]:
    ordered = sorted(ms)
    return {
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(len(ordered) * 0.95)], 1),
        "n": len(ms),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
