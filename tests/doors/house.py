"""The whole product with its three doors: real Rasa behind it, a simulated Telegram and Zalo before it; on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import httpx
from sqlalchemy import Connection

from connectors.app import Gateway, build, serving, web_app
from connectors.channels.telegram.routes import PATH as TELEGRAM_PATH
from connectors.clock import VIETNAM, SettableClock
from connectors.preparing import load_demo_patrons
from connectors.processes import Wiring, rasa_command, rasa_environment, start, stop
from connectors.settings import Settings, TelegramSection, ZaloSection, load_settings
from connectors.staff.accounts import add_staff
from library.calendar import LibraryCalendar
from library.ils import ILS
from retrieval.answers import Answer, AnswerBook
from tests.connectors.console.desk import NAME, PASSWORD, Librarian, sign_in
from tests.doors.worlds import Worlds
from tests.product.product import CHECKOUT, copy_library, free_port
from tests.simulators.telegram import TelegramServer
from tests.simulators.zalo import Rules, Zalo

START = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)  # a Tuesday; every branch is open
SECRET = "telegram-knocks-with-this_0123456789"
PUBLIC_URL = "https://hoi.thuvien.example"
LIBRARYS_SITE = "https://thuvien.example"  # may use the chat in its pages
# A connection kept from before a restart would break at its next use.
AFRESH = httpx.Limits(max_keepalive_connections=0)
READY_WITHIN_S = 120.0
OFTEN = 100_000  # messages a minute: Zalo's usual hundred would make the journeys last


HOUSE_RULES = Answer(
    key="noi-quy-day-du",
    topic="Nội quy",
    question="Nội quy kho sách quý hiếm thế nào?",
    phrasings=("nội quy kho sách quý hiếm",),
    # Longer than any door's message.
    answer="\n".join(f"Điều {n}. " + "Bạn đọc giữ gìn tài liệu quý như của chính mình. " * 3 for n in range(1, 36)),
    source="Nội quy (bản thử)",
)


@dataclass(frozen=True)
class Knock:
    """A webhook as it came to the gateway."""

    door: str
    headers: Mapping[str, str]
    body: bytes
    status: int  # 0: nobody answered


@dataclass(frozen=True)
class Weather:
    """How webhooks fare between a channel and us: `lost()` on the way in, `unanswered()` when they were taken.

    `age()` is how long ago what a patron says now was said by the channel's clock.
    """

    lost: Callable[[], bool] = lambda: False
    unanswered: Callable[[], bool] = lambda: False
    age: Callable[[], timedelta] = timedelta
    copies_s: Callable[[], Sequence[float]] = lambda: (0.0,)  # when each copy of a Zalo event sets out
    twice: Callable[[], bool] = lambda: False  # whether Telegram brings an update again


FAIR = Weather()


@dataclass(repr=False)  # a failing test shows what it was given: written out, this one fills the memory
class House:
    """`gateway` is the one that serves now; `restart` builds another one on the same files."""

    settings: Settings
    wiring: Wiring
    clock: SettableClock
    ils: Worlds
    telegram: TelegramServer
    zalo: Zalo
    web: httpx.AsyncClient
    weather: Weather = FAIR
    knocks: list[Knock] = field(default_factory=list)
    restarts: int = 0
    _gateway: Gateway | None = None
    _serving: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _librarian: Librarian | None = None
    stands: asyncio.Event = field(default_factory=asyncio.Event)
    _needed: int = 0
    _signing_in: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def gateway(self) -> Gateway:
        assert self._gateway
        return self._gateway

    async def open(self) -> None:
        """Return when every part answers, search by meaning included."""
        gateway = build(self.settings, self.wiring, clock=self.clock, ils=cast(ILS, self.ils))
        app = web_app(self.settings, self.wiring, gateway, self.clock)
        await self._serving.enter_async_context(serving(app, self.settings.web.port))
        self._gateway = gateway
        await self._until(self._ready)
        self.stands.set()

    async def shut(self) -> None:
        await self._serving.aclose()

    async def restart(self) -> None:
        """Stop the gateway and build it anew on the same files, as soon as nobody needs it to stand."""
        self.stands.clear()
        while self._needed:
            await asyncio.sleep(0.01)
        await self.shut()
        self.restarts += 1
        await self.open()
        self.stands.set()

    @contextlib.asynccontextmanager
    async def standing(self) -> AsyncIterator[Gateway]:
        """Yield the gateway, which is not restarted meanwhile: for what no channel brings twice."""
        await self.stands.wait()
        self._needed += 1
        try:
            yield self.gateway
        finally:
            self._needed -= 1

    async def read(self, query: Callable[[Connection], Any]) -> Any:
        """Return what the query finds in the gateway's own file."""
        return await self.gateway.ground.store.read(query)

    def go_to(self, moment: datetime) -> None:
        """Let it be this time, unless it is later already: simulators' clocks do not go back."""
        self.clock.advance(max(moment.replace(tzinfo=VIETNAM) - self.clock(), timedelta()))

    async def knock(self, door: str, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status for a webhook; 0 when nobody answers."""
        path = TELEGRAM_PATH if door == "telegram" else "/zalo/webhook"
        status = 0
        if not self.weather.lost():
            with contextlib.suppress(httpx.HTTPError):
                status = (await self.web.post(path, headers=dict(headers), content=body)).status_code
        self.knocks.append(Knock(door, headers, body, status))
        return 0 if self.weather.unanswered() else status

    async def librarian(self) -> Librarian:
        """Return somebody signed in at the console; anew when the session has ended."""
        async with self._signing_in:
            if self._librarian is None:
                now = self.clock()
                await self.gateway.ground.store.write(lambda db: add_staff(db, NAME, PASSWORD, "content_admin", now))
                browser = httpx.AsyncClient(base_url=str(self.web.base_url), timeout=60.0, limits=AFRESH)
                self._librarian = Librarian(browser)
            if (await self._librarian.see("inbox")).status_code != 200:
                assert (await sign_in(self._librarian.browser)).status_code == 303
            return self._librarian

    async def close(self) -> None:
        if self._librarian:
            await self._librarian.browser.aclose()
        await self.zalo.close()
        await self.telegram.close()
        await self.shut()
        assert self.settings.telegram
        # Another who polls sends the last one away; Telegram's server would wait for it.
        here = f"{self.settings.telegram.api}/bot{self.telegram.token}/getUpdates"
        await self.web.post(here, json={"timeout": 0})
        await self.web.aclose()

    async def _ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return all((await self.web.get("/readyz")).json().values())
        return False

    async def _until(self, what: Callable[[], Any]) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not await what():
            assert time.monotonic() < deadline, "the product did not become ready"
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def house(
    folder: Path,
    *,
    polling: bool = False,
    rules: Rules | None = None,
    scales: tuple[float, float] = (1.0, 1.0),
    weather: Weather = FAIR,
    start_at: datetime = START,
) -> AsyncIterator[House]:
    """Yield the product, ready. Must run in the checkout's folder; everything is forgotten at the end.

    `scales` shorten the waits between retries, Telegram's and Zalo's.
    """
    clock, wiring = SettableClock(start_at), Wiring.fresh()
    settings = _settings(folder, polling)
    copy_library(settings.files.var)
    load_demo_patrons(settings, settings.ils.path, START.date())
    _put_up_the_house_rules(settings.files.var / "answers.sqlite")
    calendar = LibraryCalendar.load(settings.library.calendar)
    assert settings.telegram
    assert settings.zalo
    built: House

    async def to_telegrams_door(headers: Mapping[str, str], body: bytes) -> int:
        return await built.knock("telegram", headers, body)

    async def to_zalos_door(headers: Mapping[str, str], body: bytes) -> int:
        return await built.knock("zalo", headers, body)

    def zalos_time() -> datetime:
        return clock() - weather.age()

    telegram = TelegramServer(clock=clock, deliver=to_telegrams_door, scale=scales[0], twice=weather.twice)
    zalo = Zalo(zalos_time, to_zalos_door, scale=scales[1], rules=rules or Rules(per_minute=OFTEN))
    zalo.webhooks.disturb = weather.copies_s
    web = httpx.AsyncClient(base_url=f"http://127.0.0.1:{settings.web.port}", timeout=100.0, limits=AFRESH)
    built = House(settings, wiring, clock, Worlds(settings.ils.path, clock, calendar), telegram, zalo, web, weather)
    rasa = await start(rasa_command(settings, wiring), rasa_environment(settings, wiring))
    try:
        async with (
            serving(telegram.app, _port(settings.telegram.api)),  # type: ignore[arg-type]
            serving(zalo.app, _port(settings.zalo.api)),  # type: ignore[arg-type]
        ):
            await built.open()
            yield built
            await built.close()
    finally:
        await stop(rasa)


def _settings(folder: Path, polling: bool) -> Settings:
    demo = load_settings(CHECKOUT / "demo" / "library.toml")
    var, zalo_at = folder / "var", f"http://127.0.0.1:{free_port()}"
    telegram = TelegramSection.model_construct(
        token=TelegramServer().token,
        updates="polling" if polling else "webhook",
        secret=SECRET,
        api=f"http://127.0.0.1:{free_port()}",
    )
    known = Zalo(lambda: START, _nobody)
    zalo = ZaloSection.model_construct(
        app_id=known.app_id,
        oa_id=known.oa_id,
        app_secret=known.app_secret,
        oa_secret=known.oa_secret,
        refresh_token=known.first_refresh_token,
        token_file=var / "zalo_token.json",
        buttons="buttons",
        paid=False,
        requests_per_minute=OFTEN,
        api=zalo_at,
        oauth=zalo_at,
    )
    changed: dict[str, Any] = {
        "files": demo.files.model_copy(update={"var": var}),
        "ils": demo.ils.model_copy(update={"path": var / "ils.sqlite"}),
        "web": demo.web.model_copy(
            update={"port": free_port(), "public_url": PUBLIC_URL, "allowed_origins": (LIBRARYS_SITE,)}
        ),
        "telegram": telegram,
        "zalo": zalo,
    }
    return demo.model_copy(update=changed)


def _put_up_the_house_rules(path: Path) -> None:
    book = AnswerBook(path)
    number = book.draft(HOUSE_RULES, "thuthu", START)
    book.publish(HOUSE_RULES.key, number, "thuthu", START)
    book.close()


async def _nobody(_headers: Mapping[str, str], _body: bytes) -> int:
    return 0


def _port(address: str) -> int:
    return int(address.rsplit(":", 1)[1])
