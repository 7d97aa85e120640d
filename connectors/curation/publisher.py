"""Publishing as it is done: rights, rules, bench, book, shelf and trail, in this order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from connectors.clock import Clock
from connectors.curation import serving
from connectors.curation.bench import Bench
from connectors.curation.publishing import Actor, Done, Outcome, Planned, Publishing, Refusal, Refused
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


class Moved(Exception):
    """What is in use is not what the revision was tried out among."""


class Publisher(Publishing):
    """One deed at a time in this process; between processes the book's own transaction decides."""

    def __init__(
        self, store: Store, book: AnswerBook, searcher: AnswerSearcher, bench: Bench, clock: Clock, process: str = "1"
    ) -> None:
        self.bench = bench
        self._store, self._book, self._searcher, self._clock = store, book, searcher, clock
        self._process = process
        self._one = asyncio.Lock()

    async def propose(self, answer: Answer, who: Actor, *, expected: int | None = None, override: str = "") -> Outcome:
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
        if refused := await self._refused(key, number, who):
            return Refused(refused, number)
        return await self._published(key, number, who.name, override, may_override=who.may(Permission.OVERRIDE_BENCH))

    async def roll_back(self, key: str, who: Actor, *, to: int | None = None, reason: str = "") -> Outcome:
        standing = await asyncio.to_thread(self._book.standing, key)
        number = to if to is not None else _before(standing)
        if standing is None or number is None or not standing.was_live(number):
            return Refused(Refusal.NOTHING_BEFORE)
        if refused := _not_allowed(standing, number, who):
            return Refused(refused, number)

        def rule(standing: Standing) -> answer_states.Refusal | None:
            return answer_states.may_publish(standing, number)

        async with self._one:
            return await self._record("published", key, number, who.name, rule, "answer.rolled_back", reason)

    async def withdraw(self, key: str, who: Actor, *, reason: str = "") -> Outcome:
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

    async def plan(self, key: str, number: int, at: datetime, who: Actor, *, override: str = "") -> Outcome:
        if refused := await self._refused(key, number, who):
            return Refused(refused, number)
        report = await self.bench.report(key, number)
        if refused := _red(report, override, may_override=who.may(Permission.OVERRIDE_BENCH)):
            return Refused(refused, number, report)
        now = self._clock()

        def rule(standing: Standing) -> answer_states.Refusal | None:
            return answer_states.may_schedule(standing, number, at, now)

        def record() -> answer_states.Refusal | None:
            return self._book.record("scheduled", key, number, who.name, now, rule, detail=override.strip(), due_at=at)

        if refused_by_book := await asyncio.to_thread(record):
            return Refused(refused_by_book, number, report)
        detail = {"revision": number, "at": at.isoformat(), "override": override.strip()}
        await self._note(who.name, "answer.scheduled", key, detail)
        return Done(key, number, report)

    async def unplan(self, key: str, who: Actor) -> bool:
        planned = next((each for each in await self.planned() if each.key == key), None)
        return bool(planned and who.may(Permission.PUBLISH_ANSWERS) and await self._unplanned(planned, who.name, ""))

    async def planned(self) -> Sequence[Planned]:
        return await asyncio.to_thread(self._planned)

    async def publish_due(self) -> None:
        """A chore: publish what is due. What may not go out any more is unplanned, with the reason in the trail."""
        now = self._clock()
        for planned in await self.planned():
            if planned.at <= now:
                await self._publish_planned(planned)

    async def serving(self) -> Serving:
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
            except Moved:
                continue  # it is tried out again among what is in use now
        return Refused(Refusal.MOVED, number)

    async def _publish_tried(self, key: str, number: int, by: str, override: str, report: Report) -> Outcome:
        if report.tried_among != await self.bench.among():
            raise Moved

        def rule(standing: Standing) -> answer_states.Refusal | None:
            if self._book.mark != int(report.tried_among.split("/")[0]):
                raise Moved  # by another process: we are inside the transaction, so nothing can come between
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
        return sorted(found, key=lambda each: each.at)

    async def _publish_planned(self, planned: Planned) -> None:
        standing = await asyncio.to_thread(self._book.standing, planned.key)
        event = standing.scheduled() if standing else None
        # Who planned it had the right to then, and gave the reason, if one was needed.
        outcome = await self._published(
            planned.key, planned.number, planned.by, event.detail if event else "", may_override=True
        )
        if isinstance(outcome, Refused) and outcome.why is not Refusal.MOVED:
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
