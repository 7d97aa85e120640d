"""Tết and the other feasts, days of the lunar month, and what each is called."""

import re
from datetime import date, timedelta

from library.dates.days import (
    DAY,
    day_reading,
    lunar,
    lunar_name,
    lunar_reading,
    next_lunar_day,
    next_tet,
    on,
    span,
    year_of,
)
from library.dates.reading import LUNAR_SAID, MONTH, NUMBER, TITLED, YEAR_SAID, Reading, Scene, number, reads
from library.lunar import tet
from library.phrasing import Words
from library.text import fold, has_diacritics


@reads(rf"(?:mùng|mồng) (?P<day>{NUMBER})(?: tháng (?P<month>{MONTH}))?{LUNAR_SAID}{YEAR_SAID}")
def _lunar_first_days(match: re.Match[str], scene: Scene) -> Reading | None:
    if match[0].startswith("mong") and has_diacritics(scene.typed):
        return None
    day, year = number(match["day"]), year_of(match["year"], scene.today)
    if match["month"]:
        return _mung_of_month(day, number(match["month"]), year, bool(match["lunar"]), scene.today)
    if day > 10:
        return None
    coming = next_tet(scene.today) + (day - 1) * DAY
    if timedelta(0) <= coming - scene.today <= timedelta(days=45):
        return on(coming, lunar_name(day, 1))
    return next_lunar_day(day, scene.today, coming)


def _mung_of_month(day: int, month: int, year: int | None, is_lunar: bool, today: date) -> Reading | None:
    # "mùng" is for lunar days, but people also say "mùng 2 tháng 9" for the national day.
    by_sun, by_moon = day_reading(day, month, year, today), lunar_reading(day, month, year, today)
    if not by_sun or not by_moon or is_lunar:
        return by_moon
    first, second = (by_sun, by_moon) if (day, month) in ((2, 9), (1, 5), (8, 3), (1, 6)) else (by_moon, by_sun)
    return Reading("date", first.first, first.last, first.name, tuple(d for d in (second.first,) if d))


_TET_YEAR = r"(?: (?P<year>(?:năm )?\d{4}|năm sau|năm tới))?"


@reads(rf"(?:mùng|mồng|m) ?(?P<day>{NUMBER}) tết{_TET_YEAR}", rf"(?P<day>{NUMBER}) (?P<days>ngày )?tết{_TET_YEAR}")
def _day_of_tet(match: re.Match[str], scene: Scene) -> Reading | None:
    day = number(match["day"])
    said = match["year"]
    if scene.just_before(match) == "may" and match["day"] == "bay":
        return None  # "vé máy bay tết"
    if match.groupdict().get("days"):
        return span(_tet_with(range(day), said, scene.today), day, Words("Tết", "Tet")) if 0 < day <= 10 else None
    if day <= 10:
        return on(_tet_with(range(day - 1, day), said, scene.today), lunar_name(day, 1))
    if not 20 <= day <= 30:
        return None
    first = _tet_with(range(1), said, scene.today)
    # In a year whose last month has 29 days, "30 Tết" is said of the 29th.
    wanted = lunar(day, 12, first.year - 1)
    return on(wanted, lunar_name(day, 12)) if wanted else None


def _tet_with(offsets: range, said: str | None, today: date) -> date:
    """Return the first such day of the coming Tết, or of the Tết of the year said."""
    if said:
        return next_tet(today, said) + offsets[0] * DAY
    this_year = tet(today.year)
    first = this_year if this_year + offsets[-1] * DAY >= today else tet(today.year + 1)
    return first + offsets[0] * DAY


@reads("rằm(?: tháng (?P<month>" + MONTH + r"|này|sau|tới))?")
def _full_moon(match: re.Match[str], scene: Scene) -> Reading | None:
    if not match["month"]:
        return None if match[0] == "ram" else next_lunar_day(15, scene.today)
    month = fold(match["month"])
    if month in ("nay", "sau", "toi"):
        coming = next_lunar_day(15, scene.today)
        if month == "nay" or not coming or not coming.first:
            return coming
        return next_lunar_day(15, coming.first + DAY)
    return lunar_reading(15, number(month), None, scene.today)


