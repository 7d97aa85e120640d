"""The library's wall clock: UTC+7, all year. Passed in, so that tests and `thuthu talk --now` can set it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7))

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    return datetime.now(VIETNAM)


class SettableClock:
    """A clock that starts at a given moment and goes on from there; `advance` moves it."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - wall_clock()

    def __call__(self) -> datetime:
        return wall_clock() + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by
