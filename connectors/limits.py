"""How much one caller may ask for."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

from connectors.clock import Clock

REMEMBERED_CALLERS = 10_000  # beyond that the one seen longest ago is forgotten, so memory stays bounded


class Allowance:
    """A token bucket for each caller: `at_once` (else `per_hour`) at once, refilled evenly at `per_hour`."""

    def __init__(self, clock: Clock, per_hour: int, at_once: int | None = None) -> None:
        self._clock = clock
        self._per_hour = float(per_hour)
        self._full = float(at_once or per_hour)
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()

    def take(self, caller: str) -> bool:
        """Return whether this caller still had one left, and take it."""
        now = self._clock()
        left, since = self._left.pop(caller, (self._full, now))
        left = min(self._full, left + self._per_hour * ((now - since) / timedelta(hours=1)))
        self._left[caller] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > REMEMBERED_CALLERS:
            self._left.popitem(last=False)
        return left >= 1
