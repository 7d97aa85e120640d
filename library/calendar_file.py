"""The calendar file: YAML in, `Plan` out, and a plain sentence for whatever in it cannot be understood."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any, TypeVar

import yaml

from library.calendar_types import (
    Branch,
    Closure,
    Days,
    Holiday,
    LunarHoliday,
    Monthly,
    Opening,
    Room,
    Season,
    SolarHoliday,
    Span,
    TetHoliday,
    Weekly,
)
from library.phrasing import Words


class CalendarError(Exception):
    """The calendar file, or a question to the calendar, names something that is not there or not understood."""


@dataclass(frozen=True)
class Plan:
    """Everything the calendar file says."""

    branches: tuple[Branch, ...]
    weekly_off: Words
    monthly: tuple[Monthly, ...]
    holidays: tuple[Holiday, ...]
    closures: tuple[Closure, ...]
    openings: tuple[Opening, ...]


_T = TypeVar("_T")
DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


def read_plan(path: Path) -> Plan:
    """Return what the file says. Raises CalendarError naming the file, the entry, and what to write there."""
    try:
        top = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise CalendarError(f"reading the calendar {path}: {exc.strerror}; set the path in library.toml") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise CalendarError(f"reading the calendar {path}: not YAML in UTF-8 ({exc}); mend the line named") from exc
    return plan_of(top, path.name)


def plan_of(top: Any, name: str) -> Plan:
    """Return what the parsed file says. Raises CalendarError naming the entry, under `name`."""
    return _plan(_Entry(top, name))


def days_of(text: str) -> Days:
    """Return the days that "tue-sun" or "sat#2" names. Raises CalendarError."""
    return _days(text, "days")


def spans_of(text: str) -> tuple[Span, ...]:
    """Return the spans that "7:30-11:30, 13:30-17:00" names. Raises CalendarError."""
    return _spans(text, "hours")


class _Entry:
    """A mapping of the file that knows where it stands, so that every complaint can say so."""

    def __init__(self, value: Any, where: str) -> None:
        self.where = where
        if not isinstance(value, Mapping):
            raise self.wrong(f"is {value!r}", "write `key: value` pairs here")
        self._left = dict(value)

    def wrong(self, what: str, remedy: str) -> CalendarError:
        return CalendarError(f"{self.where} {what}; {remedy}")

    def take(self, key: str, read: Callable[[Any, str], _T], default: _T | None = None) -> _T:
        """Return the value under the key as `read` understands it; without one, the default, or a complaint."""
        if key not in self._left:
            if default is None:
                raise self.wrong(f"has no `{key}`", "add it")
            return default
        return read(self._left.pop(key), f"{self.where}: {key}")

    def may(self, key: str, read: Callable[[Any, str], _T]) -> _T | None:
        """Return the value under the key, or None when it is not there."""
        return read(self._left.pop(key), f"{self.where}: {key}") if key in self._left else None

    def done(self) -> None:
        """Complain of keys nobody asked for: a misspelt key must not be silently ignored."""
        if self._left:
            raise self.wrong(
                f"has unknown keys {', '.join(map(str, self._left))}", "correct the spelling or remove them"
            )


def _plan(top: _Entry) -> Plan:
    none: dict[str, Season] = {}
    seasons = top.take("seasons", _each_named(_season), none)
    branches = top.take("branches", _list(lambda value, where: _branch(_Entry(value, where), seasons)))
    codes = [branch.code for branch in branches]
    if not codes or len(set(codes)) < len(codes):
        raise top.wrong(f"has branches {codes}", "give each branch a code of its own, and at least one branch")
    plan = Plan(
        branches,
        top.take("weekly_off", _words),
        top.take("monthly", _list(_monthly), ()),
        top.take("holidays", _list(_holiday), ()),
        top.take("closures", _list(lambda value, where: _closure(_Entry(value, where), branches)), ()),
        top.take("openings", _list(lambda value, where: _opening(_Entry(value, where), branches)), ()),
    )
    top.done()
    return plan


def _list(read: Callable[[Any, str], _T]) -> Callable[[Any, str], tuple[_T, ...]]:
    def read_all(value: Any, where: str) -> tuple[_T, ...]:
        if not isinstance(value, list):
            raise CalendarError(f"{where} is {value!r}; write a list, one `- ` an entry")
        return tuple(read(item, f"{where}[{at + 1}]") for at, item in enumerate(value))

    return read_all


def _each_named(read: Callable[[Any, str], _T]) -> Callable[[Any, str], dict[str, _T]]:
    def read_all(value: Any, where: str) -> dict[str, _T]:
        if not isinstance(value, Mapping):
            raise CalendarError(f"{where} is {value!r}; write `name: value` pairs here")
        return {str(name): read(item, f"{where}.{name}") for name, item in value.items()}

    return read_all


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise CalendarError(f"{where} is {value!r}; write some words, in quotes if YAML reads them as something else")
    return value


def _words(value: Any, where: str) -> Words:
    entry = _Entry(value, where)
    words = Words(entry.take("vi", _text), entry.take("en", _text))
    entry.done()
    return words


def _season(value: Any, where: str) -> Season:
    entry = _Entry(value, where)
    (first_day, first_month), (last_day, last_month) = entry.take("from", _day_month), entry.take("to", _day_month)
    entry.done()
    return Season((first_month, first_day), (last_month, last_day))


def _day_month(value: Any, where: str) -> tuple[int, int]:
    parts = re.fullmatch(r"(\d{1,2})/(\d{1,2})", str(value))
    day, month = (int(parts[1]), int(parts[2])) if parts else (0, 0)
    if not (1 <= day <= 31 and 1 <= month <= 12):
        raise CalendarError(f"{where} is {value!r}; write day/month, as in 30/4")
    return day, month


def _date(value: Any, where: str) -> date:
    if type(value) is not date:
        raise CalendarError(f"{where} is {value!r}; write a date as in 2026-12-21, without quotes")
    return value


def _time(hour: str, minute: str, value: Any, where: str) -> time:
    try:
        return time(int(hour), int(minute))
    except ValueError as exc:
        raise CalendarError(f"{where} is {value!r}: {exc}; write hours as in 7:30") from exc


def _clock(value: Any, where: str) -> time:
    parts = re.fullmatch(r"(\d{1,2}):(\d{2})", str(value))
    if not parts:
        raise CalendarError(f'{where} is {value!r}; write hours in quotes, as in "13:30"')
    return _time(parts[1], parts[2], value, where)


def _spans(value: Any, where: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    for piece in str(value).split(","):
        parts = _SPAN.fullmatch(piece.strip())
        if not parts:
            raise CalendarError(f'{where} is {value!r}; write hours as in "7:30-11:30, 13:30-17:00"')
        span = Span(_time(parts[1], parts[2], value, where), _time(parts[3], parts[4], value, where))
        if span.start >= span.end or (spans and span.start < spans[-1].end):
            raise CalendarError(f"{where} is {value!r}; each span must end after it starts and before the next one")
        spans.append(span)
    return tuple(spans)


def _days(value: Any, where: str) -> Days:
    chosen: set[tuple[int, int]] = set()
    for piece in str(value).replace(" ", "").lower().split(","):
        parts = re.fullmatch(r"([a-z]{3})(?:-([a-z]{3})|#([1-5]))?", piece)
        if not parts or not {parts[1], parts[2] or parts[1]} <= set(DAY_NAMES):
            raise CalendarError(
                f"{where} is {value!r}; write days as in tue-sun, sat, or sat#2 for the second Saturday"
            )
        first = DAY_NAMES.index(parts[1])
        last = DAY_NAMES.index(parts[2] or parts[1])
        if last < first:
            raise CalendarError(f"{where} is {value!r}; a run of days goes from Monday to Sunday, as in tue-sun")
        chosen |= {(day, int(parts[3] or 0)) for day in range(first, last + 1)}
    return Days(frozenset(chosen))


def _weekly(value: Any, where: str, seasons: Mapping[str, Season]) -> Weekly:
    entry = _Entry(value, where)
    named = entry.may("season", _text)
    if named is not None and named not in seasons:
        raise entry.wrong(f"speaks of season {named!r}", f"write one of {', '.join(seasons) or 'the seasons above'}")
    weekly = Weekly(
        entry.take("days", _days),
        entry.take("hours", _spans),
        seasons[named] if named else None,
        entry.may("place", _words),
    )
    entry.done()
    return weekly


def _branch(entry: _Entry, seasons: Mapping[str, Season]) -> Branch:
    weekly = _list(lambda value, where: _weekly(value, where, seasons))

    def room(value: Any, where: str) -> Room:
        of_room = _Entry(value, where)
        found = Room(
            of_room.take("code", _text),
            of_room.take("name", _words),
            of_room.take("aliases", _list(_text), ()),
            of_room.take("weekly", weekly, ()),
        )
        of_room.done()
        return found

    branch = Branch(
        code=entry.take("code", _text),
        name=entry.take("name", _words),
        full_name=entry.take("full_name", _words),
        address=entry.take("address", _words),
        aliases=entry.take("aliases", _list(_text), ()),
        weekly=entry.take("weekly", weekly),
        weekly_off=entry.may("weekly_off", _words),
        rooms=entry.take("rooms", _list(room), ()),
    )
    entry.done()
    return branch


def _monthly(value: Any, where: str) -> Monthly:
    entry = _Entry(value, where)
    monthly = Monthly(entry.take("days", _days), entry.take("from", _clock), entry.take("reason", _words))
    entry.done()
    return monthly


def _holiday(value: Any, where: str) -> Holiday:
    entry = _Entry(value, where)
    reason = entry.take("reason", _words)
    solar, lunar = entry.may("solar", _day_month), entry.may("lunar", _day_month)
    around = entry.may("tet", _Entry)
    entry.done()
    if sum(given is not None for given in (solar, lunar, around)) != 1:
        raise entry.wrong("does not say when", "write one of solar: 2/9, lunar: 10/3 or tet: {before: 2, after: 4}")
    if around:
        holiday = TetHoliday(around.take("before", _whole), around.take("after", _whole), reason)
        around.done()
        return holiday
    if solar:
        return SolarHoliday(*solar, reason)
    assert lunar is not None
    return LunarHoliday(*lunar, reason)


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or not 0 <= value <= 30:
        raise CalendarError(f"{where} is {value!r}; write a number of days from 0 to 30")
    return value


def _when_and_where(
    entry: _Entry, branches: tuple[Branch, ...]
) -> tuple[date, date, Words, frozenset[str], frozenset[str]]:
    first = entry.take("from", _date)
    last = entry.take("to", _date, first)
    reason = entry.take("reason", _words)
    at_branches = frozenset(entry.may("branches", _list(_text)) or ())
    at_rooms = frozenset(entry.may("rooms", _list(_text)) or ())
    concerned = [branch for branch in branches if not at_branches or branch.code in at_branches]
    if last < first:
        raise entry.wrong(f"ends on {last}, before it starts on {first}", "swap `from` and `to`")
    if unknown := at_branches - {branch.code for branch in branches}:
        raise entry.wrong(f"names branches {', '.join(sorted(unknown))}", "write codes of the branches above")
    if unknown := at_rooms - {room.code for branch in concerned for room in branch.rooms}:
        raise entry.wrong(f"names rooms {', '.join(sorted(unknown))}", "write codes of rooms those branches have")
    return first, last, reason, at_branches, at_rooms


def _closure(entry: _Entry, branches: tuple[Branch, ...]) -> Closure:
    closure = Closure(*_when_and_where(entry, branches))
    entry.done()
    return closure


def _opening(entry: _Entry, branches: tuple[Branch, ...]) -> Opening:
    opening = Opening(*_when_and_where(entry, branches), entry.take("hours", _spans))
    entry.done()
    return opening
