"""Alerts to staff through a Zalo Bot: a new ticket, a door that a person must mend. No patron's words.

The platform has no buttons and tells of no quota, so it serves staff only. It says "no" with HTTP 200 and `ok: false`.
"""

from __future__ import annotations

import asyncio
import logging
import unicodedata
from collections.abc import Sequence

import httpx

logger = logging.getLogger(__name__)

TEXT = 2000  # characters
TIMEOUT_S = 15.0
BACK_OFF_S = (2.0, 10.0, 60.0)  # Zalo does not say how long


class StaffAlerts:
    def __init__(self, client: httpx.AsyncClient, base: str, token: str, chats: Sequence[str]) -> None:
        self._client = client
        self._url = f"{base.rstrip('/')}/bot{token}/sendMessage"
        self._chats = tuple(chats)

    async def tell(self, text: str) -> int:
        """Return how many of the chats took the alert; never raises. A busy platform is asked again for a minute."""
        words = unicodedata.normalize("NFC", text)[:TEXT]
        if not words.strip():
            return 0
        return sum(await asyncio.gather(*(self._tell(chat, words) for chat in self._chats)))

    async def _tell(self, chat: str, text: str) -> bool:
        for wait_s in (*BACK_OFF_S, None):
            answer = await self._post(chat, text)
            if answer == "ok":
                return True
            if answer != "busy" or wait_s is None:
                logger.warning("an alert was not sent channel=zalobot reason=%s", answer)
                return False
            await asyncio.sleep(wait_s)
        return False

    async def _post(self, chat: str, text: str) -> str:
        """Return "ok", "busy", or why not. Errors of the client name the address, which holds the token: only their
        class is told."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._client.post(self._url, json={"chat_id": chat, "text": text})
            held = response.json()
            ok, code = held.get("ok") is True, held.get("error_code", response.status_code)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as exc:
            return type(exc).__name__
        if ok and response.is_success:
            return "ok"
        return "busy" if 429 in (code, response.status_code) else f"error_{code if isinstance(code, int) else '?'}"
