"""What the bench asks of a book of answers before one of them changes, and what it makes of what it hears.

Asked are the wording's phrasings as they stand and as hurried hands write them, every pinned question, and last week's
messages, each of the book as it is and of the book as it would be. Three rules make a report red:

1. A phrasing as typed, without marks or decomposed does not lead to its answer; or one in shorthand or with a typing
   slip leads surely to another; or most of those do not even offer it.
2. A phrasing that is hidden, as if nobody had written it down, leads surely to another answer: so each phrasing is also
   asked of a shelf that does not know it. That it is then merely unknown is no fault: of the demo's own phrasings one
   in seven is news to the rest.
3. A pinned question moves that held before.

That last week's messages would be answered differently than they were, by this change and not by one that was made
since, is shown and is for a person to judge.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from connectors.curation.pins import Expected, Pin
from library.hurry import HARMS
from retrieval.answers import Answer
from retrieval.shelf import Outcome, Shelf, Sure, Which

EXACT, HURRIED = ("plain", "unaccented", "nfd"), ("teencode", "typo")
FORMS = (*EXACT, *HURRIED, "hidden")
_ENOUGH = 6  # hurried ones, from which their share says something: of "giờ giấc" no slip is readable
_TYPOS = 2  # of each phrasing: one alone says little
_MOST_PHRASINGS = 60  # of one save: more are asked by sample
_TOGETHER = 64  # questions asked at once, so that progress is seen and memory stays small
_TWIN = 0.92  # likeness from which two answers look like one; the demo's nearest two different ones have 0.87
_NEAR = 3
How = Literal["hit", "offered", "missed", "other"]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Said:
    """What a shelf says: surely one answer, a choice, or nothing."""

    kind: Literal["sure", "which", "unknown"]
    keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, outcome: Outcome) -> Said:
        if isinstance(outcome, Sure):
            return cls("sure", (outcome.answer.key,))
        return cls("which", tuple(answer.key for answer in outcome.answers)) if isinstance(outcome, Which) else UNKNOWN

    @classmethod
    def read(cls, plain: Mapping[str, Any]) -> Said:
        return cls(plain["kind"], tuple(plain["keys"]))

    def plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "keys": list(self.keys)}

    def how(self, key: str) -> How:
        """Return how well this serves who wanted the answer of this key."""
        if self.kind == "sure":
            return "hit" if self.keys == (key,) else "other"
        return "offered" if key in self.keys else "missed"


UNKNOWN = Said("unknown")


@dataclass(frozen=True)
class Tried:
    """One phrasing in one form, and what it led to."""

    text: str
    form: str
    said: Said
    how: How


@dataclass(frozen=True)
class Held:
    """A pinned question before and after."""

    pin: Pin
    before: Said
    after: Said

    @property
    def holds(self) -> bool:
        return as_expected(self.after, self.pin.expected)

    @property
    def moved(self) -> bool:
        return not self.holds and as_expected(self.before, self.pin.expected)


@dataclass(frozen=True)
class Heard:
    """A message of last week, the ids of those who sent just this, newest first, and how many there were.

    `told` is what the patron heard, where that is known.
    """

    text: str
    ids: tuple[str, ...]
    count: int
    told: Said | None = None


@dataclass(frozen=True)
class Changed:
    heard: Heard
    before: Said
    after: Said


@dataclass(frozen=True)
class Findings:
    """All that was found; `left_out` counts distinct messages beyond those that were asked."""

    tried: Sequence[Tried]
    held: Sequence[Held]
    replayed: int
    changed: Sequence[Changed]
    left_out: int = 0
    neighbours: Sequence[tuple[Answer, float]] = ()
    idle: Sequence[str] = ()  # phrasings that may all go at once: by each of them it is still surely found
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def twins(self) -> list[Answer]:
        return [answer for answer, alike in self.neighbours if alike >= _TWIN]

    @property
    def wrong(self) -> list[Tried]:
        """Return the phrasings that make it red."""
        exact = [each for each in self.tried if each.form in EXACT and each.how != "hit"]
        astray = [each for each in self.tried if each.how == "other"]
        hurried = [each for each in self.tried if each.form in HURRIED]
        lost = [each for each in hurried if each.how in ("missed", "other")]
        many = len(hurried) >= _ENOUGH and 2 * len(lost) > len(hurried)
        return list(dict.fromkeys([*exact, *astray, *(lost if many else [])]))

    @property
    def red(self) -> bool:
        return bool(self.wrong) or any(each.moved for each in self.held)


def as_expected(said: Said, expected: Expected) -> bool:
    """Return whether this is what a pin expects of answers."""
    if expected.kind == "none":
        return said.kind != "sure"
    return said.kind == "sure" and said.keys == (expected.what,)


def try_out(
    before: Shelf,
    after: Shelf,
    answer: Answer,
    live: Answer | None,
    pins: Sequence[Pin],
    week: Sequence[Heard],
    today: date,
    *,
    left_out: int = 0,
    progress: Progress = lambda _share: None,
) -> Findings:
    """Return what changes when `answer` takes the place of `live`: `before` and `after` are the shelves."""
    asked = _phrasings(answer, live)
    tried = [*_as_typed(after, answer, asked), *_hidden(after, answer, asked)]
    progress(0.4)
    texts = [pin.text for pin in pins]
    pairs = zip(pins, said(before, texts, today), said(after, texts, today), strict=True)
    held = [Held(pin, old, new) for pin, old, new in pairs]
    progress(0.5)
    changed = list(_replayed(before, after, week, today, progress))
    counts = {form: Counter[str](each.how for each in tried if each.form == form) for form in FORMS}
    idle = _idle(after, answer, [each.text for each in tried if each.form == "hidden" and each.how == "hit"])
    near = after.neighbours(answer.key, _NEAR)
    replayed = sum(heard.count for heard in week)
    return Findings(tried, held, replayed, changed, left_out, near, idle, counts)


def _phrasings(answer: Answer, live: Answer | None) -> list[str]:
    """Return the phrasings that are new, or all of one whose phrasings stayed; of very many a sample."""
    own = list(dict.fromkeys((answer.question, *answer.phrasings)))
    known = {live.question, *live.phrasings} if live else set()
    asked = [text for text in own if text not in known] or own
    step = -(-len(asked) // _MOST_PHRASINGS)
    return asked[:: max(1, step)]


def _as_typed(shelf: Shelf, answer: Answer, phrasings: Sequence[str]) -> Iterator[Tried]:
    written = [
        (text, form, text if form == "plain" else _harmed(text, form, 0)) for text in phrasings for form in EXACT
    ]
    written += [(text, "typo", _harmed(text, "typo", n)) for text in phrasings for n in range(_TYPOS)]
    written = [each for each in dict.fromkeys(written) if each[1] == "plain" or each[2] != each[0]]
    for (_, form, asked), told in zip(written, said(shelf, [each[2] for each in written], None), strict=True):
        yield Tried(asked, form, told, told.how(answer.key))


def _harmed(text: str, form: str, n: int) -> str:
    # The same slips every time: a report that changes by itself would be believed by nobody.
    return HARMS[form](text, random.Random(f"{text} {form} {n}"))  # noqa: S311


def _hidden(shelf: Shelf, answer: Answer, phrasings: Sequence[str]) -> Iterator[Tried]:
    for text in phrasings:
        told = Said.of(shelf.ask_without(text, answer.key))
        yield Tried(text, "hidden", told, told.how(answer.key))


def _idle(shelf: Shelf, answer: Answer, missed_by_nobody: Sequence[str]) -> list[str]:
    """Return which of the phrasings may all go at once; of two that stand in for each other the earlier stays."""
    idle: list[str] = []
    for text in reversed(missed_by_nobody):
        without = [text, *idle]
        if text != answer.question and _hits(shelf, answer, [text], without) == [text]:
            idle = without
    # Each was asked without those asked before it, and not without those asked later.
    while len(left := _hits(shelf, answer, idle, idle)) < len(idle):
        idle = left
    return idle


def _hits(shelf: Shelf, answer: Answer, texts: Sequence[str], without: Sequence[str]) -> list[str]:
    """Return the texts that surely lead to the answer though it has none of the wordings `without`."""
    found = shelf.ask_all_without(texts, answer.key, without)
    return [text for text, each in zip(texts, found, strict=True) if Said.of(each).how(answer.key) == "hit"]


def said(shelf: Shelf, texts: Sequence[str], today: date | None) -> list[Said]:
    """Return what the shelf says to each; with `today`, by the answers that hold on that day."""
    spans = (texts[at : at + _TOGETHER] for at in range(0, len(texts), _TOGETHER))
    return [Said.of(outcome) for span in spans for outcome in shelf.ask_all(span, today)]


def _replayed(before: Shelf, after: Shelf, week: Sequence[Heard], today: date, progress: Progress) -> Iterator[Changed]:
    for at in range(0, len(week), _TOGETHER):
        span = week[at : at + _TOGETHER]
        new = said(after, [heard.text for heard in span], today)
        # What is told just as it was needs no second look, and it is most of them.
        maybe = [
            each for each in zip(span, new, strict=True) if each[0].told is None or _differs(each[0].told, each[1])
        ]
        old = said(before, [heard.text for heard, _ in maybe], today)
        for (heard, then), now in zip(maybe, old, strict=True):
            if _differs(now, then):  # else it is another publication since then that changed it
                yield Changed(heard, heard.told or now, then)
        progress(0.5 + 0.5 * min(1.0, (at + _TOGETHER) / len(week)))


def _differs(before: Said, after: Said) -> bool:
    """Return whether the patron hears something else; the order of a choice is none."""
    return before.kind != after.kind or set(before.keys) != set(after.keys)
