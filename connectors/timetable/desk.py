"""Where the calendar is changed: a deed is tried out first, with what the assistant would say before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from connectors.clock import Clock
from connectors.timetable.checks import Doubt, new_doubts
from connectors.timetable.document import Document, calendar_of, document_of, tree_of
from connectors.timetable.edits import Deed, EditRefused, apply, describe
from connectors.timetable.live import LiveCalendar
from connectors.timetable.versions import TakenMeanwhile, Version, Versions
from library.calendar import CalendarError, LibraryCalendar
from library.phrasing import Lang
from library.threeway import NOTHING_CHOSEN, Choices, Clash, merge

LOOK_AHEAD = 400  # days
MOST_SHOWN = 6

# What the assistant answers to somebody who asks after this day and place: calendar, now, day, branch, room, language.
SayOfDay = Callable[[LibraryCalendar, datetime, date, str, str | None, Lang], str]


@dataclass(frozen=True)
class Difference:
    """What the assistant says of one day and place, now and once the change is saved."""

    day: date
    branch: str
    room: str | None
    before: str
    after: str


@dataclass(frozen=True)
class Proposal:
    """A deed tried out on the calendar in use, number `after`. `overtaken` are versions that the page knew not of."""

    deed: Deed
    after: int
    document: Document
    doubts: tuple[Doubt, ...]
    differences: tuple[Difference, ...]
    more: int  # differences beyond those shown
    clashes: tuple[Clash, ...]
    overtaken: tuple[Version, ...]

    @property
    def may_be_saved(self) -> bool:
        return not self.clashes and not any(doubt.weight == "stop" for doubt in self.doubts)

    @cached_property
    def calendar(self) -> LibraryCalendar:
        return calendar_of(self.document)


class CalendarDesk:
    """Reads, tries out, saves and takes back; what it saves is in use at once."""

    def __init__(self, versions: Versions, live: LiveCalendar, say: SayOfDay, clock: Clock) -> None:
        self._versions = versions
        self.live = live
        self._say = say
        self._clock = clock

    @property
    def number(self) -> int:
        """Return the number of the calendar in use: what a page carries to say what it saw."""
        return self._versions.newest

    def document(self, number: int | None = None) -> Document:
        """Return a version's document, of the one in use without a number. Raises CalendarError."""
        return self._versions.read(self.number if number is None else number)

    def text(self) -> str:
        """Return the calendar in use as a YAML file."""
        return self._versions.text(self.number)

    def versions(self) -> list[Version]:
        return self._versions.all()

    def say(self, calendar: LibraryCalendar, day: date, branch: str, room: str | None, lang: Lang = "vi") -> str:
        """Return what the assistant would say of the day to somebody who asks now."""
        return self._say(calendar, self._clock(), day, branch, room, lang)

    def try_out(self, deed: Deed, seen: int, choices: Choices = NOTHING_CHOSEN) -> Proposal:
        """Return what the deed would do, done on version `seen` and merged with what was saved since.

        A clash that `choices` do not settle keeps it from being saved. Raises EditRefused.
        """
        newest = self._versions.newest
        if not 0 <= seen <= newest:
            raise EditRefused("Trang lịch đã cũ. Hãy mở lại trang và làm lại.")
        if deed.get("do") == "restore":
            base = self.document(newest)
            wanted, seen_now = self._earlier(deed), newest
        else:
            base, seen_now = self.document(seen), seen
            wanted = apply(base, deed)
        now_there = self.document(newest)
        merged = merge(tree_of(base), tree_of(wanted), tree_of(now_there), choices)
        document = document_of(merged.tree) if seen_now != newest else wanted
        try:
            after = calendar_of(document)
        except CalendarError as exc:
            raise EditRefused(f"Ghép với bản mới của đồng nghiệp thì lịch không còn hợp lệ ({exc}).") from exc
        before, today = calendar_of(now_there), self._clock().date()
        shown = list(self._differences(before, after, today))
        overtaken = tuple(version for version in self._versions.all() if version.number > seen_now)
        doubts = tuple(new_doubts(before, after, today))
        told = tuple(shown[:MOST_SHOWN])
        return Proposal(
            deed, newest, document, doubts, told, max(0, len(shown) - MOST_SHOWN), merged.clashes, overtaken
        )

    def save(self, proposal: Proposal, by: str) -> int:
        """Return the number of the saved version, served from now on. Raises TakenMeanwhile, EditRefused."""
        if not proposal.may_be_saved:
            raise EditRefused("Còn chỗ phải sửa hoặc phải chọn, nên chưa lưu.")
        number = self._versions.save(proposal.document, proposal.after, by, self._clock(), describe(proposal.deed))
        self.live.look()
        return number

    def undo(self, by: str, saved: int) -> int:
        """Return the number of a new version, as it was before `saved`. Raises TakenMeanwhile when that is not last."""
        if saved != self._versions.newest or saved == 0:
            raise TakenMeanwhile(f"version {saved} is not the last one")
        before = self.document(saved - 1)
        number = self._versions.save(before, saved, by, self._clock(), f"Hoàn tác bản {saved}")
        self.live.look()
        return number

    def _earlier(self, deed: Deed) -> Document:
        number = deed.get("number")
        if not isinstance(number, int) or not 0 <= number < self._versions.newest:
            raise EditRefused("Không có bản lịch này.")
        return self.document(number)

    def _differences(self, before: LibraryCalendar, after: LibraryCalendar, today: date) -> Iterator[Difference]:
        """Yield the places whose hours change, the first day of each run of days that change alike."""
        told: set[tuple[str, date]] = set()  # a room that shuts with its branch is told with it
        for branch, room in _places(before, after):
            last: tuple[object, object, date] | None = None
            for ahead in range(LOOK_AHEAD):
                day = today + timedelta(days=ahead)
                was, now = before.hours_on(day, branch, room), after.hours_on(day, branch, room)
                what = ((was.spans, was.reason), (now.spans, now.reason))
                if what[0] == what[1]:
                    last = None
                    continue
                going_on = last is not None and last[:2] == what and last[2] == day - timedelta(days=1)
                last = (*what, day)
                if room is None:
                    told.add((branch, day))
                elif (branch, day) in told:
                    continue
                if not going_on:
                    said = (self.say(calendar, day, branch, room) for calendar in (before, after))
                    yield Difference(day, branch, room, *said)


def _places(before: LibraryCalendar, after: LibraryCalendar) -> Iterator[tuple[str, str | None]]:
    """Yield the places that both know: a branch, and of its rooms those that do not go with it."""
    for branch in after.branches:
        was = next((each for each in before.branches if each.code == branch.code), None)
        if was is None:
            continue
        yield branch.code, None
        known = {room.code for room in was.rooms}
        yield from ((branch.code, room.code) for room in branch.rooms if room.code in known)
