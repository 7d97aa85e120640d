"""The one way by which an answer comes into use, goes out of use, or goes back: tried out, allowed, noted, live.

Nothing here is raised for a "no": a refusal is data, with the report that tells why. Every deed ends in the audit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from connectors.staff.roles import Permission
from retrieval.answers import Answer


class Actor(Protocol):
    """Who wants it: the console's Visitor is one."""

    @property
    def name(self) -> str: ...

    def may(self, permission: Permission) -> bool: ...


class Refusal(StrEnum):
    UNKNOWN = "unknown"  # there is no such answer or revision
    NOT_ALLOWED = "not_allowed"  # this role may not
    NOT_APPROVED = "not_approved"  # the revision was not approved, and may not go out without
    SECOND_PERSON = "second_person"  # high risk: who wrote it may not put it in use
    RED = "red"  # the bench found something; `override` with a reason, if the role may
    MOVED = "moved"  # what is in use changed while this was tried out; it was tried out again, look once more
    PAST = "past"  # the time to publish at is over
    NO_REASON = "no_reason"  # an override needs a reason
    NOTHING_BEFORE = "nothing_before"  # there is no earlier wording to go back to


@dataclass(frozen=True)
class Refused:
    """Nothing was changed. `report` is the bench's number where the bench is the reason."""

    why: Refusal
    report: int | None = None


@dataclass(frozen=True)
class Done:
    """It is done, and this process serves it. `mark` is the answer book's."""

    key: str
    number: int
    mark: int
    report: int | None = None
    took_ms: int = 0


Outcome = Done | Refused


@dataclass(frozen=True)
class Serving:
    """How many processes answer by the book as it is: "đang dùng trên 1/1 tiến trình"."""

    live: int
    all: int


@dataclass(frozen=True)
class Planned:
    """A revision that goes into use by itself at a moment, or an answer that goes out of use at one (`number` None)."""

    id: int
    key: str
    number: int | None
    at: datetime
    by: str


class Publishing(Protocol):
    """What screens may ask; `connectors.curation.publisher.Publisher` is it."""

    async def propose(self, answer: Answer, who: Actor, *, override: str = "") -> Outcome:
        """Save the answer as a new revision, try it out and put it in use if the bench is green and `who` may.

        For one step from question to live: an attached phrasing, a new low-risk answer. A refusal leaves the revision
        saved as a draft.
        """
        ...

    async def publish(self, key: str, number: int, who: Actor, *, override: str = "") -> Outcome:
        """Put this revision in use, if the bench is green for it among what is in use now; it is run where it was not.

        `override`: the reason to publish in spite of a red report; needs OVERRIDE_BENCH. Returns once this process
        serves it.
        """
        ...

    async def roll_back(self, key: str, who: Actor, *, reason: str = "") -> Outcome:
        """Put the revision that was in use before back in use; with none before, take the answer out of use."""
        ...

    async def withdraw(self, key: str, who: Actor, *, reason: str = "") -> Outcome:
        """Take the answer out of use."""
        ...

    async def plan(self, key: str, number: int | None, at: datetime, who: Actor, *, override: str = "") -> Outcome:
        """Publish this revision (or, with None, withdraw the answer) by itself at a moment; checked now and then."""
        ...

    async def unplan(self, id: int, who: Actor) -> bool:
        """Return whether the plan was there and is gone."""
        ...

    async def planned(self) -> Sequence[Planned]:
        """Return what is going to happen by itself, soonest first."""
        ...

    async def serving(self) -> Serving: ...
