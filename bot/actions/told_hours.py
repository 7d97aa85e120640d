"""What is said about a place and a time: which response, with which words. The calendar decides."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from bot.actions.asked_hours import Asked, Place, When
from bot.actions.hours_words import (
    PARTS,
    because,
    day_text,
    hours_text,
    moment_text,
    spans_text,
    stretch_lines,
    week_text,
)
from library.calendar import LOCAL, DayHours, LibraryCalendar, Span
from library.dates import PartOfDay
from library.phrasing import Lang, Words, bullets, capitalised, clock, date_range
from library.text import fold

WHOLE_LIBRARY = Words("thư viện", "the library")
NOT_PLANNED = Words("khi có thông báo mới", "when the library announces it")
LISTED_DAYS = 10  # a longer stretch is told by its exceptions
_DAY = timedelta(days=1)
_PART_SPANS: dict[PartOfDay, Span] = {
    "morning": Span(time(5), time(12)),
    "noon": Span(time(11, 30), time(13, 30)),
    "afternoon": Span(time(12), time(18)),
    "evening": Span(time(18), time(22)),
    "night": Span(time(19), time.max),
}
_HOW_LONG = re.compile(
    r"\bmay (ngay|bua|hom)|tu (ngay|bua|hom) nao|(den|toi) (khi|bao gio|bua|ngay)|how long|holiday schedule"
)


@dataclass(frozen=True)
class Saying:
    """A response with its words. `on` is the one day it tells, None when it tells several or none in particular."""

    response: str
    words: Mapping[str, str]
    on: date | None = None


@dataclass(frozen=True)
class Telling:
    """Answers questions about hours at one moment, in one language."""

    calendar: LibraryCalendar
    now: datetime
    lang: Lang
    today: date = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "today", self.now.date())

    def tell(self, asked: Asked, folded: str) -> Saying:
        """Return what to say to the question; `folded` is the message, for what it wants to know of a holiday."""
        place = asked.places[0]
        if len(asked.places) > 1 or len(asked.whens) > 1:
            return self._several(asked)
        if asked.now:
            return self._now(place)
        if not asked.whens:
            return self._in_general(place)
        [when] = asked.whens
        if not when.one_day:
            return self._stretch(place, when)
        hours = self._hours(place, when.first)
        if not hours.spans:
            return self._days_off(place, when) if _HOW_LONG.search(folded) else self._closed(place, when)
        if when.at:
            return self._at_hour(place, when, when.at, hours)
        if when.part:
            return self._in_part(place, when, when.part, hours)
        return self._of_day("utter_open_on", place, when, hours=hours_text(hours, self.lang))

    def _several(self, asked: Asked) -> Saying:
        """Tell several places or several days, a line each."""
        whens, several = asked.whens or (When(self.today, self.today),), len(asked.places) > 1
        lines = []
        for place in asked.places:
            days = [self._hours(place, day) for when in whens for day in _days(when)]
            whose = f"{place.name.to(self.lang)}, " if several else ""
            lines += [capitalised(whose + line) for line in stretch_lines(days, self.today, self.lang)]
        subject = (WHOLE_LIBRARY if several else asked.places[0].name).to(self.lang)
        return Saying("utter_hours_list", {"place": capitalised(subject), "lines": bullets(lines)})

    def _now(self, place: Place) -> Saying:
        hours, at = self._hours(place, self.today), self.now.time()
        current = next((span for span in hours.spans if span.start <= at < span.end), None)
        later = [span for span in hours.spans if span.start > at]
        if current is None:
            why = "" if later else because(hours, self.lang)
            reopens = self._reopens(place, self.now)
            return self._said("utter_closed_now", place, self.today, shut=True, why=why, next=reopens)
        until = clock(current.end, self.lang)
        if not later:
            return self._said("utter_open_now", place, self.today, until=until)
        rest = spans_text(later, self.lang)
        return self._said("utter_open_now_with_break", place, self.today, until=until, later=rest)

    def _in_general(self, place: Place) -> Saying:
        """Tell today, then the usual week."""
        hours, today = self._hours(place, self.today), When(self.today, self.today)
        week = week_text(self.calendar.usual_week(self.today, *place.codes), self.lang)
        if hours.spans:
            return self._of_day("utter_hours_general", place, today, hours=hours_text(hours, self.lang), week=week)
        why, reopens = because(hours, self.lang), self._reopens(place, _end_of(self.today))
        return self._of_day("utter_closed_general", place, today, why=why, next=reopens, week=week)

    def _closed(self, place: Place, when: When) -> Saying:
        hours = self._hours(place, when.first)
        why = "" if when.name and hours.reason and _tells(when.name, hours.reason) else because(hours, self.lang)
        in_tet = when.name is not None and "tet" in fold(when.name.vi).split()
        reopens = self._reopens(place, _end_of(when.first), by_lunar_name=in_tet)
        response = "utter_closed_on" if when.first >= self.today else "utter_closed_on_past_day"
        return self._of_day(response, place, when, shut=True, why=why, next=reopens)

    def _days_off(self, place: Place, when: When) -> Saying:
        """Tell the whole of a holiday, also beyond the days that were asked for."""
        first, last = self._off_around(place, when)
        return self._said(
            "utter_closed_from_to", place, first, shut=True,
            days=date_range(first, last, self.lang, today=self.today),
            why=because(self._hours(place, when.first), self.lang),
            next=self._reopens(place, _end_of(last), by_lunar_name=True),
        )  # fmt: skip

    def _stretch(self, place: Place, when: When) -> Saying:
        days = [self._hours(place, day) for day in _days(when)]
        if not any(hours.spans for hours in days):
            return self._days_off(place, when)
        period = date_range(when.first, when.last, self.lang, today=self.today, name=when.name)
        words = {"place": capitalised(place.name.to(self.lang)), "period": period}
        if len(days) <= LISTED_DAYS:
            return Saying("utter_hours_stretch", {**words, "lines": self._lines(days)}, when.first)
        usual = self.calendar.usual_week(when.first, *place.codes)
        odd = [hours for hours in days if hours.spans != usual[hours.day.weekday()].spans]
        words["week"] = week_text(usual, self.lang)
        if odd:
            return Saying("utter_hours_exceptions", {**words, "lines": self._lines(odd)})
        return Saying("utter_hours_as_usual", words)

    def _at_hour(self, place: Place, when: When, at: time, hours: DayHours) -> Saying:
        current = next((span for span in hours.spans if span.start <= at < span.end), None)
        hour = clock(at, self.lang)
        if current:
            return self._of_day("utter_open_at_hour", place, when, at=hour, until=clock(current.end, self.lang))
        return self._of_day("utter_closed_at_hour", place, when, at=hour, hours=hours_text(hours, self.lang))

    def _in_part(self, place: Place, when: When, part: PartOfDay, hours: DayHours) -> Saying:
        asked, name = _PART_SPANS[part], PARTS[part].to(self.lang)
        within = tuple(span for span in hours.spans if span.start < asked.end and asked.start < span.end)
        if not within:
            rest, why = spans_text(hours.spans, self.lang), because(hours, self.lang)
            return self._of_day("utter_closed_in_part", place, when, part=name, why=why, hours=rest)
        if within[0].start < asked.start:  # open since the part of day before, and soon over
            until = clock(within[0].end, self.lang)
            return self._of_day("utter_open_early_in_part", place, when, part=name, until=until)
        text = hours_text(DayHours(hours.day, within, None, hours.place), self.lang)
        return self._of_day("utter_open_in_part", place, when, part=name, hours=text)

    def _of_day(self, response: str, place: Place, when: When, *, shut: bool = False, **words: str) -> Saying:
        day = day_text(when.first, self.today, self.lang, when.name)
        return self._said(response, place, when.first, shut=shut, day=day, **words)

    def _said(self, response: str, place: Place, on: date, *, shut: bool = False, **words: str) -> Saying:
        """Return the saying with its subject, and each word that may begin a sentence capitalised as well.

        `shut`: when no place was named and every branch is closed that day, it is said of the whole library.
        """
        whole = shut and not place.named and not place.room and self._all_closed(on)
        words = {"subject": (WHOLE_LIBRARY if whole else place.name).to(self.lang), **words}
        firsts = {f"{name}_first": capitalised(words[name]) for name in ("subject", "day") if name in words}
        return Saying(response, {**words, **firsts}, on)

    def _all_closed(self, day: date) -> bool:
        return not any(self.calendar.hours_on(day, branch.code).spans for branch in self.calendar.branches)

    def _hours(self, place: Place, day: date) -> DayHours:
        return self.calendar.hours_on(day, *place.codes)

    def _lines(self, days: Sequence[DayHours]) -> str:
        return bullets([capitalised(line) for line in stretch_lines(days, self.today, self.lang)])

    def _reopens(self, place: Place, after: datetime, *, by_lunar_name: bool = False) -> str:
        opens = self.calendar.next_opening(max(after, self.now), *place.codes)
        return moment_text(opens, self.today, self.lang, lunar=by_lunar_name) if opens else NOT_PLANNED.to(self.lang)

    def _off_around(self, place: Place, when: When) -> tuple[date, date]:
        """Return the first and last of the days off in a row, beyond those asked for; a weekly day off ends the row."""
        reasons = {self._hours(place, day).reason for day in _days(when)}

        def off(day: date) -> bool:
            hours = self._hours(place, day)
            return not hours.spans and (hours.reason in reasons or self.calendar.holiday_on(day) is not None)

        first, last = when.first, when.last
        while off(first - _DAY):
            first -= _DAY
        while off(last + _DAY):
            last += _DAY
        return first, last


def _days(when: When) -> list[date]:
    return [when.first + timedelta(days=n) for n in range((when.last - when.first).days + 1)]


def _end_of(day: date) -> datetime:
    return datetime.combine(day + _DAY, time.min, LOCAL) - timedelta(microseconds=1)


def _tells(name: Words, reason: Words) -> bool:
    """Return whether the day's name tells already why it is closed: 'mùng 3 Tết' and 'Tết Nguyên đán'."""
    return bool(set(fold(name.vi).split()) & {"tet", "gio"}) or fold(name.vi) in fold(reason.vi)
