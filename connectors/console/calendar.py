"""The screens of the calendar: a month, a day as the assistant tells it, weekly hours, holidays, and every version.

A change is tried out first: the page shows what the assistant would say before and after, and carries the deed and the
version it was thought out on. Saving does it again on the newest version; what a colleague changed meanwhile is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from connectors.console.calendar_pages import Spot, day_entries, month_rows, season_rows, weekly_deed, weekly_rows
from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.places import ROOT
from connectors.console.room import Room
from connectors.console.staff import Visitor, within
from connectors.staff import audit
from connectors.staff.roles import Permission
from connectors.timetable.checks import doubts
from connectors.timetable.desk import CalendarDesk, Proposal
from connectors.timetable.document import tree_of
from connectors.timetable.edits import Deed, EditRefused, describe
from connectors.timetable.versions import TakenMeanwhile
from library.calendar import LibraryCalendar
from library.lunar import tet
from library.phrasing import full_date
from library.threeway import MISSING, Clash, Side, changes

AT = f"{ROOT}/calendar"
SEE, EDIT = Permission.READ_ANSWERS, Permission.EDIT_CALENDAR


def add_calendar(router: APIRouter, room: Room, desk: CalendarDesk) -> None:
    screens = Screens(room, desk)

    @router.get(AT)
    @needs(SEE)
    async def month(request: Request, visitor: SignedIn) -> Response:
        return await screens.month(request, visitor)

    @router.get(f"{AT}/day/{{day}}")
    @needs(SEE)
    async def day(request: Request, visitor: SignedIn, day: str) -> Response:
        return await screens.day(request, visitor, day)

    @router.get(f"{AT}/hours")
    @needs(SEE)
    async def hours(request: Request, visitor: SignedIn) -> Response:
        return await screens.hours(request, visitor)

    @router.get(f"{AT}/holidays")
    @needs(SEE)
    async def holidays(visitor: SignedIn) -> Response:
        return await screens.holidays(visitor)

    @router.get(f"{AT}/versions")
    @needs(SEE)
    async def versions(visitor: SignedIn) -> Response:
        return await screens.versions(visitor)

    @router.post(f"{AT}/try")
    @needs(EDIT)
    async def try_out(visitor: SignedIn, form: Posted) -> Response:
        return await screens.try_out(visitor, form, _deed_of(form))

    @router.post(f"{AT}/save")
    @needs(EDIT)
    async def save(visitor: SignedIn, form: Posted) -> Response:
        return await screens.save(visitor, form)

    @router.post(f"{AT}/undo")
    @needs(EDIT)
    async def undo(visitor: SignedIn, form: Posted) -> Response:
        return await screens.undo(visitor, form)


class Screens:
    """Draws the calendar's pages and does what their forms ask."""

    def __init__(self, room: Room, desk: CalendarDesk) -> None:
        self._room = room
        self._desk = desk

    async def month(self, request: Request, visitor: Visitor) -> Response:
        calendar, today = self._desk.live(), self._room.clock().date()
        spot = Spot.asked(request.query_params, calendar)
        first = _month(request.query_params.get("month", ""), today)
        shown: dict[str, Any] = {
            "first": first,
            "before": (first - timedelta(days=1)).strftime("%Y-%m"),
            "after": (first + timedelta(days=32)).strftime("%Y-%m"),
            "weeks": month_rows(calendar, first, spot, today),
            "told": self._desk.say(calendar, today, spot.branch, spot.room),
            "doubts": doubts(calendar, today),
            "saved": (saved := _whole(request.query_params.get("saved", ""))),
            "announces": self._announces(saved) if visitor.may(Permission.ANNOUNCE) else "",
        }
        return await self._page(visitor, "calendar", spot=spot, **shown)

    async def day(self, request: Request, visitor: Visitor, day: str) -> Response:
        calendar, asked = self._desk.live(), _day(day)
        if asked is None:
            return see_other(AT)
        spot = Spot.asked(request.query_params, calendar)
        return await self._day_page(visitor, calendar, asked, spot)

    async def _day_page(
        self, visitor: Visitor, calendar: LibraryCalendar, asked: date, spot: Spot, code: int = 200, problem: str = ""
    ) -> Response:
        say = partial(self._desk.say, calendar, asked, spot.branch, spot.room)
        shown: dict[str, Any] = {
            "day": asked,
            "day_name": full_date(asked),
            "told": say("vi"),
            "told_en": say("en"),
            "entries": day_entries(tree_of(self._desk.document()), asked, spot),
            "problem": problem,
        }
        return await self._page(visitor, "calendar_day", code, spot=spot, **shown)

    async def hours(self, request: Request, visitor: Visitor) -> Response:
        spot = Spot.asked(request.query_params, self._desk.live())
        document = self._desk.document()
        shown: dict[str, Any] = {"rows": weekly_rows(document, spot), "seasons": list(document.get("seasons") or {})}
        return await self._page(visitor, "calendar_hours", spot=spot, **shown)

    async def holidays(self, visitor: Visitor) -> Response:
        tree, today = tree_of(self._desk.document()), self._room.clock().date()
        years = [(year, full_date(tet(year))) for year in range(today.year, today.year + 3)]
        shown: dict[str, Any] = {"holidays": tree.get("holidays", {}), "seasons": season_rows(tree), "years": years}
        return await self._page(visitor, "calendar_holidays", spot=None, **shown)

    async def versions(self, visitor: Visitor) -> Response:
        return await self._page(visitor, "calendar_versions", spot=None, versions=self._desk.versions())

    async def try_out(self, visitor: Visitor, form: Form, deed: Deed, code: int = 200) -> Response:
        """Return the page that shows what the deed would do, or why it cannot be done."""
        try:
            self._only_own(visitor, deed)
            seen = _whole(form.get("seen"))
            proposal = self._desk.try_out(deed, self._desk.number if seen is None else seen, choices_of(form))
        except EditRefused as exc:
            return await self._refused(visitor, form, str(exc))
        return await self._confirm(visitor, form, proposal, code)

    async def save(self, visitor: Visitor, form: Form) -> Response:
        deed, seen, checked = _json(form.get("deed")), _whole(form.get("seen")), _whole(form.get("checked"))
        try:
            self._only_own(visitor, deed)
            proposal = self._desk.try_out(deed, -1 if seen is None else seen, choices_of(form))
            # Saved is what the page showed: when a colleague saved in between, the page is shown anew.
            if not proposal.may_be_saved or proposal.after != checked:
                return await self._confirm(visitor, form, proposal, 409)
            number = self._desk.save(proposal, visitor.name)
        except EditRefused as exc:
            return await self._refused(visitor, form, str(exc))
        except TakenMeanwhile:
            return await self.try_out(visitor, form, deed, 409)
        await self._note(visitor, "calendar.saved", number, {"what": describe(deed)})
        return see_other(f"{AT}?{urlencode({**_spot_of(form), 'saved': number})}")

    async def undo(self, visitor: Visitor, form: Form) -> Response:
        saved = _whole(form.get("saved"))
        try:
            if visitor.branches:
                raise EditRefused("Hoàn tác đổi lịch của mọi nơi, nên cần người phụ trách tất cả chi nhánh.")
            number = self._desk.undo(visitor.name, -1 if saved is None else saved)
        except EditRefused as exc:
            return await self._refused(visitor, form, str(exc))
        except TakenMeanwhile:
            return await self._refused(visitor, form, "Sau bản ấy đã có bản khác, nên không hoàn tác. Hãy xem Các bản.")
        await self._note(visitor, "calendar.undone", number, {"undone": saved})
        return see_other(f"{AT}/versions")

    async def _confirm(self, visitor: Visitor, form: Form, proposal: Proposal, code: int) -> Response:
        shown = {
            "proposal": proposal,
            "what": describe(proposal.deed),
            "deed": json.dumps(proposal.deed, ensure_ascii=False, default=str),
            "seen": form.get("seen") or str(proposal.after),
            "chosen": [(json.dumps(at), side) for at, side in choices_of(form).items()],
            "clashes": [_clash(clash) for clash in proposal.clashes],
            "day_name": full_date,
            "back": _spot_of(form),
        }
        code = 409 if proposal.clashes else code
        return await self._page(visitor, "calendar_confirm", code, spot=None, **shown)

    def _announces(self, saved: int | None) -> str:
        """Return the query of an announcement of the closure that was just saved, or nothing."""
        if not saved or saved != self._desk.number:
            return ""
        before, after = (tree_of(self._desk.document(number)) for number in (saved - 1, saved))
        new = next((each.after for each in changes(before, after) if each.path[0] == "closures"), None)
        if not isinstance(new, dict):
            return ""
        last: date = new["to"] if "to" in new else new["from"]
        if last < self._room.clock().date():
            return ""
        fields = [("from", new["from"]), ("to", new.get("to", "")), ("vi", new["reason"]["vi"])]
        return urlencode([*fields, *(("branches", code) for code in new.get("branches", ()))])

    async def _refused(self, visitor: Visitor, form: Form, why: str) -> Response:
        """Return the page the form came from, saying why, where there is one; what was typed stays in the browser."""
        return await self._page(visitor, "calendar_refused", 422, spot=None, problem=why, back=_spot_of(form))

    def _only_own(self, visitor: Visitor, deed: Deed) -> None:
        """Raise EditRefused when the deed touches a branch that is not this visitor's to look after."""
        named = deed.get("branches") if deed.get("do") in ("close", "open") else None
        if deed.get("do") == "weekly":
            named = [deed.get("branch")]
        if deed.get("do") == "drop" and deed.get("part") in ("closures", "openings"):
            named = [code for code in str(deed.get("key")).split("|")[1:2] for code in code.split("+") if code]
        if not isinstance(named, list) or not named:
            named = [None]  # the whole library
        if not all(within(visitor, branch) for branch in named):
            raise EditRefused("Bạn chỉ đổi được lịch của chi nhánh mình phụ trách.")

    async def _note(self, visitor: Visitor, deed: str, number: int, detail: Mapping[str, Any]) -> None:
        at = self._room.clock()
        await self._room.store.write(lambda db: audit.note(db, visitor.name, deed, f"calendar:{number}", detail, at))

    async def _page(self, visitor: Visitor, template: str, code: int = 200, **values: object) -> Response:
        calendar = self._desk.live()
        shared = {"branches": calendar.branches, "number": self._desk.number, "can_edit": visitor.may(EDIT)}
        response = await self._room.page(visitor, template, "calendar", code, **shared, **values)
        response.headers["ETag"] = f'"calendar-{self._desk.number}"'
        return response


