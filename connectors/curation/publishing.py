"""The one way by which an answer comes into use, goes out of use, or goes back: tried out, allowed, noted, live.

Nothing is raised for a "no": a refusal is data, with the report that tells why. What a revision needs before it may be
in use are the book's rules (`retrieval.answer_states`); here come the bench, the person's rights and the trail. An
answer past its last day needs nobody: it is told on no later day (`Answer.holds_on`), to the minute.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from connectors.clock import Clock
from connectors.curation import serving
from connectors.curation.bench import Bench
from connectors.curation.reports import Report
from connectors.curation.serving import Serving
from connectors.staff import audit
from connectors.staff.roles import Permission
from connectors.store import Store
from retrieval import answer_states
from retrieval.answer import Deed
from retrieval.answer_states import Standing
from retrieval.answering import AnswerSearcher
from retrieval.answers import Answer, AnswerBook, AnswerChanged

logger = logging.getLogger(__name__)

_TRIES = 3  # times that a revision is tried out anew because something else was published meanwhile


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
    BUSY = "trong lúc thử có câu trả lời khác vừa phát hành, hãy thử lại"
    NOT_BEFORE = "chưa có bản nào từng dùng trước bản này"
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
    due_at: datetime
    by: str


class _Moved(Exception):
    """What is in use is not what the revision was tried out among."""


class Publisher:
    """One deed at a time in this process; between processes the book's own transaction decides."""

    def __init__(
        self, store: Store, book: AnswerBook, searcher: AnswerSearcher, bench: Bench, clock: Clock, process: str = "1"
    ) -> None:
        self.bench = bench
        self._store, self._book, self._searcher, self._clock = store, book, searcher, clock
        self._process = process
        self._one = asyncio.Lock()

    async def propose(self, answer: Answer, who: Actor, *, expected: int | None = None, override: str = "") -> Outcome:
        """Save the answer as a new revision and put it in use, if it is of low risk, the bench is green and `who` may.

        For one step from a question to a live answer. A refusal leaves the revision: a draft, or, where only a second
        person is wanting, waiting for approval. `expected` is the newest revision as the writer saw it.
        """
        if not who.may(Permission.EDIT_ANSWERS):
            return Refused(Refusal.NOT_ALLOWED)
        if _of_other_branch(answer, who):
            return Refused(Refusal.OTHER_BRANCH)
        now = self._clock()
        try:
            number = await asyncio.to_thread(self._book.draft, answer, who.name, now, expected=expected)
        except AnswerChanged:
            return Refused(Refusal.CHANGED)
        outcome = await self.publish(answer.key, number, who, override=override)
        if isinstance(outcome, Refused) and outcome.why is answer_states.Refusal.NOT_APPROVED:

            def may_submit(standing: Standing) -> answer_states.Refusal | None:
                return answer_states.may_submit(standing, number)

            await asyncio.to_thread(self._book.record, "submitted", answer.key, number, who.name, now, may_submit)
        return Refused(outcome.why, number, outcome.report) if isinstance(outcome, Refused) else outcome

    async def publish(self, key: str, number: int, who: Actor, *, override: str = "") -> Outcome:
        """Put this revision in use if the book's rules and the bench agree; it is tried out where it was not yet.

        `override`: the reason to publish in spite of a red report. Returns once this process answers by it.
        """
        if refused := await self._refused(key, number, who):
            return Refused(refused, number)
        return await self._published(key, number, who.name, override, may_override=who.may(Permission.OVERRIDE_BENCH))

    async def roll_back(self, key: str, who: Actor, *, to: int | None = None, reason: str = "") -> Outcome:
        """Put a revision that was in use back: the one before, or `to`. It was good enough once: no bench is asked."""
        standing = await asyncio.to_thread(self._book.standing, key)
        number = to if to is not None else _before(standing)
        if standing is None or number is None or not standing.was_live(number):
            return Refused(Refusal.NOT_BEFORE)
        if refused := _not_allowed(standing, number, who):
            return Refused(refused, number)

        def rule(standing: Standing) -> answer_states.Refusal | None:
            return answer_states.may_publish(standing, number)

        async with self._one:
            return await self._record("published", key, number, who.name, rule, "answer.rolled_back", reason)

    async def withdraw(self, key: str, who: Actor, *, reason: str = "") -> Outcome:
        """Take the answer out of use."""
        standing = await asyncio.to_thread(self._book.standing, key)
        if standing is None or standing.live is None:
            return Refused(answer_states.Refusal.NOT_LIVE)
        number = standing.live.number
        if refused := _not_allowed(standing, number, who):
            return Refused(refused, number)

        def rule(standing: Standing) -> answer_states.Refusal | None:
            return None if standing.live else answer_states.Refusal.NOT_LIVE

        async with self._one:
            return await self._record("withdrawn", key, number, who.name, rule, "answer.withdrawn", reason)

    async def plan(self, key: str, number: int, due_at: datetime, who: Actor, *, override: str = "") -> Outcome:
        """Put this revision in use by itself at a moment: it is checked and tried out now, and tried out again then."""
        if refused := await self._refused(key, number, who):
            return Refused(refused, number)
        report = await self.bench.report(key, number)
        if refused := _red(report, override, may_override=who.may(Permission.OVERRIDE_BENCH)):
            return Refused(refused, number, report)
        now = self._clock()

        def rule(standing: Standing) -> answer_states.Refusal | None:
            return answer_states.may_schedule(standing, number, due_at, now)

        def record() -> answer_states.Refusal | None:
            return self._book.record(
                "scheduled", key, number, who.name, now, rule, detail=override.strip(), due_at=due_at
            )

        if refused_by_book := await asyncio.to_thread(record):
            return Refused(refused_by_book, number, report)
        detail = {"revision": number, "due_at": due_at.isoformat(), "override": override.strip()}
        await self._note(who.name, "answer.scheduled", key, detail)
        return Done(key, number, report)

    async def unplan(self, key: str, who: Actor) -> bool:
        """Return whether a publication was to come and is not any more."""
        planned = next((each for each in await self.planned() if each.key == key), None)
        return bool(planned and who.may(Permission.PUBLISH_ANSWERS) and await self._unplanned(planned, who.name, ""))

    async def planned(self) -> Sequence[Planned]:
        """Return what goes into use by itself, soonest first."""
        return await asyncio.to_thread(self._planned)

    async def publish_due(self) -> None:
        """A chore: publish what is due. What may not go out any more is unplanned, with the reason in the trail."""
        now = self._clock()
        for planned in await self.planned():
            if planned.due_at <= now:
                await self._publish_planned(planned)

    async def serving(self) -> Serving:
        """Return on how many processes the book is in use as it is."""
        now, mark = self._clock(), self._book.mark
        return await self._store.read(lambda db: serving.heard(db, mark, now))

    async def tell_alive(self) -> None:
        """A chore: take up what another process published, and say by which answers this one answers."""
        mark, now = (await asyncio.to_thread(self._searcher.refresh)).mark, self._clock()
        await self._store.write(lambda db: serving.tell(db, self._process, mark, now))

    async def _refused(self, key: str, number: int, who: Actor) -> Refusal | answer_states.Refusal | None:
        standing = await asyncio.to_thread(self._book.standing, key)
        if standing is None:
            return answer_states.Refusal.UNKNOWN
        return _not_allowed(standing, number, who) or answer_states.may_publish(standing, number)

    async def _published(self, key: str, number: int, by: str, override: str, *, may_override: bool) -> Outcome:
        for _ in range(_TRIES):
            report = await self.bench.report(key, number)
            if report is None:
                return Refused(answer_states.Refusal.UNKNOWN)
            if refused := _red(report, override, may_override=may_override):
                return Refused(refused, number, report)
            try:
                async with self._one:
                    return await self._publish_tried(key, number, by, override.strip() if report.red else "", report)
            except _Moved:
                continue  # it is tried out again among what is in use now
        return Refused(Refusal.BUSY, number)

    async def _publish_tried(self, key: str, number: int, by: str, override: str, report: Report) -> Outcome:
        if report.tried_among != await self.bench.among():
            raise _Moved

        def rule(standing: Standing) -> answer_states.Refusal | None:
            if self._book.mark != int(report.tried_among.split("/")[0]):
                raise _Moved  # by another process: we are inside the transaction, so nothing can come between
            return answer_states.may_publish(standing, number)

        return await self._record("published", key, number, by, rule, "answer.published", override, report)

    async def _record(
        self,
        deed: Deed,
        key: str,
        number: int,
        by: str,
        rule: Callable[[Standing], answer_states.Refusal | None],
        told: str,
        reason: str,
        report: Report | None = None,
    ) -> Outcome:
        began, now = time.perf_counter(), self._clock()

        def record() -> answer_states.Refusal | None:
            return self._book.record(deed, key, number, by, now, rule, detail=reason.strip())

        if refused := await asyncio.to_thread(record):
            return Refused(refused, number, report)
        await self.tell_alive()
        took_ms = round((time.perf_counter() - began) * 1000)
        detail: dict[str, object] = {"revision": number, "reason": reason.strip()}
        if report:
            detail |= {"report": report.number, "red": report.red}
        await self._note(by, "answer.overridden" if report and report.red else told, key, detail)
        logger.info("%s key=%s revision=%s ms=%s", deed, key, number, took_ms)
        return Done(key, number if deed == "published" else None, report, took_ms)

    async def _note(self, by: str, deed: str, key: str, detail: dict[str, object]) -> None:
        now = self._clock()
        await self._store.write(lambda db: audit.note(db, by, deed, f"answer:{key}", detail, now))

    def _planned(self) -> list[Planned]:
        standings = {key: self._book.standing(key) for key in self._book.awaited()}
        events = {key: standing.scheduled() for key, standing in standings.items() if standing}
        found = [
            Planned(key, event.number, event.due_at, event.by)
            for key, event in events.items()
            if event is not None and event.due_at is not None
        ]
        return sorted(found, key=lambda each: each.due_at)

    async def _publish_planned(self, planned: Planned) -> None:
        standing = await asyncio.to_thread(self._book.standing, planned.key)
        event = standing.scheduled() if standing else None
        # Who planned it had the right to then, and gave the reason, if one was needed.
        outcome = await self._published(
            planned.key, planned.number, planned.by, event.detail if event else "", may_override=True
        )
        if isinstance(outcome, Refused) and outcome.why is not Refusal.BUSY:
            await self._unplanned(planned, planned.by, str(outcome.why))

    async def _unplanned(self, planned: Planned, by: str, reason: str) -> bool:
        now = self._clock()

        def rule(standing: Standing) -> answer_states.Refusal | None:
            return None if standing.scheduled() else answer_states.Refusal.UNKNOWN

        def record() -> answer_states.Refusal | None:
            return self._book.record("unscheduled", planned.key, planned.number, by, now, rule, detail=reason)

        if await asyncio.to_thread(record):
            return False
        await self._note(by, "answer.unscheduled", planned.key, {"revision": planned.number, "reason": reason})
        return True


def _red(report: Report | None, override: str, *, may_override: bool) -> Refusal | None:
    if report is None or not report.red:
        return None
    if not override.strip():
        return Refusal.RED
    return None if may_override else Refusal.NOT_ALLOWED


def _not_allowed(standing: Standing, number: int, who: Actor) -> Refusal | None:
    if not who.may(Permission.PUBLISH_ANSWERS):
        return Refusal.NOT_ALLOWED
    revision = standing.revision(number)
    if any(_of_other_branch(each.answer, who) for each in (revision, standing.live) if each):
        return Refusal.OTHER_BRANCH
    own = standing.was_live(number) or who.name in standing.authors(number) or bool(standing.approver(number))
    return None if own or who.may(Permission.APPROVE_ANSWERS) else Refusal.OTHERS


def _of_other_branch(answer: Answer, who: Actor) -> bool:
    return bool(answer.branch and who.branches and answer.branch not in who.branches)


def _before(standing: Standing | None) -> int | None:
    """Return the revision that was in use before the one that is, or the last one if none is."""
    if standing is None:
        return None
    live = standing.live.number if standing.live else None
    published = [event.number for event in standing.events if event.deed == "published"]
    return next((number for number in reversed(published) if number != live), None)
