"""Telegram and Zalo beside a running product, over HTTP on this machine, and patrons who talk through them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import re
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from connectors.app import serving
from connectors.clock import wall_clock
from tests.product.product import CHECKOUT, Product, free_port, thuthu, write_settings
from tests.simulators.telegram import TelegramServer
from tests.simulators.zalo import Zalo

# A gateway that is killed every few seconds is met by few of Zalo's own five retries, which grow ever rarer.
ZALO_LADDER_S = (1.5,) * 200
CALLS_PER_MINUTE = 6000
FIRST_CHAT = 2**53 + 1
SHOWN_OF_A_TITLE = 40  # characters; channels clip long ones


@dataclass
class Channels:
    """`settings` is what the product's settings need to find both; `acknowledged` holds seconds, by channel."""

    settings: str
    door_bell: httpx.AsyncClient
    url: str = ""
    acknowledged: dict[str, list[float]] = field(default_factory=lambda: {"telegram": [], "zalo": []})

    telegram: TelegramServer = field(init=False)
    zalo: Zalo = field(init=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Channels]:
        """Yield both channels, serving; they bring nothing before they know the product's `url`."""
        ports = free_port(), free_port()
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(timeout=10.0, limits=limits, trust_env=False) as door_bell:
            channels = cls("", door_bell)
            channels.telegram = TelegramServer(deliver=channels._to_telegram, http_webhooks=True)
            channels.zalo = Zalo(wall_clock, channels._to_zalo, ladder_s=ZALO_LADDER_S)
            channels.zalo.rules.per_minute = CALLS_PER_MINUTE
            channels.settings = _settings(folder, channels.telegram, channels.zalo, ports)
            async with serving(channels.telegram.app, ports[0]), serving(channels.zalo.app, ports[1]):
                yield channels
                await channels.telegram.close()
                await channels.zalo.close()

    async def until_known(self) -> None:
        """Return when the product has told Telegram where to bring updates."""
        while self.telegram.state.hook is None:
            await asyncio.sleep(0.1)

    async def _to_telegram(self, headers: Mapping[str, str], body: bytes) -> int:
        return await self._bring("telegram", headers, body)

    async def _to_zalo(self, headers: Mapping[str, str], body: bytes) -> int:
        return await self._bring("zalo", headers, body)

    async def _bring(self, channel: str, headers: Mapping[str, str], body: bytes) -> int:
        started = time.perf_counter()
        posted = await self.door_bell.post(f"{self.url}/{channel}/webhook", content=body, headers=dict(headers))
        self.acknowledged[channel].append(time.perf_counter() - started)
        return posted.status_code


