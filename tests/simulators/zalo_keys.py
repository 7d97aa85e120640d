"""The pair of tokens that the simulated Zalo has given out: 25 hours, three months, and one use for the second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

ACCESS_LIFETIME = timedelta(seconds=90_000)
REFRESH_LIFETIME = timedelta(days=90)


@dataclass(frozen=True)
class Keys:
    """An empty `access` opens nothing."""

    access: str
    refresh: str
    access_ends: datetime
    refresh_ends: datetime
    count: int

    @staticmethod
    def issued(refresh: str, now: datetime, count: int = 0) -> Keys:
        return Keys("", refresh, now, now + REFRESH_LIFETIME, count)

    def rotated(self, form: Mapping[str, Any], now: datetime) -> Keys | None:
        """Return the pair that takes the place of this one, or None when the form does not earn it."""
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != self.refresh:
            return None
        if now >= self.refresh_ends:
            return None
        number = self.count + 1
        return Keys(f"access-{number}", f"refresh-{number}", now + ACCESS_LIFETIME, now + REFRESH_LIFETIME, number)

    def answer(self) -> dict[str, Any]:
        seconds = str(int(ACCESS_LIFETIME.total_seconds()))
        return {"access_token": self.access, "refresh_token": self.refresh, "expires_in": seconds}

    def as_json(self) -> dict[str, Any]:
        ends = {"access_ends": self.access_ends.isoformat(), "refresh_ends": self.refresh_ends.isoformat()}
        return {**asdict(self), **ends}

    @staticmethod
    def from_json(kept: Mapping[str, Any]) -> Keys:
        ends = {name: datetime.fromisoformat(kept[name]) for name in ("access_ends", "refresh_ends")}
        return Keys(**{**kept, **ends})


def oauth_error(code: int, reason: str) -> dict[str, Any]:
    return {
        "error_name": reason,
        "error_reason": reason,
        "ref_doc": "https://developers.zalo.me/docs/official-account/phu-luc/ma-loi",
        "error_description": reason,
        "error": code,
    }
