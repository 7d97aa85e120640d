"""The wordings of a book of answers as weighed terms, and how a question's terms point to one answer or another.

Terms are runs of letters, folded words, folded pairs and words as written, so that a slip of the keyboard or a missing
mark costs little. What tells one answer from all others is learnt from the wordings themselves, by one linear support
vector machine an answer; its fitting takes half a second for 1,600 wordings of 230 answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.passages import words

Scores = NDArray[np.float32]
_RUNS = (2, 4)  # letters
_WRITTEN = 0.5  # the weight of words as written beside the folded ones
_SOFTNESS = 1.0
_ANY = "thư viện"
_TOLERANCE = 0.1  # a finer fit takes ten times as long and finds no more


class Wordings:
    """Texts, each of one answer (`owner`: its number), ready to be compared with questions."""

    def __init__(self, texts: Sequence[str], owner: NDArray[np.int64], answers: int) -> None:
        self.owner, self._answers = owner, answers
        # With one text more, since a book's few texts might hold no word at all.
        self._kinds = [each.fit([*texts, _ANY]) for each in _kinds()]
        self._rows = self.terms(texts)
        self._machine = self._learnt() if len(set(owner.tolist())) > 1 else None
        self.held = [frozenset(words(text).folded) for text in texts]
        folded = self._kinds[1]
        self._rarity: dict[str, float] = dict(zip(folded.get_feature_names_out(), folded.idf_.tolist(), strict=True))
        self.unseen = max(self._rarity.values()) + 0.5

    def _learnt(self) -> Any:
        from sklearn.svm import LinearSVC

        return LinearSVC(C=_SOFTNESS, tol=_TOLERANCE, random_state=0).fit(self._rows, self.owner)

    def rare(self, word: str) -> float:
        """Return how rare the folded word is among the wordings; most for one that none holds."""
        return self._rarity.get(word, self.unseen)

    def terms(self, questions: Sequence[str]) -> Any:
        """Return the weighed terms of the questions, a sparse row each."""
        from scipy.sparse import csr_matrix, hstack

        if not questions:
            return csr_matrix((0, sum(len(each.idf_) for each in self._kinds)))
        *folded, written = [each.transform(questions) for each in self._kinds]
        return hstack([*folded, _WRITTEN * written]).tocsr()

    def nearness(self, terms: Any) -> Scores:
        """Return the cosine of each question with each wording, shape (questions, wordings)."""
        near: Scores = (terms @ self._rows.T).toarray().astype(np.float32) / (2 + _WRITTEN**2)
        return near

    def margins(self, terms: Any) -> Scores:
        """Return how much each question is one of each answer, shape (questions, answers); above 0 it rather is."""
        margins = np.full((terms.shape[0], self._answers), -1.0, np.float32)
        if self._machine is not None:
            told = self._machine.decision_function(terms)
            whole = np.stack([-told, told], axis=1) if told.ndim == 1 else told
            margins[:, self._machine.classes_] = whole
        elif len(self.owner):
            margins[:, self.owner[0]] = 2 * self.nearness(terms).max(axis=1) - 1
        return margins


def _kinds() -> tuple[Any, Any, Any]:
    # Imported here: it takes a second, which only the process that answers questions has to spend.
    from sklearn.feature_extraction.text import TfidfVectorizer

    def spaced(text: str) -> str:
        return " ".join(words(text).folded)

    def folded(text: str) -> list[str]:
        told = words(text)
        return [*told.folded, *told.pairs]

    def written(text: str) -> list[str]:
        return words(text).exact

    return (
        TfidfVectorizer(analyzer="char_wb", ngram_range=_RUNS, sublinear_tf=True, preprocessor=spaced),
        TfidfVectorizer(analyzer=folded, sublinear_tf=True),
        TfidfVectorizer(analyzer=written, sublinear_tf=True),
    )
