"""Opening hours as they are read: one day's, a week's, a stretch of days with those alike put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from library.calendar import DayHours, LibraryCalendar, Span
from library.dates import PartOfDay
from library.lunar import to_lunar
from library.phrasing import (
    Lang,
    Words,
    clock,
    clock_span,
    full_date,
    listing,
    relative_name,
    short_date,
    weekday,
)

CLOSED = Words("nghỉ", "closed")
EVERY_DAY = Words("mỗi ngày", "every day")
PARTS: dict[PartOfDay, Words] = {
    "morning": Words("sáng", "morning"),
    "noon": Words("trưa", "noon"),
    "afternoon": Words("chiều", "afternoon"),
    "evening": Words("tối", "evening"),
    "night": Words("đêm", "night"),
}
_TET_DAYS = 10


def spans_text(spans: Sequence[Span], lang: Lang) -> str:
    """Return '7 giờ 30–11 giờ 30 và 13 giờ 30–17 giờ'."""
    return listing([clock_span(span.start, span.end, lang) for span in spans], lang)


def hours_text(hours: DayHours, lang: Lang) -> str:
    """Return the day's hours with where the mobile library stops, or 'nghỉ (Quốc khánh)'."""
    if not hours.spans:
        return CLOSED.to(lang) + because(hours, lang)
    stop = f" ({hours.place.to(lang)})" if hours.place else ""
    return spans_text(hours.spans, lang) + stop


def because(hours: DayHours, lang: Lang) -> str:
    """Return ' (kiểm kê kho)', or nothing when the day is as usual."""
    return f" ({hours.reason.to(lang)})" if hours.reason else ""


def day_text(day: date, today: date, lang: Lang, name: Words | None = None) -> str:
    """Return 'mùng 3 Tết (thứ Hai 8/2/2027)', 'ngày mai (thứ Hai 23/11)' or 'thứ Bảy 28/11'."""
    return full_date(day, lang, today=today, name=name or relative_name(day, today))


def moment_text(at: datetime, today: date, lang: Lang, *, lunar: bool = False) -> str:
    """Return when the doors open again: 'hôm nay, 13 giờ 30', 'ngày mai (thứ Ba 24/11), 7 giờ 30'.

    With `lunar`, the first days of the lunar year go by their names: 'mùng 6 Tết (thứ Năm 11/2/2027), 7 giờ 30'.
    """
    day, near = at.date(), relative_name(at.date(), today)
    named = near.to(lang) if near and day == today else day_text(day, today, lang, tet_name(day) if lunar else None)
    return f"{named}, {clock(at.time(), lang)}"


def tet_name(day: date) -> Words | None:
    """Return 'mùng 6 Tết' for the sixth day of the lunar year, None past the tenth."""
    lunar = to_lunar(day)
    if lunar.month != 1 or lunar.day > _TET_DAYS:
        return None
    return Words(f"mùng {lunar.day} Tết", f"day {lunar.day} of Tet")


@dataclass(frozen=True)
class Stretch:
    """Days in a row with the same hours."""

    first: date
    last: date
    hours: DayHours


def stretches(days: Iterable[DayHours]) -> list[Stretch]:
    """Return the days with neighbours that are alike put together; what is not there in between parts them."""
    found: list[Stretch] = []
    for day in days:
        before = found[-1] if found else None
        if before and day.day - before.last == timedelta(days=1) and _alike(before.hours, day):
            found[-1] = Stretch(before.first, day.day, before.hours)
        else:
            found.append(Stretch(day.day, day.day, day))
    return found


def _alike(one: DayHours, other: DayHours) -> bool:
    return (one.spans, one.reason, one.place) == (other.spans, other.reason, other.place)


def stretch_lines(days: Iterable[DayHours], today: date, lang: Lang) -> list[str]:
    """Return a line a stretch: 'thứ Ba 24/11–Chủ nhật 29/11: 7 giờ 30–11 giờ 30'."""
    return [
        f"{_between(each.first, each.last, lambda day: _dated(day, today, lang))}: {hours_text(each.hours, lang)}"
        for each in stretches(days)
    ]


def week_text(week: Sequence[DayHours], lang: Lang) -> str:
    """Return a usual week: 'thứ Ba–Chủ nhật 7 giờ 30–11 giờ 30, thứ Hai nghỉ'; open days first."""
    alike = stretches(week)
    if len(alike) == 1:
        return f"{EVERY_DAY.to(lang)} {hours_text(week[0], lang)}"
    named = [(_between(each.first, each.last, lambda day: weekday(day, lang)), each.hours) for each in alike]
    opened = [f"{days} {hours_text(hours, lang)}" for days, hours in named if hours.spans]
    shut = [days for days, hours in named if not hours.spans]
    return "; ".join([*opened, *([f"{listing(shut, lang)} {CLOSED.to(lang)}"] if shut else [])])


def _dated(day: date, today: date, lang: Lang) -> str:
    return f"{weekday(day, lang)} {short_date(day, lang, today=today)}"


def _between(first: date, last: date, say: Callable[[date], str]) -> str:
    return say(first) if first == last else f"{say(first)}–{say(last)}"


def hours_today(calendar: LibraryCalendar, today: date, lang: Lang) -> str:
    """Return today's hours of every branch, for the answers that tell them."""
    hours = [(branch.name.to(lang), calendar.hours_on(today, branch.code)) for branch in calendar.branches]
    if all(not of_day.spans for _, of_day in hours):
        return hours_text(hours[0][1], lang)
    alike = groupby(hours, key=lambda named: hours_text(named[1], lang))
    return "; ".join(f"{listing([name for name, _ in names], lang)} {text}" for text, names in alike)
