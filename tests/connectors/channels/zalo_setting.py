"""A Zalo door between the simulated Zalo and a reception that keeps what it is handed; in process, no socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from connectors.channels.port import Arrival, Happening
from connectors.channels.zalo.api import ZaloApi
from connectors.channels.zalo.door import ZaloDoor
from connectors.channels.zalo.drawing import Mode
from connectors.channels.zalo.events import Account
from connectors.channels.zalo.routes import zalo_router
from connectors.channels.zalo.tokenfile import TokenFile
from connectors.channels.zalo.tokens import Tokens
from tests.simulators.zalo import Zalo

BASE = "http://zalo.test"
PATRON = "2468455835291979221"


class StorageBroken(Exception):
    pass


@dataclass
class Kept:
    """A reception: one message per sender and key, as the gateway's store has it."""

    arrivals: list[Arrival] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    parked: list[tuple[str, bytes]] = field(default_factory=list)
    broken: int = 0  # how many of the next deliveries are not stored
    delay_s: float = 0.0

    async def receive(self, arrival: Arrival) -> bool:
        await self._store()
        known = {(one.address, one.key) for one in self.arrivals}
        if (arrival.address, arrival.key) in known:
            return False
        self.arrivals.append(arrival)
        return True

    async def note(self, happening: Happening) -> None:
        await self._store()
        if happening.key not in {one.key for one in self.happenings}:
            self.happenings.append(happening)

    async def park(self, channel: str, reason: str, body: bytes) -> None:
        await self._store()
        self.parked.append((reason, body))

    async def _store(self) -> None:
        await asyncio.sleep(self.delay_s)
        if self.broken:
            self.broken -= 1
            raise StorageBroken("the words of a patron stand in this message")


@dataclass
class Setting:
    zalo: Zalo
    door: ZaloDoor
    tokens: Tokens
    kept: Kept
    alarms: list[tuple[str, str]]
    heard: dict[str, datetime]  # what the gateway knows of when patrons last wrote
    client: httpx.AsyncClient  # what the gateway calls Zalo with
    door_on: Callable[[httpx.AsyncClient], ZaloDoor]  # another door, its messages on another line


def webhook_app(kept: Kept, zalo: Zalo, alarms: list[tuple[str, str]], clock: Callable[[], datetime]) -> FastAPI:
    app = FastAPI()
    app.include_router(
        zalo_router(
            kept,
            Account(zalo.app_id, zalo.oa_id),
            oa_secret=zalo.oa_secret,
            app_secret=zalo.app_secret,
            clock=clock,
            alarm=lambda channel, reason: alarms.append((channel, reason)),
        )
    )
    return app


def tokens_of(zalo: Zalo, client: httpx.AsyncClient, clock: Callable[[], datetime], path: Path, given: str) -> Tokens:
    file = TokenFile(path)
    secrets = {"app_id": zalo.app_id, "app_secret": zalo.app_secret, "settings_token": given}
    return Tokens(client, BASE, file, clock, **secrets)


@asynccontextmanager
async def zalo_setting(
    clock: Callable[[], datetime],
    folder: Path,
    *,
    mode: Mode = "buttons",
    paid: bool = False,
    journal: Path | None = None,
) -> AsyncIterator[Setting]:
    """Yield everything wired together; at the end nothing is under way any more."""

    async def nobody(_headers: Mapping[str, str], _body: bytes) -> int:
        return 404

    zalo = Zalo(clock, nobody, journal=journal)
    kept, alarms, heard = Kept(), list[tuple[str, str]](), dict[str, datetime]()
    transport = httpx.ASGITransport(webhook_app(kept, zalo, alarms, clock))
    async with (
        httpx.AsyncClient(transport=transport, base_url="http://library.test") as door_bell,
        httpx.AsyncClient(transport=httpx.ASGITransport(zalo.app)) as client,
    ):

        async def deliver(headers: Mapping[str, str], body: bytes) -> int:
            return (await door_bell.post("/zalo/webhook", headers=dict(headers), content=body)).status_code

        async def last_heard(address: str) -> datetime | None:
            return heard.get(address)

        zalo.webhooks.deliver = deliver
        tokens = tokens_of(zalo, client, clock, folder / "zalo_token.json", zalo.first_refresh_token)
        more: dict[str, Any] = {"mode": mode, "paid": paid, "requests_per_minute": 100}

        def door_on(line: httpx.AsyncClient) -> ZaloDoor:
            return ZaloDoor(ZaloApi(line, BASE), tokens, clock, last_heard, **more)

        yield Setting(zalo, door_on(client), tokens, kept, alarms, heard, client, door_on)
        await tokens.close()
        await zalo.close()
