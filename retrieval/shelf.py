"""The answers published at one moment, ready to be asked: which fits best, and what speaks for and against it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from library.text import tokens
from retrieval import beliefs
from retrieval.answers import Answer
from retrieval.blocks import Materials, key_of, plain_of
from retrieval.diacritics import Restorer, lacks_marks
from retrieval.embedder import Embedder, Vectors
from retrieval.meant import Meant
from retrieval.passages import words
from retrieval.vectors import VectorStore
from retrieval.wordings import Scores, Wordings

CHOICES = 3
_SURE = 0.6  # belief that the best match is right, from which it is said
_KNOWN = 0.3  # belief that the book holds an answer, from which the best three are offered: one question too many
# refused costs a patron more than three titles to choose from
_NEIGHBOURS = 5
_SEVERAL = -1  # answers that share a wording
_RIDGE = 3.0  # how round the cloud of an answer's wordings is thought to be: few wordings do not show its shape
Features = NDArray[np.float64]


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


Outcome = Sure | Which | Unknown


@dataclass(frozen=True)
class Match:
    """How one question meets the shelf: the answers' numbers, best first, and what tells whether the best is right."""

    best: NDArray[np.int64]
    features: Features


class Shelf:
    """Never changes. Built of `materials`, which are the same for one shelf after the other, or of its own."""

    def __init__(
        self,
        mark: int,
        answers: Sequence[Answer],
        restorer: Restorer | None = None,
        *,
        materials: Materials | None = None,
        with_meaning: bool = False,
    ) -> None:
        self.mark, self.answers = mark, tuple(answers)
        materials = materials or Materials()
        self._embedder, self._library_restorer = materials.embedder, restorer
        blocks = materials.blocks(answers)
        self._restorer = materials.restorer(blocks)
        self._words = Wordings(blocks, materials.terms, materials.machines)
        meant = with_meaning and len(answers) > 0
        self._meaning = _Meaning(materials.meaning(blocks), self._words.starts) if meant else None
        self._same: dict[str, int] = {}
        for i, block in enumerate(blocks):
            for key in block.keys:
                self._same[key] = i if self._same.get(key, i) == i else _SEVERAL
        self._held = [block.held_in_all for block in blocks]
        self._texts = [block.texts for block in blocks]

    @classmethod
    def embedded(
        cls,
        mark: int,
        answers: Sequence[Answer],
        embedder: Embedder,
        vectors: VectorStore | None,
        restorer: Restorer | None = None,
    ) -> Shelf:
        """Return the shelf with its texts' vectors, from the store or made now."""
        return cls(mark, answers, restorer, materials=Materials(embedder, vectors), with_meaning=True)

    def marked(self, mark: int) -> Shelf:
        """Return the same shelf under another mark of the book."""
        if mark == self.mark:
            return self
        same = copy(self)
        same.mark = mark
        return same

    @property
    def has_meaning(self) -> bool:
        return self._meaning is not None

    @property
    def by(self) -> str:
        """Return what the shelf goes by: words alone, or vectors as well, whose cosines mean other things."""
        if self._meaning is None or self._embedder is None:
            return "by_words"
        return "by_static" if self._embedder.bare else "by_sentence"

    def ask(self, text: str, on: date | None = None) -> Outcome:
        return self.ask_all([text], on)[0]

    def ask_all(self, texts: Sequence[str], on: date | None = None) -> list[Outcome]:
        """Return what `ask` gives for each; the questions are read together, which is many times quicker."""
        away = np.array([on is not None and not answer.holds_on(on) for answer in self.answers], dtype=np.bool_)
        if not texts or away.all():
            return [Unknown(())] * len(texts)
        questions = [self.understood(text) for text in texts]
        matches = self.matches(questions, away)
        return [self._outcome(each, match, away) for each, match in zip(questions, matches, strict=True)]

    def _outcome(self, question: str, match: Match, away: NDArray[np.bool_]) -> Outcome:
        if not tokens(question):
            return Unknown(())
        known = self._same.get(key_of(question), _SEVERAL)
        if known != _SEVERAL and not away[known]:
            return Sure(self.answers[known], 1.0)
        found = tuple(self.answers[i] for i in match.best if not away[i])
        confidence = beliefs.right(match.features, self.by)
        if confidence >= _SURE:
            return Sure(found[0], confidence)
        return Which(found) if beliefs.known(match.features, self.by) >= _KNOWN else Unknown(found)

    def understood(self, text: str) -> str:
        """Return the question with shorthand written out and, if it was typed without marks, with its marks."""
        plain = plain_of(text)
        if not lacks_marks(text):
            return plain
        own = self._restorer.restore(plain, 1)[0]
        if own.sure or self._library_restorer is None:
            return own.text
        return self._library_restorer.restore(plain, 1)[0].text

    def matches(self, questions: Sequence[str], away: NDArray[np.bool_] | None = None) -> list[Match]:
        """Return how each question, written out plainly, meets the shelf without the answers that are `away`."""
        terms = self._words.terms(questions)
        margins, near = self._words.margins(terms), self._words.nearness(terms)
        scores = _standard(margins)
        cosines = pulls = None
        if self._meaning is not None and self._embedder is not None:
            vectors = self._embedder.queries(questions)
            pulls, cosines = self._meaning.pulls(vectors), self._meaning.cosines(vectors)
            scores = scores + self._embedder.told * _standard(pulls)
        if away is not None:
            scores[:, away] = -np.inf
        matches = []
        for i, question in enumerate(questions):
            best = np.argsort(-scores[i], kind="stable")[:CHOICES]
            against = None if cosines is None else cosines[i]
            matches.append(Match(best, self._features(question, scores[i], margins[i], near[i], against)))
        return matches

    def _features(
        self, question: str, scores: Scores, margins: Scores, near: Scores, cosines: Scores | None
    ) -> Features:
        """Return what tells a good best match: how far it stands out among the answers, how near its nearest wording
        is, whose the nearest wordings are, and how much of what is rare in the question its wordings hold."""
        owner = self._words.owner
        order = np.argsort(-scores, kind="stable")
        first = int(order[0])
        own = owner == first
        ahead = float(scores[first] - scores[order[1]]) if len(order) > 1 and np.isfinite(scores[order[1]]) else 3.0
        told = [
            1.0, float(scores[first]), ahead, float(margins[first]), float(near.max()), float(near[own].max()),
            *self._covered(question, first, np.flatnonzero(own)), _share(near, own),
        ]  # fmt: skip
        if cosines is not None:
            standard = _standard(cosines[None, :])[0]
            told += [float(standard.max()), float(standard[own].max()), float(cosines[own].max()), _share(cosines, own)]
        return np.array(told)

    def _covered(self, question: str, answer: int, rows: NDArray[np.int64]) -> tuple[float, float, float]:
        """Return the share of the question's rare words that the answer holds, the best agreement with one wording,
        and the rarest word that the answer does not hold."""
        asked = frozenset(words(question).folded)
        rare = self._rarity
        whole = rare(asked) or 1.0
        agreement = max(
            (2 * rare(asked & self._words.held[row]) / (whole + rare(self._words.held[row]) or 1.0) for row in rows),
            default=0.0,
        )
        strange = max(map(self._words.rare, asked - self._held[answer]), default=0.0)
        return rare(asked & self._held[answer]) / whole, agreement, strange / self._words.unseen

    def _rarity(self, held: frozenset[str]) -> float:
        return sum(map(self._words.rare, held))


