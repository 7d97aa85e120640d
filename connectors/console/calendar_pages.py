"""What the calendar's pages show, worked out from the calendar and its document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from connectors.console.gate import Form
from connectors.timetable.edits import Deed, day_words
from library.calendar import DayHours, LibraryCalendar
from library.calendar_file import days_of
from library.lunar import to_lunar

SPARE_ROWS = 2
MOST_ROWS = 14


@dataclass(frozen=True)
class Spot:
    """The place looked at: a branch, or one of its rooms."""

    branch: str
    room: str | None
    name: str

    @classmethod
    def asked(cls, query: Mapping[str, str], calendar: LibraryCalendar) -> Spot:
        """Return the place of the address; the main branch when it names none that there is."""
        wanted = (branch for branch in calendar.branches if branch.code == query.get("branch"))
        branch = next(wanted, calendar.branches[0])
        room = next((room for room in branch.rooms if room.code == query.get("room")), None)
        name = f"{room.name.vi} {branch.name.vi}" if room else branch.name.vi
        return cls(branch.code, room.code if room else None, name)

    @property
    def query(self) -> str:
        return f"branch={self.branch}" + (f"&room={self.room}" if self.room else "")


@dataclass(frozen=True)
class Cell:
    """One day of the month: `kind` is open, short (a day with a word to it), closed or off (the usual day off)."""

    day: date
    inside: bool
    today: bool
    hours: str
    reason: str
    kind: str
    lunar: str


def month_rows(calendar: LibraryCalendar, first: date, spot: Spot, today: date) -> list[list[Cell]]:
    """Return the weeks of the month, Monday to Sunday."""
    start = first - timedelta(days=first.weekday())
    days = [start + timedelta(days=n) for n in range(42)]
    cells = [_cell(calendar, day, first, spot, today) for day in days]
    weeks = [cells[n : n + 7] for n in range(0, 42, 7)]
    return [week for week in weeks if any(cell.inside for cell in week)]


def _cell(calendar: LibraryCalendar, day: date, first: date, spot: Spot, today: date) -> Cell:
    hours = calendar.hours_on(day, spot.branch, spot.room)
    usual = calendar.usual_week(day, spot.branch, spot.room)[day.weekday()]
    spans = ", ".join(f"{span.start:%-H:%M}–{span.end:%-H:%M}" for span in hours.spans)
    lunar = to_lunar(day)
    of_moon = f"{lunar.day}/{lunar.month}" if lunar.day in (1, 15) or (lunar.month == 1 and lunar.day <= 10) else ""
    reason = hours.reason.vi if hours.reason else ""
    inside = (day.year, day.month) == (first.year, first.month)
    return Cell(day, inside, day == today, spans, reason, _kind(hours, usual), of_moon)


def _kind(hours: DayHours, usual: DayHours) -> str:
    if not hours.spans:
        return "closed" if usual.spans or hours.reason != usual.reason else "off"
    return "short" if hours.reason else "open"


@dataclass(frozen=True)
class DatedEntry:
    """A closure or opening that touches the day."""

    part: str
    key: str
    words: str
    hours: str
    when: str
    where: str


def day_entries(tree: Mapping[str, Any], day: date, spot: Spot) -> list[DatedEntry]:
    """Return the dated entries of this day that concern the branch looked at, or a room of it."""
    found = []
    for part in ("closures", "openings"):
        for key, entry in (tree.get(part) or {}).items():
            first, last = entry["from"], entry.get("to", entry["from"])
            if first <= day <= last and (not entry.get("branches") or spot.branch in entry["branches"]):
                when = f"{first:%-d/%-m/%Y}" + (f"–{last:%-d/%-m/%Y}" if last != first else "")
                where = ", ".join([*entry.get("branches", ()), *entry.get("rooms", ())]) or "mọi nơi"
                found.append(DatedEntry(part, key, entry["reason"]["vi"], entry.get("hours", ""), when, where))
    return found


@dataclass(frozen=True)
class WeeklyRow:
    """One line of the weekly form."""

    days: frozenset[int]
    nth: int
    season: str
    hours: str
    place: str
    place_en: str


def weekly_rows(document: Mapping[str, Any], spot: Spot) -> list[WeeklyRow]:
    """Return the lines of the place, each nth week of the month a line of its own, and two empty ones to write in."""
    branch = next(each for each in document["branches"] if each["code"] == spot.branch)
    room = next((each for each in branch.get("rooms", ()) if each["code"] == spot.room), None)
    lines = (room.get("weekly") if room else branch["weekly"]) or ()
    rows = [row for line in lines for row in _rows(line)]
    empty = WeeklyRow(frozenset(), 0, "", "", "", "")
    return [*rows, *[empty] * SPARE_ROWS][:MOST_ROWS]


def _rows(line: Mapping[str, Any]) -> list[WeeklyRow]:
    chosen = days_of(str(line["days"])).chosen
    place = line.get("place") or {}
    about = (str(line.get("season") or ""), str(line["hours"]), place.get("vi", ""), place.get("en", ""))
    return [
        WeeklyRow(frozenset(day for day, each in chosen if each == nth), nth, *about)
        for nth in sorted({nth for _, nth in chosen})
    ]


def weekly_deed(form: Form) -> Deed:
    """Return the deed that the weekly form asks for; a line without days and hours was left empty."""
    lines = [line for number in range(MOST_ROWS) if (line := _line(form, number))]
    return {"do": "weekly", "branch": form.get("branch"), "room": form.get("room") or None, "lines": lines}


def _line(form: Form, number: int) -> dict[str, Any] | None:
    days = [int(value) for value in form.all(f"on{number}") if value in set("0123456")]
    hours = form.get(f"hours{number}").strip()
    if not days and not hours:
        return None
    nth = form.get(f"nth{number}")
    chosen = [(day, int(nth) if nth in set("12345") else 0) for day in days]
    line: dict[str, Any] = {"days": day_words(chosen), "hours": hours, "season": form.get(f"season{number}")}
    if place := form.get(f"place{number}").strip():
        line["place"] = {"vi": place, "en": form.get(f"place_en{number}").strip()}
    return line


def season_rows(tree: Mapping[str, Any]) -> Sequence[tuple[str, str, str]]:
    """Return each season with its first and last day."""
    return [(name, str(season["from"]), str(season["to"])) for name, season in (tree.get("seasons") or {}).items()]
