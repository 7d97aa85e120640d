"""What the intent classifier learned: a linear weight for each intent and gram, and for each direction of meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Sequence, Tuple

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.svm import LinearSVC

from bot.components.gram_table import Grams, GramTable
from bot.components.intent_grams import GROUPS, Said
from bot.components.spans import Span
from bot.components.word_vectors import WordVectors
from library.text import Normalised

WEIGHTS = {"letters": 1.0, "signs": 1.0, "words": 0.5, "pairs": 1.0, "accents": 0.5, "places": 0.5}
# Most pairs are met in one example, that is, in its two or three copies: they tell little and would fill the memory.
LEAST = {"pairs": 4}

Heard = Tuple[Normalised, Sequence[Span]]


def grams(heard: Heard) -> Grams:
    """Return the grams of a message with these slots, by group."""
    said = Said(*heard)
    return {group: of(said) for group, of in GROUPS.items()}


@dataclass(frozen=True)
class Choice:
    """`gram_weights` has a row for each column of the table, `vector_weights` one for each dimension of the vectors."""

    table: GramTable
    vectors: WordVectors
    intents: List[str]
    gram_weights: np.ndarray
    vector_weights: np.ndarray
    offsets: np.ndarray

    @classmethod
    def learned(cls, examples: Sequence[Heard], intents: Sequence[str], vectors: WordVectors, c: float) -> Choice:
        # The grams are made twice: kept as strings, those of all examples would take a gigabyte.
        table = GramTable.learned(map(grams, examples), WEIGHTS, LEAST)
        meanings = csr_matrix(np.array([vectors.of(message) for message, _ in examples], np.float32))
        svm = LinearSVC(C=c, class_weight="balanced", random_state=0)
        svm.fit(hstack([table.rows(map(grams, examples)), meanings], "csr", np.float64), intents)
        learned = np.ascontiguousarray(svm.coef_.T, dtype=np.float16)
        size = len(table.rarity)
        names = [str(name) for name in svm.classes_]
        return cls(
            table, vectors, names, learned[:size], learned[size:].astype(np.float32), svm.intercept_.astype(np.float32)
        )

    def margins(self, heard: Heard) -> np.ndarray:
        """Return by intent how far on its side of the border the message lies."""
        at, values = self.table.row(grams(heard))
        told = np.asarray(values, np.float32) @ self.gram_weights[at].astype(np.float32)
        return np.asarray(told + self.vectors.of(heard[0]) @ self.vector_weights + self.offsets)
