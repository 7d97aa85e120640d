"""What librarians and operators are told at once: a new ticket, a door that needs a person. No patron's words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

Tell = Callable[[str], Awaitable[object]]


class Alarms:
    """`tell(text)` brings a text to the staff, where the settings name a place for it."""

    def __init__(self, tell: Tell | None, console_url: str) -> None:
        self._tell = tell
        self._console_url = console_url
        self._telling: set[asyncio.Task[object]] = set()

    def door_shut(self, channel: str, reason: str) -> None:
        """Tell that a channel takes nothing, or that what it delivers is refused, until a person mends it."""
        if reason.startswith("webhook_"):
            self._say(f"Thư viện đang từ chối tin đến từ {channel} ({reason}): xem lại khoá bí mật và giờ máy chủ.")
        else:
            self._say(f"Kênh {channel} không gửi được ({reason}). Xem {self._console_url}/undelivered")

    def ticket(self, number: int, urgent: bool) -> None:
        """Tell that somebody waits for a librarian."""
        what = "KHẨN: phiếu" if urgent else "Phiếu"
        self._say(f"{what} {number} đang chờ thủ thư. {self._console_url}/tickets/{number}")

    async def close(self) -> None:
        """Stop telling: a busy platform may keep an alert waiting longer than a stop may take."""
        for telling in self._telling:
            telling.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _say(self, text: str) -> None:
        if self._tell is None:
            return
        telling: asyncio.Task[object] = asyncio.ensure_future(self._tell(text))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)
