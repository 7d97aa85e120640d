"""What the web door asks of the switchboard and the store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from connectors import mailbox
from connectors.channels.port import Message, Sent
from connectors.clock import Clock
from connectors.store import Store
from connectors.switchboard import Switchboard


class WebExchange:
    """The `Exchange` port of the web door."""

    def __init__(self, store: Store, switchboard: Switchboard, clock: Clock) -> None:
        self._store = store
        self._switchboard = switchboard
        self._clock = clock

    async def open_conversation(self) -> tuple[str, str]:
        return await self._store.write(lambda db: mailbox.open_conversation(db, "web", self._clock()))

    async def conversation_of(self, token: str) -> str | None:
        return await self._store.read(lambda db: mailbox.conversation_of(db, token))

    async def receive(self, message: Message) -> tuple[str, bool]:
        accepted = await self._switchboard.receive(message)
        return accepted.message_id, accepted.new

    async def replies_to(self, conversation_id: str, message_id: str, wait_s: float) -> list[Sent]:
        return await self._switchboard.final_for(conversation_id, message_id, wait_s)

    def follow(self, conversation_id: str, after: int, beat_s: float) -> AsyncIterator[Sent | None]:
        return self._switchboard.follow(conversation_id, after, beat_s)

    async def history(self, conversation_id: str) -> list[dict[str, Any]]:
        return await self._store.read(lambda db: mailbox.history(db, conversation_id))

    async def rate(self, conversation_id: str, message_id: str, helped: bool) -> bool:
        return await self._store.write(lambda db: mailbox.rate(db, conversation_id, message_id, helped))
