"""The pushed doors that the settings open: built, given their reception, and kept running beside the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from fastapi import APIRouter
from sqlalchemy import select

from connectors.channels.port import DoorShut, NotSent, PushDoor, Reception
from connectors.channels.telegram.bot import telegram_bot
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.introduction import Webhook, introduce
from connectors.channels.telegram.polling import poll
from connectors.channels.telegram.routes import PATH, telegram_router
from connectors.channels.zalo.api import ZaloApi
from connectors.channels.zalo.door import ZaloDoor
from connectors.channels.zalo.events import Account
from connectors.channels.zalo.routes import zalo_router
from connectors.channels.zalo.tokenfile import TokenFile
from connectors.channels.zalo.tokens import Tokens
from connectors.channels.zalobot import StaffAlerts
from connectors.clock import Clock
from connectors.messages import sentence
from connectors.settings import AlertsSection, Settings, TelegramSection, ZaloSection
from connectors.store import Store, conversations

logger = logging.getLogger(__name__)

RENEW_S = 24 * 3600.0

Alarm = Callable[[str, str], None]


@dataclass
class Doors:
    """`push` sends, `open_to(reception)` gives the webhooks' routes and what runs for as long as the server does."""

    push: dict[str, PushDoor] = field(default_factory=dict)
    telegram: TelegramDoor | None = None
    routes: list[Callable[[Reception], APIRouter]] = field(default_factory=list)
    errands: list[Callable[[Reception], Coroutine[Any, Any, None]]] = field(default_factory=list)
    closing: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    _running: list[asyncio.Task[None]] = field(default_factory=list)

    def routers(self, reception: Reception) -> list[APIRouter]:
        return [make(reception) for make in self.routes]

    def start(self, reception: Reception) -> None:
        """Begin what runs beside the server: polling, making ourselves known."""
        self._running = [asyncio.create_task(errand(reception)) for errand in self.errands]

    async def stop(self) -> None:
        """Take nothing more in."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def close(self) -> None:
        """Let go of the channels, once nothing is being sent."""
        for close in self.closing:
            await close()


def open_doors(settings: Settings, store: Store, clock: Clock, alarm: Alarm) -> Doors:
    """Return the doors that have a section in the settings. Nothing is asked of any channel yet."""
    doors = Doors()
    if settings.telegram:
        _open_telegram(doors, settings.telegram, settings.public_url)
    if settings.zalo:
        _open_zalo(doors, settings.zalo, store, clock, alarm)
    return doors


def _open_telegram(doors: Doors, section: TelegramSection, public_url: str) -> None:
    door = TelegramDoor(telegram_bot(section.token, section.api), in_group=sentence("in_group", "vi"))
    webhook = None
    if section.updates == "webhook" and section.secret:
        secret = section.secret
        webhook = Webhook(public_url + PATH, secret)
        doors.routes.append(lambda reception: telegram_router(door, reception, secret))
    else:
        doors.errands.append(lambda reception: poll(door, reception))
    doors.errands.append(lambda _reception: introduce(door, _describe, webhook))
    doors.push[door.name] = doors.telegram = door
    doors.closing.append(door.close)


def _describe(command: str, lang: str) -> str:
    """Return what a command does, as Telegram's menu shows it."""
    return sentence(f"command_{command}", lang)


def _open_zalo(doors: Doors, section: ZaloSection, store: Store, clock: Clock, alarm: Alarm) -> None:
    client = httpx.AsyncClient(timeout=20.0)
    tokens = Tokens(
        client,
        section.oauth,
        TokenFile(section.token_file),
        clock,
        app_id=section.app_id,
        app_secret=section.app_secret,
        settings_token=section.refresh_token,
    )
    door = ZaloDoor(
        ZaloApi(client, section.api),
        tokens,
        clock,
        lambda address: last_heard(store, "zalo", address),
        mode=section.buttons,
        paid=section.paid,
        requests_per_minute=section.requests_per_minute,
    )
    account = Account(section.app_id, section.oa_id)
    doors.push[door.name] = door
    doors.routes.append(
        lambda reception: zalo_router(
            reception, account, oa_secret=section.oa_secret, app_secret=section.app_secret, clock=clock, alarm=alarm
        )
    )
    doors.errands.append(lambda _reception: _keep_token_alive(tokens, alarm))
    doors.closing += [tokens.close, client.aclose]


async def _keep_token_alive(tokens: Tokens, alarm: Alarm) -> None:
    """Renew the tokens also while nobody writes: unused, a refresh token dies after three months."""
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            await tokens.access()
        except DoorShut as exc:
            alarm("zalo", exc.reason)
        except NotSent as exc:
            logger.info("the token is renewed another day channel=zalo reason=%s", exc.reason)


async def last_heard(store: Store, channel: str, address: str) -> datetime | None:
    """Return when the patron at this address was last heard, or None."""
    at = (conversations.c.channel == channel) & (conversations.c.address == address)
    heard_at = await store.read(lambda db: db.scalar(select(conversations.c.heard_at).where(at)))
    return datetime.fromisoformat(heard_at) if heard_at else None


def staff_alerts(
    section: AlertsSection,
) -> tuple[Callable[[str], Awaitable[object]] | None, Callable[[], Awaitable[None]]]:
    """Return what brings a text to the staff, None where no place is named; and what closes it at the end."""
    client = httpx.AsyncClient()
    if not (section.zalo_bot_token and section.zalo_bot_chats):
        return None, client.aclose
    alerts = StaffAlerts(client, section.zalo_bot_api, section.zalo_bot_token, section.zalo_bot_chats)
    return alerts.tell, client.aclose
