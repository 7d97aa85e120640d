"""The training examples that are most like a message: evidence for librarians, worked out only when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

import joblib
import numpy as np
from scipy.sparse import csr_matrix

from bot.components.gram_table import GramTable
from bot.components.intent_grams import letters, runs
from library.text import normalise

WEIGHTS = {"words": 0.8, "letters": 0.6}  # squares add up to one: the likeness of a text with itself


@dataclass(frozen=True)
class Neighbour:
    """An example, what it means, and how like it is: 1 for the same words, 0 for nothing in common."""

    text: str
    intent: str
    likeness: float


@dataclass
class Neighbours:
    """Examples in a file beside the classifier; their grams are counted at the first question."""

    examples: Sequence[Tuple[str, str]]
    _table: Optional[GramTable] = None
    _rows: Optional[csr_matrix] = None

    def save(self, path: Path) -> None:
        joblib.dump(list(self.examples), path, compress=3)

    @classmethod
    def load(cls, path: Path) -> Neighbours:
        return cls(joblib.load(path))

    def nearest(self, typed: str, most: int) -> List[Neighbour]:
        """Return the examples that share most with the text, best first; none that shares nothing."""
        if self._table is None or self._rows is None:
            seen = [_grams(text) for text, _ in self.examples]
            self._table = GramTable.learned(seen, WEIGHTS)
            self._rows = self._table.rows(seen)
        likeness = (self._rows @ self._table.rows([_grams(typed)]).T).toarray()[:, 0]
        best = np.argsort(-likeness, kind="stable")[:most]
        return [Neighbour(*self.examples[at], round(float(likeness[at]), 3)) for at in best if likeness[at] > 0]


def _grams(text: str) -> Dict[str, List[str]]:
    words = [token.folded for token in normalise(text).tokens]
    return {"words": runs(words, 1, 2), "letters": letters(words, 3, 3)}
