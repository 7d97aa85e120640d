"""The same in English."""

import re
from datetime import timedelta

from library.dates.days import day_reading, monday, month_span, on, weekday_of
from library.dates.reading import Reading, Scene, reads

_EN_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EN_MONTH = (
    r"(?P<month>january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)\.?"
)
_EN_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_EN_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_EN_YEAR = r"(?:,? (?P<year>\d{4}))?"


@reads(
    rf"(?:(?P<week>this|next|last) )?(?P<day>{'|'.join(_EN_WEEKDAYS)})s?",
    r"(?P<week>this|next|last) (?P<day>mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun)",
)
def _english_weekday(match: re.Match[str], scene: Scene) -> Reading:
    weekday = [name[:3] for name in _EN_WEEKDAYS].index(match["day"][:3])
    coming = weekday_of(weekday, "", scene.today)
    if match["week"] == "next":
        # Some mean the coming one, some that of next week.
        later = monday(scene.today) + timedelta(weeks=1, days=weekday)
        return on(later, None, *({coming} - {later, scene.today}))
    if match["week"] == "last":
        return on(coming - timedelta(weeks=1))
    return on(coming)


@reads(rf"(?:the )?{_EN_DAY}(?: of)? {_EN_MONTH}{_EN_YEAR}", rf"{_EN_MONTH} (?:the )?{_EN_DAY}{_EN_YEAR}(?!\d)")
def _english_date(match: re.Match[str], scene: Scene) -> Reading | None:
    # "phòng máy 2" and "Sa Đéc 2" look like May and December once folded.
    if match.start("month") == match.start() and scene.before(match)[-1:] in (("phong",), ("sa",), ("so",), ("luc",)):
        return None
    month = 1 + _EN_MONTHS.index(match["month"][:3])
    return day_reading(int(match["day"]), month, int(match["year"]) if match["year"] else None, scene.today)


@reads(r"(?P<which>this|next|last) month")
def _english_month(match: re.Match[str], scene: Scene) -> Reading:
    ahead = {"this": 0, "next": 1, "last": -1}[match["which"]]
    return month_span(scene.today.year, scene.today.month + ahead)
