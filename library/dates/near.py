"""Days named from where one stands: today, tomorrow, weekdays, this week and the next."""

import re
from datetime import timedelta

from library.dates.days import (
    DAY,
    TODAY,
    TOMORROW,
    YESTERDAY,
    first_in_month,
    monday,
    on,
    span,
    weekday_of,
    weeks_ahead,
)
from library.dates.reading import (
    NUMBER,
    TITLED,
    PartOfDay,
    Reading,
    Scene,
    among,
    number,
    reads,
    typed_plainly,
)
from library.text import fold, has_diacritics

_PARTS = among("sáng trưa chiều tối đêm khuya")


@reads("hôm nay|bữa nay|hum nay|hnay|hôm ni|bữa ni|bựa ni|bựa nay|ngày hôm nay", "today|tonight")
def _today(match: re.Match[str], scene: Scene) -> Reading:
    part: PartOfDay | None = "evening" if match[0] == "tonight" else None
    return Reading("date", scene.today, scene.today, TODAY, part=part)


@reads("nay|ni")
def _bare_today(match: re.Match[str], scene: Scene) -> Reading | None:
    # "cuốn này", "tuần này" are often typed "nay"; only at the start of a clause or after a part of day is it today.
    starts = match[0] != "ni" and scene.starts_clause(match)
    is_today = starts or scene.just_before(match) in _PARTS
    return on(scene.today, TODAY) if is_today else None


@reads("ngày mai|bữa mai|hôm mai|ngày mơi|bữa mơi|nmai", "tomorrow|tmr|tmrw|tomorow")
def _tomorrow(match: re.Match[str], scene: Scene) -> Reading:
    return on(scene.today + DAY, TOMORROW)


# Blossoms, surnames and set phrases: "hoa mai", "nguyen thi mai", "ban mai", "mai mốt".
_BEFORE_MAI = TITLED | among("hoa cây cành ban thị ô khoan hoàng bạch tuyết nguyễn trần phạm đông")
_AFTER_MAI = among("hoa vàng táng mối mốt rùa")


@reads("mai")
def _bare_tomorrow(match: re.Match[str], scene: Scene) -> Reading | None:
    if scene.just_before(match) in _BEFORE_MAI or scene.after(match) in _AFTER_MAI:
        return None
    typed, rest = scene.typed[match.start() : match.end()], scene.typed[match.end() :]
    # "Mai Văn Phấn", "chị Mai": a capital inside a sentence, or before another capital, is a name.
    named_next = re.match(r"\s+(\w)", rest)
    is_name = typed == "Mai" and (not scene.starts_clause(match) or bool(named_next and named_next[1].isupper()))
    return None if is_name else on(scene.today + DAY, TOMORROW)


@reads("mơi")
def _southern_tomorrow(match: re.Match[str], scene: Scene) -> Reading | None:
    # Unmarked it is "moi" for "mới"; only behind a part of day is it heard as tomorrow then.
    marked = match[0] == "mơi"
    return on(scene.today + DAY, TOMORROW) if marked or scene.just_before(match) in _PARTS else None


@reads("ngày mốt|bữa mốt|hôm mốt|mốt", "(?:the )?day after tomorrow")
def _in_two_days(match: re.Match[str], scene: Scene) -> Reading | None:
    # A bare "mot" is nearly always "một" (one); after a ten, "mốt" is the figure; "mai mốt" is some day.
    before = scene.just_before(match)
    if before in ("mươi", "hăm", "thời", "mai", "model"):
        return None
    return None if match[0] in ("mot", "môt", "mót") and before not in _PARTS else on(scene.today + 2 * DAY)


@reads("ngày kia|bữa kia|bữa tê|ngày tê")
def _the_day_after(match: re.Match[str], scene: Scene) -> Reading | None:
    # In the north the day after tomorrow; in the south often the day after "mốt". "Một ngày kia" is once upon a time.
    if scene.just_before(match) in ("một", "mot"):
        return None
    return on(scene.today + 2 * DAY, None, scene.today + 3 * DAY)


@reads("(?:ngày )?hôm qua|bữa qua|hqua", "yesterday")
def _yesterday(match: re.Match[str], scene: Scene) -> Reading:
    return on(scene.today - DAY, YESTERDAY)


_WAYS = among("zalo telegram tin sms mail email gmail app điện mạng facebook fb web đây")


@reads("qua")
def _last_evening(match: re.Match[str], scene: Scene) -> Reading | None:
    # "nhắc tôi qua Zalo": by way of, not yesterday.
    told = scene.just_before(match) in _PARTS and scene.after(match) not in _WAYS
    return on(scene.today - DAY, YESTERDAY) if told else None


@reads("hôm kia")
def _two_days_ago(match: re.Match[str], scene: Scene) -> Reading:
    return on(scene.today - 2 * DAY)


_LONGER = among("thêm hạn mượn giữ kéo dài đọc trễ muộn")  # "gia hạn thêm 3 ngày nữa" is how long, not when


