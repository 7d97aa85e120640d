"""Learns how much each feature speaks for a record, from judged queries over indexed catalogues.

    python -m retrieval.training.ranker --out retrieval/ranker.json VAR QUERIES.tsv [VAR QUERIES.tsv …]

VAR is a folder of data with an index that finds by the fast encoder. A listwise linear model: the weights under which
the records that are right are most likely picked first, drawn towards those in use so that what the queries tell
nothing about stays as it was.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.commands import Places
from retrieval.embedder import FAST, open_embedder
from retrieval.evaluate import Judged, read_judged
from retrieval.facets import Filters
from retrieval.ranker import FEATURES, matrix, weights_in_use
from retrieval.search import Query, Search
from retrieval.searcher import Searcher

_STEPS, _PACE = 300, 0.05
_CAUTION = 0.03  # pull towards the weights in use
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """The candidates of one query: their features, and how right each is, adding up to one."""

    features: Numbers
    right: Numbers


def groups(searcher: Searcher, judged: Sequence[Judged]) -> Iterator[Group]:
    """Yield the candidates of each query that has right and wrong ones among them."""
    for each in judged:
        search = Search(searcher.index, searcher.meaning, Query(each.query), Filters())
        evidence = search.evidence()
        grades = np.array([float(each.relevant.get(searcher.index.record_id(row), 0)) for row in evidence])
        if 0 < np.count_nonzero(grades) < len(grades):
            yield Group(matrix(search.agreements(evidence)), grades / grades.sum())


def learn(parts: Sequence[Sequence[Group]], start: Numbers) -> Numbers:
    """Return the weights that make right records likeliest; every part counts the same, however many its queries."""
    features, right, weight = _padded(parts)
    there = features.any(axis=2)
    weights, speed, size = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step in range(1, _STEPS + 1):
        scores = np.where(there, features @ weights, -1e9)
        chosen = np.exp(scores - scores.max(axis=1, keepdims=True))
        chosen /= chosen.sum(axis=1, keepdims=True)
        slope = np.einsum("q,qc,qcf->f", weight, chosen - right, features) + _CAUTION * (weights - start)
        speed = 0.9 * speed + 0.1 * slope
        size = 0.999 * size + 0.001 * slope**2
        weights = weights - _PACE * (speed / (1 - 0.9**step)) / (np.sqrt(size / (1 - 0.999**step)) + 1e-8)
    return weights


def _padded(parts: Sequence[Sequence[Group]]) -> tuple[Numbers, Numbers, Numbers]:
    every = [group for part in parts for group in part]
    most = max(len(group.right) for group in every)
    features, right = np.zeros((len(every), most, len(FEATURES))), np.zeros((len(every), most))
    for at, group in enumerate(every):
        features[at, : len(group.right)] = group.features
        right[at, : len(group.right)] = group.right
    return features, right, np.concatenate([np.full(len(part), 1 / len(part) / len(parts)) for part in parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("given", nargs="+", type=Path, metavar="VAR QUERIES")
    told = parser.parse_args()
    parts = []
    for var, queries in zip(told.given[::2], told.given[1::2], strict=True):
        searcher = Places.under(var).searcher(open_embedder(FAST))
        searcher.warm_up()
        parts.append(list(groups(searcher, read_judged(queries))))
        print(f"{queries}: {len(parts[-1])} queries to learn from")
    weights = learn(parts, weights_in_use())
    learnt = {name: round(float(weight), 3) for name, weight in zip(FEATURES, weights, strict=True)}
    told.out.write_text(json.dumps({"weights": learnt}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
