"""Parts of the day, and hours."""

import re
from datetime import time, timedelta

from library.dates.reading import NUMBER, TITLED, PartOfDay, Reading, Scene, among, number, reads
from library.text import fold, has_diacritics

_PARTS: dict[str, PartOfDay] = {
    "sang": "morning", "trua": "noon", "chieu": "afternoon", "toi": "evening", "dem": "night", "khuya": "night",
    "morning": "morning", "noon": "noon", "lunchtime": "noon", "afternoon": "afternoon", "evening": "evening",
    "night": "night",
}  # fmt: skip
_DATE_STARTS = re.compile(
    r"\s+(?:nay|mai|mốt|mot|hôm|hom|qua|t[2-7]|cn|th[\u1ee9u]\s|ch[\u1ee7u] nh"
    r"|(?:ngày|ngay)\s+(?:mai|mốt|mot|kia|hôm|hom|\d)|mung|mùng|\d{1,2}[/-]\d|cuối tuần|cuoi tuan|giao|noel)"
)
_NOT_MORNING = re.compile(r"\s+(?:tạo|tác|kiến|suốt|sủa|lập|chế|mắt|tỏ|loáng|láng|tao|tac|kien|lap|che|tháng|dạ|trí)")
_NOT_EVENING = re.compile(r"\s+(?:ưu|thiểu|đa|cao|giản|tăm|mật|hậu|thượng|uu|thieu|da\b|cao|gian|tam|mat|hau)")
_NOT_AFTERNOON = re.compile(r"\s+(?:cao|dài|rộng|sâu|hướng|lòng|chuộng|dai|rong|sau\b|huong|long|chuong)")
_GREETINGS = frozenset({"chao", "chuc", "good"})
_OTHERWISE = {"sang": _NOT_MORNING, "toi": _NOT_EVENING, "chieu": _NOT_AFTERNOON}
_BEFORE_NO_PART = {
    "sang": TITLED | among("ánh trong tươi thắp soi toả chiếu phát đèn làm cửa bữa ăn"),
    "trua": TITLED | among("bữa ngủ cơm ăn"),
    "chieu": TITLED | among("một hai ba 2 3 4 nhiều trái ngược đa bề nuông song"),
    "toi": TITLED | among("đen bóng u tăm bữa cơm ăn"),
    "dem": TITLED | among("một nghìn ngàn lẻ thâu xuyên qua suốt 1001"),
    "khuya": TITLED | among("xuyên"),
}  # fmt: skip


@reads("sáng|trưa|chiều|tối|đêm|khuya")
def _part_of_day(match: re.Match[str], scene: Scene) -> Reading | None:
    word, folded = match[0], fold(match[0])
    rest = scene.lower[match.end() :]
    greets = not _GREETINGS.isdisjoint(scene.before(match, 2))
    if greets or scene.just_before(match) in _BEFORE_NO_PART[folded] or (folded, scene.after(match)) == ("sang", "gio"):
        return None
    if (other := _OTHERWISE.get(folded)) and other.match(rest):
        return None
    if word in ("sang", "toi", "tôi", "dem", "đem") and not _unmarked_part(match, scene):
        return None
    return Reading("part_of_day", part=_PARTS[folded])


def _unmarked_part(match: re.Match[str], scene: Scene) -> bool:
    """Return whether a plain "sang", "toi" or "dem" is a part of day: not "I" or "to carry"."""
    before = scene.before(match)
    if match[0] in ("tôi", "đem"):
        return False
    if before and before[-1] in ("doi", "chuyen", "qua", "lui", "keo", "hen") and match[0] == "sang":
        return False
    if before and (before[-1] in ("buoi", "ban", "gio", "luc") or re.fullmatch(r"\d{1,2}(h|g|:)\d{0,2}", before[-1])):
        return True
    beside = _DATE_STARTS.match(scene.lower, match.end())
    # In a text with diacritics "sang thứ Hai" is "over to Monday".
    return beside is not None and (not has_diacritics(scene.typed) or "th" not in beside[0])


@reads(r"(?:in the |this |tomorrow )?(?P<part>morning|afternoon|evening|lunchtime|noon)|at (?P<late>night)")
def _english_part(match: re.Match[str], scene: Scene) -> Reading | None:
    if scene.just_before(match) == "good":
        return None
    ahead = {"this": 0, "tomorrow": 1}.get(match[0].split(" ")[0])
    day = None if ahead is None else scene.today + timedelta(days=ahead)
    return Reading("part_of_day", day, day, part=_PARTS[match["part"] or match["late"]])


_LASTING = among("trong thêm mỗi suốt đa được cách 24")


@reads(
    rf"(?:(?P<hour>{NUMBER}) giờ|(?P<figures>\d{{1,2}}) ?(?:giờ|h))"
    r"(?: ?(?P<minute>\d{1,2}|rưỡi)(?: phút)?| kém (?P<short>\d{1,2}))?",
    r"(?P<hour>\d{1,2})[g:](?P<minute>\d{2})(?! ?[ap]\.?m)",
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))? ?(?P<half>am|pm|a\.m\.?|p\.m\.?)",
    r"(?P<hour>\d{1,2}) o'?clock",
)
def _clock(match: re.Match[str], scene: Scene) -> Reading | None:
    said = match.groupdict()
    if scene.just_before(match) in _LASTING and scene.after(match) not in ("sang", "trua", "chieu", "toi"):
        return None
    minute = 30 if fold(said.get("minute") or "") == "ruoi" else int(said.get("minute") or 0)
    hour = said.get("figures") or match["hour"]
    if fold(hour) == "bay" and hour != "bảy":
        return None  # "bây giờ", "bay gio": now
    total = number(hour) * 60 + minute - int(said.get("short") or 0)
    half = (said.get("half") or "").replace(".", "")
    if half:
        total = total % 720 + (720 if half == "pm" else 0)
    if minute > 59 or not 0 <= total < 24 * 60:
        return None
    return Reading("clock", at=time(total // 60, total % 60))
