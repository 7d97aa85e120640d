"""What tells one answer from the others: a linear support vector machine an answer, learnt against its neighbours.

An answer is like few others, so its machine is learnt from its own wordings and those of its nearest neighbours alone;
in a book of up to so many answers that is every other one. A machine that saw the same texts before is not learnt
again: one publication among 2,000 answers means some dozens of machines, not 2,000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.terms import Weights

NEIGHBOURS = 96  # answers: with 64 the demo's book and a university's of 238 answers refuse strangers less often
_SOFTNESS = 1.0
_TOLERANCE = 0.1  # a finer fit takes ten times as long and finds no more
_KEPT_FOR = 3  # books learnt since: going back to the last ones costs nothing
_FAINT = 2e-3  # a weight too small to tell anything


@dataclass(frozen=True)
class Machine:
    ids: NDArray[np.int32]
    weights: Weights
    bias: float


@dataclass(frozen=True)
class Taught:
    """Wordings of several answers; `number` of an answer stands for its texts."""

    rows: Any  # a sparse row a wording, grouped by answer
    starts: NDArray[np.int64]  # of each answer's rows; one more than answers
    numbers: Sequence[int]
    sketches: Weights  # a row an answer

    def neighbours(self) -> list[NDArray[np.int64]]:
        """Return of each answer the places of those most like it, its own as well, in the order of the book."""
        count = len(self.numbers)
        if count <= NEIGHBOURS + 1:
            return [np.arange(count)] * count
        alike = self.sketches @ self.sketches.T
        np.fill_diagonal(alike, np.inf)
        return list(np.sort(np.argpartition(-alike, NEIGHBOURS, axis=1)[:, : NEIGHBOURS + 1], axis=1))

    def neighbours_of(self, place: int) -> NDArray[np.int64]:
        """Return what `neighbours` has for one answer."""
        if len(self.numbers) <= NEIGHBOURS + 1:
            return np.arange(len(self.numbers))
        alike = self.sketches @ self.sketches[place]
        alike[place] = np.inf
        return np.sort(np.argpartition(-alike, NEIGHBOURS)[: NEIGHBOURS + 1])

    def machine(self, place: int, among: NDArray[np.int64], without: NDArray[np.int64] | None = None) -> Machine:
        """Return the machine of the answer at this place, learnt among these; `without` some rows of the whole."""
        from sklearn.svm import LinearSVC

        spans = [np.arange(self.starts[each], self.starts[each + 1]) for each in among]
        chosen = np.concatenate(spans)
        own = np.repeat(among == place, [len(span) for span in spans])
        if without is not None:
            left = ~np.isin(chosen, without)
            chosen, own = chosen[left], own[left]
        rows = self.rows[chosen]
        if own.all() or not own.any() or not rows.nnz:
            return Machine(np.zeros(0, np.int32), np.zeros(0, np.float32), -1.0)
        used = np.flatnonzero(np.bincount(rows.indices, minlength=rows.shape[1]))
        place_of = np.zeros(rows.shape[1], np.int32)
        place_of[used] = np.arange(len(used), dtype=np.int32)
        rows = type(rows)((rows.data, place_of[rows.indices], rows.indptr), shape=(len(chosen), len(used)))
        learnt = LinearSVC(C=_SOFTNESS, tol=_TOLERANCE, random_state=0).fit(rows, own)
        weights = learnt.coef_[0].astype(np.float32)
        telling = np.abs(weights) > _FAINT
        return Machine(used[telling].astype(np.int32), weights[telling], float(learnt.intercept_[0]))


class Machines:
    """Machines already learnt, by what they were learnt from."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, ...], tuple[Machine, int]] = {}
        self._books = 0

    def learn(self, taught: Taught) -> list[Machine]:
        """Return the machine of every answer."""
        self._books += 1
        machines = []
        for place, among in enumerate(taught.neighbours()):
            seen = (taught.numbers[place], *(taught.numbers[each] for each in among))
            known = self._known.get(seen)
            machine = known[0] if known else taught.machine(place, among)
            self._known[seen] = machine, self._books
            machines.append(machine)
        oldest = self._books - _KEPT_FOR
        self._known = {seen: kept for seen, kept in self._known.items() if kept[1] > oldest}
        return machines


def columns(machines: Sequence[Machine], terms: int) -> Any:
    """Return the machines' weights as a sparse matrix, a row a term."""
    from scipy.sparse import csr_matrix

    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(each.ids) for each in machines])])
    ids = np.concatenate([np.zeros(0, np.int32), *(each.ids for each in machines)])
    weights = np.concatenate([np.zeros(0, np.float32), *(each.weights for each in machines)])
    return csr_matrix((weights, ids, starts), shape=(len(machines), terms)).T.tocsr()
