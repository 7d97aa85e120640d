"""One call for all who wait for the same thing: a Koha that hangs is waited for once, not once for each in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Got = TypeVar("Got")


class Once(Generic[Got]):
    """Runs `call` once for everybody who asks while it runs; they share what comes back, also what is raised."""

    def __init__(self, call: Callable[[], Awaitable[Got]]) -> None:
        self._call = call
        self._running: asyncio.Task[Got] | None = None

    async def __call__(self) -> Got:
        if self._running is None:
            self._running = asyncio.create_task(self._run())
            self._running.add_done_callback(self._ended)
        return await asyncio.shield(self._running)  # one who goes away takes nobody's answer with him

    async def _run(self) -> Got:
        return await self._call()

    def _ended(self, task: asyncio.Task[Got]) -> None:
        self._running = None
        if not task.cancelled():
            task.exception()  # seen here too, for when all who asked have gone
