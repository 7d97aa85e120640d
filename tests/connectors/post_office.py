"""A gateway with one pushed door in memory, and the words in which its tests are written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from connectors.channels.port import Arrival, Kind, Reply
from connectors.mailbox import Answer, Stored
from connectors.store import conversations, deliveries
from library.ports import Turn
from tests.connectors.pushed_door import PushedDoor
from tests.connectors.small_gateway import FIRST_CONTACT, Ask, SmallGateway, small_gateway
from tests.virtual_time import VirtualLoop, run

Scene = Callable[[SmallGateway, PushedDoor, VirtualLoop], Awaitable[None]]


async def repeat(message: Stored, turn: Turn, payload: str | None) -> Answer:
    return Answer((Reply(f"“{payload or message.text}”"),), None, intent="echo")


def play(file: Path, scene: Scene, door: PushedDoor | None = None, ask: Ask = repeat, **more: Any) -> PushedDoor:
    """Return the door after the scene, once everything is answered and sent."""
    door = door or PushedDoor()

    async def main(loop: VirtualLoop) -> None:
        async with small_gateway(loop, file, ask, doors={door.name: door}, **more) as gateway:
            await scene(gateway, door, loop)
            await settle(gateway)

    run(main)
    return door


async def settle(gateway: SmallGateway) -> None:
    """Return when everything is answered and sent."""
    await gateway.switchboard.idle()
    await gateway.deliverer.idle()


def words(text: str, key: str | None = None, address: str = "an", kind: Kind = "text", **more: Any) -> Arrival:
    return Arrival("post", address, key or f"k:{text}", kind, text, **more)


async def states(gateway: SmallGateway) -> list[tuple[str, str | None]]:
    """Return state and reason of every reply's delivery, in order."""
    oldest_first = select(deliveries.c.state, deliveries.c.reason).order_by(deliveries.c.reply_id)
    rows = await gateway.store.read(lambda db: db.execute(oldest_first).all())
    return [(row.state, row.reason) for row in rows]


def answers(door: PushedDoor, address: str = "an") -> list[str]:
    """Return what the patron was shown, but the notice of the first contact."""
    return [text for text in door.texts(address) if text != FIRST_CONTACT]


async def chat(gateway: SmallGateway) -> str:
    """Return the id of the first conversation."""
    return str(await gateway.store.read(lambda db: db.scalar(select(conversations.c.id))))
