"""The answers published at one moment, ready to be asked: which fits best, and what speaks for and against it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
_NOWHERE = np.float32(-2.0)  # as near as nothing is
Features = NDArray[np.float64]
Held = Sequence[frozenset[str]]


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
        outcomes = [self._at_once(question, away) for question in questions]
        left = [i for i, outcome in enumerate(outcomes) if outcome is None]
        matches = self.matches([questions[i] for i in left], away) if left else []
        weighed = {i: self._weighed(match, away) for i, match in zip(left, matches, strict=True)}
        return [outcome or weighed[i] for i, outcome in enumerate(outcomes)]

    def ask_without(self, text: str, key: str) -> Outcome:
        """Return what would be said if the answer of this key did not have this wording: would it be missed?"""
        return self.ask_all_without([text], key, [text])[0]

    def ask_all_without(self, texts: Sequence[str], key: str, wordings: Collection[str]) -> list[Outcome]:
        """Return what would be said to each if the answer of this key did not have these wordings."""
        place = next(i for i, answer in enumerate(self.answers) if answer.key == key)
        span = range(self._words.starts[place], self._words.starts[place + 1])
        gone = {plain_of(text) for text in wordings}
        hidden = [row for row in span if self._words.plain[row] in gone]
        questions = [self.understood(text) for text in texts]
        if len(hidden) == len(span):
            return [Unknown(())] * len(texts)
        nobody = np.zeros(len(self.answers), np.bool_)
        asked = [question for question in questions if tokens(question)]
        matches = iter(self.matches(asked, None, hidden=(place, np.array(hidden, np.int64))) if asked else ())
        return [self._weighed(next(matches), nobody) if tokens(question) else Unknown(()) for question in questions]

    def nearest_all(self, texts: Sequence[str], n: int = CHOICES) -> list[list[tuple[Answer, float]]]:
        """Return for each text the answers that fit it best and how like it their nearest wording is, 1 for the same.

        For a librarian to choose from: also answers that a patron would not be told.
        """
        questions = [self.understood(text) for text in texts]
        if not self.answers or not questions:
            return [[] for _ in texts]
        near = self._words.nearness(self._words.terms(questions))
        return [
            [(self.answers[i], self._alike(question, int(i), near[row])) for i in match.best[:n]]
            for row, (question, match) in enumerate(zip(questions, self.matches(questions), strict=True))
        ]

    def likest(self, texts: Sequence[str]) -> list[tuple[Answer, float] | None]:
        """Return for each text the answer of the likest wording, and how like it is: by words alone, for lists."""
        if not self.answers or not texts:
            return [None] * len(texts)
        near = self._words.nearness(self._words.terms([plain_of(text) for text in texts]))
        best = near.argmax(axis=1)
        return [
            (self.answers[int(self._words.owner[i])], float(np.clip(row[i], 0.0, 1.0))) if row[i] > 0 else None
            for row, i in zip(near, best, strict=True)
        ]

    def _alike(self, question: str, answer: int, near: Scores) -> float:
        if self._same.get(key_of(question)) == answer:
            return 1.0
        return float(np.clip(near[self._words.owner == answer].max(), 0.0, 1.0))

    def neighbours(self, key: str, n: int = CHOICES) -> list[tuple[Answer, float]]:
        """Return the answers asked in the likest terms and how alike they are, 1 for the same; the likest first."""
        place = next(i for i, answer in enumerate(self.answers) if answer.key == key)
        return [(self.answers[i], alike) for i, alike in self._words.nearest_answers(place, n)]

    def _at_once(self, question: str, away: NDArray[np.bool_]) -> Outcome | None:
        """Return what needs no weighing: nothing was asked, or a wording that one answer has."""
        if not tokens(question):
            return Unknown(())
        known = self._same.get(key_of(question), _SEVERAL)
        return Sure(self.answers[known], 1.0) if known != _SEVERAL and not away[known] else None

    def _weighed(self, match: Match, away: NDArray[np.bool_]) -> Outcome:
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

    def matches(
        self,
        questions: Sequence[str],
        away: NDArray[np.bool_] | None = None,
        *,
        hidden: tuple[int, NDArray[np.int64]] | None = None,
    ) -> list[Match]:
        """Return how each question, written out plainly, meets the shelf without the answers that are `away`.

        `hidden`: an answer and some of its rows, which are left out as if it had never had them.
        """
        terms = self._words.terms(questions)
        margins, near = self._words.margins(terms), self._words.nearness(terms)
        if hidden is not None:
            margins[:, hidden[0]] = self._words.margins_without(terms, *hidden)
            near[:, hidden[1]] = _NOWHERE
        scores = _standard(margins)
        cosines = pulls = None
        if self._meaning is not None and self._embedder is not None:
            vectors = self._embedder.queries(questions)
            pulls, cosines = self._meaning.pulls(vectors), self._meaning.cosines(vectors)
            if hidden is not None:
                pulls[:, hidden[0]] = self._meaning.pulls_without(vectors, *hidden)
                cosines[:, hidden[1]] = _NOWHERE
            scores = scores + self._embedder.told * _standard(pulls)
        if away is not None:
            scores[:, away] = -np.inf
        matches = []
        for i, question in enumerate(questions):
            best = np.argsort(-scores[i], kind="stable")[:CHOICES]
            against = None if cosines is None else cosines[i]
            shown = self._held if hidden is None else self._held_without(*hidden)
            matches.append(Match(best, self._features(question, scores[i], margins[i], near[i], against, shown)))
        return matches

    def _held_without(self, answer: int, rows: NDArray[np.int64]) -> Held:
        left = set(range(self._words.starts[answer], self._words.starts[answer + 1])) - set(rows.tolist())
        held = frozenset[str]().union(*(self._words.held[row] for row in left))
        return [*self._held[:answer], held, *self._held[answer + 1 :]]

    def _features(
        self, question: str, scores: Scores, margins: Scores, near: Scores, cosines: Scores | None, held: Held
    ) -> Features:
        """Return what tells a good best match: how far it stands out among the answers, how near its nearest wording
        is, whose the nearest wordings are, and how much of what is rare in the question its wordings hold."""
        owner = self._words.owner
        order = np.argsort(-scores, kind="stable")
        first = int(order[0])
        own = (owner == first) & (near > _NOWHERE)
        ahead = float(scores[first] - scores[order[1]]) if len(order) > 1 and np.isfinite(scores[order[1]]) else 3.0
        told = [
            1.0, float(scores[first]), ahead, float(margins[first]), float(near.max()), float(near[own].max()),
            *self._covered(question, held[first], np.flatnonzero(own)), _share(near, own),
        ]  # fmt: skip
        if cosines is not None:
            standard = _standard(cosines[None, :])[0]
            told += [float(standard.max()), float(standard[own].max()), float(cosines[own].max()), _share(cosines, own)]
        return np.array(told)

    def _covered(self, question: str, held: frozenset[str], rows: NDArray[np.int64]) -> tuple[float, float, float]:
        """Return the share of the question's rare words that the answer holds, the best agreement with one wording,
        and the rarest word that the answer does not hold."""
        asked = frozenset(words(question).folded)
        rare = self._rarity
        whole = rare(asked) or 1.0
        agreement = max(
            (2 * rare(asked & self._words.held[row]) / (whole + rare(self._words.held[row]) or 1.0) for row in rows),
            default=0.0,
        )
        strange = max(map(self._words.rare, asked - held), default=0.0)
        return rare(asked & held) / whole, agreement, strange / self._words.unseen

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
        self._starts, self._shape = starts, np.linalg.inv(within).astype(np.float32)
        self._pull = self._shape @ told.means.T
        self._bias = -0.5 * (told.means.T * self._pull).sum(axis=0)

    def pulls(self, vectors: Vectors) -> Scores:
        pulls: Scores = self._told.centred(vectors) @ self._pull + self._bias
        return pulls

    def pulls_without(self, vectors: Vectors, answer: int, rows: NDArray[np.int64]) -> Scores:
        """Return what pulls towards the answer if it had not these rows."""
        left = np.setdiff1d(np.arange(self._starts[answer], self._starts[answer + 1]), rows)
        mean = self._told.table[self._told.rows[left]].mean(axis=0)
        pull = self._shape @ mean
        pulls: Scores = self._told.centred(vectors) @ pull - np.float32(0.5) * (mean @ pull)
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
