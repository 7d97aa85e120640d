"""Texts read into numbered, weighed terms, once for as long as the process lives: a new text costs only itself.

Terms are runs of letters, folded words and pairs, and words as written. How rare a term is, is counted when the book of
terms is founded and stays until a fifth of the texts are new: then it is counted again. So a text weighs the same
before and after a publication, and what was learnt from it stays good.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.passages import words

Ids = NDArray[np.int32]
Weights = NDArray[np.float32]
RUNS, FOLDED, WRITTEN = range(3)
KINDS = (1.0, 1.0, 0.5)  # what each kind of term weighs: words as written say half of what folded ones say
SLOTS = 512  # of the short sketch by which answers are compared
_SHORTEST, _LONGEST = 2, 4  # letters of a run
_ANY = "thư viện"  # counted as a text more, since a book's few texts might hold no word at all
_NEW = 0.2  # share of the texts from which rarity is counted again


@dataclass(frozen=True)
class Read:
    """One text: its terms' numbers, how often each is in it, and its folded words."""

    ids: Ids
    counts: Weights  # 1 + ln(times)
    held: frozenset[str]


@dataclass(frozen=True)
class Rows:
    """Texts as sparse rows, one after the other; the terms of each kind together are as long as the kind weighs."""

    ids: Ids
    values: Weights
    sizes: NDArray[np.int64]  # of each row


class TermBook:
    """Numbers of terms, which never change, and how rare each is. Taken in by one thread at a time; any may look up."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, str], int] = {}
        self._kinds: list[int] = []
        self._slots: list[int] = []
        self._read: dict[str, Read] = {}
        self._founded_on: frozenset[str] | None = None
        self._rarity: Weights = np.zeros(0, np.float32)
        self._rarest = 1.0
        self.founding = 0  # grows when rarity is counted again: what was learnt before is of no use then

    def __len__(self) -> int:
        return len(self._kinds)

    def take_in(self, texts: Iterable[str]) -> None:
        """Number the terms of these plain texts, and found the book on them if too many of them are new."""
        wanted = frozenset(texts)
        self._read = {text: self._read.get(text) or self._numbered(text) for text in wanted}
        before = self._founded_on
        if before is None or len(wanted ^ before) > _NEW * len(before):
            self._found(wanted)

    def of(self, text: str) -> Read:
        """Return a text that was taken in last."""
        return self._read[text]

    def looked_up(self, text: str, known: NDArray[np.bool_]) -> Read:
        """Return a question's terms, without those that are not `known`."""
        found = [self._numbers.get(term, -1) for term in _terms(text)]
        ids = np.array([each for each in found if 0 <= each < len(known)], np.int64)
        return Read(*_counted(ids[known[ids]]), frozenset())

    def rows(self, read: Sequence[Read]) -> Rows:
        """Return these texts as rows."""
        sizes = np.array([len(each.ids) for each in read], np.int64)
        if not sizes.sum():
            return Rows(np.zeros(0, np.int32), np.zeros(0, np.float32), sizes)
        ids = np.concatenate([each.ids for each in read])
        values = np.concatenate([each.counts for each in read]) * self._rarity_of(ids)
        of_kind = np.repeat(np.arange(len(read)), sizes) * len(KINDS) + np.array(self._kinds, np.int8)[ids]
        squares = np.bincount(of_kind, weights=values.astype(np.float64) ** 2, minlength=len(read) * len(KINDS))
        share = np.tile(KINDS, len(read)) / np.sqrt(np.where(squares == 0, 1, squares))
        return Rows(ids, (values * share[of_kind]).astype(np.float32), sizes)

    def sketch(self, rows: Rows) -> Weights:
        """Return the sum of the rows in few numbers, of length 1: alike for answers that are asked in like terms."""
        slots = np.array(self._slots, np.int32)[rows.ids]
        summed = np.bincount(slots, weights=rows.values, minlength=SLOTS).astype(np.float32)
        return summed / (np.linalg.norm(summed) or np.float32(1))

    def rare(self, word: str) -> float:
        """Return how rare a folded word was when the book was founded; most for one that it did not hold."""
        number = self._numbers.get((FOLDED, word), len(self))
        return float(self._rarity[number]) if number < len(self._rarity) else self._rarest

    @property
    def rarest(self) -> float:
        return self._rarest

    def _rarity_of(self, ids: NDArray[Any]) -> Weights:
        counted = ids < len(self._rarity)
        return np.where(counted, self._rarity[np.where(counted, ids, 0)], np.float32(self._rarest))

    def _numbered(self, text: str) -> Read:
        numbers = self._numbers
        ids = []
        for term in _terms(text):
            number = numbers.get(term)
            if number is None:
                number = numbers[term] = len(numbers)
                self._kinds.append(term[0])
                self._slots.append(zlib.crc32(f"{term[0]}{term[1]}".encode()) % SLOTS)
            ids.append(number)
        return Read(*_counted(np.array(ids, np.int64)), frozenset(words(text).folded))

    def _found(self, texts: frozenset[str]) -> None:
        every = [*(self._read[text].ids for text in texts), self._numbered(_ANY).ids]
        times = np.bincount(np.concatenate(every), minlength=len(self))
        rarity = np.log((1 + len(every)) / (1 + np.maximum(times, 1))) + 1
        self._rarity, self._rarest = rarity.astype(np.float32), float(np.log((1 + len(every)) / 2) + 1)
        self._founded_on = texts
        self.founding += 1


def _counted(ids: NDArray[np.int64]) -> tuple[Ids, Weights]:
    if not len(ids):
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    found, times = np.unique(ids, return_counts=True)
    return found.astype(np.int32), (1 + np.log(times)).astype(np.float32)


def _terms(text: str) -> list[tuple[int, str]]:
    told = words(text)
    terms = [run for word in " ".join(told.folded).split() for run in _runs(word)]
    terms += [(FOLDED, term) for term in (*told.folded, *told.pairs)]
    return terms + [(WRITTEN, term) for term in told.exact]


@lru_cache(maxsize=20_000)
def _runs(word: str) -> tuple[tuple[int, str], ...]:
    """Return the runs of letters of a word with a space on either side; the whole of a short word counts once."""
    spaced = f" {word} "
    lengths = range(_SHORTEST, min(_LONGEST, len(spaced)) + 1)
    return tuple((RUNS, spaced[at : at + n]) for n in lengths for at in range(len(spaced) - n + 1))
