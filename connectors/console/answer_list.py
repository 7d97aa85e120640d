"""All answers as one list: what state each is in, whose it is, and when it is to be looked at again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from library.text import fold
from retrieval.answer_states import Standing, State
from retrieval.answers import Answer

_FIRST = (State.REVIEW, State.WAITING, State.RETURNED, State.APPROVED, State.DRAFT, State.LIVE, State.PAST)


@dataclass(frozen=True)
class Row:
    """One answer: the wording in use, or the newest where none is; `newer`: the state of a newer one beside it."""

    answer: Answer
    number: int
    state: State
    newer: State | None
    by: str
    at: datetime
    scheduled_at: datetime | None

    @property
    def states(self) -> frozenset[State]:
        return frozenset({self.state, self.newer} - {None})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Wanted:
    """What to show of the list; an empty part asks for nothing."""

    words: str = ""
    state: str = ""
    owner: str = ""
    topic: str = ""

    def fits(self, row: Row) -> bool:
        return (
            (not self.state or self.state in row.states)
            and (not self.owner or row.answer.owner == self.owner)
            and (not self.topic or row.answer.topic == self.topic)
            and all(word in _searched(row.answer) for word in fold(self.words).split())
        )


def rows(standings: Mapping[str, Standing], today: date) -> list[Row]:
    """Return a row an answer: what wants somebody's eye above, then by topic and question; archived ones last."""
    told = [row(standing, today) for standing in standings.values()]
    return sorted(told, key=lambda each: (_place(each), fold(each.answer.topic), fold(each.answer.question)))


def row(standing: Standing, today: date) -> Row:
    newest = standing.newest
    shown = standing.live or newest
    newer = standing.state(newest.number, today) if newest.number > shown.number else None
    plan = standing.scheduled()
    due_at = plan.due_at if plan else None
    return Row(shown.answer, shown.number, standing.state(shown.number, today), newer, newest.by, newest.at, due_at)


def choices(told: Sequence[Row]) -> dict[str, list[str]]:
    """Return the owners and topics there are to choose from."""
    return {
        "owners": sorted({each.answer.owner for each in told} - {""}),
        "topics": sorted({each.answer.topic for each in told}),
    }


def _place(each: Row) -> int:
    return min((_FIRST.index(state) for state in each.states if state in _FIRST), default=len(_FIRST))


def _searched(answer: Answer) -> str:
    return fold(" ".join((answer.key, answer.question, answer.topic, answer.answer, *answer.phrasings)))
