"""Dates, times, sums, counts and lists as the patron reads them, in Vietnamese and English.

Sentences belong to the domain and to the answer book; this file holds only what must be worked out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Literal

Lang = Literal["vi", "en"]


@dataclass(frozen=True)
class Words:
    """One thing said in both languages."""

    vi: str
    en: str

    def to(self, lang: Lang) -> str:
        """Return the words in `lang`."""
        return self.vi if lang == "vi" else self.en


@dataclass(frozen=True)
class Noun:
    """A thing that is counted; Vietnamese has one form, English two."""

    vi: str
    en: str
    en_plural: str


BOOK = Noun("cuốn", "book", "books")
COPY = Noun("bản", "copy", "copies")
DAY = Noun("ngày", "day", "days")
WEEK = Noun("tuần", "week", "weeks")
HIT = Noun("kết quả", "result", "results")
HOLD = Noun("lượt đặt giữ", "hold", "holds")
RENEWAL = Noun("lần gia hạn", "renewal", "renewals")
PERSON = Noun("người", "person", "people")
MINUTE = Noun("phút", "minute", "minutes")

_WEEKDAYS = (
    Words("thứ Hai", "Monday"),
    Words("thứ Ba", "Tuesday"),
    Words("thứ Tư", "Wednesday"),
    Words("thứ Năm", "Thursday"),
    Words("thứ Sáu", "Friday"),
    Words("thứ Bảy", "Saturday"),
    Words("Chủ nhật", "Sunday"),
)
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def weekday(day: date, lang: Lang = "vi") -> str:
    """Return 'thứ Hai' or 'Monday'."""
    return _WEEKDAYS[day.weekday()].to(lang)


def short_date(day: date, lang: Lang = "vi", *, today: date | None = None) -> str:
    """Return '8/2/2027' or '8 February 2027'; the year is left out when it is that of `today`."""
    with_year = today is None or day.year != today.year
    if lang == "vi":
        return f"{day.day}/{day.month}" + (f"/{day.year}" if with_year else "")
    return f"{day.day} {_MONTHS[day.month - 1]}" + (f" {day.year}" if with_year else "")


def full_date(day: date, lang: Lang = "vi", *, today: date | None = None, name: Words | None = None) -> str:
    """Return 'thứ Hai 8/2/2027', or with a name 'mùng 3 Tết (thứ Hai 8/2/2027)'.

    The year is left out when it is that of `today`.
    """
    plain = f"{weekday(day, lang)} {short_date(day, lang, today=today)}"
    return f"{name.to(lang)} ({plain})" if name else plain


def date_range(
    first: date, last: date, lang: Lang = "vi", *, today: date | None = None, name: Words | None = None
) -> str:
    """Return 'từ thứ Năm 4/2 đến thứ Tư 10/2/2027', or one date when both ends are the same."""
    if first == last:
        return full_date(first, lang, today=today, name=name)
    start = full_date(first, lang, today=last if first.year == last.year else today)
    end = full_date(last, lang, today=today)
    plain = f"từ {start} đến {end}" if lang == "vi" else f"from {start} to {end}"
    return f"{name.to(lang)} ({plain})" if name else plain


def relative_name(day: date, today: date) -> Words | None:
    """Return 'hôm nay', 'ngày mai' or 'hôm qua' for the days around `today`, None for all others."""
    names = {
        -1: Words("hôm qua", "yesterday"),
        0: Words("hôm nay", "today"),
        1: Words("ngày mai", "tomorrow"),
    }
    return names.get((day - today) // timedelta(days=1))


def clock(at: time, lang: Lang = "vi") -> str:
    """Return '7 giờ 30' or '7:30 am'."""
    if lang == "vi":
        return f"{at.hour} giờ" + (f" {at.minute:02d}" if at.minute else "")
    return f"{at.hour % 12 or 12}:{at.minute:02d} {'am' if at.hour < 12 else 'pm'}"


def clock_span(start: time, end: time, lang: Lang = "vi") -> str:
    """Return '7 giờ 30–11 giờ 30' or '7:30 am–11:30 am'."""
    return f"{clock(start, lang)}–{clock(end, lang)}"


def money(vnd: int | Decimal, lang: Lang = "vi") -> str:
    """Return '20.000 đồng' or '20,000 VND'; fractions of a đồng, which nobody can pay, are rounded."""
    grouped = f"{int(Decimal(vnd).to_integral_value()):,}"
    return f"{grouped.replace(',', '.')} đồng" if lang == "vi" else f"{grouped} VND"


def count(number: int, noun: Noun, lang: Lang = "vi") -> str:
    """Return '3 cuốn' or '3 books'."""
    if lang == "vi":
        return f"{number} {noun.vi}"
    return f"{number} {noun.en if number == 1 else noun.en_plural}"


def listing(items: Sequence[str], lang: Lang = "vi", *, either: bool = False) -> str:
    """Return 'a, b và c' ('a, b and c'); with `either`, 'a, b hoặc c' ('a, b or c')."""
    if len(items) < 2:
        return "".join(items)
    joint = {("vi", False): "và", ("vi", True): "hoặc", ("en", False): "and", ("en", True): "or"}[lang, either]
    return f"{', '.join(items[:-1])} {joint} {items[-1]}"


def bullets(items: Sequence[str]) -> str:
    """Return one line an item, each after '• '."""
    return "\n".join(f"• {item}" for item in items)


def capitalised(sentence: str) -> str:
    """Return the sentence with its first letter in upper case and the rest as it was."""
    return sentence[:1].upper() + sentence[1:]
