"""Questions → the curated answer that fits, a choice of two or three, or an honest "not known".

A question is compared with every wording of every published answer, by words as written, folded words, runs of letters
and meaning. How sure a best match is, is learnt from the book itself: each known wording is asked with itself hidden
(it should find its answer) and with its whole answer hidden (it should find none).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from library.text import normalise, tokens
from retrieval.answers import Answer, AnswerBook
from retrieval.asking import without_courtesies
from retrieval.diacritics import Restorer, lacks_marks
from retrieval.embedder import Embedder, Vectors
from retrieval.likeness import Likeness, Scores, exact_terms, folded_terms, letter_terms
from retrieval.passages import answer_texts, wordings, words
from retrieval.vectors import Kind, VectorStore

_CHOICES = 3
_SURE = 0.50  # probability that the best match is right, from which it is said
_PERHAPS = 0.32  # probability that the right answer is among the best three, from which those are offered
_CAUTION = 1.0  # how much a small book trusts the default rather than itself
_SAMPLE = 400  # wordings asked to learn how sure a match is
_MOST_EMBEDDED_INLINE = 64  # missing vectors computed while a patron waits; more of them wait for `warm_up`
_WORD_WEIGHTS = (0.2, 0.3, 0.5)  # exact words, folded words, letters
_MEANING_WEIGHT = 0.65
_MEANING_FLOOR = 0.80  # cosines of this kind of encoder start here for texts that have nothing in common
_COMPANY, _COMPANY_WEIGHT = 5, 0.6  # an answer is as near as its nearest wording and the mean of its five nearest


@dataclass(frozen=True)
class Sure:
    """One answer fits."""

    answer: Answer
    confidence: float


@dataclass(frozen=True)
class Which:
    """Two or three answers may fit, the likeliest first."""

    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Unknown:
    """No answer fits. `nearest` are for a librarian to look at, not for the patron."""

    nearest: tuple[Answer, ...]


class AnswerSearcher:
    """Asks the published answers. Safe to share between threads; what is published counts from the next question on.

    Without an embedder, or while its model is being loaded, it goes by words alone.
    """

    def __init__(
        self,
        book: AnswerBook,
        *,
        embedder: Embedder | None = None,
        vectors: VectorStore | None = None,
        restorer: Restorer | None = None,
    ) -> None:
        self._book, self._embedder, self._vectors, self._restorer = book, embedder, vectors, restorer
        self._lock = threading.Lock()
        self._shelf: Shelf | None = None

    def ask(self, text: str, on: date | None = None) -> Sure | Which | Unknown:
        """Return what the book says to this question; with `on`, only answers that hold on that day are considered."""
        return self.shelf.ask(text, on)

    def warm_up(self) -> None:
        """Compute the vectors that are missing; takes a second per hundred wordings, once."""
        if self._embedder and self._vectors:
            for kind, texts in _texts(self._book.published()).items():
                self._vectors.fill(texts, self._embedder, kind)

    @property
    def shelf(self) -> Shelf:
        shelf, mark = self._shelf, self._book.mark
        if shelf is None or shelf.mark != mark or (not shelf.has_meaning and self._can_embed()):
            with self._lock:
                if self._shelf is None or self._shelf.mark != mark or not self._shelf.has_meaning:
                    self._shelf = self._new_shelf(mark)
            shelf = self._shelf
        return shelf

    def _can_embed(self) -> bool:
        return bool(self._embedder and self._embedder.ready and self._vectors)

    def _new_shelf(self, mark: int) -> Shelf:
        answers = self._book.published()
        if self._embedder and self._vectors and self._can_embed() and self._missing(answers) <= _MOST_EMBEDDED_INLINE:
            return Shelf.embedded(mark, answers, self._embedder, self._vectors, self._restorer)
        return Shelf(mark, answers, self._restorer)

    def _missing(self, answers: Sequence[Answer]) -> int:
        assert self._embedder
        assert self._vectors
        name, stored = self._embedder.name, self._vectors.stored
        return sum(len(set(texts)) - len(stored(texts, name, kind)) for kind, texts in _texts(answers).items())


def _texts(answers: Sequence[Answer]) -> dict[Kind, list[str]]:
    """Return the texts of a shelf by how they are embedded: questions are compared with questions as their like."""
    return {
        "query": [text for answer in answers for text in wordings(answer)],
        "passage": [text for answer in answers for text in answer_texts(answer)],
    }


def _rarities(held: Sequence[frozenset[str]]) -> tuple[dict[str, float], float]:
    """Return how rare each word is among the answers, and how rare a word is that none holds."""
    counts = Counter(word for each in held for word in each)
    whole = 1 + len(held)
    return {word: float(np.log(whole / (1 + n))) for word, n in counts.items()}, float(np.log(whole))


class Shelf:
    """The answers published at one moment, ready to be asked. It never changes."""

    def __init__(
        self,
        mark: int,
        answers: Sequence[Answer],
        restorer: Restorer | None = None,
        *,
        meaning: Vectors | None = None,
        embedder: Embedder | None = None,
    ) -> None:
        self.mark, self.answers, self.meaning = mark, answers, meaning
        self._embedder, self._library_restorer = embedder, restorer
        asked = [(i, text) for i, answer in enumerate(answers) for text in wordings(answer)]
        said = [(i, text) for i, answer in enumerate(answers) for text in answer_texts(answer)]
        self._texts = [text for _, text in asked + said]
        self._owner = np.array([i for i, _ in asked + said], dtype=np.int64)
        self._asked = len(asked)
        self._rows = [np.flatnonzero(self._owner == i) for i in range(len(answers))]
        counts = np.bincount(self._owner, minlength=len(answers))
        self._first = np.concatenate(([0], np.cumsum(counts)[:-1])).astype(np.int64) if len(answers) else counts
        self._wordings: dict[str, set[int]] = {}
        for i, text in asked:
            self._wordings.setdefault(" ".join(words(without_courtesies(text)).folded), set()).add(i)
        self._words = [frozenset(words(text).folded) for text in self._texts]
        self._rarity, self._unseen = _rarities([self._words_of(i, -1) for i in range(len(answers))])
        self._likeness = [Likeness(self._texts, terms) for terms in (exact_terms, folded_terms, letter_terms)]
        self._restorer = Restorer.learn(self._texts)
        self._best_is_right, self._right_is_near = self._learnt_beliefs()

    @classmethod
    def embedded(
        cls,
        mark: int,
        answers: Sequence[Answer],
        embedder: Embedder,
        vectors: VectorStore,
        restorer: Restorer | None = None,
    ) -> Shelf:
        """Return the shelf with its texts' vectors, taken from the store or computed into it."""
        rows = [vectors.embed(texts, embedder, kind) for kind, texts in _texts(answers).items()]
        return cls(mark, answers, restorer, meaning=np.concatenate(rows), embedder=embedder)

    def ask(self, text: str, on: date | None = None) -> Sure | Which | Unknown:
        return self._ask(self.understood(text), None, on)

    def ask_all(self, texts: Sequence[str]) -> list[Sure | Which | Unknown]:
        """Return what `ask` gives for each, the questions embedded together, which is many times quicker."""
        questions = [self.understood(text) for text in texts]
        if self.meaning is None or self._embedder is None or not texts:
            return [self._ask(question, None, None) for question in questions]
        vectors = self._embedder.queries(questions)
        return [self._ask(question, vector, None) for question, vector in zip(questions, vectors, strict=True)]

    def _ask(self, question: str, vector: Vectors | None, on: date | None) -> Sure | Which | Unknown:
        hidden = np.array([on is not None and not answer.holds_on(on) for answer in self.answers], dtype=np.bool_)
        if not self.answers or hidden.all() or not tokens(question):
            return Unknown(())
        if (known := self._known(question)) is not None and not hidden[known]:
            return Sure(self.answers[known], 1.0)
        matches = self._matches(question, vector)
        scores = self._by_answer(matches.whole)
        scores[hidden] = -1.0
        best = np.argsort(-scores)[:_CHOICES]
        found = tuple(self.answers[i] for i in best if not hidden[i])
        features = self._features(question, matches, scores)
        confidence = self._best_is_right.probability(features)
        if confidence >= _SURE:
            return Sure(found[0], confidence)
        return Which(found) if self._right_is_near.probability(features) >= _PERHAPS else Unknown(found)

    @property
    def has_meaning(self) -> bool:
        return self.meaning is not None

    def understood(self, text: str) -> str:
        """Return the question with shorthand written out and, if it was typed without marks, with its marks."""
        plain = without_courtesies(normalise(text).text)
        if not lacks_marks(text):
            return plain
        own = self._restorer.restore(plain, 1)[0]
        if own.sure or self._library_restorer is None:
            return own.text
        return self._library_restorer.restore(plain, 1)[0].text

    def _known(self, question: str) -> int | None:
        """Return the one answer that has this very question among its wordings, marks aside."""
        holders = self._wordings.get(" ".join(words(question).folded), set())
        return next(iter(holders)) if len(holders) == 1 else None

    def _matches(self, question: str, vector: Vectors | None = None) -> _Matches:
        """Return how well each text of the shelf matches the question."""
        by_words = np.zeros(len(self._texts), dtype=np.float32)
        for weight, likeness in zip(_WORD_WEIGHTS, self._likeness, strict=True):
            by_words += np.float32(weight) * likeness.scores(question)
        if self.meaning is None or self._embedder is None:
            return _Matches(by_words, by_words, by_words)
        if vector is None:
            vector = self._embedder.queries([question])[0]
        by_meaning = np.maximum(self.meaning @ vector - _MEANING_FLOOR, 0) / (1 - _MEANING_FLOOR)
        whole = (1 - _MEANING_WEIGHT) * by_words + _MEANING_WEIGHT * by_meaning
        return _Matches(*(part.astype(np.float32) for part in (by_words, by_meaning, whole)))

    def _by_answer(self, matches: Scores) -> Scores:
        """Return how near each answer is, from its nearest wordings."""
        order = np.lexsort((-matches, self._owner))
        place = np.arange(len(order)) - self._first[self._owner[order]]
        near = np.zeros((len(self.answers), _COMPANY), dtype=np.float32)
        kept = place < _COMPANY
        near[self._owner[order][kept], place[kept]] = matches[order][kept]
        together: Scores = (1 - _COMPANY_WEIGHT) * near[:, 0] + _COMPANY_WEIGHT * near.mean(axis=1)
        return together

    def _features(self, question: str, matches: _Matches, scores: Scores, hidden: int = -1) -> NDArray[np.float64]:
        """Return what tells a good best match: how near it is, how far ahead, whether words and meaning agree on it,
        and how much of what is rare in the question the answer's own wordings hold."""
        first, second = np.argsort(-np.append(scores, [0.0, 0.0]))[:2]
        top = np.append(scores, [0.0, 0.0])
        agree = [float(self._owner[each.argmax()] == first) for each in (matches.words, matches.meaning)]
        held = self._words_of(int(first), hidden)
        rarity = {word: self._rarity.get(word, self._unseen) for word in words(question).folded}
        covered = sum(rare for word, rare in rarity.items() if word in held) / (sum(rarity.values()) or 1.0)
        return np.array([1.0, top[first], top[first] - top[second], *agree, covered])

    def _words_of(self, answer: int, hidden: int) -> frozenset[str]:
        if answer >= len(self.answers):
            return frozenset()
        rows = [row for row in self._rows[answer] if row != hidden]
        return frozenset().union(*(self._words[row] for row in rows))

    def _learnt_beliefs(self) -> tuple[_Belief, _Belief]:
        """Return how likely a best match is right, and the right one among the best, by asking the book itself."""
        features, first, near = [], [], []
        sample = np.linspace(0, self._asked - 1, min(_SAMPLE, self._asked)).astype(int)
        for row in np.unique(sample):
            owner = self._owner[row]
            question = without_courtesies(normalise(self._texts[row]).text)
            matches = self._matches(question, self.meaning[row] if self.meaning is not None else None)
            for forgotten in ([row], self._rows[owner]):
                matches = matches.without(forgotten)
                scores = self._by_answer(matches.whole)
                best = np.argsort(-scores)[: _CHOICES if len(forgotten) == 1 else 0]
                features.append(self._features(question, matches, scores, row))
                first.append(owner in best[:1])
                near.append(owner in best)
        return _Belief.fit(np.array(features), np.array(first)), _Belief.fit(np.array(features), np.array(near))


