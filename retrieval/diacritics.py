"""Puts the marks back on a query typed without them ("so do" → "số đỏ"), by what the library's own texts say.

A syllable trigram model with Witten-Bell smoothing over titles, subjects, answers and phrasings, upon a general one
of Vietnamese that ships with the program. Slips of the keyboard are mended in the same look; spelling.py says what each
costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from library.syllables import from_keys, is_syllable
from library.text import Token, fold, has_diacritics, nfc, one_spelling, same_tones, tokens
from retrieval import general, ngrams, spelling
from retrieval.ngrams import BITS, EDGE, OTHER, Grams, Ids

Scores = NDArray[np.float64]
Option = tuple[int, float]  # number of a spelling, what the way from the typed word to it costs

_BEAM = 12
_MOST_SPELLINGS = 24
_MOST_MENDED = 12  # other words that one typed word may be a slip for
_SHORTEST_SLIP = 4  # letters; a shorter unknown word is near too many others
_VARIETY = 4.0  # measured on held-out titles; Witten and Bell have 1
_OWN_WEIGHT = 20  # one run in the library's own texts says as much as so many in general ones
_UNKNOWN = 1e-7  # probability of a word that no text holds
_ASIS = -1


@dataclass(frozen=True)
class Restored:
    """A reading of the query: the text with marks, and its log probability. `sure` is False for a guess in the dark."""

    text: str
    score: float
    sure: bool


class Restorer:
    """A model of how the library's words are spelled. Reading is safe from many threads."""

    def __init__(self, grams: Grams) -> None:
        self._grams, self._spellings = grams, grams.spellings
        self._total = int(grams.ones.sum()) + 1
        self._one: Scores = (np.asarray(grams.ones) + 0.1) / self._total
        self._log_one: list[float] = np.log(self._one).tolist()
        self._own: list[int] = grams.own.tolist()
        self._by_folded: dict[str, list[int]] = {}
        self._number: dict[str, int] = {}
        # Spellings come by falling frequency; rare ones beyond a limit are cut.
        for number in range(OTHER + 1, len(self._spellings)):
            word = self._spellings[number]
            self._number[word] = number
            self._by_folded.setdefault(_key(word), []).append(number)

    @classmethod
    def learn(cls, texts: Iterable[str], upon: Grams | None = None) -> Restorer:
        """Return the model of these texts upon a general one, which is the shipped one unless another is given."""
        return cls(ngrams.count(texts, _shipped() if upon is None else upon, _OWN_WEIGHT))

    def save(self, folder: Path) -> None:
        """Write the model into the folder."""
        self._grams.save(folder)

    @classmethod
    def open(cls, folder: Path) -> Restorer:
        """Return the model in this folder, its tables memory-mapped."""
        return cls(Grams.open(folder))

    def restore(self, text: str, n: int = 3) -> list[Restored]:
        """Return up to n readings of the text, likeliest first; the first is the text itself when it needs no marks.

        Marks that were typed stay. A word that no text of the library holds gives way to one that is a slip of the
        keyboard away, or stays as well.
        """
        return self._readings(nfc(text), n, bare=True, mend=False)

    def mend(self, text: str, n: int = 3, *, bare: bool | None = None) -> list[Restored]:
        """Return up to n readings of the text, likeliest first, with slips of known words repaired too.

        `bare` tells whether it is part of a text typed without marks; otherwise the text itself tells.
        """
        return self._readings(nfc(text), n, bare=lacks_marks(text) if bare is None else bare, mend=True)

    def knows(self, word: str) -> bool:
        """Return whether some text of the library holds this word, with whatever marks."""
        return any(self._own[number] for number in self._by_folded.get(_key(word), ()))

    def met(self, word: str) -> bool:
        """Return whether the library's texts or the general model hold this word, with whatever marks."""
        return _key(word) in self._by_folded

    def _readings(self, typed: str, n: int, *, bare: bool, mend: bool) -> list[Restored]:
        words = tokens(typed)
        options = [self._options(word, bare=bare, mend=mend) for word in words]
        best = self._best([found or [(_ASIS, 0.0)] for found in options])[:n]
        sure = self._sure(words)
        readings = [Restored(self._written(typed, words, chosen), score, sure) for score, chosen in best]
        return readings or [Restored(typed, 0.0, True)]

    def _sure(self, words: Sequence[Token]) -> bool:
        unknown = any(is_syllable(word.folded) and not self.knows(word.text) for word in words)
        foreign = sum(1 for word in words if not is_syllable(word.folded))
        return not unknown or foreign > len(words) / 2

    def _written(self, typed: str, words: Sequence[Token], chosen: Sequence[int]) -> str:
        pieces, end = [], 0
        for word, number in zip(words, chosen, strict=True):
            meant = word.text if number < 0 else self._shown(word.text, self._spellings[number])
            pieces += [typed[end : word.start], meant]
            end = word.end
        return "".join(pieces) + typed[end:]

    @staticmethod
    def _shown(typed: str, meant: str) -> str:
        return typed if same_tones(typed.lower()) == meant else _cased_like(typed, meant)

    def _options(self, word: Token, *, bare: bool, mend: bool) -> list[Option]:
        """Return the spellings this word may be meant for, each with its cost; empty to leave it."""
        typed = one_spelling(word.text.lower())
        free = bare and not has_diacritics(word.text)
        options = self._same(typed, free=free, mend=mend)
        foreign = not is_syllable(word.folded)
        if any(c.isdigit() for c in typed) or (options and foreign):
            return options
        known = any(self._own[number] and cost == 0 for number, cost in options)
        if not known and (keys := from_keys(word.text.lower())) and (number := self._number.get(keys)):
            options.append((number, spelling.KEYS))
        if (foreign and not options and len(word.folded) >= _SHORTEST_SLIP) or (
            mend and not foreign and len(word.folded) > 1
        ):
            options += self._mended(typed, known=known, free=free)
        if options and not known:
            options.append((_ASIS, 0.0))
        return options

    def _same(self, typed: str, *, free: bool, mend: bool) -> list[Option]:
        """Return the spellings of the same letters with their marks; those typed stay unless slips are mended."""
        numbers = self._by_folded.get(_key(typed), [])[:_MOST_SPELLINGS]
        costs = {number: spelling.marks_cost(typed, self._spellings[number], free=free) for number in numbers}
        if not mend:
            return [(number, cost) for number, cost in costs.items() if cost < spelling.TYPED_MARKS]
        known = any(self._own[number] and cost == 0 for number, cost in costs.items())
        return [(number, cost + spelling.KNOWN if known and cost else cost) for number, cost in costs.items()]

    def _mended(self, typed: str, *, known: bool, free: bool) -> list[Option]:
        """Return words of the library's own that the typed one may be a slip for."""
        found = [
            (number, cost + spelling.marks_cost(typed, self._spellings[number], free=free, moved=True))
            for near, cost in spelling.slips(_key(typed), known=known)
            for number in self._by_folded.get(near, ())[:_MOST_SPELLINGS]
            if self._own[number]
        ]
        return sorted(found, key=lambda each: each[1] - self._log_one[each[0]])[:_MOST_MENDED]

    def _best(self, options: Sequence[Sequence[Option]]) -> list[tuple[float, list[int]]]:
        beam: list[tuple[float, list[int]]] = [(0.0, [])]
        for choices in options:
            numbers = np.array([number for number, _ in choices], dtype=np.int64)
            costs = np.array([cost for _, cost in choices])
            before = np.array([([EDGE, EDGE, *path])[-2:] for _, path in beam], dtype=np.int64)
            scores = np.array([score for score, _ in beam])[:, None] + self._log_probability(before, numbers) - costs
            order = np.argsort(-scores, axis=None, kind="stable")[:_BEAM]
            places = [divmod(int(each), len(choices)) for each in order]
            beam = [(float(scores[row, column]), [*beam[row][1], choices[column][0]]) for row, column in places]
        return beam

    def _log_probability(self, before: Ids, choices: Ids) -> Scores:
        """Return log P(choice | two before) for each pair, shape (len(before), len(choices)); an unknown word costs."""
        grams = self._grams
        known, first, last = (np.where(each < 0, OTHER, each) for each in (choices, before[:, 0], before[:, 1]))
        pair = _smoothed(
            _look(grams.keys2, grams.counts2, (last[:, None] << BITS) | known), grams.totals2[last],
            grams.variety2[last], self._one[known][None, :],
        )  # fmt: skip
        context = (first << BITS) | last
        three = _smoothed(
            _look(grams.keys3, grams.counts3, (context[:, None] << BITS) | known),
            _look(grams.keys2, grams.totals3, context), _look(grams.keys2, grams.variety3, context), pair,
        )  # fmt: skip
        three[:, choices < 0] = _UNKNOWN
        return np.log(three)


