"""Counts how words follow each other in a stream of texts, millions of them in flat memory.

Words become numbers and every run of two or three words one integer; chunks are counted by sorting and merged like the
levels of a log-structured tree, so no Python object is made for a run of words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from library.syllables import is_syllable
from library.text import fold, written_lines

Ids = NDArray[np.int64]
Counted = tuple[Ids, Ids]  # sorted keys, counts

EDGE, OTHER = 0, 1  # before the first word; words too rare to keep
BITS = 20  # of one word in a key; three words fill 60
_LAST = (1 << BITS) - 1
_MOST_NUMBERED = _LAST
_MOST_KEPT = 200_000  # spellings in a finished model
_MOST_RUNS = 8_000_000  # of two or of three words; beyond it the rarest go
_CHUNK = 4_000_000  # characters counted at once
_ARRAYS = ("own", "ones", "keys2", "counts2", "keys3", "counts3", "totals2", "variety2", "totals3", "variety3")


@dataclass(frozen=True)
class Grams:
    """Words by falling frequency, how often each stands in the library's own texts and in all, and their runs.

    `totals2` and `variety2` tell of each word how often and by how many others it is followed; `totals3` and
    `variety3` tell the same of each pair in `keys2`.
    """

    spellings: list[str]
    own: Ids
    ones: Ids
    keys2: Ids
    counts2: Ids
    keys3: Ids
    counts3: Ids
    totals2: Ids
    variety2: Ids
    totals3: Ids
    variety3: Ids

    @classmethod
    def of(cls, spellings: list[str], own: Ids, ones: Ids, twos: Counted, threes: Counted) -> Grams:
        """Return the model with what follows each word and each pair added up."""
        told = twos[0] & _LAST != EDGE
        after_word = _followed((twos[0][told], twos[1][told]), np.arange(len(spellings)))
        return cls(spellings, own, ones, *twos, *threes, *after_word, *_followed(threes, twos[0]))

    def save(self, folder: Path) -> None:
        """Write the model into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in _ARRAYS:
            array = getattr(self, name)
            np.save(folder / f"{name}.npy", array if name.startswith("keys") else array.astype(np.uint32))
        (folder / "spellings.txt").write_text("\n".join(self.spellings), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Grams:
        """Return the model in this folder, memory-mapped."""
        spellings = (folder / "spellings.txt").read_text(encoding="utf-8").split("\n")
        return cls(spellings, *(np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS))


def _followed(counted: Counted, before: Ids) -> tuple[Ids, Ids]:
    """Return, for each of the sorted words or pairs `before`, how often it is followed, and by how many words."""
    totals, variety = np.zeros(len(before), dtype=np.int64), np.zeros(len(before), dtype=np.int64)
    keys = counted[0] >> BITS
    if len(keys):
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
        at = np.minimum(np.searchsorted(before, keys[starts]), len(before) - 1)
        met = before[at] == keys[starts]
        totals[at[met]] = np.add.reduceat(counted[1], starts)[met]
        variety[at[met]] = np.diff(np.append(starts, len(keys)))[met]
    return totals, variety


def count(texts: Iterable[str], general: Grams | None = None, weight: int = 1) -> Grams:
    """Return the runs of these texts, each counted `weight` times, added to those of a general model if given."""
    counter = _Counter(general, weight)
    for chunk in _chunks(texts):
        counter.add(chunk)
    return counter.finished()


def _chunks(texts: Iterable[str]) -> Iterator[str]:
    gathered: list[str] = []
    length = 0
    for text in texts:
        gathered.append(text)
        length += len(text) + 1
        if length >= _CHUNK:
            yield "\n".join(gathered)
            gathered, length = [], 0
    if gathered:
        yield "\n".join(gathered)


class _Numbers(dict[str, int]):
    """Numbers given to words as they are met; a new word beyond the last number is OTHER."""

    def __missing__(self, word: str) -> int:
        number = len(self) if len(self) < _MOST_NUMBERED else OTHER
        if number != OTHER:
            self[word] = number
        return number


class _Counter:
    def __init__(self, general: Grams | None, weight: int) -> None:
        self._weight = weight
        self._numbers = _Numbers({"\n": EDGE, "": OTHER})
        self._bare = np.zeros(0, dtype=bool)
        self._syllable = np.zeros(0, dtype=bool)
        self._own = np.zeros(0, dtype=np.int64)
        self._general = np.zeros(0, dtype=np.int64)
        self._levels: dict[int, list[Counted]] = {2: [], 3: []}
        if general:
            self._numbers.update((word, at) for at, word in enumerate(general.spellings) if at > OTHER)
            self._general = np.asarray(general.ones)
            self._levels = {2: [(general.keys2, general.counts2)], 3: [(general.keys3, general.counts3)]}

    def add(self, text: str) -> None:
        """Count one chunk of lines."""
        lines = written_lines(text.replace(" . ", "\n") + "\n")
        run = np.fromiter(map(self._numbers.__getitem__, lines), dtype=np.int64, count=len(lines))
        self._look_at_new_words()
        run = self._padded(self._without_bare_lines(run))
        words = np.bincount(run[run != EDGE], minlength=len(self._numbers))
        self._own = _summed(self._own, words)
        meant = run[2:] != EDGE
        pairs = (run[:-1] << BITS) | run[1:]
        self._keep(2, pairs)
        self._keep(3, ((pairs[:-1] << BITS) | run[2:])[meant])

    def _look_at_new_words(self) -> None:
        new = list(self._numbers)[len(self._bare) :]
        looks = np.array([_looks(word) for word in new], dtype=bool).reshape(len(new), 2)
        self._bare = np.append(self._bare, looks[:, 0])
        self._syllable = np.append(self._syllable, looks[:, 1])

    def _without_bare_lines(self, run: Ids) -> Ids:
        """Return the run without lines typed without marks: patrons' wordings would teach that no marks are needed."""
        ends = np.flatnonzero(run == EDGE)
        starts = np.append(0, ends[:-1] + 1)
        lengths = ends - starts
        marked = np.add.reduceat((~self._bare[run]) & (run != EDGE), starts)
        syllables = np.add.reduceat(self._syllable[run] & (run != EDGE), starts)
        kept = (lengths == 1) | (marked > 0) | (syllables * 2 <= lengths)
        chosen: Ids = run[np.repeat(kept & (lengths > 0), lengths + 1)]
        return chosen

    @staticmethod
    def _padded(run: Ids) -> Ids:
        """Return the run with two edges before every line, and none after the last."""
        return np.concatenate([[EDGE, EDGE], np.repeat(run, 1 + (run == EDGE))])[: len(run) + int((run == EDGE).sum())]

    def _keep(self, n: int, keys: Ids) -> None:
        found, times = np.unique(keys, return_counts=True)
        levels = self._levels[n]
        levels.append((found, times * self._weight))
        while len(levels) > 1 and len(levels[-2][0]) < 2 * len(levels[-1][0]):
            levels[-2:] = [_fewer(_merged(levels[-2], levels[-1]))]

    def finished(self) -> Grams:
        """Return what was counted, words renumbered by frequency and the rarest of very many left out."""
        size = len(self._numbers)
        own = _summed(self._own, np.zeros(size, dtype=np.int64))
        ones = _summed(own * self._weight, _summed(self._general, np.zeros(size, dtype=np.int64)))
        order = np.argsort(-ones[OTHER + 1 :], kind="stable")[:_MOST_KEPT] + OTHER + 1
        kept = np.concatenate([[EDGE, OTHER], order])
        number = np.full(size, OTHER, dtype=np.int64)
        number[kept] = np.arange(len(kept))
        words = list(self._numbers)
        spellings = ["", "", *(words[at] for at in order.tolist())]
        twos, threes = (_renumbered(self._whole(n), number, n) for n in (2, 3))
        return Grams.of(spellings, own[kept], ones[kept], twos, threes)

    def _whole(self, n: int) -> Counted:
        whole = (np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
        for level in reversed(self._levels[n]):
            whole = _merged(level, whole)
        return _fewer(whole)


@lru_cache(maxsize=1 << 16)  # a new model is learnt at every publication, mostly of the same words
def _looks(word: str) -> tuple[bool, bool]:
    """Return whether the word has no marks, and whether it is a Vietnamese syllable."""
    return word == fold(word), is_syllable(word)


def _summed(one: Ids, other: Ids) -> Ids:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    longer = longer.astype(np.int64)
    longer[: len(shorter)] += shorter
    return longer


def _merged(one: Counted, other: Counted) -> Counted:
    keys = np.concatenate([one[0], other[0]])
    return _gathered(keys, np.concatenate([one[1], other[1]]))


def _gathered(keys: Ids, counts: Ids) -> Counted:
    """Return the keys sorted, each once, with the sum of its counts."""
    if not len(keys):
        return keys, counts
    order = np.argsort(keys, kind="stable")  # a merge of sorted runs
    keys = keys[order]
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[starts], np.add.reduceat(counts[order], starts)


def _fewer(counted: Counted) -> Counted:
    """Return the runs without the rarest if there are too many, of the equally rare an even sample."""
    keys, counts = counted
    surplus = len(keys) - _MOST_RUNS
    if surplus <= 0:
        return counted
    least = np.partition(counts, surplus)[surplus]
    kept = counts > least
    tied = np.flatnonzero(counts == least)
    kept[tied[np.linspace(0, len(tied) - 1, _MOST_RUNS - int(kept.sum()), dtype=np.int64)]] = True
    return keys[kept], counts[kept]


def _renumbered(counted: Counted, number: Ids, n: int) -> Counted:
    keys = np.zeros_like(counted[0])
    for place in reversed(range(n)):
        keys = (keys << BITS) | number[(counted[0] >> (BITS * place)) & _LAST]
    return _gathered(keys, counted[1])