@dataclass(frozen=True)
class _ShownClash:
    where: str
    field: str
    base: str
    ours: str
    theirs: str


def _clash(clash: Clash) -> _ShownClash:
    shown = (shown_value(value) for value in (clash.base, clash.ours, clash.theirs))
    return _ShownClash(" › ".join(clash.path), json.dumps(clash.path), *shown)


def shown_value(value: object) -> str:
    """Return a value of a document as a librarian reads it; a dash for what is not there."""
    if value is MISSING:
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def choices_of(form: Form) -> dict[tuple[str, ...], Side]:
    """Return which side was chosen at which place of a clash."""
    chosen: dict[tuple[str, ...], Side] = {}
    for number in range(50):
        path, side = form.get(f"clash{number}"), form.get(f"side{number}")
        if path and side in ("ours", "theirs"):
            try:
                found = json.loads(path)
            except ValueError:
                continue
            if isinstance(found, list):
                chosen[tuple(map(str, found))] = "ours" if side == "ours" else "theirs"
    return chosen


def _deed_of(form: Form) -> Deed:
    """Return the deed that a page's form asks for."""
    do = form.get("do")
    if do == "weekly":
        return weekly_deed(form)
    if do in ("close", "open"):
        deed: dict[str, Any] = {"do": do, **{name: form.get(name).strip() for name in ("from", "to", "vi", "en")}}
        deed |= {part: [code for code in form.all(part) if code] for part in ("branches", "rooms")}
        return deed | ({"hours": form.get("hours")} if do == "open" else {})
    if do == "restore":
        return {"do": do, "number": _whole(form.get("number"))}
    names = ("part", "key", "kind", "on", "before", "after", "vi", "en", "name", "from", "to")
    return {"do": do, **{name: form.get(name).strip() for name in names if form.get(name)}}


def _spot_of(form: Form) -> dict[str, str]:
    """Return the place and month the librarian was looking at, for the way back."""
    kept = {"branch": form.get("at_branch"), "room": form.get("at_room"), "month": form.get("month")}
    return {name: value for name, value in kept.items() if value}


def _json(text: str) -> Deed:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _month(text: str, today: date) -> date:
    """Return the first day of the month asked for, this month's for anything that is none the calendar knows."""
    first = _day(f"{text}-01")
    return first if first and 2000 <= first.year <= 2099 else today.replace(day=1)
