"""Puts the marks back on a query typed without them ("so do" → "số đỏ"), by what the library's own texts say.

A syllable trigram model with Witten-Bell smoothing over titles, subjects, answers and phrasings; all tables are flat
arrays, memory-mapped, and the lookups of one syllable go in one call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from library.syllables import is_syllable
from library.text import fold, has_diacritics, nfc, same_tones, tokens

Ids = NDArray[np.int64]

_START = 0  # id of the sentence edge
_BEAM = 12
_MOST_SPELLINGS = 24
_SHORTEST_SLIP = 4  # letters; a shorter unknown word is near too many others
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Restored:
    """A reading of the query: the text with marks, and its log probability. `sure` is False for a guess in the dark."""

    text: str
    score: float
    sure: bool


def _sentences(text: str) -> Iterator[list[str]]:
    for line in nfc(text).replace(" . ", "\n").splitlines():
        words = [same_tones(token.text.lower()) for token in tokens(line)]
        # Patrons' own unaccented wordings would teach that no marks are needed.
        if words and (len(words) == 1 or not _looks_bare(words)):
            yield words


def _looks_bare(words: Sequence[str]) -> bool:
    return all(word == fold(word) for word in words) and sum(map(is_syllable, words)) > len(words) / 2


def _tables(grams: tuple[Counter[tuple[int, ...]], ...], size: int) -> dict[str, NDArray[np.int64]]:
    """Return sorted arrays of n-gram keys with their counts, and for each context its total and its variety."""
    tables = {}
    for n in (1, 2, 3):
        counts = {_key(gram, size): count for gram, count in grams[n - 1].items()}
        keys = np.array(sorted(counts), dtype=np.int64)
        tables[f"keys{n}"] = keys
        tables[f"counts{n}"] = np.array([counts[key] for key in keys.tolist()], dtype=np.int64)
    for n in (2, 3):
        totals: Counter[int] = Counter()
        variety: Counter[int] = Counter()
        for gram, count in grams[n - 1].items():
            totals[_key(gram[:-1], size)] += count
            variety[_key(gram[:-1], size)] += 1
        keys = np.array(sorted(totals), dtype=np.int64)
        tables[f"contexts{n}"] = keys
        tables[f"totals{n}"] = np.array([totals[key] for key in keys.tolist()], dtype=np.int64)
        tables[f"variety{n}"] = np.array([variety[key] for key in keys.tolist()], dtype=np.int64)
    return tables


def _key(gram: Sequence[int], size: int) -> int:
    key = 0
    for each in gram:
        key = key * size + each
    return key


class Restorer:
    """A model of how the library's words are spelled. Reading is safe from many threads."""

    def __init__(self, spellings: list[str], tables: Mapping[str, NDArray[np.int64]]) -> None:
        self._spellings, self._table = spellings, tables
        self._size = len(spellings)
        self._total = int(tables["counts1"].sum()) + 1
        self._by_folded: dict[str, list[int]] = {}
        # The tables know no order of spellings; the commonest comes first here, and rare ones beyond a limit are cut.
        for spelling_id in np.argsort(-self._look("keys1", "counts1", np.arange(self._size)), kind="stable").tolist():
            self._by_folded.setdefault(fold(spellings[spelling_id]), []).append(spelling_id)

    @classmethod
    def learn(cls, texts: Iterable[str]) -> Restorer:
        """Return the model of these texts."""
        ids: dict[str, int] = {"": _START}
        grams: tuple[Counter[tuple[int, ...]], ...] = (Counter(), Counter(), Counter())
        for text in texts:
            for sentence in _sentences(text):
                run = [_START, _START, *(ids.setdefault(word, len(ids)) for word in sentence)]
                for at in range(2, len(run)):
                    for n in range(3):
                        grams[n][tuple(run[at - n : at + 1])] += 1
        return cls(list(ids), _tables(grams, len(ids)))

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, table in self._table.items():
            np.save(folder / f"{name}.npy", table)
        (folder / "spellings.txt").write_text("\n".join(self._spellings), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> Restorer:
        names = ("keys1", "counts1", *(f"{kind}{n}" for n in (2, 3) for kind in
                 ("keys", "counts", "contexts", "totals", "variety")))  # fmt: skip
        tables = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
        return cls((folder / "spellings.txt").read_text(encoding="utf-8").split("\n"), tables)

    def restore(self, text: str, n: int = 3) -> list[Restored]:
        """Return up to n readings of the text, likeliest first; the first is the text itself when it needs no marks.

        A word typed with marks stays as typed. A word that no text of the library holds gives way to one that is a
        slip of the keyboard away, or stays as well.
        """
        typed = nfc(text)
        words = tokens(typed)
        options = [self._options(word.text) for word in words]
        unknown = sum(1 for word, found in zip(words, options, strict=True) if not found and is_syllable(word.folded))
        foreign = sum(1 for word in words if not is_syllable(word.folded))
        sure = unknown == 0 or foreign > len(words) / 2
        readings = []
        for score, chosen in self._best([found or [-1] for found in options])[:n]:
            pieces, end = [], 0
            for word, spelling in zip(words, chosen, strict=True):
                meant = word.text if spelling < 0 else _cased_like(word.text, self._spellings[spelling])
                pieces += [typed[end : word.start], meant]
                end = word.end
            readings.append(Restored("".join(pieces) + typed[end:], score, sure))
        return readings or [Restored(typed, 0.0, True)]

    def knows(self, word: str) -> bool:
        """Return whether some text of the library holds this word, with whatever marks."""
        return fold(word) in self._by_folded

    def _options(self, word: str) -> list[int]:
        known = self._by_folded.get(fold(word), [])[:_MOST_SPELLINGS]
        if not known and len(word) >= _SHORTEST_SLIP and not is_syllable(fold(word)):
            return [each for near in _slips(fold(word)) for each in self._by_folded.get(near, ())][:_MOST_SPELLINGS]
        if word.lower() == fold(word):
            return list(known)
        meant = same_tones(word.lower())
        return [each for each in known if self._spellings[each] == meant]

    def _best(self, options: Sequence[Sequence[int]]) -> list[tuple[float, list[int]]]:
        beam: list[tuple[float, list[int]]] = [(0.0, [])]
        for choices in options:
            before = np.array([([_START, _START, *path])[-2:] for _, path in beam], dtype=np.int64)
            scores = np.array([score for score, _ in beam])[:, None] + self._log_probability(before, np.array(choices))
            order = np.argsort(-scores, axis=None)[:_BEAM]
            places = [(int(each) // len(choices), int(each) % len(choices)) for each in order]
            beam = [(float(scores[row, column]), [*beam[row][1], choices[column]]) for row, column in places]
        return beam

    def _log_probability(self, before: Ids, choices: Ids) -> NDArray[np.float64]:
        """Return log P(choice | two before) for each pair, shape (len(before), len(choices)); an unknown word costs."""
        known = np.where(choices < 0, _START, choices)
        size = self._size
        one = (self._look("keys1", "counts1", known) + 0.1) / self._total
        pair = self._smoothed(2, before[:, 1], known, one[None, :])
        three = self._smoothed(3, before[:, 0] * size + before[:, 1], known, pair)
        return np.log(np.where(choices[None, :] < 0, 1e-6, three))

    def _smoothed(self, n: int, contexts: Ids, choices: Ids, lower: NDArray[np.float64]) -> NDArray[np.float64]:
        total = self._look(f"contexts{n}", f"totals{n}", contexts)[:, None]
        variety = self._look(f"contexts{n}", f"variety{n}", contexts)[:, None]
        counts = self._look(f"keys{n}", f"counts{n}", contexts[:, None] * self._size + choices[None, :])
        whole = total + variety
        return np.where(whole == 0, lower, (counts + variety * lower) / np.where(whole == 0, 1, whole))

    def _look(self, keys: str, values: str, wanted: Ids) -> NDArray[np.int64]:
        table = self._table[keys]
        if not len(table):
            return np.zeros_like(wanted)
        at = np.minimum(np.searchsorted(table, wanted), len(table) - 1)
        return np.where(table[at] == wanted, self._table[values][at], 0)


def _slips(word: str) -> Iterator[str]:
    """Yield the words one slip of the keyboard away: two letters swapped, one too many, one wrong, one missing."""
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    yield from (a + b[1] + b[0] + b[2:] for a, b in parts if len(b) > 1)
    yield from (a + b[1:] for a, b in parts if b)
    yield from (a + c + b[1:] for a, b in parts if b for c in _LETTERS)
    yield from (a + c + b for a, b in parts for c in _LETTERS)


def lacks_marks(typed: str) -> bool:
    """Return whether the text was typed without diacritics, or nearly: three of four Vietnamese syllables bear some."""
    syllables = [token for token in tokens(typed) if is_syllable(token.folded)]
    marked = sum(1 for token in syllables if has_diacritics(token.text))
    return marked * 6 <= len(syllables)


def _cased_like(typed: str, meant: str) -> str:
    if typed.isupper() and len(typed) > 1:
        return meant.upper()
    return meant.capitalize() if typed[:1].isupper() else meant
