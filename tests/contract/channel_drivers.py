"""The three doors as a patron meets them: over HTTP, with the simulated channel behind the pushed ones.

A driver brings deliveries one at a time, so that a test can forge one, bring it twice, or late. No sockets, no threads,
no waiting: everything runs on a virtual loop.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import httpx
from fastapi import APIRouter, FastAPI, Request

from connectors import mailbox
from connectors.channels.port import Limits, Message, PushDoor, Sent
from connectors.channels.telegram.bot import telegram_bot
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.introduction import Webhook, introduce
from connectors.channels.telegram.routes import PATH, SECRET_HEADER, telegram_router
from connectors.channels.web import web_router
from connectors.channels.zalo.api import ZaloApi
from connectors.channels.zalo.door import ZaloDoor
from connectors.channels.zalo.events import Account
from connectors.channels.zalo.routes import zalo_router
from connectors.channels.zalo.signature import HEADER
from connectors.channels.zalo.tokenfile import TokenFile
from connectors.channels.zalo.tokens import Tokens
from connectors.doors import last_heard
from tests.connectors.small_gateway import Ask, SmallGateway, small_gateway
from tests.simulators.telegram import TelegramServer
from tests.simulators.zalo import Fault, Zalo
from tests.virtual_time import VirtualLoop

SECRET = "a-secret_of-32-characters-or-so-x"
BEYOND_2_53 = 9_007_199_254_740_992


@dataclass(frozen=True)
class Delivery:
    """One request to the gateway, as the channel or the browser makes it."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def with_header(self, name: str, value: str) -> Delivery:
        return replace(self, headers={**self.headers, name: value})

    def without_header(self, name: str) -> Delivery:
        return replace(self, headers={key: value for key, value in self.headers.items() if key != name})


@dataclass(frozen=True)
class Bubble:
    """One message as a patron sees it, and the token behind each button."""

    text: str
    buttons: Mapping[str, str]


class Driver(Protocol):
    """A door. Patrons are numbers from 1; each has a conversation of their own."""

    gateway: SmallGateway
    limits: Limits | None  # of a pushed door

    async def fresh(self, who: int, text: str) -> Delivery:
        """Return a genuine delivery of these words that has not been brought yet."""
        ...

    async def fresh_press(self, who: int, token: str) -> Delivery:
        """Return a genuine delivery of a tap on a button with this token."""
        ...

    def forgeries(self, genuine: Delivery) -> list[Delivery]:
        """Return deliveries that are not the channel's, or not this patron's."""
        ...

    async def bring(self, delivery: Delivery) -> int:
        """Return the HTTP status that the gateway answers."""
        ...

    async def shown(self, who: int) -> list[Bubble]:
        """Return all that the patron was shown, in order."""
        ...

    def refusals(self) -> list[Any]:
        """Return what the channel refused."""
        ...

    async def settle(self) -> None:
        """Return when everything is answered, sent and seen."""
        ...


class PushedDriver(Driver, Protocol):
    """A door whose channel is pushed to, and may not take it."""

    async def leaves(self, who: int) -> None: ...

    async def comes_back(self, who: int) -> None: ...

    def ail(self, times: int) -> None:
        """Let the next calls to the channel fail for reasons of its own."""
        ...


class _Knocking:
    """What the drivers share: a line to the gateway's routes, on which deliveries can be held."""

    def __init__(self, gateway: SmallGateway, router: APIRouter) -> None:
        self.gateway = gateway
        app = FastAPI()
        app.include_router(router)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self.line = httpx.AsyncClient(transport=transport, base_url="http://library.test")

    async def bring(self, delivery: Delivery) -> int:
        answered = await self.line.post(delivery.path, content=delivery.body, headers=dict(delivery.headers))
        return answered.status_code


class _Pushed(_Knocking):
    path = ""

    def __init__(self, gateway: SmallGateway, router: APIRouter, door: PushDoor) -> None:
        super().__init__(gateway, router)
        self.limits: Limits | None = door.limits
        self._holding = False
        self._held: list[Delivery] = []

    async def knock(self, headers: Mapping[str, str], body: bytes) -> int:
        delivery = Delivery(self.path, dict(headers), body)
        if self._holding and b"oa_send" not in body:
            self._held.append(delivery)
            return 200
        return await self.bring(delivery)

    def hold(self) -> None:
        self._holding = True

    def held(self) -> Delivery:
        self._holding = False
        return self._held.pop()


