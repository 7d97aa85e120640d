"""The one way by which an answer comes into use, goes out of use, or goes back: tried out, allowed, noted, live.

Nothing is raised for a "no": a refusal is data, with the report that tells why. What a revision needs before it may be
in use are the book's rules (`retrieval.answer_states`); here come the bench, the person's rights and the trail. An
answer past its last day needs nobody: it is told on no later day (`Answer.holds_on`), to the minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from connectors.curation.reports import Report
from connectors.curation.serving import Serving
from connectors.staff.roles import Permission
from retrieval import answer_states
from retrieval.answers import Answer


class Actor(Protocol):
    """Who wants it: the console's Visitor is one."""

    @property
    def name(self) -> str: ...

    @property
    def branches(self) -> frozenset[str]: ...

    def may(self, permission: Permission) -> bool: ...


class Refusal(StrEnum):
    """Why not, beside the book's own rules; the words are shown."""

    NOT_ALLOWED = "tài khoản của bạn chưa được giao việc này"
    OTHER_BRANCH = "câu trả lời này thuộc cơ sở khác"
    OTHERS = "bản này do người khác viết: cần người có quyền duyệt phát hành"
    RED = "bàn thử báo đỏ"
    MOVED = "trong lúc thử có câu trả lời khác vừa phát hành, hãy thử lại"
    NOTHING_BEFORE = "chưa có bản nào từng dùng trước bản này"
    CHANGED = "có người vừa lưu câu trả lời này, hãy mở bản mới"


@dataclass(frozen=True)
class Refused:
    """Nothing went into use or out of it. `number` is the revision that was saved, `report` the bench's, if any."""

    why: Refusal | answer_states.Refusal
    number: int | None = None
    report: Report | None = None


@dataclass(frozen=True)
class Done:
    """It is done, and this process answers by it. `number` is what is in use now, None for nothing."""

    key: str
    number: int | None
    report: Report | None = None
    took_ms: int = 0  # from the word to the first patron who can hear it, without the bench


Outcome = Done | Refused


@dataclass(frozen=True)
class Planned:
    """A revision that goes into use by itself."""

    key: str
    number: int
    at: datetime
    by: str


class Publishing(Protocol):
    """What screens ask; `connectors.curation.publisher.Publisher` is it."""

    async def propose(self, answer: Answer, who: Actor, *, expected: int | None = None, override: str = "") -> Outcome:
        """Save the answer as a new revision and put it in use, if it is of low risk, the bench is green and `who` may.

        For one step from a question to a live answer. A refusal leaves the revision: a draft, or, where only a second
        person is wanting, waiting for approval. `expected` is the newest revision as the writer saw it.
        """
        ...

    async def publish(self, key: str, number: int, who: Actor, *, override: str = "") -> Outcome:
        """Put this revision in use if the book's rules and the bench agree; it is tried out where it was not yet.

        `override`: the reason to publish in spite of a red report. Returns once this process answers by it.
        """
        ...

    async def roll_back(self, key: str, who: Actor, *, to: int | None = None, reason: str = "") -> Outcome:
        """Put a revision that was in use back: the one before, or `to`. It was good enough once: no bench is asked."""
        ...

    async def withdraw(self, key: str, who: Actor, *, reason: str = "") -> Outcome:
        """Take the answer out of use."""
        ...

    async def plan(self, key: str, number: int, at: datetime, who: Actor, *, override: str = "") -> Outcome:
        """Put this revision in use by itself at a moment: it is checked and tried out now, and tried out again then."""
        ...

    async def unplan(self, key: str, who: Actor) -> bool:
        """Return whether a publication was to come and is not any more."""
        ...

    async def planned(self) -> Sequence[Planned]:
        """Return what goes into use by itself, soonest first."""
        ...

    async def serving(self) -> Serving:
        """Return on how many processes the book is in use as it is."""
        ...
