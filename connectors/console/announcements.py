"""The screens of what the library tells many: written, looked at with the number of people, sent, stopped."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import cast

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from connectors.announcing import book
from connectors.announcing.announcer import Announcer, message, quiet_until
from connectors.announcing.audience import Closed, Kind
from connectors.announcing.book import Announcement, Draft
from connectors.clock import VIETNAM
from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.places import ROOT
from connectors.console.room import Room
from connectors.console.staff import Visitor, within
from connectors.messages import sentence
from connectors.staff import audit
from connectors.staff.roles import Permission
from connectors.timetable.desk import CalendarDesk
from library.phrasing import Lang, date_range, full_date, listing

AT = f"{ROOT}/announcements"
LONGEST = 900  # characters: with the lines of one's own it stays one message at every channel
KINDS = {"closure": "Đóng cửa gấp", "events": "Sự kiện", "books": "Sách mới"}


def add_announcements(router: APIRouter, room: Room, announcer: Announcer, calendar: CalendarDesk) -> None:
    screens = Screens(room, announcer, calendar)

    @router.get(AT)
    @needs(Permission.ANNOUNCE)
    async def listed(visitor: SignedIn) -> Response:
        return await screens.listed(visitor)

    @router.get(f"{AT}/new")
    @needs(Permission.ANNOUNCE)
    async def new(request: Request, visitor: SignedIn) -> Response:
        return await screens.new(visitor, Form(list(request.query_params.multi_items())))

    @router.post(f"{AT}/new")
    @needs(Permission.ANNOUNCE)
    async def write(visitor: SignedIn, form: Posted) -> Response:
        return await screens.write(visitor, form)

    @router.get(f"{AT}/{{number:int}}")
    @needs(Permission.ANNOUNCE)
    async def show(visitor: SignedIn, number: int) -> Response:
        return await screens.show(visitor, number)

    @router.post(f"{AT}/{{number:int}}/send")
    @needs(Permission.ANNOUNCE)
    async def send(visitor: SignedIn, form: Posted, number: int) -> Response:
        return await screens.send(visitor, form, number)

    @router.post(f"{AT}/{{number:int}}/stop")
    @needs(Permission.ANNOUNCE)
    async def stop(visitor: SignedIn, number: int) -> Response:
        return await screens.stop(visitor, number)

    @router.post(f"{AT}/{{number:int}}/drop")
    @needs(Permission.ANNOUNCE)
    async def drop(visitor: SignedIn, number: int) -> Response:
        return await screens.drop(visitor, number)


class Screens:
    """Draws the announcements' pages and does what their forms ask."""

    def __init__(self, room: Room, announcer: Announcer, calendar: CalendarDesk) -> None:
        self._room = room
        self._announcer = announcer
        self._calendar = calendar
        self._sending: set[asyncio.Task[int]] = set()

    async def listed(self, visitor: Visitor) -> Response:
        found = await self._room.store.read(book.latest)
        seen = [each for each in found if _own(visitor, each.draft)]
        return await self._room.page(visitor, "announcements", "announcements", found=seen, kinds=KINDS)

    async def new(self, visitor: Visitor, form: Form, code: int = 200, problem: str = "") -> Response:
        """Return the form, filled with what is known of a closure that was just entered."""
        draft = self._suggested(form)
        branches = [branch for branch in self._calendar.live().branches if within(visitor, branch.code)]
        shown = {"draft": draft, "problem": problem, "branches": branches, "kinds": KINDS, "longest": LONGEST}
        return await self._room.page(visitor, "announcement_new", "announcements", code, **shown)

    async def write(self, visitor: Visitor, form: Form) -> Response:
        """Keep the draft and lead to its preview; nobody hears of it yet."""
        draft = _draft(form)
        if form.get("suggest"):
            return await self.new(visitor, form)
        problem = self._problem(visitor, draft)
        if draft is None or problem:
            return await self.new(visitor, form, 422, problem)
        now = self._room.clock()
        number = await self._room.store.write(lambda db: book.add(db, draft, visitor.name, now))
        return see_other(f"{AT}/{number}")

    async def show(self, visitor: Visitor, number: int, code: int = 200, problem: str = "") -> Response:
        found = await self._found(visitor, number)
        if found is None:
            return await self._room.page(visitor, "announcement_gone", "announcements", 404)
        if found.state != "draft":
            progress = await self._room.store.read(lambda db: book.progress(db, number))
            shown = {"told": found, "progress": progress, "kinds": KINDS, "quiet": quiet_until(self._room.clock())}
            return await self._room.page(visitor, "announcement", "announcements", code, **shown)
        audience = await self._announcer.audience(found.draft)
        if found.draft.paid:
            costing = 0
        else:
            paying = await self._announcer.audience(replace(found.draft, paid=True))
            costing = len(paying.reached) - len(audience.reached)
        touched = tuple(why for why in ("due", "hold") if audience.touched.get(why))
        shown = {
            "told": found,
            "audience": audience,
            "costing": costing,
            "kinds": KINDS,
            "example": message(found.draft, touched, "vi").text,
            "example_en": message(found.draft, touched, "en").text,
            "quiet": quiet_until(self._room.clock()),
            "problem": problem,
        }
        return await self._room.page(visitor, "announcement_draft", "announcements", code, **shown)

    async def send(self, visitor: Visitor, form: Form, number: int) -> Response:
        """Send it, when the librarian has ticked the number of people and has not been overtaken."""
        found = await self._found(visitor, number)
        if found is None or found.state != "draft":
            return await self.show(visitor, number)
        audience = await self._announcer.audience(found.draft)
        if form.get("sure") != "yes":
            return await self.show(visitor, number, 422, "unsure")
        if form.get("people") != str(len(audience.reached)):
            return await self.show(visitor, number, 409, "changed")
        if not audience.reached:
            return await self.show(visitor, number, 422, "nobody")
        if await self._announcer.start(found, visitor.name):
            self._go_on()
        return see_other(f"{AT}/{number}")

    async def stop(self, visitor: Visitor, number: int) -> Response:
        if await self._found(visitor, number):
            await self._announcer.stop(number, visitor.name)
        return see_other(f"{AT}/{number}")

    async def drop(self, visitor: Visitor, number: int) -> Response:
        if await self._found(visitor, number):
            now = self._room.clock()

            def drop(db: Connection) -> None:
                if book.drop(db, number):
                    audit.note(db, visitor.name, "announcement.dropped", f"announcement:{number}", {}, now)

            await self._room.store.write(drop)
        return see_other(AT)

    async def _found(self, visitor: Visitor, number: int) -> Announcement | None:
        found = await self._room.store.read(lambda db: book.get(db, number))
        return found if found and _own(visitor, found.draft) else None

    def _go_on(self) -> None:
        """Begin at once; what a stop of the product leaves over, the clock takes up again."""
        task = asyncio.create_task(self._announcer.send_waiting())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _problem(self, visitor: Visitor, draft: Draft | None) -> str:
        if draft is None:
            return "what"
        if not _own(visitor, draft):
            return "branch"
        if not draft.text_vi:
            return "empty"
        if max(len(draft.text_vi), len(draft.text_en)) > LONGEST:
            return "too_long"
        known = {branch.code for branch in self._calendar.live().branches}
        if draft.closed and (draft.closed.last < self._room.clock().date() or draft.closed.branches - known):
            return "past"
        return ""

    def _suggested(self, form: Form) -> Draft:
        """Return what the form holds; of a closure without words yet, those the assistant would say of it."""
        draft = _draft(form) or Draft("closure", "", "")
        if draft.kind != "closure" or draft.closed is None or draft.text_vi:
            return draft
        vi, en = (self._closure_words(draft.closed, form, lang) for lang in ("vi", "en"))
        return replace(draft, text_vi=vi, text_en=en)

    def _closure_words(self, closed: Closed, form: Form, lang: str) -> str:
        calendar, spoken = self._calendar.live(), cast(Lang, lang)
        known = [branch for branch in calendar.branches if branch.code in closed.branches]
        place = listing([branch.full_name.to(spoken) for branch in known], spoken) if known else _all(lang)
        entries = [each for each in calendar.plan.closures if each.first == closed.first]
        reason = next((each.reason.to(spoken) for each in entries if each.branches == closed.branches), form.get("vi"))
        at = datetime.combine(closed.last + timedelta(days=1), datetime.min.time(), VIETNAM) - timedelta(seconds=1)
        opens = calendar.next_opening(at, (known or calendar.branches)[0].code)
        again = f"{full_date(opens.date(), spoken)}, {opens:%-H:%M}" if opens else "—"
        days = date_range(closed.first, closed.last, spoken)
        words = sentence("news_closure", lang, place=place, days=days, why=reason or "—", next=again)
        return words[0].upper() + words[1:]


def _all(lang: str) -> str:
    return "Thư viện" if lang == "vi" else "The library"


def _own(visitor: Visitor, draft: Draft) -> bool:
    """Return whether the announcement is of branches that are this visitor's to look after."""
    branches = draft.closed.branches if draft.closed else frozenset()
    return all(within(visitor, branch) for branch in branches or [None])


def _draft(form: Form) -> Draft | None:
    """Return what the form says, None when its kind or its days are not to be understood."""
    kind = form.get("kind", "closure")
    if kind not in KINDS:
        return None
    closed = None
    if kind == "closure":
        first, last = _day(form.get("from")), _day(form.get("to") or form.get("from"))
        if first is None or last is None or last < first:
            return None
        closed = Closed(first, last, frozenset(form.all("branches")))
    vi, en = (form.get(name).replace("\r\n", "\n").strip() for name in ("text", "text_en"))
    return Draft(cast(Kind, kind), vi, en, closed, form.get("paid") == "yes")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
