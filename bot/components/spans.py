"""Spans of typed text and what the readers of `library` find there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import List, Sequence

from library.dates import find_dates
from library.text import Token

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


def date_spans(typed: str) -> List[Span]:
    """Return the dates and parts of the day that the date reader finds."""
    slots = {"date": "date", "range": "date", "part_of_day": "part_of_day"}
    return [Span(slots[f.kind], f.start, f.end) for f in find_dates(typed, _ANY_DAY) if f.kind in slots]


def isbn_spans(typed: str) -> List[Span]:
    return [Span("isbn", m.start(), m.end()) for m in _ISBN.finditer(typed) if _is_isbn(m[0])]


def _is_isbn(typed: str) -> bool:
    digits = [10 if c in "Xx" else int(c) for c in typed if c.isdigit() or c in "Xx"]
    if len(digits) == 10:
        return sum(digit * (10 - n) for n, digit in enumerate(digits)) % 11 == 0
    return len(digits) == 13 and sum(d * (3 if n % 2 else 1) for n, d in enumerate(digits)) % 10 == 0


def best_of(*found: Sequence[Span]) -> List[Span]:
    """Return the spans in order; where two overlap, the one from the earlier list, then the longer, stays."""
    kept: List[Span] = []
    for spans in found:
        for span in sorted(spans, key=lambda s: s.start - s.end):
            if not any(span.overlaps(other) for other in kept):
                kept.append(span)
    return sorted(kept, key=lambda s: s.start)
