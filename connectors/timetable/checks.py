"""What is doubtful in a calendar: told to the librarian before a change is saved, and beside the calendar later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Literal

from library.calendar import LibraryCalendar
from library.calendar_types import Branch, Closure, Opening, Season, TetHoliday, Weekly
from library.lunar import tet
from library.phrasing import date_range, full_date, weekday

REMIND_OF_TET = timedelta(days=120)
_MONDAY = date(2024, 1, 1)
_YEAR = [date(2024, 1, 1) + timedelta(days=n) for n in range(366)]


@dataclass(frozen=True)
class Doubt:
    """`stop`: it cannot be meant, and is not saved. `warn`: perhaps meant. `note`: to be looked at some day."""

    weight: Literal["stop", "warn", "note"]
    text: str


def doubts(calendar: LibraryCalendar, today: date) -> list[Doubt]:
    """Return everything doubtful from today on, the gravest first."""
    found = [*_two_hours(calendar), *_two_openings(calendar, today), *_hidden(calendar, today), *_gaps(calendar)]
    found += _tet(calendar, today)
    weights = ("stop", "warn", "note")
    return sorted(found, key=lambda doubt: weights.index(doubt.weight))


def new_doubts(before: LibraryCalendar, after: LibraryCalendar, today: date) -> list[Doubt]:
    """Return what a change makes doubtful: what was so before is not this librarian's to answer for."""
    known = set(doubts(before, today))
    fresh = [doubt for doubt in doubts(after, today) if doubt not in known]
    old = set(_dated(before))
    added = [entry for entry in _dated(after) if entry not in old]
    return [*fresh, *(_past(entry, today) for entry in added if entry.last < today)]


def _dated(calendar: LibraryCalendar) -> list[Closure | Opening]:
    return [*calendar.plan.closures, *calendar.plan.openings]


def _past(entry: Closure | Opening, today: date) -> Doubt:
    when = date_range(entry.first, entry.last, today=today)
    return Doubt("warn", f"“{entry.reason.vi}” {when} đã qua: không ai được nghe nữa.")


def _two_hours(calendar: LibraryCalendar) -> Iterator[Doubt]:
    for branch in calendar.branches:
        for name, lines in _tables(branch):
            for one, other in combinations(lines, 2):
                day = _same_day(one, other)
                if day is not None and one.spans != other.spans:
                    yield Doubt(
                        "stop", f"{name}: {weekday(day)} có hai giờ khác nhau trong cùng mùa. Hãy giữ một dòng."
                    )


def _tables(branch: Branch) -> Iterator[tuple[str, tuple[Weekly, ...]]]:
    yield branch.name.vi, branch.weekly
    for room in branch.rooms:
        yield f"{room.name.vi} {branch.name.vi}", room.weekly


def _same_day(one: Weekly, other: Weekly) -> date | None:
    """Return a day on which both lines hold; a line for some week of the month stands apart from one for all."""
    nth = ({n for _, n in one.days.chosen}, {n for _, n in other.days.chosen})
    if nth[0].isdisjoint(nth[1]):
        return None
    return next((day for day in _YEAR if _holds(one, day) and _holds(other, day)), None)


def _holds(line: Weekly, day: date) -> bool:
    return line.days.covers(day) and (line.season is None or line.season.covers(day))


def _gaps(calendar: LibraryCalendar) -> Iterator[Doubt]:
    """Tell of weekdays that have hours in one season and none in the rest of the year."""
    for branch in calendar.branches:
        for name, lines in _tables(branch):
            for at in range(7):
                seasons = [line.season for line in lines if (at, 0) in line.days.chosen]
                if seasons and None not in seasons and (day := _uncovered(seasons)):
                    on = weekday(_MONDAY + timedelta(days=at))
                    yield Doubt(
                        "warn", f"{name}: {on} có giờ theo mùa nhưng quanh ngày {day:%-d/%-m} không mùa nào nói tới."
                    )


def _uncovered(seasons: list[Season | None]) -> date | None:
    return next((day for day in _YEAR if not any(season and season.covers(day) for season in seasons)), None)


def _two_openings(calendar: LibraryCalendar, today: date) -> Iterator[Doubt]:
    for one, other in combinations([entry for entry in calendar.plan.openings if entry.last >= today], 2):
        if (day := _meet(one, other)) and one.spans != other.spans:
            yield Doubt(
                "stop", f"{full_date(day, today=today)} có hai giờ mở riêng: “{one.reason.vi}” và “{other.reason.vi}”."
            )


def _hidden(calendar: LibraryCalendar, today: date) -> Iterator[Doubt]:
    """Tell of closures that an opening of the same day overrides."""
    for closure in calendar.plan.closures:
        for opening in calendar.plan.openings:
            if opening.last >= today and (day := _meet(closure, opening)):
                yield Doubt(
                    "warn",
                    f"{full_date(day, today=today)} vừa có lịch nghỉ “{closure.reason.vi}” vừa có giờ mở riêng "
                    f"“{opening.reason.vi}”: trợ lý sẽ nói theo giờ mở riêng.",
                )


def _meet(one: Closure | Opening, other: Closure | Opening) -> date | None:
    """Return the first day on which both concern the same place; two sets of rooms meet where they share one."""
    first, last = max(one.first, other.first), min(one.last, other.last)
    apart = any(
        mine and theirs and not mine & theirs
        for mine, theirs in ((one.branches, other.branches), (one.rooms, other.rooms))
    )
    rooms_differ = bool(one.rooms) != bool(other.rooms)  # a room of its own is an exception to its branch
    return first if first <= last and not apart and not rooms_differ else None


def _tet(calendar: LibraryCalendar, today: date) -> Iterator[Doubt]:
    """Remind of the next Tết, which the authority announces anew each year."""
    coming = tet(today.year) if tet(today.year) > today else tet(today.year + 1)
    if coming - today > REMIND_OF_TET:
        return
    dated = any(entry.first <= coming <= entry.last for entry in _dated(calendar))
    if not dated and calendar.holiday_on(coming) is None:
        yield Doubt(
            "warn",
            f"Chưa có lịch nghỉ Tết {coming.year} (mùng 1 là {full_date(coming)}). Hãy nhập trước khi bạn đọc hỏi.",
        )
        return
    rule = next((each for each in calendar.plan.holidays if isinstance(each, TetHoliday)), None)
    if rule and not any(_near(entry, coming) for entry in _dated(calendar)):
        days = date_range(coming - timedelta(days=rule.before), coming + timedelta(days=rule.after))
        yield Doubt(
            "note", f"Tết {coming.year} đang theo quy tắc chung: nghỉ {days}. Hãy so với thông báo nghỉ Tết năm nay."
        )


def _near(entry: Closure | Opening, day: date) -> bool:
    return entry.first - timedelta(days=15) <= day <= entry.last + timedelta(days=15)
