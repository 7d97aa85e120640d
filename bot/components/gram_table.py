"""Grams counted into sparse rows: sublinear counts, rare grams heavier, each group of unit length times its weight."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import Dict, Iterable, List, Mapping, Tuple

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
        cls, examples: Iterable[Grams], weights: Dict[str, float], least: Mapping[str, int] = MappingProxyType({})
    ) -> GramTable:
        """Return the table of these examples; of a group in `least`, only grams that so many of them hold."""
        seen: Dict[str, Counter[str]] = {group: Counter() for group in weights}
        size = 0
        for grams in examples:
            size += 1
            for group, counter in seen.items():
                counter.update(set(grams[group]))
        columns: Dict[str, Dict[str, int]] = {}
        counts: List[int] = []
        for group, counter in seen.items():
            kept = [gram for gram, count in counter.items() if count >= least.get(group, 1)]
            columns[group] = {gram: at for at, gram in enumerate(kept, len(counts))}
            counts += [counter[gram] for gram in kept]
        rarity = np.log((1 + size) / (1 + np.array(counts))) + 1
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

    def rows(self, examples: Iterable[Grams]) -> csr_matrix:
        """Return the rows of these examples, in their order; takes eight bytes a value while it is made."""
        columns, values, ends = array("i"), array("f"), array("q", [0])
        for grams in examples:
            at, row = self.row(grams)
            columns.extend(at)
            values.extend(row)
            ends.append(len(columns))
        parts = np.frombuffer(values, np.float32), np.frombuffer(columns, np.int32), np.frombuffer(ends, np.int64)
        return csr_matrix(parts, shape=(len(ends) - 1, len(self.rarity)))