class _Meaning:
    """The wordings' vectors, and what pulls a question towards each answer: the mean of its wordings, seen in the
    directions in which wordings of one answer differ little."""

    def __init__(self, told: Meant, starts: NDArray[np.int64]) -> None:
        self._told = told
        counts = np.diff(starts).astype(np.float32)
        within = (told.products - (told.means.T * counts) @ told.means) / np.float32(len(told.rows))
        within += (_RIDGE * np.trace(within) / len(within) + 1e-6) * np.eye(len(within), dtype=np.float32)
        self._pull = np.linalg.solve(within, told.means.T).astype(np.float32)
        self._bias = -0.5 * (told.means.T * self._pull).sum(axis=0)

    def pulls(self, vectors: Vectors) -> Scores:
        pulls: Scores = self._told.centred(vectors) @ self._pull + self._bias
        return pulls

    def cosines(self, vectors: Vectors) -> Scores:
        cosines: Scores = (self._told.centred(vectors) @ self._told.table.T)[:, self._told.rows]
        return cosines


def _standard(scores: Scores) -> Scores:
    """Return each row's scores as they stand out among themselves: mean 0, spread 1."""
    spread = scores.std(axis=1, keepdims=True)
    standard: Scores = (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread == 0, 1, spread)
    return standard


def _share(near: Scores, own: NDArray[np.bool_]) -> float:
    """Return how many of the nearest wordings are of one answer, as a share of those there could be."""
    least = np.partition(near, -_NEIGHBOURS)[-_NEIGHBOURS] if len(near) > _NEIGHBOURS else -np.inf
    candidates = np.flatnonzero(near >= least)
    nearest = candidates[np.argsort(-near[candidates], kind="stable")[:_NEIGHBOURS]]
    return float(own[nearest].sum() / min(_NEIGHBOURS, own.sum()))
