"""Counts refused webhooks, and raises the alarm when so many come that real ones may be among them.

Zalo gives an event up after a few refusals and switches the webhook off. A wrong secret or a wrong clock must
therefore be heard of, and not only refused.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta

from connectors.clock import Clock

logger = logging.getLogger(__name__)

MANY = 10
WITHIN = timedelta(minutes=10)
QUIET = timedelta(hours=1)  # after an alarm

Alarm = Callable[[str, str], None]


class Refusals:
    """`alarm("zalo", reason)` is called at most once in a quiet hour."""

    def __init__(self, clock: Clock, alarm: Alarm) -> None:
        self._clock = clock
        self._alarm = alarm
        self._recent: deque[datetime] = deque(maxlen=MANY)
        self._last_alarm: datetime | None = None
        self.counts: Counter[str] = Counter()

    def add(self, reason: str) -> None:
        """Count one refusal; `reason` is a short word of ours."""
        now = self._clock()
        self.counts[reason] += 1
        self._recent.append(now)
        logger.warning("refused a webhook channel=zalo reason=%s count=%s", reason, self.counts[reason])
        if self._is_storm(now):
            self._last_alarm = now
            self._alarm("zalo", f"webhook_{reason}")

    def _is_storm(self, now: datetime) -> bool:
        if self._last_alarm is not None and now - self._last_alarm < QUIET:
            return False
        return len(self._recent) == MANY and now - self._recent[0] <= WITHIN