class TelegramDriver(_Pushed):
    path = PATH

    def __init__(self, gateway: SmallGateway, router: APIRouter, door: TelegramDoor, server: TelegramServer) -> None:
        super().__init__(gateway, router, door)
        self.server = server

    async def fresh(self, who: int, text: str) -> Delivery:
        self.hold()
        self.server.says(BEYOND_2_53 + who, text)
        await self.server.courier.idle()
        return self.held()

    async def fresh_press(self, who: int, token: str) -> Delivery:
        self.hold()
        self.server.taps_data(BEYOND_2_53 + who, token)
        await self.server.courier.idle()
        return self.held()

    def forgeries(self, genuine: Delivery) -> list[Delivery]:
        wrong = [genuine.with_header(SECRET_HEADER, shown) for shown in ("", SECRET[:-1], SECRET + "x", SECRET.upper())]
        return [genuine.without_header(SECRET_HEADER), *wrong]

    async def shown(self, who: int) -> list[Bubble]:
        return [
            Bubble(one.text, {button["text"]: button.get("callback_data", "") for row in one.buttons for button in row})
            for one in self.server.shown_to(BEYOND_2_53 + who)
        ]

    async def leaves(self, who: int) -> None:
        self.server.blocks(BEYOND_2_53 + who)

    async def comes_back(self, who: int) -> None:
        self.server.unblocks(BEYOND_2_53 + who)
        await self.server.courier.idle()

    def ail(self, times: int) -> None:
        self.server.refuse("sendMessage", 502, "Bad Gateway", times)

    def refusals(self) -> list[Any]:
        return self.server.api.refused

    async def settle(self) -> None:
        for _ in range(2):
            await self.server.courier.idle()
            await self.gateway.switchboard.idle()
            await self.gateway.deliverer.idle()


class ZaloDriver(_Pushed):
    path = "/zalo/webhook"

    def __init__(self, gateway: SmallGateway, router: APIRouter, door: ZaloDoor, zalo: Zalo) -> None:
        super().__init__(gateway, router, door)
        self.zalo = zalo

    def _user(self, who: int) -> str:
        return str(2_468_455_835_291_970_000 + who)

    async def fresh(self, who: int, text: str) -> Delivery:
        self.hold()
        self.zalo.says(self._user(who), text)
        await self.zalo.webhooks.idle()
        return self.held()

    async def fresh_press(self, who: int, token: str) -> Delivery:
        return await self.fresh(who, token if token.startswith("#") else f"#{token}")

    def forgeries(self, genuine: Delivery) -> list[Delivery]:
        mac = genuine.headers[HEADER]
        wrong = [genuine.with_header(HEADER, shown) for shown in ("", "mac=", mac[:-1], mac.replace("mac=", ""))]
        changed = [
            replace(genuine, body=genuine.body.replace(self._user(1).encode(), self._user(2).encode())),
            replace(genuine, body=genuine.body + b" "),
        ]
        return [genuine.without_header(HEADER), *wrong, *changed]

    async def shown(self, who: int) -> list[Bubble]:
        return [
            Bubble(one.text, {choice.title: choice.payload for choice in one.choices})
            for one in self.zalo.shown_to(self._user(who))
        ]

    async def leaves(self, who: int) -> None:
        self.zalo.unfollows(self._user(who))

    async def comes_back(self, who: int) -> None:
        self.zalo.follows(self._user(who))
        await self.zalo.webhooks.idle()

    def ail(self, times: int) -> None:
        self.zalo.faults.extend(Fault(status=502) for _ in range(times))

    def refusals(self) -> list[Any]:
        return [error for error in self.zalo.calls if error != 0]

    async def settle(self) -> None:
        for _ in range(2):
            await self.gateway.switchboard.idle()
            await self.gateway.deliverer.idle()
            await self.zalo.webhooks.idle()


class WebDriver(_Knocking):
    limits: Limits | None = None

    def __init__(self, gateway: SmallGateway, router: APIRouter) -> None:
        super().__init__(gateway, router)
        self._opened: dict[int, tuple[str, str]] = {}
        self._ids = 0

    async def fresh(self, who: int, text: str) -> Delivery:
        return await self._post(who, {"text": text})

    async def fresh_press(self, who: int, token: str) -> Delivery:
        return await self._post(who, {"payload": token})

    async def _post(self, who: int, said: dict[str, str]) -> Delivery:
        conversation, token = await self._open(who)
        self._ids += 1
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps({"id": f"m{self._ids}", **said}).encode()
        return Delivery(f"/api/conversations/{conversation}/messages", headers, body)

    def forgeries(self, genuine: Delivery) -> list[Delivery]:
        token = genuine.headers["Authorization"]
        foreign = [f"Bearer {other}" for _conversation, other in self._opened.values() if other not in token]
        wrong = ("", "Bearer ", token[:-1], token.replace("Bearer", "Basic"), *foreign)
        return [
            genuine.without_header("Authorization"),
            *(genuine.with_header("Authorization", shown) for shown in wrong),
        ]

    async def shown(self, who: int) -> list[Bubble]:
        conversation, token = await self._open(who)
        answered = await self.line.get(
            f"/api/conversations/{conversation}/history", headers={"Authorization": f"Bearer {token}"}
        )
        said = (reply for entry in answered.json() if entry["from"] == "library" for reply in entry["replies"])
        return [
            Bubble(reply["text"], {button["title"]: button["payload"] or "" for button in reply["buttons"]})
            for reply in said
        ]

    def refusals(self) -> list[Any]:
        return []

    async def settle(self) -> None:
        await self.gateway.switchboard.idle()

    async def _open(self, who: int) -> tuple[str, str]:
        if who not in self._opened:
            opened = (await self.line.post("/api/conversations")).json()
            self._opened[who] = (opened["conversation"], opened["token"])
        return self._opened[who]


