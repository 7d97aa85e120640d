"""Which places and which times a question about opening hours is about."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from bot.actions.base import QUESTION_LIFETIME, Heard
from library.calendar import Branch, LibraryCalendar, Room
from library.dates import Found, PartOfDay, find_dates
from library.phrasing import Words
from library.text import fold

_STILL = re.compile(
    r"\bcon (mo|kip|lam|phuc vu)|\bdang (mo|dong)|\b(khi|chung) nao .*mo( cua)? lai|bao (lau|nhieu phut)"
    r"|(phut|tieng) nua|\b(till|still|right now|closing time|open now|open today)\b"
)
_WHOLE_LIBRARY = re.compile(r"\bthu vien\b(?! (?:luu dong|ben do|do|nay))|\bthe library\b")
_UNTIL = re.compile(r"\s*(den|toi|qua|till|to|until|-|–|->)( het)?( ngay)?\s*")
_PAST_NOON_BY_HABIT = range(1, 7)  # "5 giờ" said of a library is 17:00


@dataclass(frozen=True)
class Place:
    """A branch, or one of its rooms. `named` tells whether the patron said which."""

    branch: Branch
    room: Room | None = None
    named: bool = True

    @property
    def name(self) -> Words:
        if not self.room:
            return self.branch.name
        room, branch = self.room.name, self.branch.name
        return Words(f"{room.vi} {branch.vi}", f"{room.en}, {branch.en}")

    @property
    def codes(self) -> tuple[str, str | None]:
        """Return what the calendar wants to be asked with."""
        return self.branch.code, self.room.code if self.room else None


@dataclass(frozen=True)
class When:
    """Days asked about, perhaps only a part of the day or an hour; `others` are days the words could also mean."""

    first: date
    last: date
    name: Words | None = None
    part: PartOfDay | None = None
    at: time | None = None
    others: tuple[date, ...] = ()
    said_day: bool = True  # False when only a part of the day or an hour was said, and today stands in

    @property
    def one_day(self) -> bool:
        return self.first == self.last


@dataclass(frozen=True)
class Asked:
    """A question about hours. No `whens` is a question in general; `now` asks for this moment."""

    places: tuple[Place, ...]
    whens: tuple[When, ...]
    now: bool
    missing_room: str | None = None  # a room that the branch, or the whole library, does not have
    goes_on: bool = False  # the place is the one of the question before


def understood(heard: Heard, calendar: LibraryCalendar) -> Asked:
    """Return what is asked; what this message leaves out is taken from the question just before, if it was recent."""
    before = asked_before(heard)
    from_button = heard.text.startswith("/")
    text = " ".join(heard.all("date") + heard.all("part_of_day")) if from_button else heard.text
    branches = _branches(heard, calendar, "" if from_button else heard.text)
    room_words = next(iter(heard.all("room")), None)
    found = _dates(heard, text)
    whens = _whens(found, text, heard.turn.now.date())
    moment = any(each.kind == "now" for each in found) or (
        bool(_STILL.search(fold(text))) and all(_is_all_of(when, heard.turn.now.date()) for when in whens)
    )
    goes_on = False
    if branches or room_words:
        whens = whens or ((_same_day(before["day"]),) if before.get("day") and not moment else ())
    elif before.get("branch") and not _WHOLE_LIBRARY.search(fold(heard.text)):
        branches, goes_on = (calendar.branch(before["branch"]),), True
        room_words = before.get("room")
    named = bool(branches) and not goes_on
    places = tuple(_place(calendar, branch, room_words, named) for branch in branches or calendar.branches[:1])
    if room_words and not named and places[0].room is None:
        places = _wherever(calendar, room_words) or places
    missing = room_words if room_words and " " in room_words and all(place.room is None for place in places) else None
    if not branches and len(heard.all("room")) > 1:
        places = tuple(_place(calendar, calendar.branches[0], each, False) for each in heard.all("room"))
    return Asked(places, whens, moment, missing, goes_on)


def remembered(asked: Asked, now: datetime) -> dict[str, Any] | None:
    """Return what the next question may leave out: the place, when it was named, and the day."""
    place = asked.places[0]
    day = asked.whens[0].first.isoformat() if asked.whens and asked.whens[0].one_day else None
    branch = place.branch.code if place.named or asked.goes_on else None
    room = place.room.code if place.room else None
    return {"branch": branch, "room": room if branch else None, "day": day, "at": now.isoformat()}


def asked_before(heard: Heard) -> dict[str, Any]:
    """Return what the question about hours just before was about; empty when there was none or it is long ago."""
    before = heard.remembered("hours_asked")
    if not isinstance(before, dict):
        return {}
    age = heard.turn.now - datetime.fromisoformat(before["at"])
    return before if timedelta(0) <= age <= QUESTION_LIFETIME else {}


def _same_day(day: str) -> When:
    return When(date.fromisoformat(day), date.fromisoformat(day))


def _branches(heard: Heard, calendar: LibraryCalendar, text: str) -> tuple[Branch, ...]:
    said = [branch for words in heard.all("branch") if (branch := calendar.find_branch(words))]
    in_text = calendar.find_branch(text) if text and not said else None
    return tuple(dict.fromkeys(said)) or ((in_text,) if in_text else ())


def _place(calendar: LibraryCalendar, branch: Branch, room_words: str | None, named: bool) -> Place:
    if not room_words:
        return Place(branch, None, named)
    known = next((room for room in branch.rooms if room.code == room_words), None)
    return Place(branch, known or calendar.find_room(room_words, branch.code), named)


def _wherever(calendar: LibraryCalendar, room_words: str) -> tuple[Place, ...]:
    everywhere = (_place(calendar, branch, room_words, False) for branch in calendar.branches)
    return tuple(place for place in everywhere if place.room)[:1]


def _dates(heard: Heard, text: str) -> list[Found]:
    """Return the times named in the text, but for those inside a title or a topic ("Tháng Ba gãy súng")."""
    entities = heard.tracker.latest_message.get("entities") or []
    named = [each for each in entities if each.get("entity") in ("title", "topic", "author") and each.get("end")]
    return [
        found
        for found in find_dates(text, heard.turn.now.date())
        if not any(each["start"] <= found.start and found.end <= each["end"] for each in named)
    ]


def _is_all_of(when: When, day: date) -> bool:
    return when.first == when.last == day and not when.part and not when.at


def _whens(found: list[Found], text: str, today: date) -> tuple[When, ...]:
    """Return each time once: "sáng mai" is one, and "từ 25/12 tới 1/1" is one stretch."""
    merged: dict[tuple[date, date, PartOfDay | None, time | None], When] = {}
    for each in found:
        if each.kind == "now":
            continue
        first, last = each.first or today, each.last or today
        key = (first, last, each.part_of_day, each.at)
        fresh = When(first, last, part=each.part_of_day, at=_by_habit(each), said_day=each.first is not None)
        before = merged.get(key, fresh)
        merged[key] = replace(before, name=before.name or each.name, others=before.others or each.others)
    whens = _as_one(tuple(merged.values()))
    days = [each for each in found if each.kind == "date"]
    if len(days) == len(whens) == 2 and whens[0].first < whens[1].first:
        between = fold(text[days[0].end : days[1].start])
        if _UNTIL.fullmatch(between):
            return (When(whens[0].first, whens[1].last),)
    return tuple(sorted(whens, key=lambda when: when.first))


def _as_one(whens: tuple[When, ...]) -> tuple[When, ...]:
    """Return one day's part and hour joined to it when they stand apart: "thứ bảy em ghé buổi tối"."""
    days, others = [w for w in whens if w.said_day], [w for w in whens if not w.said_day]
    if len(days) != 1 or not others or days[0].part or days[0].at:
        return whens
    part, at = next((w.part for w in others if w.part), None), next((w.at for w in others if w.at), None)
    return (replace(days[0], part=part, at=at),)


def _by_habit(found: Found) -> time | None:
    if found.at and found.part_of_day is None and found.at.hour in _PAST_NOON_BY_HABIT:
        return found.at.replace(hour=found.at.hour + 12)
    return found.at
