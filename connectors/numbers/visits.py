"""Visits: what one patron wrote with no long pause, and what came of it. Pure: no database, no clock.

The definitions are those of docs/numbers.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from library.text import fold

PAUSE = timedelta(minutes=30)  # a longer silence begins another visit
ASKED_AGAIN = timedelta(minutes=10)
ALIKE = 0.5  # share of words that two wordings have in common, of all their words
GOOD = frozenset({"answer", "other"})


@dataclass(frozen=True)
class Said:
    """One message and what its turn led to; `words` are used for likeness alone and go no further."""

    conversation_id: str
    channel: str
    locale: str
    at: datetime
    words: str
    answered_at: datetime | None = None
    outcome: Mapping[str, Any] = field(default_factory=dict)
    rated: int | None = None  # 1: the answer helped, as the patron said; 0: it did not
    handed: str = ""  # why a person was called by this message
    person_after: timedelta | None = None  # how long until one answered
    complaint: bool = False  # it was taken down as one

    @property
    def kind(self) -> str:
        """Return what it led to; a search without any hit is a kind of its own."""
        kind = str(self.outcome.get("kind", ""))
        return "nothing_found" if kind == "search" and self.outcome.get("hits") == 0 else kind

    @property
    def is_answered(self) -> bool:
        return self.kind in GOOD or self.kind == "search"


@dataclass(frozen=True)
class Visit:
    said: Sequence[Said]

    @property
    def began(self) -> datetime:
        return self.said[0].at

    @property
    def handed(self) -> bool:
        return any(one.handed for one in self.said)

    def displeased_with(self, answer: str) -> bool:
        """Return whether the patron said that this answer did not help, or complained of anything."""
        disliked = any(one.rated == 0 and one.outcome.get("answer") == answer for one in self.said)
        return disliked or any(one.complaint for one in self.said)

    @property
    def asked_again(self) -> bool:
        return any(asks_again(one, other) for one, other in pairwise(self.asked))

    @property
    def asked(self) -> Sequence[Said]:
        """Return the messages that the assistant itself dealt with."""
        return [one for one in self.said if one.kind]

    @property
    def resolved(self) -> bool:
        """Return whether it ended with an answer, with nothing asked again and no person called."""
        asked = self.asked
        return bool(asked) and asked[-1].is_answered and not self.asked_again and not self.handed


def visits(said: Sequence[Said]) -> Iterator[Visit]:
    """Yield the visits in messages that stand by conversation and, within one, by time."""
    together: list[Said] = []
    for one in said:
        if together and (one.conversation_id != together[-1].conversation_id or one.at - together[-1].at >= PAUSE):
            yield Visit(together)
            together = []
        together.append(one)
    if together:
        yield Visit(together)


def asks_again(one: Said, other: Said) -> bool:
    """Return whether `other` asks once more, soon after, what `one` asked: the patron was not content."""
    if other.at - one.at > ASKED_AGAIN:
        return False
    before, after = set(fold(one.words).split()), set(fold(other.words).split())
    return len(before & after) > 0 and len(before & after) / len(before | after) >= ALIKE
