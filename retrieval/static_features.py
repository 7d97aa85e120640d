"""What the static encoder sees of a text: its words folded and as written, pairs of folded words, letters of others."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from library.text import fold, nfc, same_tones

Ids = NDArray[np.int64]

WORD = re.compile(r"[^\W_]+")
_EITHER_LETTER = re.compile(r"(h|k|l|m|s|t|v|qu)y")
_SHORTEST, _LONGEST = 3, 4  # letters of the pieces of a word that is not in the list
_REMEMBERED = 200_000  # words whose rows are kept at hand


def words(text: str) -> list[str]:
    """Return the words and numbers of the text in lower case and NFC."""
    return WORD.findall(nfc(text).lower())


def bare(word: str) -> str:
    """Return the word folded, "kỹ" and "kĩ" alike."""
    folded = fold(word)
    return folded[:-1] + "i" if _EITHER_LETTER.fullmatch(folded) else folded


def written(word: str) -> str:
    """Return the word as it is told apart from others that fold alike; "hòa" and "hoà" are one."""
    return same_tones(word)


@dataclass(frozen=True)
class Features:
    """Rows of the table for many texts, one text after the other, and where each text begins."""

    rows: Ids
    starts: Ids


class Lexicon:
    """Says which rows of the table a text sums: the order is folded words, written words, pairs, buckets of letters.

    `pairs` holds first * len(folded) + second for pairs of folded words, ascending.
    """

    def __init__(self, folded: Sequence[str], accented: Sequence[str], pairs: Ids, buckets: int) -> None:
        self.folded, self.accented, self.pairs, self.buckets = tuple(folded), tuple(accented), pairs, buckets
        self._folded = {word: row for row, word in enumerate(folded)}
        self._accented = {word: row for row, word in enumerate(accented, len(folded))}
        self._first_pair = len(folded) + len(accented)
        self._first_bucket = self._first_pair + len(pairs)
        self._known: dict[str, tuple[int, tuple[int, ...]]] = {}

    def __len__(self) -> int:
        return self._first_bucket + self.buckets

    def features(self, texts: Sequence[str]) -> Features:
        """Return the rows of the texts; a text without a word has none."""
        bases: list[int] = []
        singles: list[int] = []
        counts, base_counts = [], []
        for text in texts:
            before, before_bases = len(singles), len(bases)
            for word in WORD.findall(nfc(text).lower()):
                base, rows = self._known.get(word) or self._look_up(word)
                bases.append(base)
                singles += rows
            counts.append(len(singles) - before)
            base_counts.append(len(bases) - before_bases)
        return self._with_pairs(np.array(bases, np.int64), np.array(base_counts), np.array(singles, np.int64), counts)

    def _look_up(self, word: str) -> tuple[int, tuple[int, ...]]:
        """Return the word's row among the folded, or -1, and all rows it adds."""
        folded = bare(word)
        base = self._folded.get(folded, -1)
        rows = [base] if base >= 0 else self.letters(folded)
        if (accented := self._accented.get(written(word))) is not None:
            rows.append(accented)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[word] = base, tuple(rows)
        return self._known[word]

    def letters(self, folded: str) -> list[int]:
        """Return the rows of the pieces of a folded word that is not in the list."""
        if folded.isdecimal():
            return [self._bucket(folded)]
        whole = f"<{folded}>"
        pieces = [whole[i : i + n] for n in range(_SHORTEST, _LONGEST + 1) for i in range(len(whole) - n + 1)]
        return [self._bucket(piece) for piece in pieces or [whole]]

    def _bucket(self, piece: str) -> int:
        return self._first_bucket + zlib.crc32(piece.encode()) % self.buckets

    def _with_pairs(self, bases: Ids, base_counts: Ids, singles: Ids, counts: list[int]) -> Features:
        texts = np.arange(len(counts))
        of_base, of_single = np.repeat(texts, base_counts), np.repeat(texts, counts)
        inside = (of_base[1:] == of_base[:-1]) & (bases[1:] >= 0) & (bases[:-1] >= 0)
        keys = (bases[:-1] * len(self.folded) + bases[1:])[inside]
        at = np.minimum(np.searchsorted(self.pairs, keys), max(len(self.pairs) - 1, 0))
        hit = self.pairs[at] == keys if len(self.pairs) else np.zeros(len(keys), bool)
        owners = np.concatenate([of_single, of_base[1:][inside][hit]])
        order = np.argsort(owners, kind="stable")
        rows = np.concatenate([singles, self._first_pair + at[hit]])[order]
        return Features(rows, np.searchsorted(owners[order], texts))
