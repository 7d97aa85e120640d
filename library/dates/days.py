"""Reckoning of days: the next 2 September, the 10th of lunar March, the end of a month, the coming Tết."""

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

from library.dates.reading import Reading
from library.lunar import from_lunar, tet
from library.phrasing import Words
from library.text import fold

DAY = timedelta(days=1)
TODAY = Words("hôm nay", "today")
TOMORROW = Words("ngày mai", "tomorrow")
YESTERDAY = Words("hôm qua", "yesterday")


def on(day: date, name: Words | None = None, *others: date) -> Reading:
    """Return the reading of one day, with others it could also be."""
    return Reading("date", day, day, name, others)


def solar(day: int, month: int, year: int) -> date | None:
    """Return the date, or None when no calendar has it."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def lunar(day: int, month: int, year: int) -> date | None:
    """Return the solar date of a lunar day, or None when no calendar has it."""
    try:
        return from_lunar(day, month, year)
    except ValueError:
        return None


def upcoming(
    reckon: Callable[[int, int, int], date | None], day: int, month: int, today: date
) -> tuple[date, tuple[date, ...]] | None:
    """Return the next such day from `today` on, and the one just gone when it lies within the last 60 days."""
    days = [found for year in range(today.year - 1, today.year + 9) if (found := reckon(day, month, year))]
    coming = [found for found in days if found >= today]
    gone = tuple(found for found in days if timedelta(0) < today - found <= timedelta(days=60))
    return (coming[0], gone) if coming else None


def year_of(words: str | None, today: date) -> int | None:
    """Return 2027 for "2027", "27" or "năm sau" in 2026; None when no year was said."""
    if not words:
        return None
    words = fold(words)
    if digits := re.search(r"\d+", words):
        return int(digits[0]) if len(digits[0]) == 4 else 2000 + int(digits[0])
    return today.year + ("sau" in words or "toi" in words) - ("ngoai" in words)


def day_reading(day: int, month: int, year: int | None, today: date, name: Words | None = None) -> Reading | None:
    """Return a solar day; without a year, the next one."""
    if year is not None:
        found = solar(day, month, year)
        return Reading("date", found, found, name) if found else None
    next_one = upcoming(solar, day, month, today)
    return Reading("date", next_one[0], next_one[0], name, next_one[1]) if next_one else None


def lunar_reading(day: int, month: int, year: int | None, today: date) -> Reading | None:
    """Return a lunar day; without a year, the next one. `year` is the solar year the day falls in."""
    if not (1 <= day <= 30 and 1 <= month <= 12):
        return None
    name = lunar_name(day, month)
    if year is not None:
        in_year = [found for y in (year - 1, year) if (found := lunar(day, month, y)) and found.year == year]
        return Reading("date", in_year[0], in_year[0], name) if in_year else None
    next_one = upcoming(lunar, day, month, today)
    return Reading("date", next_one[0], next_one[0], name, next_one[1]) if next_one else None


def lunar_name(day: int, month: int) -> Words:
    """Return 'mùng 3 Tết', 'rằm tháng Bảy', '29 Tết' or 'ngày 10 tháng 3 âm lịch', and in English."""
    if month == 1 and day <= 10:
        return Words(f"mùng {day} Tết", f"day {day} of Tet")
    if month == 12 and day > 23:
        return Words(
            "30 Tết" if day == 30 else f"{day} Tết", "Lunar New Year's Eve" if day == 30 else f"lunar {day}/12"
        )
    if day == 15:
        return Words(f"rằm tháng {_MONTH_NAMES[month - 1]}", f"the full moon of lunar month {month}")
    return Words(f"{'mùng' if day <= 10 else 'ngày'} {day} tháng {month} âm lịch", f"lunar {day}/{month}")


_MONTH_NAMES = ("Giêng", "Hai", "Ba", "Tư", "Năm", "Sáu", "Bảy", "Tám", "Chín", "Mười", "Mười một", "Chạp")


def span(first: date, days: int, name: Words | None = None) -> Reading:
    """Return a range of so many days."""
    return Reading("range", first, first + timedelta(days=days - 1), name)


def monday(day: date) -> date:
    """Return the Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def month_span(year: int, month: int, first: int = 1, last: int = 31) -> Reading:
    """Return the days of a month from `first` to `last`, or to its end; months beyond 12 run into the next year."""
    year, month = year + (month - 1) // 12, (month - 1) % 12 + 1
    end = min(last, calendar.monthrange(year, month)[1])
    return Reading("range", date(year, month, first), date(year, month, end))


def next_tet(today: date, said: str | None = None) -> date:
    """Return the first day of the Tết of the year said ("2028", "năm sau"); unsaid, of the one not yet over."""
    year = year_of(said, today)
    if year is not None:
        return tet(year)
    this_year = tet(today.year)
    return this_year if this_year + 4 * DAY >= today else tet(today.year + 1)


def weekday_of(weekday: int, week: str, today: date) -> date:
    """Return the next such day from today; with "tuan sau" and the like, the one of that week (Monday first)."""
    if week.startswith("tuan"):
        return monday(today) + timedelta(weeks=weeks_ahead(week), days=weekday)
    day = today + timedelta(days=(weekday - today.weekday()) % 7)
    return day + timedelta(weeks=1) if week == "toi" and day == today else day


def weeks_ahead(words: str) -> int:
    if any(word in words for word in ("truoc", "trc", "trk", "roi", "qua", "last")):
        return -1
    if "nua" in words:
        return 2
    return int(any(word in words for word in ("sau", "toi", "ke", "next")))


def next_lunar_day(day: int, today: date, *others: date) -> Reading | None:
    days = (lunar(day, month, year) for year in (today.year - 1, today.year, today.year + 1) for month in range(1, 13))
    coming = min((found for found in days if found and found >= today), default=None)
    return on(coming, None, *others) if coming else None


def first_in_month(weekday: int, today: date) -> date:
    """Return the first such weekday of this month, or of the next when it has gone by."""
    for year, month in ((today.year, today.month), (today.year + today.month // 12, today.month % 12 + 1)):
        first = date(year, month, 1)
        found = first + (weekday - first.weekday()) % 7 * DAY
        if found >= today:
            break
    return found
