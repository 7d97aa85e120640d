"""What waits for approval, and the page on which somebody decides: what changes, how it was tried, what it touches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from connectors.clock import VIETNAM
from connectors.console.answer_form import answer_at, key_of, review_at
from connectors.console.answer_list import row
from connectors.console.bench import bench_at, shown
from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.places import REVIEWS
from connectors.console.room import Room
from connectors.console.staff import Visitor, within
from connectors.curation import reports
from connectors.curation.editing import Editing
from connectors.curation.merging import FIELDS, changes
from connectors.curation.publisher import Publisher
from connectors.curation.publishing import Outcome, Planned, Refused
from connectors.curation.publishing import Refusal as NotPublished
from connectors.curation.reports import Report
from connectors.staff import audit
from connectors.staff.roles import Permission
from retrieval.answer_states import Refusal, Standing, State, may_approve, may_publish
from retrieval.answers import AnswerBook

ONE = f"{REVIEWS}/{{written}}/{{number:int}}"
WAITING = frozenset({State.WAITING, State.APPROVED})
OPEN = WAITING | {State.DRAFT}


def add_reviews(router: APIRouter, room: Room, editing: Editing, publishing: Publisher) -> None:
    reviews = Reviews(room, editing, publishing)

    @router.get(REVIEWS)
    @needs(Permission.READ_ANSWERS)
    async def waiting(visitor: SignedIn) -> Response:
        return await reviews.all(visitor)

    @router.get(ONE)
    @needs(Permission.READ_ANSWERS)
    async def review(request: Request, visitor: SignedIn, written: str, number: int) -> Response:
        refused = _words(request.query_params.get("refused", ""))
        return await reviews.one(key_of(written), number, visitor, refused=refused)

    @router.post(f"{ONE}/return")
    @needs(Permission.APPROVE_ANSWERS)
    async def send_back(visitor: SignedIn, form: Posted, written: str, number: int) -> Response:
        return await reviews.do(reviews.send_back, key_of(written), number, visitor, form)

    @router.post(f"{ONE}/approve")
    @needs(Permission.APPROVE_ANSWERS)
    async def approve(visitor: SignedIn, form: Posted, written: str, number: int) -> Response:
        return await reviews.do(reviews.approve, key_of(written), number, visitor, form)

    @router.post(f"{ONE}/publish")
    @needs(Permission.PUBLISH_ANSWERS)
    async def publish(visitor: SignedIn, form: Posted, written: str, number: int) -> Response:
        return await reviews.do(reviews.publish, key_of(written), number, visitor, form)

    @router.post(f"{ONE}/plan")
    @needs(Permission.PUBLISH_ANSWERS)
    async def plan(visitor: SignedIn, form: Posted, written: str, number: int) -> Response:
        return await reviews.do(reviews.plan, key_of(written), number, visitor, form)

    @router.post(f"{ONE}/unplan")
    @needs(Permission.PUBLISH_ANSWERS)
    async def unplan(visitor: SignedIn, form: Posted, written: str, number: int) -> Response:
        return await reviews.do(reviews.unplan, key_of(written), number, visitor, form)


def count(book: AnswerBook) -> int:
    """Return how many wordings wait to be approved."""
    return sum(standing.state(standing.newest.number) is State.WAITING for standing in book.standings().values())


@dataclass(frozen=True)
class Wish:
    """What somebody wants done with one revision. A deed returns why it was refused, or an empty text."""

    key: str
    number: int
    standing: Standing
    visitor: Visitor
    form: Form

    @property
    def reason(self) -> str:
        return self.form.get("reason").strip()[:400]


class Reviews:
    def __init__(self, room: Room, editing: Editing, publishing: Publisher) -> None:
        self._room, self._editing, self._publishing = room, editing, publishing

    async def all(self, visitor: Visitor) -> Response:
        """Show what waits, the longest waiting above, and what will be published by itself."""
        standings = await asyncio.to_thread(self._editing.book.standings)
        waiting = [each for each in standings.values() if each.state(each.newest.number) in WAITING]
        told = sorted((row(each, self._editing.today) for each in waiting), key=lambda each: each.at)
        states = {each.newest.answer.key: each.state(each.newest.number) for each in waiting}
        answers = {each.newest.answer.key: each.newest for each in waiting}
        planned = await self._publishing.planned()
        questions = {plan.key: standings[plan.key].newest.answer.question for plan in planned if plan.key in standings}
        return await self._room.page(
            visitor, "reviews", "reviews",
            waiting=told, states=states, newest=answers, planned=planned, questions=questions,
        )  # fmt: skip

    async def one(
        self, key: str, number: int, visitor: Visitor, code: int = 200, *, refused: str = "", reason: str = ""
    ) -> Response:
        standing = await asyncio.to_thread(self._editing.book.standing, key)
        revision = standing.revision(number) if standing else None
        if standing is None or revision is None:
            return await self._room.page(visitor, "answer_gone", "reviews", 404)
        before = standing.live if standing.live and not revision.live else None
        planned = await self._planned(key, number)
        theirs = within(visitor, revision.answer.branch)
        report = await self._report(key, number) if not revision.live else None
        values: dict[str, Any] = {
            "standing": standing, "revision": revision, "before": before, "labels": FIELDS,
            "state_now": standing.state(number),
            "changes": changes(before.answer if before else None, revision.answer), "planned": planned,
            "judged": await self._editing.judge(revision.answer, visit=True), "refused": refused, "reason": reason,
            "approvable": theirs and visitor.may(Permission.APPROVE_ANSWERS)
            and may_approve(standing, number, visitor.name) is None,
            "decides": theirs and visitor.may(Permission.APPROVE_ANSWERS) and standing.state(number) in OPEN,
            "not_approvable": may_approve(standing, number, visitor.name), "theirs": theirs,
            "publishable": theirs and visitor.may(Permission.PUBLISH_ANSWERS) and may_publish(standing, number) is None,
            "found": await shown(self._room, self._publishing, visitor, report), "bench": bench_at(key, number),
        }  # fmt: skip
        return await self._room.page(visitor, "review", "reviews", code, **values)

    async def do(
        self, deed: Callable[[Wish], Awaitable[str]], key: str, number: int, visitor: Visitor, form: Form
    ) -> Response:
        """Return to where the deed leads once it is done; else the page with why it was not, nothing typed lost."""
        standing = await asyncio.to_thread(self._editing.book.standing, key)
        revision = standing.revision(number) if standing else None
        if standing is None or revision is None:
            return await self._room.page(visitor, "answer_gone", "reviews", 404)
        if not within(visitor, revision.answer.branch):
            return self._room.draw("refused", 403, reason="role", typed="", visitor=visitor)
        wish = Wish(key, number, standing, visitor, form)
        if refused := await deed(wish):
            return await self.one(key, number, visitor, 409, refused=refused, reason=wish.reason)
        if deed in (self.plan, self.unplan):
            return see_other(review_at(key, number))
        return see_other(f"{answer_at(key)}?done={deed.__name__}")

    async def send_back(self, wish: Wish) -> str:
        refused = self._editing.send_back(wish.key, wish.number, wish.visitor.name, wish.reason)
        return await self._noted(wish, "answer.returned", refused)

    async def approve(self, wish: Wish) -> str:
        """Approve; with `then` = "publish", put in use as well."""
        refused = self._editing.approve(wish.key, wish.number, wish.visitor.name)
        told = await self._noted(wish, "answer.approved", refused)
        return told or (await self.publish(wish) if wish.form.get("then") == "publish" else "")

    async def publish(self, wish: Wish) -> str:
        return _told(await self._publishing.publish(wish.key, wish.number, wish.visitor, override=wish.reason))

    async def plan(self, wish: Wish) -> str:
        at = _moment(wish.form.get("day"), wish.form.get("hour"))
        if at is None:
            return "ngày và giờ hẹn chưa đúng, ví dụ 31/12/2026 và 07:30"
        return _told(await self._publishing.plan(wish.key, wish.number, at, wish.visitor, override=wish.reason))

    async def unplan(self, wish: Wish) -> str:
        return "" if await self._publishing.unplan(wish.key, wish.visitor) else "bản này không có giờ hẹn"

    async def _report(self, key: str, number: int) -> Report | None:
        """Return the newest report on this revision; where there is none for today's answers, one is begun."""
        if (known := await self._publishing.bench.known(key, number)) is not None:
            return known
        self._publishing.bench.start(key, number)
        return await self._room.store.read(lambda db: reports.latest(db, key, number))

    async def _planned(self, key: str, number: int) -> list[Planned]:
        return [plan for plan in await self._publishing.planned() if (plan.key, plan.number) == (key, number)]

    async def _noted(self, wish: Wish, deed: str, refused: Refusal | None) -> str:
        if refused is None:
            now, detail = self._room.clock(), {"revision": wish.number, "reason": wish.reason}
            await self._room.store.write(lambda db: audit.note(db, wish.visitor.name, deed, wish.key, detail, now))
        return str(refused or "")


def _told(outcome: Outcome) -> str:
    return str(outcome.why) if isinstance(outcome, Refused) else ""


def _words(refusal: str) -> str:
    """Return the words of a refusal by its name, as an address carries it; nothing for any other name."""
    found = NotPublished.__members__.get(refusal) or Refusal.__members__.get(refusal)
    return str(found or "")


def _moment(day: str, hour: str) -> datetime | None:
    """Return the moment that a day (2026-12-31 or 31/12/2026) and a time (07:30) name in Vietnam, or None."""
    for pattern in ("%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M"):
        try:
            return datetime.strptime(f"{day} {hour}", pattern).replace(tzinfo=VIETNAM)
        except ValueError:
            continue
    return None
