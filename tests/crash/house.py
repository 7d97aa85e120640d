"""The gateway without Rasa: the product's own store, switchboard, deliverer and doors around a dialogue that is handed
in, between simulated channels and a small library system, all in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
from fastapi import FastAPI, Request
from sqlalchemy import event

from connectors.channels.port import PushDoor, Reply
from connectors.channels.telegram.bot import telegram_bot
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.routes import PATH as TELEGRAM_PATH
from connectors.channels.telegram.routes import telegram_router
from connectors.channels.web import web_router
from connectors.channels.zalo.api import ZaloApi
from connectors.channels.zalo.door import ZaloDoor
from connectors.channels.zalo.events import Account
from connectors.channels.zalo.routes import zalo_router
from connectors.channels.zalo.tokenfile import TokenFile
from connectors.channels.zalo.tokens import Tokens
from connectors.clock import Clock
from connectors.deeds import JournaledDeeds
from connectors.delivery import Alarm, Deliverer
from connectors.desk import StoredDesk
from connectors.dialogue import Dialogue
from connectors.doors import last_heard
from connectors.exchange import WebExchange
from connectors.handover import Handover
from connectors.messages import say
from connectors.privacy import StoredPrivacy
from connectors.reception import DoorReception
from connectors.store import Store
from connectors.switchboard import Switchboard
from connectors.turns import OpenTurns
from tests.crash import asgi
from tests.crash.files import Files
from tests.crash.library_system import SmallLibrary
from tests.crash.script import FIRST_CONTACT
from tests.simulators.telegram import TelegramServer
from tests.simulators.zalo import Zalo

CARD_PATTERN = r"\bDT\d{6}\b"
SECRET = "a-secret-that-only-telegram-knows"
ZALO_PATH = "/zalo/webhook"
IDLE = timedelta(minutes=30)
STATEMENTS: dict[Any, Any] = {}  # compiled once in the parent of forked children, not in every child
Point = Callable[[str], None]  # passes the crash point of this name
MakeDialogue = Callable[[JournaledDeeds, StoredDesk, StoredPrivacy], Dialogue]


class House:
    """One life of the gateway. `settings_token` is the refresh token that Zalo's console gave out."""

    def __init__(
        self,
        files: Files,
        clock: Clock,
        telegram: TelegramServer,
        zalo: Zalo,
        make_dialogue: MakeDialogue,
        *,
        settings_token: str,
        alarm: Alarm = lambda _channel, _reason: None,
        point: Point = lambda _where: None,
        loses_reply_of: frozenset[str] = frozenset(),
    ) -> None:
        self.store = Store(files.gateway)
        self.store.engine.update_execution_options(compiled_cache=STATEMENTS)
        pass_points_at_commits(self.store, point)
        doors = self._doors(files, clock, telegram, zalo, settings_token, point)
        self.deliverer = Deliverer(self.store, doors, clock, alarm=alarm, jitter=lambda: 0.5)
        library = SmallLibrary(files.library, partial(point, "a write of the library system"), loses_reply_of)
        deeds = JournaledDeeds(self.store, library)  # type: ignore[arg-type]
        self.switchboard = Switchboard(
            self.store,
            make_dialogue(deeds, StoredDesk(self.store), StoredPrivacy(self.store, "https://thuvien.example")),
            OpenTurns(),
            clock,
            card_pattern=CARD_PATTERN,
            without_dialogue=_apologise,
            own_words={"privacy": _privacy, "export": _privacy},
            first_contact=_first_contact,
            announce=self.deliverer.wake,
        )
        self.handover = Handover(self.store, clock, self.switchboard.announce, idle=IDLE, idle_if_unsure=IDLE / 3)
        self.reception = DoorReception(
            self.store,
            self.switchboard,
            self.handover,
            doors,
            clock,
            card_pattern=CARD_PATTERN,
            first_contact=_first_contact,
        )
        self.app = FastAPI()
        self.app.include_router(web_router(WebExchange(self.store, self.switchboard, clock), _anybody))
        self.app.include_router(telegram_router(self._telegram, self.reception, SECRET))
        secrets = {"oa_secret": zalo.oa_secret, "app_secret": zalo.app_secret}
        self.app.include_router(zalo_router(self.reception, Account(zalo.app_id, zalo.oa_id), clock=clock, **secrets))

    def _doors(
        self, files: Files, clock: Clock, telegram: TelegramServer, zalo: Zalo, settings_token: str, point: Point
    ) -> dict[str, PushDoor]:
        line = PointedLine(httpx.ASGITransport(telegram.app), point)
        self._telegram = TelegramDoor(telegram_bot(telegram.token, "http://telegram.test", line))
        client = httpx.AsyncClient(transport=PointedLine(httpx.ASGITransport(zalo.app), point))
        secrets = {"app_id": zalo.app_id, "app_secret": zalo.app_secret, "settings_token": settings_token}
        tokens = Tokens(client, "http://zalo.test", TokenFile(files.zalo_token), clock, **secrets)
        api = ZaloApi(client, "http://zalo.test")
        heard = partial(last_heard, self.store, "zalo")
        at_zalo = ZaloDoor(api, tokens, clock, heard, mode="buttons", paid=False, requests_per_minute=100)
        self._closing = [self._telegram.close, tokens.close, client.aclose]
        return {"telegram": self._telegram, "zalo": at_zalo}

    async def take_from_telegram(self, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of Telegram's webhook."""
        return (await asgi.request(self.app, "POST", TELEGRAM_PATH, headers, body))[0]

    async def take_from_zalo(self, headers: Mapping[str, str], body: bytes) -> int:
        """Return the status of Zalo's webhook."""
        return (await asgi.request(self.app, "POST", ZALO_PATH, headers, body))[0]

    async def recover(self) -> None:
        await self.switchboard.recover()
        await self.deliverer.recover()

    async def idle(self) -> None:
        """Return when nothing is being answered or sent."""
        await self.switchboard.idle()
        await self.deliverer.idle()

    def left_in_memory(self) -> list[Any]:
        """Return what is still remembered of messages; empty when all are answered and sent."""
        board, workers = self.switchboard, (self.switchboard.workers, self.deliverer.workers)
        return [one for one in (*workers, *(crew._called for crew in workers), board._failures) if one]

    async def close(self) -> None:
        await self.reception.close()
        await self.switchboard.close()
        await self.deliverer.close()
        for close in self._closing:
            await close()
        self.store.close()


class PointedLine(httpx.AsyncBaseTransport):
    """A channel's line that passes a point before and after each call."""

    def __init__(self, line: httpx.AsyncBaseTransport, point: Point) -> None:
        self._line = line
        self._point = point

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._point(f"before a call of {request.url.path}")
        response = await self._line.handle_async_request(request)
        self._point(f"after a call of {request.url.path}")
        return response


def pass_points_at_commits(store: Store, point: Point) -> None:
    """Pass one point just before each commit and one just after it."""
    committing = False

    def before(_connection: Any) -> None:
        nonlocal committing
        committing = True
        point("before a commit")

    def after(_dbapi_connection: Any, _record: Any) -> None:
        nonlocal committing
        if committing:
            committing = False
            point("after a commit")

    event.listen(store.engine, "commit", before)
    event.listen(store.engine, "checkin", after)


async def _apologise(_text: str, lang: str) -> tuple[Reply, ...]:
    return (say("fallback", lang),)


async def _privacy(_turn: Any, _lang: str) -> Reply:
    return Reply("Về dữ liệu của bạn")


def _first_contact(_lang: str) -> Reply:
    return Reply(FIRST_CONTACT)


async def _anybody(_request: Request) -> bool:
    return True
