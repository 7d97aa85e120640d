"""What is read from the days' counts: figures of a period beside those of the one before it, and tables. SQL only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Select, func, select

from connectors.numbers.daily import LONGER
from connectors.numbers.intervals import Change, Share, difference, ratio
from connectors.store import numbers_daily, numbers_not_held

UNANSWERED = ("unknown", "which", "nothing_found", "ils", "refused")


@dataclass(frozen=True)
class Period:
    """Whole days, `end` not among them; of one channel or language, or of all."""

    begin: date
    end: date
    channel: str = ""
    locale: str = ""

    @property
    def days(self) -> int:
        return (self.end - self.begin).days

    @property
    def last(self) -> date:
        return self.end - timedelta(days=1)

    @property
    def before(self) -> Period:
        """Return as many days, just before these."""
        return Period(self.begin - (self.end - self.begin), self.begin, self.channel, self.locale)


@dataclass(frozen=True)
class Figure:
    """A number or a share, that of the period before, and how they differ; no change is too little to tell."""

    now: int | Share
    before: int | Share
    change: Change | None


@dataclass(frozen=True)
class Overview:
    period: Period
    visits: Figure
    messages: Figure
    resolved: Figure
    asked_again: Figure
    handed: Figure
    while_closed: Figure
    helped: Figure
    by_day: Sequence[tuple[date, int]]
    by_channel: Mapping[str, int]
    outcomes: Mapping[str, int]
    called: Mapping[str, int]
    answers: Sequence[tuple[str, int]]
    when: Mapping[tuple[int, int], int]  # weekday, Monday is 0, and hour
    answer_wait: Mapping[int, int]  # by the most seconds waited
    person_wait: Mapping[int, int]
    not_held: Sequence[tuple[str, int]]


def overview(db: Connection, period: Period) -> Overview:
    now, before = _totals(db, period), _totals(db, period.before)

    def count(measure: str) -> Figure:
        a, b = now[measure, ""], before[measure, ""]
        return Figure(a, b, ratio(b, a))

    def share(measure: str, of: str) -> Figure:
        a, b = Share(now[measure, ""], now[of, ""]), Share(before[measure, ""], before[of, ""])
        return Figure(a, b, difference(b, a))

    def under(measure: str) -> dict[str, int]:
        found = {what: number for (name, what), number in now.items() if name == measure}
        return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))

    return Overview(
        period=period,
        visits=count("visits"),
        messages=count("messages"),
        resolved=share("resolved", "dealt_with"),
        asked_again=share("asked_again", "dealt_with"),
        handed=share("handed", "visits"),
        while_closed=share("while_closed", "visits"),
        helped=share("helped", "rated"),
        by_day=_by_day(db, period),
        by_channel=_by_channel(db, period),
        outcomes=under("outcome"),
        called=under("called"),
        answers=list(under("with_answer").items()),
        when=_when(under("when")),
        answer_wait={int(what): number for what, number in sorted(under("answer_wait").items())},
        person_wait={int(what): number for what, number in sorted(under("person_wait").items())},
        not_held=not_held(db, period),
    )


def wait_within(waits: Mapping[int, int], part: float) -> int | None:
    """Return the seconds within which this part of all waits lay; None for none, or for longer than was told apart."""
    needed, seen = part * sum(waits.values()), 0
    for seconds, number in sorted(waits.items()):
        seen += number
        if needed and seen >= needed:
            return None if seconds == LONGER else seconds
    return None


def not_held(db: Connection, period: Period) -> list[tuple[str, int]]:
    """Return titles asked for and not held in the months the period touches, the most wanted first."""
    number = func.sum(numbers_not_held.c.count).label("number")
    months = numbers_not_held.c.month.between(period.begin.replace(day=1).isoformat(), period.last.isoformat())
    wanted = select(func.max(numbers_not_held.c.title), number).where(months).group_by(numbers_not_held.c.folded)
    return [(title, n) for title, n in db.execute(wanted.order_by(number.desc(), numbers_not_held.c.folded).limit(200))]


def counted_until(db: Connection) -> date | None:
    """Return the last day that was counted."""
    last = db.scalar(select(func.max(numbers_daily.c.day)).where(numbers_daily.c.measure == "counted"))
    return date.fromisoformat(last) if last else None


def _totals(db: Connection, period: Period) -> Counter[tuple[str, str]]:
    cells = _of(period, numbers_daily.c.measure, numbers_daily.c.what, func.sum(numbers_daily.c.count))
    by = cells.group_by(numbers_daily.c.measure, numbers_daily.c.what)
    return Counter({(measure, what): number for measure, what, number in db.execute(by)})


def _by_day(db: Connection, period: Period) -> list[tuple[date, int]]:
    """Return the visits of every day, also of those without any."""
    cells = _of(period, numbers_daily.c.day, func.sum(numbers_daily.c.count))
    found = {
        day: number
        for day, number in db.execute(cells.where(numbers_daily.c.measure == "visits").group_by(numbers_daily.c.day))
    }
    days = (period.begin + timedelta(days=n) for n in range(period.days))
    return [(day, found.get(day.isoformat(), 0)) for day in days]


def _by_channel(db: Connection, period: Period) -> dict[str, int]:
    number = func.sum(numbers_daily.c.count).label("number")
    cells = _of(period, numbers_daily.c.channel, number).where(numbers_daily.c.measure == "visits")
    rows = db.execute(cells.group_by(numbers_daily.c.channel).order_by(number.desc()))
    return {channel: n for channel, n in rows}


def _of(period: Period, *columns: Any) -> Select[Any]:
    day = numbers_daily.c.day
    of = select(*columns).where(day >= period.begin.isoformat(), day < period.end.isoformat())
    if period.channel:
        of = of.where(numbers_daily.c.channel == period.channel)
    if period.locale:
        of = of.where(numbers_daily.c.locale == period.locale)
    return of


def _when(found: Mapping[str, int]) -> dict[tuple[int, int], int]:
    """Return visits by weekday and hour; `what` counts weekdays from Sunday."""
    parts = ((what.split("-"), number) for what, number in found.items())
    return {((int(weekday) - 1) % 7, int(hour)): number for (weekday, hour), number in parts}
