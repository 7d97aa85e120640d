"""The static encoder while it learns: a table first filled from the teacher's vectors of its units, then trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieval.embedder import Vectors
from retrieval.static_features import Lexicon, bare
from retrieval.training.corpus import Units

_COMMON = 1e-3  # a word said more often than once in a thousand weighs less than half (Arora et al. 2017)
_PAIR = 0.7
_ACCENT = 0.5
_BUCKETS = 8192


@dataclass(frozen=True)
class Narrowing:
    """From the teacher's space to ours: what all texts share is taken out, and the widest directions are kept."""

    mean: Vectors
    axes: Vectors

    @classmethod
    def fit(cls, vectors: Vectors, width: int, dropped: int) -> Narrowing:
        """Return the principal axes of the vectors without the first `dropped`, which hardly tell texts apart."""
        mean = vectors.mean(axis=0)
        _, found = np.linalg.eigh(np.cov(vectors - mean, rowvar=False))
        return cls(mean, np.ascontiguousarray(found[:, ::-1][:, dropped : dropped + width], dtype=np.float32))

    def __call__(self, vectors: Vectors) -> Vectors:
        """Return the narrow vectors, of unit length."""
        narrow = (vectors - self.mean) @ self.axes
        return np.asarray(narrow / np.maximum(np.linalg.norm(narrow, axis=1, keepdims=True), 1e-8), np.float32)


def lexicon(units: Units) -> Lexicon:
    folded = list(units.folded)
    at = {word: row for row, word in enumerate(folded)}
    keys = sorted(at[first] * len(folded) + at[second] for first, second in units.pairs)
    return Lexicon(folded, units.accented, np.array(keys, np.int64), _BUCKETS)


def first_table(units: Units, words: Lexicon, folded: Vectors, accented: Vectors, pairs: Vectors) -> Vectors:
    """Return the table before training: each unit's narrowed vector, lighter the more common its words are."""
    weights = np.array([_COMMON / (_COMMON + units.frequency.get(word, 0)) for word in units.folded], np.float32)
    weighted = weights[:, None] * folded
    parts = [weighted, _differences(units, weights, folded, accented), _in_order(units, weights, pairs)]
    return np.concatenate([*parts, _letters(words, weighted)])


def _differences(units: Units, weights: Vectors, folded: Vectors, accented: Vectors) -> Vectors:
    """Return what a word as written adds to its folded form; nothing where that form has no row."""
    at = {word: row for row, word in enumerate(units.folded)}
    form = np.array([at.get(bare(word), -1) for word in units.accented])
    added = _ACCENT * weights[form, None] * (accented - folded[form])
    added[form < 0] = 0
    return np.asarray(added, np.float32)


def _in_order(units: Units, weights: Vectors, pairs: Vectors) -> Vectors:
    """Return the pairs' rows in the lexicon's order."""
    at = {word: row for row, word in enumerate(units.folded)}
    first, second = np.array([(at[a], at[b]) for a, b in units.pairs]).T
    order = np.argsort(first * len(at) + second)
    return np.asarray((_PAIR * np.sqrt(weights[first] * weights[second])[:, None] * pairs)[order], np.float32)


def _letters(words: Lexicon, folded: Vectors) -> Vectors:
    """Return the buckets of letters: the mean of the words that have them, so that a slip stays near its word."""
    sums = np.zeros((words.buckets, folded.shape[1]), np.float32)
    counts = np.zeros(words.buckets, np.float32)
    for row, word in enumerate(words.folded):
        buckets = np.array(words.letters(word)) - (len(words) - words.buckets)
        np.add.at(sums, buckets, folded[row] / len(buckets))
        np.add.at(counts, buckets, 1)
    return np.asarray(sums / np.maximum(counts, 1)[:, None], np.float32)