@dataclass(frozen=True)
class _Matches:
    """How well each text of a shelf matches a question: by its words, by its meaning, and both together."""

    words: Scores
    meaning: Scores
    whole: Scores

    def without(self, rows: Sequence[int]) -> _Matches:
        """Return the same as if these texts were not there."""
        parts = [each.copy() for each in (self.words, self.meaning, self.whole)]
        for each in parts:
            each[rows] = 0.0
        return _Matches(*parts)


@dataclass(frozen=True)
class _Belief:
    """A logistic curve over the features."""

    weights: NDArray[np.float64]

    @classmethod
    def fit(cls, features: NDArray[np.float64], right: NDArray[np.bool_]) -> _Belief:
        """Return the curve of least error, drawn a little towards one that suits a book too small to learn from."""
        prior = np.array([-6.0, 4.0, 4.0, 0.5, 0.5, 4.0])
        weights = prior.copy()
        for _ in range(20 if len(features) else 0):
            p = 1 / (1 + np.exp(-features @ weights))
            slope = features.T @ (p - right) + _CAUTION * (weights - prior)
            curve = (features * (p * (1 - p))[:, None]).T @ features + _CAUTION * np.eye(len(weights))
            weights = weights - np.linalg.solve(curve, slope)
        return cls(weights)

    def probability(self, features: NDArray[np.float64]) -> float:
        return float(1 / (1 + np.exp(-features @ self.weights)))
