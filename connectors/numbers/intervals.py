"""How sure a share, or a change, is: 95 % intervals that also hold for small numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959964  # of the normal distribution, for 95 %
FEWEST = 20  # of each side; below it nothing is said
FEWEST_COUNTED = 10


@dataclass(frozen=True)
class Share:
    """`part` of `whole`."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def enough(self) -> bool:
        return self.whole >= FEWEST


@dataclass(frozen=True)
class Change:
    """A change and where it lies with 95 % sureness: a difference of shares, or a ratio less one of counts."""

    value: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        return self.low > 0 or self.high < 0


def wilson(share: Share) -> tuple[float, float]:
    """Return Wilson's interval of a share; all there is when nothing was counted."""
    n = share.whole
    if not n:
        return 0.0, 1.0
    p = share.part / n
    middle, spread = p + Z * Z / (2 * n), Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    return max(0.0, (middle - spread) / (1 + Z * Z / n)), min(1.0, (middle + spread) / (1 + Z * Z / n))


def difference(before: Share, after: Share) -> Change | None:
    """Return after less before with Newcombe's interval; None where either is too small to tell."""
    if not (before.enough and after.enough):
        return None
    p, q = before.part / before.whole, after.part / after.whole
    (p_low, p_high), (q_low, q_high) = wilson(before), wilson(after)
    down, up = math.hypot(q - q_low, p_high - p), math.hypot(q_high - q, p - p_low)
    return Change(q - p, q - p - down, q - p + up)


def ratio(before: int, after: int, longer: float = 1.0) -> Change | None:
    """Return after by before, less one, counts taken as Poisson; None where either is too small to tell.

    `longer`: how many times as long as `after` it was that `before` was counted.
    """
    if min(before, after) < FEWEST_COUNTED:
        return None
    spread = math.exp(Z * math.sqrt(1 / before + 1 / after))
    value = longer * after / before
    return Change(value - 1, value / spread - 1, value * spread - 1)
