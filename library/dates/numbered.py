"""Days and months said by their numbers, in Vietnamese."""

import re
from datetime import date

from library.dates.days import day_reading, lunar_reading, month_span, next_lunar_day, on, solar, year_of
from library.dates.reading import (
    COUNTED,
    LUNAR_SAID,
    MONTH,
    NUMBER,
    YEAR_SAID,
    Reading,
    Scene,
    among,
    number,
    reads,
    typed_plainly,
)
from library.text import fold


@reads(
    rf"(?:ngày )?(?P<day>{NUMBER}) tháng (?P<month>{MONTH}){YEAR_SAID}{LUNAR_SAID}{YEAR_SAID.replace('year', 'year2')}",
    rf"(?P<day>\d{{1,2}})[/.](?P<month>\d{{1,2}}) ?{LUNAR_SAID}",
    r"(?P<day>\d{1,2})(?P<sep>[/.-])(?P<month>\d{1,2})(?P=sep)(?P<year>\d{4}|\d{2})" + LUNAR_SAID,
    r"(?:ngày |hôm |lễ )(?P<day>\d{1,2})[.-](?P<month>\d{1,2})" + LUNAR_SAID,
    r"(?P<day>1[3-9]|2\d|3[01])-(?P<month>\d{1,2})",
    r"(?P<year>(?:19|20)\d\d)-(?P<month>\d{2})-(?P<day>\d{2})",
    r"(?:ngày )?(?P<day>\d{1,2}) (?P<month>giêng|chạp)",
)
def _day_and_month(match: re.Match[str], scene: Scene) -> Reading | None:
    said = match.groupdict()
    if scene.after(match) in COUNTED and match[0][0].isdigit() and "/" not in match[0]:
        return None
    if "." in match[0] and "year" not in said and not match[0][:1].isalpha() and not said["lunar"]:
        return None  # "7.30" is an hour, "3.5" a number
    if match[0] in ("24/7", "7/7", "1/2", "1/3", "3/4") and not _has_date_word(match, scene):
        return None
    if scene.just_before(match) in _SHARES or scene.before(match, 2) in (("ti", "le"), ("ty", "le")):
        return None
    if match["month"] == "sau" or (typed_plainly(match, scene) and not match["month"].isdigit()):
        return None  # "ba tháng sau"
    day, month = number(match["day"]), number(match["month"])
    lunar_month = fold(match["month"]) in ("gieng", "chap")
    year = year_of(said.get("year") or said.get("year2"), scene.today)
    if said.get("lunar") or lunar_month:
        return lunar_reading(day, month, year, scene.today)
    return day_reading(day, month, year, scene.today)


_SHARES = among("chương bài điểm tỉ tỷ trang câu số tập phần khổ nhịp")  # "điểm 9/10", "bài 2/9"


def _has_date_word(match: re.Match[str], scene: Scene) -> bool:
    return scene.before(match)[-1:] in (("ngay",), ("hom",), ("le",), ("sang",), ("chieu",), ("toi",))


@reads(r"hôm (?P<day>\d{1,2})(?! ?(?:[/.-]\d|tháng|âm|giờ|h))")
def _past_day_of_month(match: re.Match[str], scene: Scene) -> Reading | None:
    for back in range(12):
        index = scene.today.year * 12 + scene.today.month - 1 - back
        found = solar(int(match["day"]), index % 12 + 1, index // 12)
        if found and found <= scene.today:
            return on(found)
    return None


@reads(r"(?:ngày |hôm )?(?P<day>\d{1,2}) (?P<sort>tây|ta)(?! ?(?:ninh|nguyên|bắc|nam|du|âu|sơn|hồ|ban|y|thi))")
def _day_of_either_month(match: re.Match[str], scene: Scene) -> Reading | None:
    if not match[0][0].isalpha() and scene.before(match):
        return None  # "15 ta" after other words may be a price or a "ta" of somebody's
    if fold(match["sort"]) == "ta":
        return next_lunar_day(int(match["day"]), scene.today)
    return _next_day_of_month(int(match["day"]), scene.today)


@reads(r"ngày (?P<day>\d{1,2})(?: (?:của )?tháng (?P<month>này|sau|tới|trước))?(?! ?(?:[/.-]\d|tháng|âm))")
def _day_of_month(match: re.Match[str], scene: Scene) -> Reading | None:
    day, month = int(match["day"]), fold(match["month"] or "")
    if scene.before(match)[-1:] in (("moi",), ("may",), ("trong",)) or scene.after(match) in COUNTED:
        return None
    if month:
        ahead = {"nay": 0, "truoc": -1}.get(month, 1)
        index = scene.today.year * 12 + scene.today.month - 1 + ahead
        found = solar(day, index % 12 + 1, index // 12)
        return on(found) if found else None
    return _next_day_of_month(day, scene.today)


def _next_day_of_month(day: int, today: date) -> Reading | None:
    for ahead in range(12):
        index = today.year * 12 + today.month - 1 + ahead
        found = solar(day, index % 12 + 1, index // 12)
        if found and found >= today:
            return on(found)
    return None


@reads(
    r"(?:(?P<part>đầu|giữa|cuối) )?tháng (?P<month>này|sau nữa|sau|tới|trước|\d{1,2})"
    r"(?: ?(?:năm|/|-) ?(?P<year>\d{4}))?"
)
def _month(match: re.Match[str], scene: Scene) -> Reading | None:
    before = scene.before(match)
    if before and (before[-1] in ("may", "vai", "mot", "hai", "ba", "sau") or before[-1].isdigit()):
        return None
    first, last = {"dau": (1, 10), "giua": (11, 20), "cuoi": (21, 31)}.get(fold(match["part"] or ""), (1, 31))
    said = fold(match["month"])
    if said.isdigit():
        month = int(said)
        if not 1 <= month <= 12 or scene.after(match) in COUNTED:
            return None
        year = int(match["year"]) if match["year"] else scene.today.year + (month < scene.today.month)
        return month_span(year, month, first, last) if 1900 < year < 2100 else None
    ahead = {"nay": 0, "truoc": -1, "sau nua": 2}.get(said, 1)
    if said == "nay" and typed_plainly(match, scene) and not match["part"]:
        return None
    return month_span(scene.today.year, scene.today.month + ahead, first, last)


@reads(r"(?P<part>đầu|giữa|cuối) tháng")
def _part_of_this_month(match: re.Match[str], scene: Scene) -> Reading:
    first, last = {"dau": (1, 10), "giua": (11, 20), "cuoi": (21, 31)}[fold(match["part"])]
    ahead = int(scene.today.day > last)
    return month_span(scene.today.year, scene.today.month + ahead, first, last)