@reads(rf"(?P<n>{NUMBER}) (?P<unit>ngày|hôm|bữa|tuần) nữa", r"in (?P<n>\d{1,2}) (?P<unit>days|weeks)")
def _so_many_days_on(match: re.Match[str], scene: Scene) -> Reading | None:
    if not _LONGER.isdisjoint(scene.before(match, 3)):
        return None
    days = number(match["n"]) * (7 if fold(match["unit"])[0] in "tw" else 1)
    return on(scene.today + days * DAY)


@reads(
    "bây giờ|bây h|bi giờ|bi h|bây chừ|giờ ni|bh|bjo|hiện giờ|hiện tại|giờ này|lúc này|ngay lúc này|ngay bây giờ",
    "right now|now|currently",
)
def _now(match: re.Match[str], scene: Scene) -> Reading:
    return Reading("now", scene.today, scene.today)


# --- weekdays and weeks ----------------------------------------------------------------------------------------------

_WEEKDAY = r"th[\u1ee9u] (?:hai|ba|tư|năm|sáu|bảy|bẩy|[2-7])|t[2-7]|(?:chủ|chúa) (?:nhật|nhựt)|cn"
_WEEK = "này|ni|sau nữa|tới nữa|sau|tới|kế tiếp|kế|trước|trc|trk|rồi|qua"
_VI_WEEKDAY = {"hai": 0, "ba": 1, "tu": 2, "nam": 3, "sau": 4, "bay": 5, **{str(n): n - 2 for n in range(2, 8)}}
_ORDERED = TITLED | among(
    "cái lần người số bản hàng dòng mục trang câu chương phần con chiếc kệ tầng khoá lớp quý quả thẻ món ví dụ đầu"
    " liệu kỳ đợt loại đời lứa ghế điều thuật"
)
_VOLUMES = among("cuốn quyển truyện tập bộ c q")
_WITH_BOOKS = frozenset({"muon", "tra", "doc", "lay", "xe"})


def _vi_weekday(words: str) -> int:
    folded = fold(words)
    if folded.startswith("c"):
        return 6
    return _VI_WEEKDAY[folded.removeprefix("thu").removeprefix("t").strip()]


def _is_ordinal(match: re.Match[str], scene: Scene) -> bool:
    """Return whether "thứ 2" counts things ("cuốn thứ 2") instead of naming Monday."""
    day, after, just_before = match["day"], scene.after(match), scene.just_before(match)
    if day == "cn":  # "cn thông tin", "cn sa đéc"
        return after in ("thong", "sinh", "my", "sa", "cao")
    if day.startswith("c"):
        return False
    if re.fullmatch(r"t\d", day):
        return not _VOLUMES.isdisjoint(scene.before(match, 6))
    if day.startswith("thu") and (has_diacritics(day) or after[:4].isdigit()):
        return True  # "doanh thu năm 2025"
    if just_before in ("sách", "sach"):
        # "trả sách thứ bảy", "xe sách thứ sáu" are days; "cuốn sách thứ hai" is the second.
        return scene.before(match, 2)[0] not in _WITH_BOOKS
    return just_before in _ORDERED or after == "ay"


@reads(
    rf"(?P<past>hôm )?(?P<day>{_WEEKDAY})(?: (?:của )?(?P<week>tuần (?:{_WEEK})|đầu tháng|này|ni|tới"
    r"(?! (?:thứ|t\d|cn|chủ|mấy|\d|lúc|bao|khi|hết))))?"
)
def _weekday(match: re.Match[str], scene: Scene) -> Reading | None:
    if _is_ordinal(match, scene):
        return None
    weekday, week = _vi_weekday(match["day"]), fold(match["week"] or "")
    if week == "dau thang":
        return on(first_in_month(weekday, scene.today))
    coming = weekday_of(weekday, week, scene.today)
    if match["past"] and not week:
        return on(coming - timedelta(weeks=1), None, coming)
    return on(coming)


@reads(rf"(?P<end>cuối|đầu|giữa) tuần(?: (?P<week>{_WEEK}))?", r"(?P<week>this|next|last|the)? ?weekend")
def _part_of_week(match: re.Match[str], scene: Scene) -> Reading:
    start = monday(scene.today) + timedelta(weeks=weeks_ahead(fold(match["week"] or "")))
    which = fold(match.groupdict().get("end") or "cuoi")
    first, days = {"dau": (0, 2), "giua": (2, 2), "cuoi": (5, 2)}[which]
    found = span(start + timedelta(days=first), days)
    gone = not match["week"] and found.last is not None and found.last < scene.today
    return span(start + timedelta(weeks=1, days=first), days) if gone else found


@reads(rf"tuần (?P<week>{_WEEK})", r"(?P<week>this|next|last) week")
def _week(match: re.Match[str], scene: Scene) -> Reading | None:
    if typed_plainly(match, scene) and match["week"] == "nay" and scene.before(match)[-1:] == ("may",):
        return None
    return span(monday(scene.today) + timedelta(weeks=weeks_ahead(fold(match["week"]))), 7)
