"""The words that name days, as patterns over lower-case NFC text, and what each means seen from a given day.

Patterns are written with full diacritics; `vi` lets each letter also be typed with fewer of its marks, never with
others: "tối" is met by "tôi" and "toi" too, so its rule looks around; "mai" is not met by "mãi".
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from itertools import combinations
from typing import Literal

from library.phrasing import Words
from library.text import fold, has_diacritics

Kind = Literal["date", "range", "part_of_day", "now", "clock"]
PartOfDay = Literal["morning", "noon", "afternoon", "evening", "night"]


@dataclass(frozen=True)
class Reading:
    """What some words mean: days from `first` to `last`, a part of day or a clock time; `others` it could also mean."""

    kind: Kind
    first: date | None = None
    last: date | None = None
    name: Words | None = None
    others: tuple[date, ...] = ()
    part: PartOfDay | None = None
    at: time | None = None


@dataclass(frozen=True)
class Scene:
    """The text a match stands in, lower-cased letter for letter, and the day it was written."""

    typed: str
    lower: str
    today: date

    def before(self, match: re.Match[str], words: int = 1) -> tuple[str, ...]:
        """Return up to `words` folded words just before the match, nearest last."""
        return tuple(fold(self.lower[max(0, match.start() - 60) : match.start()]).split()[-words:])

    def just_before(self, match: re.Match[str]) -> str:
        """Return the lower-case word just before the match as typed, or ''."""
        return next(iter(self.lower[max(0, match.start() - 30) : match.start()].split()[::-1]), "")

    def after(self, match: re.Match[str]) -> str:
        """Return the folded word just after the match, or ''."""
        return next(iter(fold(self.lower[match.end() : match.end() + 30]).split()), "")

    def starts_clause(self, match: re.Match[str]) -> bool:
        """Return whether only punctuation or nothing stands before the match."""
        return not re.search(r"\w\s*$", self.lower[: match.start()])


Reader = Callable[[re.Match[str], Scene], Reading | None]
RULES: list[tuple[re.Pattern[str], Reader]] = []


def _variants(letter: str) -> str:
    if letter == "đ":
        return "[đd]"
    base, marks = (d := unicodedata.normalize("NFD", letter))[0], d[1:]
    if not marks:
        return letter
    fewer = {unicodedata.normalize("NFC", base + "".join(kept)) for n in range(3) for kept in combinations(marks, n)}
    return f"[{''.join(sorted(fewer))}]"


def vi(pattern: str) -> re.Pattern[str]:
    """Return the pattern for whole words, each letter with all or fewer of its marks, a space as any blank.

    Inside [...] write letters with marks as escapes: they stand for themselves.
    """
    written = (
        "".join(_variants(c) if not c.isascii() else c for c in pattern).replace(" ?", r"\s*").replace(" ", r"\s+")
    )
    return re.compile(rf"(?<![\w/])(?:{written})(?!\w)")


def reads(*patterns: str) -> Callable[[Reader], Reader]:
    """Return a decorator that enters a reader under each pattern."""

    def enter(reader: Reader) -> Reader:
        RULES.extend((vi(pattern), reader) for pattern in patterns)
        return reader

    return enter


_UNIT = "một|mốt|hai|ba|bốn|tư|năm|lăm|sáu|bảy|bẩy|tám|chín"
NUMBER = rf"\d{{1,2}}|(?:(?:hai|ba) mươi|hăm|mười)(?: (?:{_UNIT}))?|(?:hai|ba) (?:{_UNIT})(?= tết)|(?:{_UNIT})"
MONTH = r"\d{1,2}|giêng|chạp|mười (?:một|hai)|mười|một|hai|ba|tư|bốn|năm|sáu|bảy|bẩy|tám|chín"
YEAR_SAID = r"(?: ?(?:năm|/|-) ?(?P<year>\d{4}|nay|sau|tới|ngoái))?"
LUNAR_SAID = r"(?: ?\(?(?P<lunar>âm lịch|âm|âl|al)\)?)?"
_VALUES = {
    "mot": 1, "hai": 2, "ba": 3, "bon": 4, "tu": 4, "nam": 5, "lam": 5, "sau": 6, "bay": 7, "tam": 8, "chin": 9,
    "muoi": 10, "ham": 20, "gieng": 1, "chap": 12,
}  # fmt: skip


def number(words: str) -> int:
    """Return 21 for "21", "hai mươi mốt" or "hai mốt"."""
    if words.strip().isdigit():
        return int(words)
    total, said = 0, fold(words).split()
    if len(said) == 2 and _VALUES[said[0]] < 10 and said[1] != "muoi":
        return 10 * _VALUES[said[0]] + _VALUES[said[1]]
    for word in said:
        total = total * 10 if word == "muoi" and total else total + _VALUES[word]
    return total


def typed_plainly(match: re.Match[str], scene: Scene) -> bool:
    """Return whether the match has no diacritics in a text that has some: there "toi" is not "tối"."""
    return not has_diacritics(match[0]) and has_diacritics(scene.typed)


def among(line: str) -> frozenset[str]:
    """Return the words of the line and the same without diacritics, to look a typed word up in.

    "một" and "mot" are among "một"; "mốt" is not.
    """
    return frozenset(line.split()) | frozenset(fold(line).split())


# What a title or a name follows: "cuốn Mai", "tác giả", "tác phẩm".
TITLED = among("cuốn quyển truyện tập tựa tên phim bài thơ giả phẩm thuyết văn bộ")
# What is counted, not dated: "2 tháng 3 lần", "cuốn thứ 2".
COUNTED = among("cuốn quyển lần lượt buổi bản người tuổi trang ngày năm sao điểm")
