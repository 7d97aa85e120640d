"""Days, parts of day and hours in what a patron typed, in Vietnamese and English, with the exact words they came from.

"chiều mai", "thứ bảy tuần sau nữa", "mùng 3 tết", "ngay 14 thang 2", "the 14th of February". Each kind of
wording has its readers in a module beside this one; here the readings are chosen, joined and given back.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, time

import library.dates.english
import library.dates.feasts
import library.dates.hours
import library.dates.near
import library.dates.numbered  # noqa: F401 - each of these enters its readers in RULES
from library.dates.reading import RULES, Kind, PartOfDay, Reading, Scene
from library.phrasing import Words
from library.text import fold, nfc

__all__ = ["Found", "Kind", "PartOfDay", "find_dates"]


@dataclass(frozen=True)
class Found:
    """Words that name a time, and what they mean.

    `text` is `nfc(typed)[start:end]`. `first` and `last` are the days meant, the same for one day; both None for a
    part of day or a clock time said of no day ("buổi tối có mở không"). "sáng mai" gives two: "sáng" (part_of_day) and
    "mai" (date), each knowing the other's meaning. `kind` "now" is this very moment, "clock" an hour by itself.
    `name` is how to call the day ("mùng 3 Tết"); `others` are days the words could also mean, likeliest first.
    """

    text: str
    start: int
    end: int
    kind: Kind
    first: date | None
    last: date | None
    part_of_day: PartOfDay | None = None
    at: time | None = None
    name: Words | None = None
    others: tuple[date, ...] = ()


_QUOTED = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»|‘[^’]*’")
_JOINT = re.compile(r"[\s,(]*(?:(?:vao|luc|ngay|hom|buoi|cua|khoang|tam|on|at|in|the|le)\b[\s,]*)*")
_WEEKDAY_GAP = re.compile(r"[\s,(]*(?:ngay|le|la)?\s*")


def find_dates(text: str, today: date) -> list[Found]:
    """Return every time named in the text, in order, none overlapping; words in quotation marks are titles and skipped.

    A day without a year is the next one from `today` on. Never raises, whatever the text.
    """
    typed = nfc(text)
    scene = Scene(typed, "".join(c.lower() if len(c.lower()) == 1 else c for c in typed), today)
    founds = _with_weekdays_joined(_longest(scene), scene)
    return [found for group in _groups(founds, typed) for found in _shared(group)]


def _longest(scene: Scene) -> list[Found]:
    """Return the readings left when of overlapping ones the longest, then the first, is kept."""
    readings = sorted(
        ((match, reading) for match, reading in _readings(scene) if match.end() > match.start()),
        key=lambda pair: (pair[0].start() - pair[0].end(), pair[0].start()),
    )
    taken = [match.span() for match in _QUOTED.finditer(scene.typed)]
    kept: list[Found] = []
    for match, reading in readings:
        start, end = _trimmed(match)
        if all(end <= other_start or other_end <= start for other_start, other_end in taken):
            taken.append((start, end))
            kept.append(_found(scene.typed, start, end, reading))
    return sorted(kept, key=lambda found: found.start)


def _readings(scene: Scene) -> Iterator[tuple[re.Match[str], Reading]]:
    for pattern, reader in RULES:
        for match in pattern.finditer(scene.lower):
            try:
                reading = reader(match, scene)
            except (ValueError, OverflowError):
                continue  # a day beyond any calendar we reckon, "tết 9999"
            if reading:
                yield match, reading


def _trimmed(match: re.Match[str]) -> tuple[int, int]:
    return match.start(), match.start() + len(match[0].rstrip())


def _found(typed: str, start: int, end: int, reading: Reading) -> Found:
    return Found(
        typed[start:end], start, end, reading.kind, reading.first, reading.last,
        reading.part, reading.at, reading.name, reading.others,
    )  # fmt: skip


def _with_weekdays_joined(founds: list[Found], scene: Scene) -> list[Found]:
    """Return the list with "thứ Bảy 28/11" as one: the number settles which Saturday."""
    joined: list[Found] = []
    for found in founds:
        before = joined[-1] if joined else None
        if before and _settles(found, before) and _WEEKDAY_GAP.fullmatch(fold(scene.typed[before.end : found.start])):
            joined[-1] = replace(found, start=before.start, text=scene.typed[before.start : found.end])
        else:
            joined.append(found)
    return joined


def _settles(found: Found, weekday: Found) -> bool:
    is_weekday = weekday.kind == "date" and re.match(r"thu |t[2-7]$|ch|cn|\w+day$", fold(weekday.text))
    return (
        bool(is_weekday) and found.kind == "date" and bool(re.search(r"\d[/.-]\d|thang|\d (?:\w+)$", fold(found.text)))
    )


def _groups(founds: list[Found], typed: str) -> Iterator[list[Found]]:
    """Yield runs of readings that speak of one time: at most one day, one part of day and one hour each."""
    group: list[Found] = []
    for found in founds:
        near = group and _JOINT.fullmatch(fold(typed[group[-1].end : found.start]))
        if group and (not near or _slot(found) in map(_slot, group)):
            yield group
            group = []
        group.append(found)
    if group:
        yield group


def _slot(found: Found) -> str:
    return found.kind if found.kind in ("part_of_day", "clock") else "day"


def _shared(group: list[Found]) -> list[Found]:
    """Return the run with each reading knowing the day, the part of day and the hour of the others."""
    day = next((found for found in group if _slot(found) == "day"), None) or next((f for f in group if f.first), None)
    part = next((found.part_of_day for found in group if found.part_of_day), None)
    at = next((_on_half(found.at, part) for found in group if found.at), None)
    first, last = (day.first, day.last) if day else (None, None)
    return [replace(found, first=first, last=last, part_of_day=part, at=at) for found in group]


def _on_half(at: time, part: PartOfDay | None) -> time:
    """Return 19:00 for 7 o'clock in the evening, 0:00 for 12 at night."""
    if part == "night" and at.hour == 12:
        return at.replace(hour=0)
    small_hours = part == "night" and at.hour < 6
    if part in ("afternoon", "evening", "night") and at.hour < 12 and not small_hours:
        return at.replace(hour=at.hour + 12)
    return at.replace(hour=at.hour + 12) if part == "noon" and at.hour < 4 else at
