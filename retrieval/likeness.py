"""How alike short texts are by their terms: TF-IDF cosines over a few thousand texts, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.passages import words

Terms = Callable[[str], list[str]]
Scores = NDArray[np.float32]


def exact_terms(text: str) -> list[str]:
    return words(text).exact


def folded_terms(text: str) -> list[str]:
    return words(text).folded


def letter_terms(text: str) -> list[str]:
    """Return runs of three letters, which survive slips of the keyboard."""
    text = f" {' '.join(words(text).folded)} "
    return [text[at : at + 3] for at in range(len(text) - 2)]


class Likeness:
    """The texts of a book, ready to be compared with a question by one kind of terms."""

    def __init__(self, texts: Sequence[str], terms: Terms) -> None:
        self._terms, self._size = terms, len(texts)
        counted = [Counter(terms(text)) for text in texts]
        holders: Counter[str] = Counter(term for each in counted for term in each)
        self._rarity = {term: float(np.log((1 + self._size) / (1 + n)) + 1) for term, n in holders.items()}
        self._unseen = float(np.log(1 + self._size) + 1)
        rows: dict[str, list[int]] = {term: [] for term in holders}
        weights: dict[str, list[float]] = {term: [] for term in holders}
        for row, counts in enumerate(counted):
            weighed = self._weighed(counts)
            for term, weight in weighed.items():
                rows[term].append(row)
                weights[term].append(weight)
        self._rows = {term: np.array(found, dtype=np.int64) for term, found in rows.items()}
        self._weights = {term: np.array(found, dtype=np.float32) for term, found in weights.items()}

    def _weighed(self, counts: Counter[str]) -> dict[str, float]:
        weighed = {term: (1 + np.log(n)) * self._rarity.get(term, self._unseen) for term, n in counts.items()}
        length = float(np.sqrt(sum(weight * weight for weight in weighed.values()))) or 1.0
        return {term: float(weight) / length for term, weight in weighed.items()}

    def scores(self, question: str) -> Scores:
        """Return the cosine of the question with each text, from 0 to 1."""
        scores = np.zeros(self._size, dtype=np.float32)
        for term, weight in self._weighed(Counter(self._terms(question))).items():
            if term in self._rows:
                scores[self._rows[term]] += weight * self._weights[term]
        return scores
