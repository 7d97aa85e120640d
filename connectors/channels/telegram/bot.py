"""python-telegram-bot's `Bot`, made to tell nobody what patrons write: it would log answers it cannot read."""

from __future__ import annotations

import asyncio
import json
import logging
import warnings
from collections.abc import Sequence
from typing import Any

import httpx
from telegram import Bot
from telegram.error import TelegramError
from telegram.request import HTTPXRequest
from telegram.warnings import PTBDeprecationWarning

UNREADABLE = (AttributeError, KeyError, TypeError, ValueError)  # what PTB stumbles over in an answer like no other
ANSWER_S = 20.0  # a late answer to a sent message would have us send it twice


class DiscreetRequest(HTTPXRequest):
    @staticmethod
    def parse_json_payload(payload: bytes) -> Any:
        """Return the answer's JSON. Raises TelegramError, without what could not be read."""
        try:
            answer = json.loads(payload)
        except (ValueError, RecursionError):
            raise TelegramError("the answer is no JSON") from None
        if not isinstance(answer, dict) or (answer.get("ok") and "result" not in answer):
            raise TelegramError("the answer holds no result")
        return answer


class LibraryBot(Bot):
    async def raw_updates(self, offset: int | None, timeout_s: int, kinds: Sequence[str]) -> list[Any]:
        """Return the updates from `offset` on as Telegram wrote them; `get_updates` would fail on one it cannot read.

        All before `offset` are thereby confirmed and never come again.
        """
        asked: dict[str, Any] = {"timeout": timeout_s, "allowed_updates": list(kinds)}
        if offset is not None:
            asked["offset"] = offset
        updates = await self._post("getUpdates", asked, read_timeout=timeout_s + ANSWER_S)
        if not isinstance(updates, list):
            raise TelegramError("the updates are no list")
        return updates

    async def close_connections(self) -> None:
        await asyncio.gather(*(request.shutdown() for request in self._request))


def telegram_bot(token: str, api: str, transport: httpx.AsyncBaseTransport | None = None) -> LibraryBot:
    """Return the bot, which has spoken to nobody yet. `transport` replaces the network."""
    for talkative in ("httpx", "telegram"):  # the one logs addresses, which hold the token, the other all it sends
        logging.getLogger(talkative).setLevel(logging.WARNING)
    warnings.filterwarnings(
        "ignore", "Deprecated since version v22.2", PTBDeprecationWarning
    )  # of its own `RetryAfter`
    through = {"transport": transport} if transport else {}
    sending = DiscreetRequest(read_timeout=ANSWER_S, connect_timeout=10.0, pool_timeout=ANSWER_S, httpx_kwargs=through)
    polling = DiscreetRequest(connection_pool_size=1, connect_timeout=10.0, httpx_kwargs=through)
    return LibraryBot(token, base_url=f"{api.rstrip('/')}/bot", request=sending, get_updates_request=polling)
