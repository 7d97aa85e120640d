"""Puts several rankings of the same rows together, and orders the best of them by all that speaks for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from retrieval.agreement import Agreement

K = TypeVar("K", bound=Hashable)

_DEPTH = 20  # how fast a place in a ranking loses worth: low favours what stands first in one of them
_BY_CHANCE = 1.0  # of score: less than agreeing on a volume is worth
_WEIGHTS = Path(__file__).with_name("ranker.json")


@dataclass(frozen=True)
class Ranking(Generic[K]):
    """Keys, best first, and how much this ranking counts beside the others. Keys of equal score share a place."""

    keys: Sequence[K]
    weight: float = 1.0
    scores: Sequence[float] = ()

    def places(self) -> Iterator[tuple[int, K]]:
        """Yield each key with its place, from 0."""
        place = 0
        for at, key in enumerate(self.keys):
            if not self.scores or self.scores[at] != self.scores[place]:
                place = at
            yield place, key

    @classmethod
    def of(cls, found: Sequence[tuple[K, float]], weight: float) -> Ranking[K]:
        """Return the ranking of keys that were found with these scores, best first."""
        return cls([key for key, _ in found], weight, [score for _, score in found])


def fused(rankings: Sequence[Ranking[K]]) -> dict[K, float]:
    """Return the reciprocal rank fusion: 1.0 for a key that stands first in every ranking, less for the rest."""
    whole = sum(ranking.weight for ranking in rankings)
    scores: dict[K, float] = {}
    for ranking in rankings:
        for place, key in ranking.places():
            scores[key] = scores.get(key, 0.0) + ranking.weight / whole * _DEPTH / (_DEPTH + place)
    return scores


def ordered(scores: dict[K, float]) -> list[tuple[K, float]]:
    """Return keys with their score, best first."""
    return sorted(scores.items(), key=lambda pair: -pair[1])


def in_series_order(
    best: Sequence[tuple[K, float]], series: Callable[[K], tuple[str, tuple[int, ...]]]
) -> list[tuple[K, float]]:
    """Return the keys with the volumes of one work in their order, in the places they hold together.

    `series` tells which work a key is a volume of and which one; '' is none. Volumes that differ more in score than
    by chance stay where they are: one of them was asked for.
    """
    held: dict[str, list[int]] = {}
    told = [series(key) for key, _ in best]
    for place, (work, _) in enumerate(told):
        if work:
            held.setdefault(work, []).append(place)
    result = list(best)
    for places in held.values():
        run = [place for place in places if best[places[0]][1] - best[place][1] < _BY_CHANCE]
        for place, source in zip(run, sorted(run, key=lambda place: told[place][1]), strict=True):
            result[place] = (best[source][0], best[place][1])
    return result


FEATURES = Agreement._fields


@cache
def weights_in_use() -> NDArray[np.float64]:
    """Return the weight of each feature; `retrieval.training.ranker` proposes others from judged queries."""
    told = json.loads(_WEIGHTS.read_text(encoding="utf-8"))["weights"]
    return np.array([told[name] for name in FEATURES])


def scores_of(agreements: Sequence[Agreement]) -> list[float]:
    """Return how well each agreement speaks for its record; higher is better, comparable within one search."""
    return [float(score) for score in matrix(agreements) @ weights_in_use()] if agreements else []


def matrix(agreements: Sequence[Agreement]) -> NDArray[np.float64]:
    """Return the features of each, one row each, in the order of FEATURES."""
    return np.array(agreements, dtype=np.float64)
