"""How long a channel lets us write to a patron after their last word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal


@dataclass(frozen=True)
class Window:
    """Free of charge for a while, then perhaps for money, then not at all."""

    free: timedelta = timedelta(hours=48)
    paid: timedelta | None = None  # counted from the last word, too; None: the library does not pay


@dataclass(frozen=True)
class Reach:
    """Whether, and until when, a patron can be written to."""

    state: Literal["open", "costs", "shut", "lost"]
    until: datetime | None = None  # open or costs: the last moment; None: without end
    free_until: datetime | None = None


def reach(
    channel: str, heard_at: datetime, lost_at: datetime | None, windows: Mapping[str, Window], now: datetime
) -> Reach:
    """Return how this patron can be reached now; `lost` ones blocked us or left, and hear us when they come back."""
    if lost_at:
        return Reach("lost")
    window = windows.get(channel)
    if window is None:
        return Reach("open")
    free_until = heard_at + window.free
    last = max(free_until, heard_at + window.paid) if window.paid else free_until
    if now > last:
        return Reach("shut", last, free_until)
    return Reach("open" if now <= free_until else "costs", last, free_until)
