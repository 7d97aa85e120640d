"""The calendar in use, in every process that asks it: the newest version, noticed within a second of being saved."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from connectors.timetable.document import calendar_of
from connectors.timetable.versions import Versions
from library.calendar import CalendarError, LibraryCalendar

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


class LiveCalendar:
    """Called, gives the calendar in use. A version that cannot be read is passed over and told to the log, once."""

    def __init__(
        self, versions: Versions, *, look_every_s: float = LOOK_EVERY_S, ticking: Callable[[], float] = time.monotonic
    ) -> None:
        self._versions = versions
        self._look_every_s = look_every_s
        self._ticking = ticking
        self._lock = threading.Lock()
        self.number = versions.newest
        self._calendar = self._first()
        self._looked = ticking()

    def __call__(self) -> LibraryCalendar:
        """Return the calendar in use."""
        if self._ticking() - self._looked >= self._look_every_s:
            self.look()
        return self._calendar

    def look(self) -> None:
        """Take up what was saved since, here or in another process."""
        with self._lock:
            self._looked = self._ticking()
            newest = self._versions.newest
            if newest == self.number:
                return
            try:
                self._calendar = calendar_of(self._versions.read(newest))
            except CalendarError as exc:
                logger.error(
                    "calendar version %s cannot be used, %s stays: %s", newest, self.number, type(exc).__name__
                )
            self.number = newest

    def _first(self) -> LibraryCalendar:
        """Return the newest calendar that can be read; a configured file that cannot is the operator's to mend."""
        for number in range(self.number, 0, -1):
            try:
                return calendar_of(self._versions.read(number))
            except CalendarError as exc:
                logger.error("calendar version %s cannot be used: %s", number, type(exc).__name__)
        return calendar_of(self._versions.read(0))
