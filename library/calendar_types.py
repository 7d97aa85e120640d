"""What a calendar is made of: spans of the day, which days they hold on, branches, rooms, closures and openings."""

from dataclasses import dataclass
from datetime import date, time, timedelta

from library.lunar import from_lunar, tet
from library.phrasing import Words


@dataclass(frozen=True)
class Span:
    """A stretch of one day; the end itself is outside."""

    start: time
    end: time


@dataclass(frozen=True)
class DayHours:
    """When a place is open on a day. `reason` says why it is closed, cut short or open out of turn.

    `place` is where the mobile library stops.
    """

    day: date
    spans: tuple[Span, ...]
    reason: Words | None = None
    place: Words | None = None


@dataclass(frozen=True)
class Days:
    """Weekdays (Monday is 0), each every week (0) or only the nth time in the month."""

    chosen: frozenset[tuple[int, int]]

    def covers(self, day: date) -> bool:
        """Return whether the day is one of them."""
        nth = (day.day - 1) // 7 + 1
        return (day.weekday(), 0) in self.chosen or (day.weekday(), nth) in self.chosen


@dataclass(frozen=True)
class Season:
    """Part of every year, given as (month, day), both ends inside; it may run over New Year."""

    first: tuple[int, int]
    last: tuple[int, int]

    def covers(self, day: date) -> bool:
        """Return whether the day lies in the season."""
        at = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= at <= self.last
        return at >= self.first or at <= self.last


@dataclass(frozen=True)
class Weekly:
    """One line of a weekly table."""

    days: Days
    spans: tuple[Span, ...]
    season: Season | None = None
    place: Words | None = None


@dataclass(frozen=True)
class Room:
    """A room with its own hours, or those of its branch when `weekly` is empty."""

    code: str
    name: Words
    aliases: tuple[str, ...]
    weekly: tuple[Weekly, ...]

    def all_names(self) -> tuple[str, ...]:
        """Return everything the room is called."""
        return (self.name.vi, self.name.en, *self.aliases)


@dataclass(frozen=True)
class Branch:
    """A library building, or the mobile library."""

    code: str
    name: Words
    full_name: Words
    address: Words
    aliases: tuple[str, ...]
    weekly: tuple[Weekly, ...]
    weekly_off: Words | None
    rooms: tuple[Room, ...]

    def all_names(self) -> tuple[str, ...]:
        """Return everything the branch is called, its code included."""
        return (self.code, self.name.vi, self.name.en, self.full_name.vi, self.full_name.en, *self.aliases)


@dataclass(frozen=True)
class Monthly:
    """Work inside, on some day of every month from `start` on."""

    days: Days
    start: time
    reason: Words


@dataclass(frozen=True)
class SolarHoliday:
    """A day off on the same date every year."""

    day: int
    month: int
    reason: Words

    def covers(self, day: date) -> bool:
        """Return whether the day is the holiday."""
        return (day.day, day.month) == (self.day, self.month)


@dataclass(frozen=True)
class LunarHoliday:
    """A day off on the same Vietnamese lunar date every year."""

    day: int
    month: int
    reason: Words

    def covers(self, day: date) -> bool:
        """Return whether the day is the holiday; a lunar December may end in the next solar year."""
        return day in (from_lunar(self.day, self.month, day.year), from_lunar(self.day, self.month, day.year - 1))


@dataclass(frozen=True)
class TetHoliday:
    """The days off around the first day of the lunar year."""

    before: int
    after: int
    reason: Words

    def covers(self, day: date) -> bool:
        """Return whether the day is one of them."""
        first = tet(day.year)
        return first - timedelta(days=self.before) <= day <= first + timedelta(days=self.after)


Holiday = SolarHoliday | LunarHoliday | TetHoliday


@dataclass(frozen=True)
class Closure:
    """Days a place is shut; empty `branches` means all, empty `rooms` the whole branch."""

    first: date
    last: date
    reason: Words
    branches: frozenset[str]
    rooms: frozenset[str]


@dataclass(frozen=True)
class Opening:
    """Days a place is open with hours of their own, whatever else is written."""

    first: date
    last: date
    reason: Words
    branches: frozenset[str]
    rooms: frozenset[str]
    spans: tuple[Span, ...]
