"""Names of people as patrons say them: in direct order, one by one, without dates and titles."""

from __future__ import annotations

import re

from library.syllables import is_syllable
from library.text import fold

# Family names of Vietnam, the commonest first: "Mai, Nguyễn Thị" is Nguyễn Thị Mai, not Mai Nguyễn Thị.
_FAMILIES = """
nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý trịnh đinh đoàn trương lâm đào hà
mai cao tô lưu tạ vương thái chu châu phùng kiều tăng từ quách thạch kim tôn tống nghiêm lương diệp la mạc đàm thân cù
văn triệu lục hứa quan khổng bạch tiêu đồng ninh doãn viên ông phí thiều cấn khuất giang âu ưng bế nông hầu vi lò quàng
cầm bạc điêu lường hoa mã sầm ma đới lều chử nhữ kha khúc thẩm vạn lại giáp bành trà từ trưng tưởng y""".split()
_RANK = {name: rank for rank, name in reversed([*enumerate(_FAMILIES), *enumerate(map(fold, _FAMILIES), 1000)])}
_HONORIFICS = re.compile(
    r"(?:(?:PGS|GS|TSKH|TS|ThS|Ths|BS|KS|LS|CN|NCS|NGƯT|NGND|NSƯT|NSND|Dr|Prof)\b[.,]?\s*)+(?=[^\W\d_]|$)"
)
_NAMING = re.compile(r"\D*[^\W\d_]\D*$")  # letters, and no digit: not "1912-1939", not "thế kỷ 19"
_CROWDED = re.compile(r"[\d,;&|.]| - |\bvà\b|\band\b|(?:TS|GS|ThS)\b")
_APART = re.compile(r"\s*[;&|]\s*|\s+và\s+|\s+\[?and\]?\s+")
_SUFFIX = re.compile(r",\s*(?=(?:Jr|Sr|II|III|IV)\b)")
_DEGREE = re.compile(r",\s*(?:Ph\.? ?D|M\.? ?D|P\.? ?E|M\.? ?A|MBA)\b\.?")


def people(text: str, *, family_first: bool) -> list[str]:
    """Return the names in the text in direct order: several are often crowded into it, some are inverted.

    `family_first`: the record says that what stands before a comma is the family name (first indicator 1).
    """
    if not _CROWDED.search(text):
        return [text] if text.strip() else []
    text = _DEGREE.sub("", _SUFFIX.sub(" ", text))
    names = [name for each in _APART.split(text) for name in _one_or_more(each, family_first)]
    # "Cơ học và ứng dụng": what begins with a small letter was no name of its own; a single name may be mistyped so.
    return [name for name in names if not name.islower()] or names


def _one_or_more(text: str, family_first: bool) -> list[str]:
    parts = [part for each in text.split(",") if _NAMING.match(part := _HONORIFICS.sub("", each.strip(), count=1))]
    if len(parts) == 1 and all(_family_rank(each) < 9999 for each in parts[0].split(" - ")):
        return parts[0].split(" - ")
    if len(parts) == 2 and (turned := _direct(parts[0], parts[1], family_first)):
        return [turned]
    return parts


def _direct(before: str, after: str, family_first: bool) -> str:
    """Return the name whose halves stand around a comma, in direct order, or '' when they are two names."""
    ranks = _family_rank(before), _family_rank(after)
    single = " " not in before or " " not in after
    if min(ranks) < 9999 and _vietnamese(before) and _vietnamese(after):
        if not single and max(ranks) < 9999:
            return ""  # "Nguyễn Văn An, Trần Thị Bình"
        if single or family_first:
            return f"{before} {after}" if ranks[0] < ranks[1] and " " not in before else f"{after} {before}"
        return ""
    return f"{after} {before}" if family_first or " " not in before else ""


def _family_rank(name: str) -> int:
    """Return how common the first word is as a family name, 0 for the commonest; more than any for no family name."""
    return _RANK.get(name.split(maxsplit=1)[0].lower(), 9999) if name.strip() else 9999


def _vietnamese(name: str) -> bool:
    return all(is_syllable(word.lower()) for word in name.split())
