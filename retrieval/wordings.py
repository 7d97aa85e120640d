"""The wordings of a book of answers as weighed terms, and how a question's terms point to one answer or another.

Terms are runs of letters, folded words, folded pairs and words as written, so that a slip of the keyboard or a missing
mark costs little. What tells one answer from the others is learnt from the wordings themselves (`retrieval.machines`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.blocks import Block
from retrieval.machines import Machines, Taught, columns
from retrieval.terms import KINDS, Read, TermBook

Scores = NDArray[np.float32]
_WHOLE = sum(kind**2 for kind in KINDS)  # the product of a text with itself
_STRANGER = 0.5  # by how much a word that no wording holds is rarer than the rarest


class Wordings:
    """The texts of every answer, ready to be compared with questions. Never changes."""

    def __init__(self, blocks: Sequence[Block], terms: TermBook, machines: Machines) -> None:
        counts = [len(block.texts) for block in blocks]
        self.owner: NDArray[np.int64] = np.repeat(np.arange(len(blocks)), counts)
        self.starts: NDArray[np.int64] = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
        self.held = [held for block in blocks for held in block.held]
        self.plain = [plain for block in blocks for plain in block.plain]
        self._book, self._answers, self._terms = terms, len(blocks), len(terms)
        rows = self._matrix([block.rows for block in blocks])
        self._known = np.bincount(rows.indices, minlength=self._terms) > 0
        self._columns = rows.T.tocsr()
        self._rarity = self._rarities(blocks)
        self.unseen = terms.rarest + _STRANGER
        sketches = np.stack([block.sketch for block in blocks]) if blocks else np.zeros((0, 1), np.float32)
        self._taught = Taught(rows, self.starts, [block.number for block in blocks], sketches)
        learnt = machines.learn(self._taught) if len(blocks) > 1 else []
        self._weights = columns(learnt, self._terms) if learnt else None
        self._bias = np.array([machine.bias for machine in learnt], np.float32)

    def _matrix(self, rows: Sequence[Any]) -> Any:
        from scipy.sparse import csr_matrix

        ids = np.concatenate([np.zeros(0, np.int32), *(each.ids for each in rows)])
        values = np.concatenate([np.zeros(0, np.float32), *(each.values for each in rows)])
        sizes = np.concatenate([np.zeros(1, np.int64), *(each.sizes for each in rows)])
        return csr_matrix((values, ids, np.cumsum(sizes)), shape=(len(sizes) - 1, self._terms))

    def _rarities(self, blocks: Sequence[Block]) -> dict[str, float]:
        every = frozenset[str]().union(*(block.held_in_all for block in blocks))
        return {word: self._book.rare(word) for word in every}

    def rare(self, word: str) -> float:
        """Return how rare the folded word is among the wordings; most for one that none holds."""
        return self._rarity.get(word, self.unseen)

    def terms(self, questions: Sequence[str]) -> Any:
        """Return the weighed terms of the questions, a sparse row each."""
        read: list[Read] = [self._book.looked_up(question, self._known) for question in questions]
        return self._matrix([self._book.rows(read)])

    def nearness(self, terms: Any) -> Scores:
        """Return the cosine of each question with each wording, shape (questions, wordings)."""
        near: Scores = (terms @ self._columns).toarray() / np.float32(_WHOLE)
        return near

    def margins(self, terms: Any) -> Scores:
        """Return how much each question is one of each answer, shape (questions, answers); above 0 it rather is."""
        if self._weights is not None:
            margins: Scores = (terms @ self._weights).toarray() + self._bias
            return margins
        alone = np.full((terms.shape[0], self._answers), -1.0, np.float32)
        if len(self.owner):
            alone[:, 0] = 2 * self.nearness(terms).max(axis=1) - 1
        return alone

    def margins_without(self, terms: Any, answer: int, rows: NDArray[np.int64]) -> Scores:
        """Return the questions' margins for an answer as they would be if it had not these rows."""
        if self._weights is None:
            return self.margins(terms)[:, answer]
        machine = self._taught.machine(answer, self._taught.neighbours_of(answer), without=rows)
        told: Scores = (terms @ columns([machine], self._terms)).toarray()[:, 0] + np.float32(machine.bias)
        return told

    def nearest_answers(self, place: int, n: int) -> list[tuple[int, float]]:
        """Return up to n other answers asked in like terms, and how alike they are, the likest first."""
        alike = self._taught.sketches @ self._taught.sketches[place]
        alike[place] = -1
        return [(int(i), float(alike[i])) for i in np.argsort(-alike, kind="stable")[: min(n, len(alike) - 1)]]
