"""One worker a conversation: what belongs to one is done in order, conversations beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Workers:
    """`work(conversation_id)` does all that waits there; a call that comes meanwhile has it look once more."""

    def __init__(self, work: Callable[[str], Awaitable[None]]) -> None:
        self._work = work
        self._running: dict[str, asyncio.Task[None]] = {}
        self._called: set[str] = set()

    def __len__(self) -> int:
        """Return how many conversations are being worked on."""
        return len(self._running)

    def wake(self, conversation_id: str) -> None:
        self._called.add(conversation_id)
        if conversation_id not in self._running:
            self._running[conversation_id] = asyncio.create_task(self._run(conversation_id))

    async def idle(self) -> None:
        """Return when nothing is being done."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Stop in the middle; what was not finished is stored as such."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, conversation_id: str) -> None:
        try:
            # What comes while the store is being read may be missed by the read, but it calls again.
            while conversation_id in self._called:
                self._called.discard(conversation_id)
                await self._work(conversation_id)
        finally:
            del self._running[conversation_id]