_FEASTS: tuple[tuple[str, bool, int, int, Words], ...] = (
    ("tết dương lịch|tết dương|tết tây|new year'?s day", False, 1, 1, Words("Tết Dương lịch", "New Year's Day")),
    ("valentine|lễ tình nhân", False, 14, 2, Words("ngày Valentine", "Valentine's Day")),
    ("(?:ngày )?quốc tế phụ nữ", False, 8, 3, Words("Quốc tế Phụ nữ", "International Women's Day")),
    ("ngày sách(?: việt nam| và văn hoá đọc)?", False, 21, 4, Words("Ngày Sách Việt Nam", "Vietnam Book Day")),
    ("ngày giải phóng|(?:ngày )?giải phóng miền nam", False, 30, 4, Words("lễ 30/4", "Reunification Day")),
    ("(?:ngày )?quốc tế lao động|labou?r day", False, 1, 5, Words("Quốc tế Lao động", "Labour Day")),
    ("(?:ngày )?quốc tế thiếu nhi|tết thiếu nhi", False, 1, 6, Words("Quốc tế Thiếu nhi", "Children's Day")),
    ("(?:ngày )?quốc khánh|national day", False, 2, 9, Words("Quốc khánh", "National Day")),
    ("(?:ngày )?phụ nữ việt nam", False, 20, 10, Words("Phụ nữ Việt Nam", "Vietnamese Women's Day")),
    ("halloween", False, 31, 10, Words("Halloween", "Halloween")),
    ("(?:ngày )?nhà giáo(?: việt nam)?", False, 20, 11, Words("Ngày Nhà giáo Việt Nam", "Teachers' Day")),
    ("giáng sinh|noel|nô ?en|nôel|christmas(?: day)?", False, 25, 12, Words("Giáng sinh", "Christmas")),
    ("(?:lễ )?phật đản", True, 15, 4, Words("lễ Phật đản", "Buddha's Birthday")),
    ("vu lan", True, 15, 7, Words("lễ Vu Lan", "Vu Lan")),
    ("(?:tết )?trung thu|mid-autumn(?: festival)?", True, 15, 8, Words("Trung thu", "Mid-Autumn Festival")),
    ("(?:tết )?đoan ngọ", True, 5, 5, Words("Tết Đoan ngọ", "Doan Ngo")),
    ("(?:tết )?nguyên tiêu", True, 15, 1, Words("rằm tháng Giêng", "the first full moon")),
    ("tết hàn thực", True, 3, 3, Words("Tết Hàn thực", "the Cold Food festival")),
    ("(?:đưa |cúng )?ông (?:công )?táo", True, 23, 12, Words("23 tháng Chạp", "Kitchen Gods' Day")),
    (
        "(?:ngày )?giỗ tổ(?: hùng vương)?(?:,? ?10/3(?: âm lịch| âm)?)?|hung kings'? (?:commemoration )?day",
        True, 10, 3, Words("Giỗ Tổ Hùng Vương", "Hung Kings' Day"),
    ),
)  # fmt: skip


_FEAST_YEAR = r" (?:năm )?(?P<year>\d{4})| (?:năm )?(?:nay|này|ni)| năm (?P<said>sau|tới)"


def _enter_feast(words: str, is_lunar: bool, day: int, month: int, name: Words) -> None:
    @reads(rf"(?:{words})(?:{_FEAST_YEAR})?")
    def feast(match: re.Match[str], scene: Scene) -> Reading | None:
        if _is_topic(match, scene):
            return None
        year = year_of(match["year"] or match["said"], scene.today)
        reading = (lunar_reading if is_lunar else day_reading)(day, month, year, scene.today)
        return reading and Reading("date", reading.first, reading.last, name, reading.others)


for _feast in _FEASTS:
    _enter_feast(*_feast)


def _is_topic(match: re.Match[str], scene: Scene) -> bool:
    """Return whether the feast is what a book is about or called, not when."""
    before = scene.before(match)
    return bool(before) and (before[-1] in TITLED or before[-1] in ("ve", "sach", "bao", "tranh", "chu", "de"))


@reads("(?:đêm )?giao thừa(?: (?:tết )?(?:năm )?(?P<year>\\d{4}))?|new year's eve of tet")
def _new_years_eve(match: re.Match[str], scene: Scene) -> Reading | None:
    if _is_topic(match, scene):
        return None
    eve = _tet_with(range(-1, 0), match.groupdict().get("year"), scene.today)
    return on(eve, Words("giao thừa", "Lunar New Year's Eve"))


@reads(
    f"(?:ngày )?tết(?: (?:nguyên đán|âm lịch|âm|ta|cổ truyền|việt nam))?{_TET_YEAR}"
    "(?! (?:ở|dương|tây|trung thu|đoan|thiếu nhi|nguyên tiêu|hàn))",
    "lunar new year(?: (?P<year>\\d{4}))?",
)
def _tet(match: re.Match[str], scene: Scene) -> Reading | None:
    if _is_topic(match, scene):
        return None
    # The eve and the first five days.
    return span(next_tet(scene.today, match["year"]) - DAY, 6, Words("Tết", "Tet"))