def _settings(folder: Path, telegram: TelegramServer, zalo: Zalo, ports: tuple[int, int]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    secrets = {"token": telegram.token, "secret": "only-telegram-knows", "app": zalo.app_secret, "oa": zalo.oa_secret}
    for name, secret in {**secrets, "refresh": zalo.first_refresh_token}.items():
        (folder / f"{name}.secret").write_text(secret, encoding="utf-8")
    named = {name: f'{{ file = "{folder / name}.secret" }}' for name in (*secrets, "refresh")}
    return f"""
[telegram]
token = {named["token"]}
updates = "webhook"
secret = {named["secret"]}
api = "http://127.0.0.1:{ports[0]}"

[zalo]
app_id = "{zalo.app_id}"
oa_id = "{zalo.oa_id}"
app_secret = {named["app"]}
oa_secret = {named["oa"]}
refresh_token = {named["refresh"]}
token_file = "{folder / "zalo_token.json"}"
requests_per_minute = {CALLS_PER_MINUTE}
api = "http://127.0.0.1:{ports[1]}"
oauth = "http://127.0.0.1:{ports[1]}"
"""


@contextlib.contextmanager
def product_with(folder: Path, settings: str) -> Iterator[Product]:
    """Yield the product once it answers, its databases already in `folder`; stopped at the end."""
    port = free_port()
    config, log = write_settings(folder, port, settings), folder / "output.log"
    with log.open("ab") as output:
        process = thuthu(config, "run", stdout=output, stderr=subprocess.STDOUT, cwd=CHECKOUT)
    product = Product(f"http://127.0.0.1:{port}", config, folder / "var", log, process)
    try:
        product.wait_until_ready()
        yield product
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
        product.stop()


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[tuple[Product, Channels]]:
    """Yield a product whose three doors are open, its databases already in `folder`."""
    async with Channels.open(folder) as channels:
        house = product_with(folder, channels.settings)
        product = await asyncio.to_thread(house.__enter__)
        try:
            channels.url = product.url
            await channels.until_known()
            yield product, channels
        finally:
            await asyncio.to_thread(house.__exit__, None, None, None)


class Chat(ABC):
    """A patron's chat with the library in a pushed channel. What is done gives the key under which it is stored."""

    door: str

    def __init__(self, address: int) -> None:
        self.address = str(address)

    @abstractmethod
    def says(self, text: str) -> str: ...

    @abstractmethod
    def taps(self, title: str) -> str:
        """Tap the newest choice whose title begins so. Raises LookupError when none is drawn."""

    @abstractmethod
    def shown(self) -> list[tuple[str, str, float]]:
        """Return the id and text of each bubble, and when it was shown (seconds since 1970), in order."""

    def chooses(self, title: str) -> str:
        """Tap the choice, or say its number where it is written."""
        beginning = title[:SHOWN_OF_A_TITLE]
        with contextlib.suppress(LookupError):
            return self.taps(beginning)
        for _, text, _ in reversed(self.shown()):
            if found := re.search(rf"^(\d+)\. {re.escape(beginning)}", text, re.MULTILINE):
                return self.says(found[1])
        raise LookupError(title)


class TelegramChat(Chat):
    door = "telegram"

    def __init__(self, server: TelegramServer, address: int) -> None:
        super().__init__(address)
        self._server = server

    def says(self, text: str) -> str:
        return self._key(self._server.says(int(self.address), text))

    def taps(self, title: str) -> str:
        for shown in reversed(self._server.shown_to(int(self.address))):
            for whole in (whole for whole in shown.titles() if whole.startswith(title)):
                return self._key(self._server.taps(int(self.address), whole))
        raise LookupError(title)

    def shown(self) -> list[tuple[str, str, float]]:
        return [(str(one.message_id), one.text, one.at) for one in self._server.shown_to(int(self.address))]

    def _key(self, update_id: int) -> str:
        update = json.loads(self._server.state.bodies[update_id][1])
        if tap := update.get("callback_query"):
            return f"cb:{tap['id']}"
        return f"m:{self.address}:{update['message']['message_id']}"


class ZaloChat(Chat):
    """Now and then a webhook comes twice."""

    door = "zalo"

    def __init__(self, zalo: Zalo, address: int) -> None:
        super().__init__(address)
        self._zalo = zalo

    def says(self, text: str) -> str:
        return f"m:{self._zalo.says(self.address, text, self._delays())}"

    def taps(self, title: str) -> str:
        drawn = [choice.title for one in self._zalo.shown_to(self.address) for choice in one.choices]
        whole = next((one for one in reversed(drawn) if one.startswith(title)), title)
        said = self._zalo.taps(self.address, whole, self._delays())
        if said is None:
            raise LookupError(f"{title} opens a page")
        return f"m:{said}"

    def shown(self) -> list[tuple[str, str, float]]:
        return [(one.msg_id, one.text, one.at.timestamp()) for one in self._zalo.shown_to(self.address)]

    @staticmethod
    def _delays() -> tuple[float, ...]:
        return (0.0, 0.2) if random.random() < 0.1 else (0.0,)


def chats(channels: Channels, each: int) -> list[Chat]:
    """Return so many chats at either channel."""
    numbers = itertools.count(FIRST_CHAT, 2)
    at_telegram = [TelegramChat(channels.telegram, next(numbers)) for _ in range(each)]
    return [*at_telegram, *(ZaloChat(channels.zalo, next(numbers)) for _ in range(each))]
