"""Fetches updates by long polling, for a library without a public address.

An update is confirmed, by asking for those after it, only when it is stored; what a crash leaves unconfirmed comes
again and is the same message.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable
from typing import Any

from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from connectors.channels.port import Reception
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.intake import Intake
from connectors.channels.telegram.refusals import retry_after_s
from connectors.channels.telegram.updates import KINDS

logger = logging.getLogger(__name__)

TIMEOUT_S = 50
BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


async def poll(door: TelegramDoor, reception: Reception, jitter: Callable[[], float] = random.random) -> None:
    """Hand every update to the reception, until cancelled."""
    await _Poll(door, reception, jitter).run()


class _Poll:
    def __init__(self, door: TelegramDoor, reception: Reception, jitter: Callable[[], float]) -> None:
        self._door = door
        self._intake = Intake(door, reception)
        self._jitter = jitter
        self._offset: int | None = None
        self._way_is_free = False  # no webhook is set, which would keep updates from us
        self._failures = 0
        self._complaint = ""

    async def run(self) -> None:
        while True:
            try:
                await self._fetch()
            except RetryAfter as exc:
                await asyncio.sleep(retry_after_s(exc))
            except Exception as exc:
                self._complain(exc)
                self._way_is_free = self._way_is_free and not isinstance(exc, Conflict)
                self._failures += 1
                await asyncio.sleep(self._back_off_s())

    async def _fetch(self) -> None:
        if not self._way_is_free:
            await self._take_down_webhook()
            self._way_is_free = True
        updates = await self._door.bot.raw_updates(self._offset, TIMEOUT_S, KINDS)
        before = self._offset
        for update in updates:
            await self._intake.take_in(json.dumps(update).encode())
            self._offset = _after(update, self._offset)
        if updates and self._offset == before:
            raise TelegramError("updates without numbers would come again for ever")
        if self._complaint:
            logger.info("Telegram's updates are read again")
        self._failures, self._complaint = 0, ""

    async def _take_down_webhook(self) -> None:
        info = await self._door.bot.get_webhook_info()
        if info.url:
            logger.info("a webhook was set for this bot: it is taken down, updates are fetched")
            await self._door.bot.delete_webhook()

    def _back_off_s(self) -> float:
        step = BACK_OFF_S[min(self._failures, len(BACK_OFF_S)) - 1]
        return min(step * (0.75 + 0.5 * self._jitter()), BACK_OFF_S[-1])

    def _complain(self, exc: Exception) -> None:
        """Log each kind of trouble once, until updates are read again."""
        said = _in_plain_words(exc)
        if said != self._complaint:
            self._complaint = said
            logger.warning("Telegram's updates are not read: %s", said)


def _after(update: Any, offset: int | None) -> int | None:
    """Return the offset that confirms this update; unchanged for one without a number, which cannot be confirmed."""
    number = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        return offset
    return number + 1


def _in_plain_words(exc: Exception) -> str:
    """Return what is the matter and what to do, without what Telegram or the database say: that may hold secrets."""
    match exc:
        case Conflict():
            return "another program reads this bot's messages too; stop it, or give each a bot of its own"
        case InvalidToken():
            return "the bot's token is refused; ask @BotFather for the right one"
        case TelegramError():
            return f"Telegram cannot be reached ({type(exc).__name__})"
    return f"an update could not be stored ({type(exc).__name__})"
