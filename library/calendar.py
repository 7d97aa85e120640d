"""When each branch and room is open: weekly tables, seasons, holidays solar and lunar, dated closures and openings.

Every time is that of Vietnam. A datetime with another zone is moved to it; one without a zone is taken to be local.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import TypeVar

from library.calendar_file import CalendarError, Plan, read_plan
from library.calendar_types import Branch, Closure, DayHours, Opening, Room, Span
from library.phrasing import Words
from library.text import tokens

__all__ = ["LOCAL", "Branch", "CalendarError", "DayHours", "LibraryCalendar", "Room", "Span"]

LOCAL = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
_LOOK_AHEAD = 60
_DAY = timedelta(days=1)
_Named = TypeVar("_Named", Branch, Room)


@dataclass(frozen=True)
class LibraryCalendar:
    """The opening hours of one library, read once and asked often; nothing in it changes."""

    plan: Plan

    @classmethod
    def load(cls, path: Path | str) -> "LibraryCalendar":
        """Return the calendar of the YAML file. Raises CalendarError naming the entry and what to write there."""
        return cls(read_plan(Path(path)))

    @property
    def branches(self) -> tuple[Branch, ...]:
        """Return the branches, in the order of the file: the first is the main one."""
        return self.plan.branches

    def branch(self, code: str) -> Branch:
        """Return the branch with this code. Raises CalendarError when there is none."""
        for branch in self.branches:
            if branch.code == code:
                return branch
        known = ", ".join(branch.code for branch in self.branches)
        raise CalendarError(f"looking up the hours of branch {code!r}: no such branch; the calendar has {known}")

    def rooms(self, branch: str) -> tuple[Room, ...]:
        """Return the rooms of a branch."""
        return self.branch(branch).rooms

    def hours_on(self, day: date, branch: str, room: str | None = None) -> DayHours:
        """Return the spans a branch (or one of its rooms) is open that day; when closed, or cut short, also why."""
        place = self.branch(branch)
        at_room = _room(place, room)
        for opening in self.plan.openings:
            if _touches(opening, day, branch, room):
                return DayHours(day, opening.spans, opening.reason)
        reason = self._closed_because(day, branch, room)
        if reason:
            return DayHours(day, (), reason)
        usual = self._usual(day, place, at_room)
        return self._cut_short(usual) if usual.spans else usual

    def usual_week(self, day: date, branch: str, room: str | None = None) -> tuple[DayHours, ...]:
        """Return Monday to Sunday of that day's week by the weekly table and season alone, exceptions left out."""
        place = self.branch(branch)
        first = day - timedelta(days=day.weekday())
        return tuple(self._usual(first + timedelta(days=n), place, _room(place, room)) for n in range(7))

    def open_at(self, at: datetime, branch: str, room: str | None = None) -> bool:
        """Return whether it is open at that moment; the closing minute itself is closed."""
        local = _local(at)
        return any(span.start <= local.time() < span.end for span in self.hours_on(local.date(), branch, room).spans)

    def next_opening(self, at: datetime, branch: str, room: str | None = None) -> datetime | None:
        """Return when the doors open next, strictly after `at`, in local time; None when not within 60 days."""
        local = _local(at)
        for ahead in range(_LOOK_AHEAD + 1):
            day = local.date() + ahead * _DAY
            for span in self.hours_on(day, branch, room).spans:
                opens = datetime.combine(day, span.start, LOCAL)
                if opens > local:
                    return opens
        return None

    def holiday_on(self, day: date) -> Words | None:
        """Return the name of the public holiday the library keeps that day, or None."""
        return next((holiday.reason for holiday in self.plan.holidays if holiday.covers(day)), None)

    def find_branch(self, text: str) -> Branch | None:
        """Return the branch the text names, by its code, name or an alias, accents or not; the longest name wins."""
        names = [(name, branch) for branch in self.branches for name in branch.all_names()]
        return _named_in(text, names)

    def find_room(self, text: str, branch: str | None = None) -> Room | None:
        """Return the room the text names, among those of the branch or, without one, of all branches in order."""
        places = (self.branch(branch),) if branch else self.branches
        return _named_in(text, [(name, room) for place in places for room in place.rooms for name in room.all_names()])

    def _closed_because(self, day: date, branch: str, room: str | None) -> Words | None:
        dated = next((closure.reason for closure in self.plan.closures if _touches(closure, day, branch, room)), None)
        return dated or self.holiday_on(day)

    def _usual(self, day: date, branch: Branch, room: Room | None) -> DayHours:
        for weekly in room.weekly if room and room.weekly else branch.weekly:
            if weekly.days.covers(day) and (weekly.season is None or weekly.season.covers(day)):
                return DayHours(day, weekly.spans, None, weekly.place)
        return DayHours(day, (), branch.weekly_off or self.plan.weekly_off)

    def _cut_short(self, hours: DayHours) -> DayHours:
        for monthly in self.plan.monthly:
            if monthly.days.covers(hours.day) and any(span.end > monthly.start for span in hours.spans):
                left = tuple(
                    Span(span.start, min(span.end, monthly.start)) for span in hours.spans if span.start < monthly.start
                )
                return DayHours(hours.day, left, monthly.reason, hours.place)
        return hours


def _room(branch: Branch, code: str | None) -> Room | None:
    if code is None:
        return None
    for room in branch.rooms:
        if room.code == code:
            return room
    known = ", ".join(room.code for room in branch.rooms) or "none"
    raise CalendarError(f"looking up room {code!r} of branch {branch.code}: no such room; it has {known}")


def _touches(dated: Closure | Opening, day: date, branch: str, room: str | None) -> bool:
    """Return whether a dated entry concerns this place; one for some rooms only says nothing of the whole branch."""
    return (
        dated.first <= day <= dated.last
        and (not dated.branches or branch in dated.branches)
        and (not dated.rooms or room in dated.rooms)
    )


def _local(at: datetime) -> datetime:
    return at.replace(tzinfo=LOCAL) if at.tzinfo is None else at.astimezone(LOCAL)


def _named_in(text: str, names: list[tuple[str, _Named]]) -> _Named | None:
    """Return what the text names: exactly, or by a name of more than four letters inside it."""
    words = " ".join(token.folded for token in tokens(text))
    keys = [(" ".join(token.folded for token in tokens(name)), named) for name, named in names]
    exact = next((named for key, named in keys if key == words), None)
    inside = [
        (len(key), -at, named)
        for at, (key, named) in enumerate(keys)
        if (" " in key or len(key) > 4) and f" {key} " in f" {words} "
    ]
    return exact or (max(inside, key=lambda found: found[:2])[2] if inside else None)
