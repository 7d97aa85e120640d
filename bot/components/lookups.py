"""Phrases that tell of a slot, held by the catalogue or not: well-known titles, names, topics, groups, kinds."""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, FrozenSet, Iterable, List, Mapping, Sequence, Tuple

from library.text import folded_words

_LONGEST = 14  # words


class Lookups:
    """The phrases of each slot, compared without marks."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        self.phrases: Dict[str, List[str]] = {slot: sorted(set(each)) for slot, each in phrases.items()}
        slots: Dict[Tuple[str, ...], List[str]] = defaultdict(list)
        for slot, each in self.phrases.items():
            for words in {tuple(folded_words(phrase)) for phrase in each}:
                slots[words].append(slot)
        self._slots = {words: tuple(sorted(named)) for words, named in slots.items() if words}
        self._firsts: FrozenSet[str] = frozenset(words[0] for words in self._slots)

    def found(self, words: Sequence[str]) -> List[Tuple[int, int, Tuple[str, ...]]]:
        """Return (first word, last word + 1, slots) of the longest phrases among the folded words, none overlapping."""
        found, at = [], 0
        while at < len(words):
            end = self._end(words, at) if words[at] in self._firsts else at
            if end > at:
                found.append((at, end, self._slots[tuple(words[at:end])]))
            at = max(end, at + 1)
        return found

    def _end(self, words: Sequence[str], at: int) -> int:
        ends = range(min(len(words), at + _LONGEST), at, -1)
        return next((end for end in ends if tuple(words[at:end]) in self._slots), at)
