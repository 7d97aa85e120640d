"""Charts of bars, drawn by attributes alone: the console's pages allow no style of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT = 720, 140
_FILLED = 0.85  # of a bar's place


@dataclass(frozen=True)
class Bar:
    day: date
    number: int
    x: float
    y: float
    width: float
    height: float


def bars(days: Sequence[tuple[date, int]], height: float = HEIGHT) -> Sequence[Bar]:
    """Return a bar a day, in the units of a box `WIDTH` wide; none where nothing was counted at all."""
    most = max((number for _, number in days), default=0)
    if not most:
        return []
    step = WIDTH / len(days)
    heights = [height * number / most for _, number in days]
    return [
        Bar(day, number, round(n * step, 2), round(height - high, 2), round(step * _FILLED, 2), round(high, 2))
        for n, ((day, number), high) in enumerate(zip(days, heights, strict=True))
    ]
