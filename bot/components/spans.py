"""Spans of typed text and what the readers of `library` find there."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import List, Sequence

from library.dates import find_dates
from library.text import Normalised, Token

_ISBN = re.compile(r"(?<![\d-])(?:97[89][\s-]?)?\d(?:[\s-]?\d){8}[\s-]?[\dXx](?![\d-])")
_ANY_DAY = date(2026, 1, 1)  # where a date stands in a text does not depend on today


@dataclass(frozen=True)
class Span:
    slot: str
    start: int
    end: int

    def overlaps(self, other: Span) -> bool:
        return self.start < other.end and other.start < self.end


def word_labels(words: Sequence[Token], spans: Sequence[Span]) -> List[str]:
    """Return B-slot, I-slot or O for each word."""
    labels = []
    for word in words:
        span = next((s for s in spans if s.start < word.end and word.start < s.end), None)
        inside = span is not None and word.start > span.start and labels and labels[-1].endswith("-" + span.slot)
        labels.append("O" if span is None else f"{'I' if inside else 'B'}-{span.slot}")
    return labels


_SLOTS = {"date": "date", "range": "date", "part_of_day": "part_of_day"}


def date_spans(message: Normalised) -> List[Span]:
    """Return the dates and parts of the day that the date reader finds in what was typed, and in what that stands for.

    "chur nhaatj" is a day only once its keys are read.
    """
    return best_of(_dated(message.typed), _dated_as_meant(message))


def _dated(text: str) -> List[Span]:
    return [Span(_SLOTS[f.kind], f.start, f.end) for f in find_dates(text, _ANY_DAY) if f.kind in _SLOTS]


def _dated_as_meant(message: Normalised) -> List[Span]:
    if message.text == message.typed:
        return []
    words = message.tokens
    ends = list(accumulate(len(word.text) + 1 for word in words))
    starts = [0, *ends]
    found = _dated(" ".join(word.text for word in words))
    firsts = [bisect_right(starts, span.start) - 1 for span in found]
    lasts = [bisect_right(starts, span.end - 1) - 1 for span in found]
    return [
        Span(span.slot, words[first].start, words[last].end)
        for span, first, last in zip(found, firsts, lasts, strict=True)
    ]


def isbn_spans(typed: str) -> List[Span]:
    return [Span("isbn", m.start(), m.end()) for m in _ISBN.finditer(typed) if _is_isbn(m[0])]


def _is_isbn(typed: str) -> bool:
    """Return whether the number can be meant as an ISBN; one of 13 figures is, also when a figure is wrong."""
    digits = [10 if c in "Xx" else int(c) for c in typed if c.isdigit() or c in "Xx"]
    return len(digits) == 13 or sum(digit * (10 - n) for n, digit in enumerate(digits)) % 11 == 0


def best_of(*found: Sequence[Span]) -> List[Span]:
    """Return the spans in order; where two overlap, the one from the earlier list, then the longer, stays."""
    kept: List[Span] = []
    for spans in found:
        for span in sorted(spans, key=lambda s: s.start - s.end):
            if not any(span.overlaps(other) for other in kept):
                kept.append(span)
    return sorted(kept, key=lambda s: s.start)
