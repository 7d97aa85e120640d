"""From a typed text to its slots: what the tagger says of its words, and what the readers of dates and ISBNs know."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List, Protocol, Sequence

from bot.components.slot_features import UNSURE, Features, Knowledge, Rows, features
from bot.components.spans import Span, best_of, date_spans, isbn_spans, word_labels
from library.text import Normalised, normalise

# Two of these may stand side by side, and where one begins tells much; the others need no mark of their own for it.
_BEGUN = frozenset({"title", "author", "topic", "audience"})
_NAMED = frozenset({"title", "topic", "author"})
_VOLUME = re.compile(r"(?i)(?<=\w)[\s,]+(?:tập|tâp|tap|quyển|quyen|cuốn|cuon|vol(?:ume)?\.?)\s*\d+\W*$")


class Tagger(Protocol):
    def tag(self, rows: Rows) -> List[str]: ...


def labels(message: Normalised, spans: Sequence[Span]) -> List[str]:
    """Return what the tagger is to say of each word: "B-slot" and "I-slot", only "I-slot" for most, "O"."""
    plain = word_labels(message.tokens, spans)
    return [label if label[2:] in _BEGUN else label.replace("B-", "I-", 1) for label in plain]


@dataclass(frozen=True)
class Draft:
    """A text whose words have been looked at: its slots can be read again once it is known what it wants."""

    message: Normalised
    features: Features
    tagger: Tagger

    def spans(self, intent: str = UNSURE) -> List[Span]:
        """Return the slots of the text in order, none overlapping. `intent`: what the message is taken to want."""
        if not self.message.tokens:
            return []
        tagged = _tagged(self.message, self.tagger.tag(self.features.wanting(intent)))
        named = [_without_volume(span, self.message.typed) for span in tagged]
        return best_of(isbn_spans(self.message.typed), self._dates(tagged), named)

    def _dates(self, tagged: Sequence[Span]) -> List[Span]:
        """Return the dates that lie in no title, topic or name the tagger saw, and are no place in a list."""
        return [date for date in date_spans(self.message) if not any(_denies(span, date) for span in tagged)]


def draft(typed: str, knowledge: Knowledge, tagger: Tagger) -> Draft:
    message = normalise(typed)
    return Draft(message, features(message, knowledge), tagger)


def _denies(span: Span, date: Span) -> bool:
    if not span.overlaps(date):
        return False
    if span.slot == "item_ordinal":
        return True
    return span.slot in _NAMED and span.start <= date.start and date.end <= span.end and span != date


def _without_volume(span: Span, typed: str) -> Span:
    """Return the title without "tập 2" behind it: the volume is no part of its name."""
    volume = _VOLUME.search(typed[span.start : span.end]) if span.slot == "title" else None
    return Span(span.slot, span.start, span.start + volume.start()) if volume else span


def _tagged(message: Normalised, tags: Sequence[str]) -> List[Span]:
    """Return the spans that the words' labels describe."""
    spans: List[Span] = []
    for word, tag in zip(message.tokens, tags, strict=True):
        mark, _, slot = tag.partition("-")
        if mark == "O":
            continue
        if mark == "I" and spans and spans[-1].slot == slot and _adjoin(message, spans[-1].end, word.start):
            spans[-1] = Span(slot, spans[-1].start, word.end)
        else:
            spans.append(Span(slot, word.start, word.end))
    return spans


def _adjoin(message: Normalised, end: int, start: int) -> bool:
    return not re.search(r"\w", message.typed[end:start])
