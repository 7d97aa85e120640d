"""The supervisor's part in changing the model: the new Rasa is up before the old one goes.

Turns go on at the old one until the gateway has warmed the new one and sent the last turn there; only then it is
stopped. A new model that does not come up changes nothing but the note of why.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol

from connectors.models import Models, Serving, Wish

logger = logging.getLogger(__name__)

COMES_UP_WITHIN_S = 180.0
GATEWAY_TAKES_S = 300.0  # at most, until it has moved; then the old one goes all the same
LOOK_EVERY_S = 0.3
WAITS_AFTER_TROUBLE_S = 10.0


class Kept(Protocol):
    """A Rasa process that is kept alive."""

    port: int

    async def healthy(self) -> bool: ...

    async def end(self) -> None: ...


Start = Callable[[str, int | None], Kept]  # of a model on a port; a free one if none is said


class Takeover:
    """Keeps one Rasa alive, and lets another take its place when that is wished."""

    def __init__(self, models: Models, run: str, start: Start, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._models, self._run, self._start = models, run, start
        self._look_every_s = look_every_s
        self._now: Kept | None = None

    async def run(self, port: int) -> None:
        """Serve the model in use on this port, then fulfil wishes, until cancelled; nothing is left running then."""
        model, before = self._models.in_use(), self._models.serving()
        settled = before.wish if before else ""
        self._now = self._start(model, port)
        self._models.serve(Serving(self._run, model, port, before.before if before else "", settled))
        try:
            while True:
                await asyncio.sleep(self._look_every_s)
                wish, serving = self._models.wanted(), self._models.serving()
                if wish and serving and wish.key != serving.wish:
                    await self._fulfil_or_wait(wish, serving)
        finally:
            await self._now.end()

    async def healthy(self) -> bool:
        return self._now is not None and await self._now.healthy()

    async def _fulfil_or_wait(self, wish: Wish, serving: Serving) -> None:
        """Fulfil the wish; on a full disk what serves goes on serving, and it is tried again later."""
        try:
            await self._fulfil(wish, serving)
        except OSError:
            logger.exception("the model cannot be changed now")
            await asyncio.sleep(WAITS_AFTER_TROUBLE_S)

    async def _fulfil(self, wish: Wish, serving: Serving) -> None:
        if not self._models.there(wish.model):
            return self._refuse(wish, serving, f"mô hình {wish.model} không còn trên đĩa")
        new = self._start(wish.model, None)
        try:
            if not await _within(COMES_UP_WITHIN_S, new.healthy, self._look_every_s):
                await new.end()
                return self._refuse(wish, serving, f"mô hình {wish.model} không khởi động được; xem nhật ký")
        except asyncio.CancelledError:
            await new.end()
            raise
        old, self._now = self._now, new
        self._models.serve(Serving(self._run, wish.model, new.port, serving.model, wish.key))
        logger.info("the dialogue is served by %s; the one before goes when its last turn has ended", wish.model)
        try:
            await _within(GATEWAY_TAKES_S, self._gateway_has_moved, self._look_every_s)
        finally:
            if old:
                await old.end()

    async def _gateway_has_moved(self) -> bool:
        return self._now is not None and self._models.used_port() == self._now.port

    def _refuse(self, wish: Wish, serving: Serving, problem: str) -> None:
        logger.error("the model in use stays: %s", problem)
        self._models.serve(replace(serving, wish=wish.key, problem=problem))


async def _within(seconds: float, is_so: Callable[[], Awaitable[bool]], look_every_s: float) -> bool:
    """Return whether it came to be so in this time."""

    async def until() -> None:
        while not await is_so():
            await asyncio.sleep(look_every_s)

    try:
        await asyncio.wait_for(until(), seconds)
    except TimeoutError:
        return False
    return True