class _Exchange:
    """What the web door asks of the switchboard."""

    def __init__(self, gateway: SmallGateway) -> None:
        self._gateway = gateway

    async def open_conversation(self) -> tuple[str, str]:
        now = self._gateway.clock()
        return await self._gateway.store.write(lambda db: mailbox.open_conversation(db, "web", now))

    async def conversation_of(self, token: str) -> str | None:
        return await self._gateway.store.read(lambda db: mailbox.conversation_of(db, token))

    async def receive(self, message: Message) -> tuple[str, bool]:
        accepted = await self._gateway.switchboard.receive(message)
        return accepted.message_id, accepted.new

    async def replies_to(self, conversation_id: str, message_id: str, wait_s: float) -> list[Sent]:
        return await self._gateway.switchboard.final_for(conversation_id, message_id, wait_s)

    def follow(self, conversation_id: str, after: int, beat_s: float) -> AsyncIterator[Sent | None]:
        return self._gateway.switchboard.follow(conversation_id, after, beat_s)

    async def history(self, conversation_id: str) -> list[dict[str, Any]]:
        return await self._gateway.store.read(lambda db: mailbox.history(db, conversation_id))


@asynccontextmanager
async def telegram(loop: VirtualLoop, folder: Path, ask: Ask) -> AsyncIterator[PushedDriver]:
    drivers: list[TelegramDriver] = []

    async def knock(headers: Mapping[str, str], body: bytes) -> int:
        return await drivers[0].knock(headers, body)

    server = TelegramServer(clock=loop.clock, deliver=knock)
    door = TelegramDoor(telegram_bot(server.token, "http://telegram.test", httpx.ASGITransport(server.app)))
    await introduce(
        door, lambda meaning, lang: f"{meaning} {lang}", Webhook(f"https://thuvien.example.vn{PATH}", SECRET)
    )
    async with small_gateway(loop, folder / "gateway.sqlite", ask, doors={door.name: door}) as gateway:
        drivers.append(TelegramDriver(gateway, telegram_router(door, gateway.reception, SECRET), door, server))
        yield drivers[0]
        await drivers[0].line.aclose()
    await server.close()
    await door.close()


@asynccontextmanager
async def zalo(loop: VirtualLoop, folder: Path, ask: Ask) -> AsyncIterator[PushedDriver]:
    drivers: list[ZaloDriver] = []

    async def knock(headers: Mapping[str, str], body: bytes) -> int:
        return await drivers[0].knock(headers, body)

    channel = Zalo(loop.clock, knock)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(channel.app))
    secrets = {
        "app_id": channel.app_id,
        "app_secret": channel.app_secret,
        "settings_token": channel.first_refresh_token,
    }
    tokens = Tokens(client, "http://zalo.test", TokenFile(folder / "token.json"), loop.clock, **secrets)
    door = ZaloDoor(
        ZaloApi(client, "http://zalo.test"),
        tokens,
        loop.clock,
        lambda address: last_heard(drivers[0].gateway.store, "zalo", address),
        mode="buttons",
        paid=False,
        requests_per_minute=100,
    )
    async with small_gateway(loop, folder / "gateway.sqlite", ask, doors={door.name: door}) as gateway:
        ours = Account(channel.app_id, channel.oa_id)
        secret = {"oa_secret": channel.oa_secret, "app_secret": channel.app_secret}
        router = zalo_router(gateway.reception, ours, **secret, clock=loop.clock)
        drivers.append(ZaloDriver(gateway, router, door, channel))
        yield drivers[0]
        await drivers[0].line.aclose()
    await channel.close()
    await tokens.close()
    await client.aclose()


@asynccontextmanager
async def web(loop: VirtualLoop, folder: Path, ask: Ask) -> AsyncIterator[Driver]:
    async def may_open(_request: Request) -> bool:
        return True

    async with small_gateway(loop, folder / "gateway.sqlite", ask) as gateway:
        driver = WebDriver(gateway, web_router(_Exchange(gateway), may_open))
        yield driver
        await driver.line.aclose()
