"""How fast a pushed door may speak: so many messages a second in all, and one patron at a time not too many."""

from __future__ import annotations

from collections import OrderedDict

from aiolimiter import AsyncLimiter

from connectors.channels.port import Limits

SLACK = 1.02  # a channel counts with its own clock
SLOW = 5.0  # a channel with fewer messages a second than this counts by the minute
BURST = 3  # messages to one patron at once; channels allow short bursts
REMEMBERED_CHATS = 10_000


class Pace:
    def __init__(self, limits: Limits) -> None:
        self._door = _door_limiter(limits.per_second)
        self._chat_every_s = limits.chat_every_s
        self._chats: OrderedDict[str, AsyncLimiter] = OrderedDict()

    async def wait(self, address: str) -> None:
        """Return when one more message may go to this address."""
        if self._chat_every_s > 0:
            await self._chat(address).acquire()
        await self._door.acquire()

    def _chat(self, address: str) -> AsyncLimiter:
        chat = self._chats.pop(address, None) or AsyncLimiter(BURST, BURST * self._chat_every_s)
        self._chats[address] = chat
        if len(self._chats) > REMEMBERED_CHATS:
            self._chats.popitem(last=False)
        return chat


def _door_limiter(per_second: float) -> AsyncLimiter:
    """Return what keeps to the rate in any window of the channel's: a burst and its refill count together.

    A channel that counts by the minute may be sent half a minute's worth at once: patrons come in bursts.
    """
    if per_second >= SLOW:
        return AsyncLimiter(1, SLACK / per_second)
    return AsyncLimiter(max(1.0, 30 * per_second), 60 * SLACK)