def _look(keys: Ids, values: Ids, wanted: Ids) -> Ids:
    if not len(keys):
        return np.zeros(wanted.shape, dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, values[at], 0)


def _smoothed(counts: Ids, totals: Ids, variety: Ids, lower: Scores) -> Scores:
    """Return Witten-Bell probabilities; the more different words followed, the more the lower order says."""
    new = _VARIETY * variety[:, None]
    whole = totals[:, None] + new
    found: Scores = np.where(whole == 0, lower, (counts + new * lower) / np.maximum(whole, 1))
    return found


@cache
def _shipped() -> Grams:
    return general.shipped()


@lru_cache(maxsize=1 << 16)  # a new model is learnt at every publication, mostly of the same words
def _key(word: str) -> str:
    return fold(one_spelling(word))


def lacks_marks(typed: str) -> bool:
    """Return whether the text was typed without diacritics, or nearly: three of four Vietnamese syllables bear some."""
    syllables = [token for token in tokens(typed) if is_syllable(token.folded)]
    marked = sum(1 for token in syllables if has_diacritics(token.text))
    return marked * 6 <= len(syllables)


def _cased_like(typed: str, meant: str) -> str:
    if typed.isupper() and len(typed) > 1:
        return meant.upper()
    return meant.capitalize() if typed[:1].isupper() else meant
