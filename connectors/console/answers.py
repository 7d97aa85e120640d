"""The list of answers, and the page of each: what it says, every wording it had, what was done with it and by whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from connectors.clock import VIETNAM
from connectors.console import answer_list
from connectors.console.answer_form import answer_at, key_of
from connectors.console.charts import bars
from connectors.console.drawing import page_number, see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.paging import PAGE_SIZE, Page, place
from connectors.console.places import ANSWERS
from connectors.console.room import Room
from connectors.console.staff import Visitor, within
from connectors.curation.editing import Editing
from connectors.curation.merging import changes
from connectors.curation.publisher import Publisher
from connectors.curation.publishing import Outcome, Refused
from connectors.numbers.effects import uses
from connectors.numbers.overview import Period
from connectors.staff import audit
from connectors.staff.roles import Permission
from retrieval.answer import Revision
from retrieval.answer_states import Refusal, Standing, State

USES = timedelta(days=90)
CHART_HEIGHT = 48
ONE = f"{ANSWERS}/{{written}}"


def add_answers(router: APIRouter, room: Room, editing: Editing, publishing: Publisher) -> None:
    shelf = Answers(room, editing, publishing)

    @router.get(ANSWERS)
    @needs(Permission.READ_ANSWERS)
    async def answers(request: Request, visitor: SignedIn) -> Response:
        return await shelf.all(visitor, request)

    @router.get(ONE)
    @needs(Permission.READ_ANSWERS)
    async def answer(request: Request, visitor: SignedIn, written: str) -> Response:
        asked = request.query_params
        return await shelf.one(key_of(written), visitor, done=asked.get("done", ""))

    @router.get(f"{ONE}/compare")
    @needs(Permission.READ_ANSWERS)
    async def compare(request: Request, visitor: SignedIn, written: str) -> Response:
        asked = request.query_params
        return await shelf.compare(key_of(written), visitor, asked.get("old", ""), asked.get("new", ""))

    @router.post(f"{ONE}/restore")
    @needs(Permission.PUBLISH_ANSWERS)
    async def restore(visitor: SignedIn, form: Posted, written: str) -> Response:
        return await shelf.do(shelf.restore, key_of(written), visitor, form)

    @router.post(f"{ONE}/withdraw")
    @needs(Permission.PUBLISH_ANSWERS)
    async def withdraw(visitor: SignedIn, form: Posted, written: str) -> Response:
        return await shelf.do(shelf.withdraw, key_of(written), visitor, form)

    @router.post(f"{ONE}/archive")
    @needs(Permission.EDIT_ANSWERS)
    async def archive(visitor: SignedIn, form: Posted, written: str) -> Response:
        return await shelf.do(shelf.archive, key_of(written), visitor, form)

    @router.post(f"{ONE}/mark")
    @needs(Permission.EDIT_ANSWERS)
    async def mark(visitor: SignedIn, form: Posted, written: str) -> Response:
        return await shelf.do(shelf.mark, key_of(written), visitor, form)


@dataclass(frozen=True)
class Wish:
    """What somebody wants done with an answer. A deed returns why it was refused, or an empty text."""

    standing: Standing
    visitor: Visitor
    form: Form

    @property
    def key(self) -> str:
        return self.standing.newest.answer.key

    @property
    def reason(self) -> str:
        return self.form.get("reason").strip()[:400]


class Answers:
    def __init__(self, room: Room, editing: Editing, publishing: Publisher) -> None:
        self._room, self._editing, self._publishing = room, editing, publishing

    async def all(self, visitor: Visitor, request: Request) -> Response:
        asked = request.query_params
        parts = {name: asked.get(name, "")[:100] for name in ("words", "state", "owner", "topic")}
        standings = await asyncio.to_thread(self._editing.book.standings)
        told = answer_list.rows(standings, self._editing.today)
        fitting = [row for row in told if answer_list.Wanted(**parts).fits(row)]
        number, last, total = place(page_number(request), len(fitting))
        shown = fitting[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        kept = urlencode({name: value for name, value in parts.items() if value})
        values: dict[str, Any] = {
            "page": Page(shown, number, last, total), "wanted": parts, "kept": kept, "states": list(State),
            "all_of_them": len(told), **answer_list.choices(told),
        }  # fmt: skip
        return await self._room.page(visitor, "answers", "answers", **values)

    async def one(self, key: str, visitor: Visitor, code: int = 200, *, done: str = "", refused: str = "") -> Response:
        standing = await asyncio.to_thread(self._editing.book.standing, key)
        if standing is None:
            return await self._gone(visitor)
        shown = standing.live or standing.newest
        values: dict[str, Any] = {
            "standing": standing, "shown": shown, "row": answer_list.row(standing, self._editing.today),
            "today": self._editing.today, "serving": await self._publishing.serving(),
            "previews": await asyncio.to_thread(self._editing.previews, shown.answer),
            "theirs": within(visitor, standing.newest.answer.branch), "done": done, "refused": refused,
            "branches": self._editing.branches, **await self._used(key, visitor),
        }  # fmt: skip
        return await self._room.page(visitor, "answer", "answers", code, **values)

    async def _used(self, key: str, visitor: Visitor) -> dict[str, object]:
        """Return the chart of how often the answer was told, for who may read numbers."""
        if not visitor.may(Permission.READ_NUMBERS):
            return {"bars": [], "used": None}
        today = self._room.clock().astimezone(VIETNAM).date()
        days = await self._room.store.read(lambda db: uses(db, key, Period(today - USES, today)))
        return {"bars": bars(days, CHART_HEIGHT), "used": sum(number for _, number in days)}

    async def compare(self, key: str, visitor: Visitor, old: str, new: str) -> Response:
        standing = await asyncio.to_thread(self._editing.book.standing, key)
        before, after = (_revision(standing, each) for each in (old, new))
        if standing is None or after is None:
            return await self._gone(visitor)
        told = changes(before.answer if before else None, after.answer)
        return await self._room.page(
            visitor, "answer_compare", "answers", standing=standing, before=before, after=after, changes=told
        )

    async def do(self, deed: Callable[[Wish], Awaitable[str]], key: str, visitor: Visitor, form: Form) -> Response:
        """Return to the answer's page once the deed is done; else the page with why it was not."""
        standing = await asyncio.to_thread(self._editing.book.standing, key)
        if standing is None:
            return await self._gone(visitor)
        if not within(visitor, standing.newest.answer.branch):
            return self._room.draw("refused", 403, reason="role", typed="", visitor=visitor)
        if refused := await deed(Wish(standing, visitor, form)):
            return await self.one(key, visitor, 409, refused=refused)
        return see_other(f"{answer_at(key)}?done={deed.__name__}")

    async def restore(self, wish: Wish) -> str:
        """Put an earlier wording back in use."""
        number = _number(wish.form.get("number"))
        if not wish.standing.was_live(number):
            return str(Refusal.UNKNOWN)
        return _told(await self._publishing.roll_back(wish.key, wish.visitor, to=number, reason=wish.reason))

    async def withdraw(self, wish: Wish) -> str:
        return _told(await self._publishing.withdraw(wish.key, wish.visitor, reason=wish.reason))

    async def archive(self, wish: Wish) -> str:
        return await self._noted(
            wish, "answer.archived", self._editing.archive(wish.key, wish.visitor.name, wish.reason)
        )

    async def mark(self, wish: Wish) -> str:
        return await self._noted(wish, "answer.marked", self._editing.mark(wish.key, wish.visitor.name, wish.reason))

    async def _noted(self, wish: Wish, deed: str, refused: Refusal | None) -> str:
        if refused is None:
            now, told = self._room.clock(), {"reason": wish.reason}
            await self._room.store.write(lambda db: audit.note(db, wish.visitor.name, deed, wish.key, told, now))
        return str(refused or "")

    async def _gone(self, visitor: Visitor) -> Response:
        return await self._room.page(visitor, "answer_gone", "answers", 404)


def _revision(standing: Standing | None, written: str) -> Revision | None:
    return standing.revision(_number(written)) if standing else None


def _number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 7 else 0


def _told(outcome: Outcome) -> str:
    return str(outcome.why) if isinstance(outcome, Refused) else ""
