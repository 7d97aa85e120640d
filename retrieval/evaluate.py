"""Measures finding: records over judged queries, answers over asked paraphrases; every figure from 0 to 1."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from pathlib import Path
from typing import Any, Protocol

from library.text import nfc
from retrieval.searcher import Hit

_DEPTH = 10


class EvaluationError(Exception):
    """A file of judgements is not as it must be. The message names file and line."""


@dataclass(frozen=True)
class Judged:
    query: str
    relevant: Mapping[str, int]  # record id → how right it is, 1 and up
    tags: tuple[str, ...]

    @classmethod
    def of(cls, query: str, relevant: Iterable[str], tags: tuple[str, ...]) -> Judged:
        """Return a query whose relevant records are all equally right."""
        return cls(query, dict.fromkeys(sorted(relevant), 1), tags)


class _Searches(Protocol):
    def search(self, query: str, n: int) -> list[Hit]: ...


def read_judged(path: Path) -> list[Judged]:
    """Return the judged queries of a table: query, relevant record ids (commas), tags (commas).

    An id may bear a grade, "1082167:3"; one without is worth 1.
    """
    judged = []
    for number, row in enumerate(rows(path), 1):
        if number == 1 and row[:1] == ["query"]:
            continue
        if len(row) < 2 or not row[1].strip():
            raise EvaluationError(f"{path}, line {number}: a line is query, relevant ids, tags, divided by tabs")
        tags = tuple(filter(None, row[2].split(","))) if len(row) > 2 else ()
        judged.append(Judged(row[0], _graded(row[1], f"{path}, line {number}"), tags))
    return judged


def _graded(ids: str, where: str) -> dict[str, int]:
    grades: dict[str, int] = {}
    for each in filter(None, (part.strip() for part in ids.split(","))):
        record_id, colon, grade = each.rpartition(":")
        # In a union the id itself holds a colon ("TG:1082167"), and its last part may be a number as well.
        if colon and len(grade) == 1 and grade in "123456789":
            grades[record_id] = int(grade)
        else:
            grades[each] = 1
    if not grades:
        raise EvaluationError(f"{where}: no relevant ids")
    return grades


def rows(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            return [[nfc(cell.strip()) for cell in row] for row in rows if any(row)]
    except (OSError, UnicodeDecodeError) as exc:
        raise EvaluationError(f"{path}: cannot be read ({exc}); it must be a table in UTF-8 divided by tabs") from exc


def catalogue(searcher: _Searches, judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the measures over all queries and by tag."""
    by_tag: dict[str, list[dict[str, float]]] = defaultdict(list)
    every = []
    for each in judged:
        found = [hit.record_id for hit in searcher.search(each.query, _DEPTH)]
        figures = _figures(found, each.relevant)
        every.append(figures)
        for tag in each.tags:
            by_tag[tag].append(figures)
    return {"all": _mean(every), "by_tag": {tag: _mean(rows) for tag, rows in sorted(by_tag.items())}}


def _figures(found: Sequence[str], relevant: Mapping[str, int]) -> dict[str, float]:
    """Return one query's measures; recall@n is the share of what could be found in n places. Only nDCG heeds grades."""
    gains = [relevant.get(each, 0) for each in found[:_DEPTH]]
    first = next((place for place, gain in enumerate(gains, 1) if gain), 0)
    figures = {f"recall@{n}": sum(map(bool, gains[:n])) / min(n, len(relevant)) for n in (1, 5, 10)}
    ideal = _discounted(sorted(relevant.values(), reverse=True)[:_DEPTH])
    return {**figures, "mrr": 1 / first if first else 0.0, "ndcg@10": _discounted(gains) / ideal}


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(place + 1) for place, gain in enumerate(gains, 1))


def _mean(each: Sequence[dict[str, float]]) -> dict[str, float]:
    names = ("recall@1", "recall@5", "recall@10", "mrr", "ndcg@10")
    return {"n": len(each), **{name: round(sum(row[name] for row in each) / max(1, len(each)), 4) for name in names}}
