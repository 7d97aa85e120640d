"""Addresses in what patrons and channels send: nothing of ours ever goes there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.attacks.attacker import Attacker, as_bytes

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="session")]


@dataclass
class Trap:
    """Listens, and counts who comes."""

    port: int = 0
    visits: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest_asyncio.fixture(loop_scope="session")
async def trap() -> AsyncIterator[Trap]:
    made = Trap()

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.visits.append(await reader.read(200))
        writer.close()

    server = await asyncio.start_server(visited, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


def hosts(trap: Trap) -> list[str]:
    return [
        f"{trap.url}/cover.jpg",
        f"http://localhost:{trap.port}/latest/meta-data/",
        f"http://[::ffff:127.0.0.1]:{trap.port}/",
        f"http://0x7f000001:{trap.port}/",
        f"http://2130706433:{trap.port}/",
        f"http://library@127.0.0.1:{trap.port}/",
    ]


async def test_the_trap_catches_who_comes(trap: Trap) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", trap.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.close()
    assert len(trap.visits) == 1


async def test_no_address_in_a_message_is_visited(attacker: Attacker, patrons, trap: Trap) -> None:
    for address in hosts(trap):
        for patron in patrons():
            await patron.say(f"xem giúp em trang này {address}")
            await patron.say(f"tìm cuốn {address}")
    await asyncio.sleep(0.3)
    assert trap.visits == []


async def test_no_picture_file_or_link_of_a_channel_is_fetched(attacker: Attacker, patrons, trap: Trap) -> None:
    for number, address in enumerate(hosts(trap)):
        _, telegram, zalo = patrons()
        for one in (telegram, zalo):
            await one.say("chào bạn")
            await one.news()
        for kind in ("image", "link", "file", "video", "audio", "sticker", "gif"):
            payload = {"url": address, "thumbnail": address, "name": address, "id": address, "description": address}
            message = {"msg_id": f"a{number}{kind}", "attachments": [{"type": kind, "payload": payload}]}
            event = attacker.event(zalo.address, "", event_name=f"user_send_{kind}", message=message)
            assert (await attacker.zalo(as_bytes(event))).status_code == 200
        picture = [{"file_id": address, "file_unique_id": address, "file_path": address, "width": 1, "height": 1}]
        entities = [{"type": "text_link", "offset": 0, "length": 1, "url": address}]
        parts = ({"photo": picture}, {"document": {**picture[0], "thumbnail": picture[0]}}, {"entities": entities})
        for at, part in enumerate(parts):
            update = attacker.update(telegram.chat, "xem", 930 + number, message_id=900 + at, **part)
            if "entities" not in part:
                del update["message"]["text"]
            assert (await attacker.telegram(as_bytes(update))).status_code == 200
        await asyncio.gather(telegram.settled(), zalo.settled())
        assert await telegram.news()
        assert await zalo.news()
    await asyncio.sleep(0.3)
    assert trap.visits == []


async def test_a_librarians_answer_with_an_address_is_not_looked_up(attacker: Attacker, patrons, trap: Trap) -> None:
    librarian = await attacker.house.librarian()
    for patron in patrons():
        await patron.say("gặp thủ thư")
        sheet = await librarian.conversation(await patron.conversation())
        assert (await sheet.press("reply", text=f"Bạn xem ở {trap.url}/x nhé")).status_code == 303
        await patron.settled()
    previews = [one.get("link_preview_options") for one in attacker.house.telegram.calls("sendMessage")]
    assert previews
    assert all("true" in str(one).lower() for one in previews)  # Telegram is told to look nothing up either
    assert trap.visits == []
