"""The library's side and Telegram's side, introduced to each other on a virtual clock, without sockets or threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import FastAPI

from connectors.channels.port import Arrival, Happening
from connectors.channels.telegram.bot import telegram_bot
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.introduction import Webhook
from connectors.channels.telegram.routes import PATH, telegram_router
from tests.simulators.telegram import TelegramServer
from tests.virtual_time import VirtualLoop

SECRET = "a-secret_of-32-characters-or-so-x"
WEBHOOK = Webhook(f"https://thuvien.example.vn{PATH}", SECRET)
IN_GROUP = "Mình chỉ trò chuyện riêng với từng bạn."
API = "http://telegram.test"


@dataclass
class RememberingReception:
    """Stores in lists; the same key again is the same message. `faults` are raised first, one a call."""

    arrivals: list[Arrival] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    parked: list[tuple[str, str, bytes]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    unstorable: str = ""  # a message with this text never gets in

    async def receive(self, arrival: Arrival) -> bool:
        self._fail()
        if self.unstorable and arrival.text == self.unstorable:
            raise ValueError("this one never")
        new = arrival.key not in self.seen
        self.seen.append(arrival.key)
        if new:
            self.arrivals.append(arrival)
        return new

    async def note(self, happening: Happening) -> None:
        self._fail()
        self.happenings.append(happening)

    async def park(self, channel: str, reason: str, body: bytes) -> None:
        self._fail()
        self.parked.append((channel, reason, body))

    def texts(self) -> list[str]:
        return [arrival.text for arrival in self.arrivals]

    def _fail(self) -> None:
        if self.faults:
            raise self.faults.pop(0)


class World:
    def __init__(self, loop: VirtualLoop, **settings: Any) -> None:
        self.loop = loop
        self.reception = RememberingReception()
        self.server = TelegramServer(clock=loop.clock, deliver=self._knock, **settings)
        transport = httpx.ASGITransport(app=self.server.app)
        self.door = TelegramDoor(telegram_bot(self.server.token, API, transport), IN_GROUP)
        app = FastAPI()
        app.include_router(telegram_router(self.door, self.reception, SECRET))
        self.web = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://library.test")

    async def _knock(self, headers: Mapping[str, str], body: bytes) -> int:
        return (await self.web.post(PATH, content=body, headers=dict(headers))).status_code

    async def close(self) -> None:
        await self.server.close()
        await self.door.close()
        await self.web.aclose()
