"""Puts several rankings of the same rows together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_DEPTH = 20  # how fast a place in a ranking loses worth: low favours what stands first in one of them


@dataclass(frozen=True)
class Ranking(Generic[K]):
    """Keys, best first, and how much this ranking counts beside the others."""

    keys: Sequence[K]
    weight: float = 1.0


def fused(rankings: Sequence[Ranking[K]]) -> dict[K, float]:
    """Return the reciprocal rank fusion: 1.0 for a key that stands first in every ranking, less for the rest."""
    whole = sum(ranking.weight for ranking in rankings)
    scores: dict[K, float] = {}
    for ranking in rankings:
        for place, key in enumerate(ranking.keys):
            scores[key] = scores.get(key, 0.0) + ranking.weight / whole * _DEPTH / (_DEPTH + place)
    return scores


def ordered(scores: dict[K, float], tiers: dict[K, float]) -> list[tuple[K, float]]:
    """Return keys with their score, best first: a higher tier (exact title, folded title) always before a lower one."""
    whole = {key: tiers.get(key, 0.0) + scores.get(key, 0.0) for key in scores.keys() | tiers.keys()}
    return sorted(whole.items(), key=lambda pair: -pair[1])
