"""Grams counted into sparse rows: sublinear counts, rare grams heavier, each group of unit length times its weight."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import Dict, List, Mapping, Sequence, Tuple

import numpy as np
from scipy.sparse import csr_matrix

Grams = Mapping[str, List[str]]  # group → the grams of one message
Row = Tuple[List[int], List[float]]


@dataclass(frozen=True)
class GramTable:
    """The columns and rarities learned from examples; grams never seen there are left out of a row."""

    weights: Dict[str, float]
    columns: Dict[str, Dict[str, int]]
    rarity: np.ndarray

    @classmethod
    def learned(
        cls, examples: Sequence[Grams], weights: Dict[str, float], least: Mapping[str, int] = MappingProxyType({})
    ) -> GramTable:
        """Return the table of these examples; of a group in `least`, only grams that so many of them hold."""
        columns: Dict[str, Dict[str, int]] = {}
        counts: List[int] = []
        for group in weights:
            seen = Counter(gram for grams in examples for gram in set(grams[group]))
            kept = [gram for gram, count in seen.items() if count >= least.get(group, 1)]
            columns[group] = {gram: at for at, gram in enumerate(kept, len(counts))}
            counts += [seen[gram] for gram in kept]
        rarity = np.log((1 + len(examples)) / (1 + np.array(counts))) + 1
        return cls(weights, columns, rarity.astype(np.float32))

    def row(self, grams: Grams) -> Row:
        """Return the columns of a message's grams and their values."""
        at: List[int] = []
        values: List[float] = []
        for group, weight in self.weights.items():
            columns = self.columns[group]
            counted = Counter(column for gram in grams[group] if (column := columns.get(gram)) is not None)
            heavy = [(1 + math.log(n)) * self.rarity[column] for column, n in counted.items()]
            length = math.sqrt(sum(value * value for value in heavy))
            at += counted
            values += [weight * value / length for value in heavy]
        return at, values

    def rows(self, examples: Sequence[Grams]) -> csr_matrix:
        found = [self.row(grams) for grams in examples]
        ends = np.cumsum([0] + [len(at) for at, _ in found])
        data = np.array([value for _, values in found for value in values], np.float32)
        indices = np.array([column for at, _ in found for column in at], np.int32)
        return csr_matrix((data, indices, ends), shape=(len(found), len(self.rarity)))
