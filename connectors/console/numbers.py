"""The screens of the numbers: an overview, the month's report, and both as files."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from connectors.clock import VIETNAM
from connectors.console import numbers_tables
from connectors.console.charts import bars
from connectors.console.gate import Posted, SignedIn, needs
from connectors.console.places import ROOT
from connectors.console.room import Room
from connectors.console.wording import CHANNELS
from connectors.numbers.overview import Period, counted_until, overview
from connectors.reminding import jobs
from connectors.staff import audit
from connectors.staff.roles import Permission

AT = f"{ROOT}/numbers"
SPANS = {"7": "7 ngày", "30": "30 ngày", "90": "90 ngày"}
LOCALES = {"vi": "Tiếng Việt", "en": "Tiếng Anh"}
LONGEST = timedelta(days=366)
FILES = {
    "csv": ("text/csv; charset=utf-8", numbers_tables.as_csv),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", numbers_tables.as_xlsx),
}

Names = Callable[[], Mapping[str, str]]


def add_numbers(router: APIRouter, room: Room, names: Names) -> None:
    """`names()` are the answers in use, by key."""

    def today() -> date:
        return room.clock().astimezone(VIETNAM).date()

    @router.get(AT)
    @needs(Permission.READ_NUMBERS)
    async def show(request: Request, visitor: SignedIn) -> Response:
        asked = _asked(request.query_params)
        period = period_of(asked, today())
        seen = await room.store.read(lambda db: overview(db, period))
        shown: dict[str, object] = {"seen": seen, "asked": asked, "spans": SPANS, "channels": CHANNELS}
        shown |= {
            "locales": LOCALES,
            "bars": bars(seen.by_day),
            "query": urlencode(asked),
            "may_export": visitor.may(Permission.EXPORT),
        }
        shown |= {"lines": numbers_tables.lines(seen), "tables": numbers_tables.tables(seen, names())}
        reminded = await room.store.read(lambda db: jobs.figures(db, period.begin, period.end))
        shown |= {"reminders": numbers_tables.reminders(reminded), "wishing": await room.store.read(jobs.wishing)}
        shown["until"] = await room.store.read(counted_until)
        return await room.page(visitor, "numbers", "numbers", 200, **shown)

    @router.get(f"{AT}/report")
    @needs(Permission.READ_NUMBERS)
    async def report(request: Request, visitor: SignedIn) -> Response:
        """Show the report of a month, made to be printed: of the last whole one when none is asked for."""
        last_month = (today().replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        month = request.query_params.get("month", "")
        period = _month(month, today()) or _month(last_month, today())
        assert period is not None
        seen = await room.store.read(lambda db: overview(db, period))
        shown: dict[str, object] = {"seen": seen, "lines": numbers_tables.lines(seen)}
        shown["tables"] = numbers_tables.tables(seen, names())
        return await room.page(visitor, "numbers_report", "numbers", 200, **shown)

    @router.post(f"{AT}/export")
    @needs(Permission.READ_NUMBERS, Permission.EXPORT)
    async def export(visitor: SignedIn, form: Posted) -> Response:
        """Give the numbers as a file; that it was taken is noted."""
        asked = {name: form.get(name) for name in ("span", "month", "begin", "end", "channel", "locale")}
        kind = form.get("kind") if form.get("kind") in FILES else "csv"
        period, now = period_of(asked, today()), room.clock()
        media, made = FILES[kind]
        seen = await room.store.read(lambda db: overview(db, period))
        detail = {"kind": kind, "begin": period.begin.isoformat(), "last": period.last.isoformat()}
        await room.store.write(lambda db: audit.note(db, visitor.name, "export.numbers", "numbers", detail, now))
        headers = {"Content-Disposition": f'attachment; filename="so-lieu-{period.begin}-{period.last}.{kind}"'}
        return Response(made(seen, names()), media_type=media, headers=headers)


def period_of(asked: Mapping[str, str], today: date) -> Period:
    """Return the days asked for, none later than yesterday; the last thirty for what is no period."""
    channel = asked["channel"] if asked["channel"] in CHANNELS else ""
    locale = asked["locale"] if asked["locale"] in LOCALES else ""
    found = _month(asked["month"], today) or _from_to(asked["begin"], asked["end"], today)
    if found is None:
        days = int(asked["span"]) if asked["span"] in SPANS else 30
        found = Period(today - timedelta(days=days), today)
    return Period(found.begin, found.end, channel, locale)


def _asked(params: Mapping[str, str]) -> dict[str, str]:
    return {name: params.get(name, "") for name in ("span", "month", "begin", "end", "channel", "locale")}


def _month(typed: str, today: date) -> Period | None:
    begin = _day(f"{typed}-01")
    if begin is None or begin >= today:
        return None
    end = begin + timedelta(days=calendar.monthrange(begin.year, begin.month)[1])
    return Period(begin, min(end, today))


def _from_to(begin: str, last: str, today: date) -> Period | None:
    first, end = _day(begin), _day(last)
    if first is None or end is None or first >= today or first > end:
        return None
    return Period(first, min(end + timedelta(days=1), today, first + LONGEST))


def _day(typed: str) -> date | None:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return day if 2000 <= day.year < 3000 else None
