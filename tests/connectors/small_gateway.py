"""A store and a switchboard around a dialogue that a test writes as one function; no models, no network."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from connectors import mailbox
from connectors.answerer import Patience
from connectors.channels.port import Kind, Message, PushDoor, Reply, Sent
from connectors.clock import Clock
from connectors.delivery import Alarm, Deliverer
from connectors.dialogue import Dialogue
from connectors.handover import Handover
from connectors.limits import Allowance
from connectors.mailbox import Accepted, Answer, Stored
from connectors.messages import say
from connectors.reception import DoorReception
from connectors.store import Store
from connectors.switchboard import Switchboard
from connectors.turns import OpenTurns
from library.ports import Turn
from tests.virtual_time import VirtualLoop

CARD_PATTERN = r"\bDT\d{6}\b"
LONG_S = 600.0
IDLE = timedelta(minutes=30)
FIRST_CONTACT = "Mình là trợ lý tự động."

Ask = Callable[[Stored, Turn, str | None], Awaitable[Answer]]


async def echo(message: Stored, turn: Turn, payload: str | None) -> Answer:
    """Repeat what was said, and remember every message of the conversation."""
    heard = [*(message.tracker or {"heard": []})["heard"], payload or message.text]
    return Answer((Reply(f"{turn.conversation_id}: {payload or message.text}"),), {"heard": heard}, intent="echo")


@dataclass(frozen=True)
class Asking:
    """The `Dialogue` port over one function."""

    ask: Ask


@dataclass
class SmallGateway:
    store: Store
    switchboard: Switchboard
    turns: OpenTurns
    clock: Clock
    deliverer: Deliverer
    handover: Handover
    reception: DoorReception
    _client_ids: itertools.count[int] = field(default_factory=itertools.count)

    async def open(self, channel: str = "web") -> str:
        return (await self.store.write(lambda db: mailbox.open_conversation(db, channel, self.clock())))[0]

    async def send(
        self, conversation_id: str, text: str, kind: Kind = "text", client_id: str | None = None
    ) -> Accepted:
        client_id = client_id or f"sent-{next(self._client_ids)}"
        return await self.switchboard.receive(Message(conversation_id, client_id, kind, text))

    async def ask(self, conversation_id: str, text: str, kind: Kind = "text") -> list[Sent]:
        """Send a message; return all that was said to it, the final reply last."""
        accepted = await self.send(conversation_id, text, kind)
        return await self.switchboard.final_for(conversation_id, accepted.message_id, LONG_S)

    async def final(self, conversation_id: str, text: str, kind: Kind = "text") -> list[str]:
        """Send a message; return the words of its final reply."""
        return texts((await self.ask(conversation_id, text, kind))[-1])

    async def said(self, conversation_id: str) -> list[Sent]:
        return await self.switchboard.sent_after(conversation_id, 0, 0)


def texts(sent: Sent) -> list[str]:
    return [reply.text for reply in sent.replies]


async def apologise(_text: str, lang: str) -> tuple[Reply, ...]:
    return (say("fallback", lang),)


@asynccontextmanager
async def small_gateway(
    loop: VirtualLoop,
    path: Path,
    ask: Ask = echo,
    *,
    dialogue: Dialogue | None = None,
    without_dialogue: Callable[[str, str], Awaitable[tuple[Reply, ...]]] = apologise,
    clock: Callable[[], datetime] | None = None,
    patience: Patience = Patience(),
    turns_at_once: int = 8,
    allowance: Allowance | None = None,
    doors: Mapping[str, PushDoor] = MappingProxyType({}),
    alarm: Alarm = lambda _channel, _reason: None,
) -> AsyncIterator[SmallGateway]:
    """Yield the gateway over the file; on leaving, it is closed as at a proper stop."""
    store, turns, now = Store(path), OpenTurns(), clock or loop.clock
    deliverer = Deliverer(store, doors, now, alarm=alarm, jitter=lambda: 0.5)
    switchboard = Switchboard(
        store,
        dialogue or Asking(ask),
        turns,
        now,
        card_pattern=CARD_PATTERN,
        without_dialogue=without_dialogue,
        own_words={"privacy": _privacy},
        first_contact=first_contact,
        announce=deliverer.wake,
        patience=patience,
        turns_at_once=turns_at_once,
        allowance=allowance,
    )
    handover = Handover(store, now, switchboard.announce, idle=IDLE, idle_if_unsure=IDLE / 3)
    reception = DoorReception(
        store, switchboard, handover, doors, now, card_pattern=CARD_PATTERN, first_contact=first_contact
    )
    try:
        yield SmallGateway(store, switchboard, turns, now, deliverer, handover, reception)
    finally:
        await reception.close()
        await switchboard.close()
        await deliverer.close()
        store.close()


def first_contact(_lang: str) -> Reply:
    return Reply(FIRST_CONTACT)


async def _privacy(_turn: Turn, _lang: str) -> Reply:
    return Reply("Về dữ liệu của bạn")
