"""What `thuthu check` asks of Telegram and Zalo: whether they know us, and whether they reach us."""

from __future__ import annotations

import asyncio

import httpx
from telegram.error import Forbidden, InvalidToken, TelegramError

from connectors.channels.telegram.bot import telegram_bot
from connectors.channels.telegram.routes import PATH
from connectors.channels.zalo.tokenfile import TokenFile
from connectors.settings import Settings, TelegramSection, ZaloSection

ACCOUNT = "/v2.0/oa/getoa"
ASKS_S = 15.0
SHUT = "shut: no [{name}] section in the settings"


class DoorWrong(Exception):
    """What is wrong with a door and what to do."""


def check_telegram(settings: Settings) -> str:
    """Return how the door stands. Raises DoorWrong."""
    section = settings.telegram
    if section is None:
        return SHUT.format(name="telegram")
    if section.updates == "webhook" and not settings.public_url.startswith("https://"):
        raise DoorWrong('Telegram calls only https addresses: set [web] public_url, or updates = "polling"')
    try:
        return asyncio.run(_ask_telegram(section, settings.public_url))
    except (InvalidToken, Forbidden) as exc:
        raise DoorWrong("Telegram does not know the token: copy it again from @BotFather") from exc
    except TelegramError as exc:
        raise DoorWrong(
            f"Telegram at {section.api} did not answer ({type(exc).__name__}): is there a network?"
        ) from exc


async def _ask_telegram(section: TelegramSection, public_url: str) -> str:
    bot = telegram_bot(section.token, section.api)
    try:
        me, hook = await bot.get_me(), await bot.get_webhook_info()
    finally:
        await bot.close_connections()
    if section.updates == "polling":
        return f"@{me.username}, asked for news from here"
    if hook.url != public_url + PATH:
        return f"@{me.username}; the webhook will be set at the next start"
    if hook.last_error_message:
        raise DoorWrong(f"Telegram could not reach {hook.url}: {hook.last_error_message}")
    return f"@{me.username}, webhook {hook.url}, {hook.pending_update_count} waiting"


def check_zalo(settings: Settings) -> str:
    """Return how the door stands. Raises DoorWrong. No token is used up: a refresh token works only once."""
    section = settings.zalo
    if section is None:
        return SHUT.format(name="zalo")
    pair = TokenFile(section.token_file).read()
    if pair is None:
        return "no access token yet: the first one is fetched when something is to be sent"
    try:
        return _account(section, pair.access)
    except (httpx.HTTPError, ValueError, AttributeError) as exc:
        raise DoorWrong(
            f"Zalo at {section.api} gave no usable answer ({type(exc).__name__}): is there a network, and a Vietnamese "
            "address? Zalo may refuse others"
        ) from exc


def _account(section: ZaloSection, access_token: str) -> str:
    headers = {"access_token": access_token}
    answer = httpx.get(section.api.rstrip("/") + ACCOUNT, headers=headers, timeout=ASKS_S).json()
    error = answer.get("error", 0)
    if error:
        raise DoorWrong(f"Zalo refuses us (error {error}): see docs/operating.md, “Zalo”")
    data = answer.get("data") or {}
    if str(data.get("oaid") or data.get("oa_id") or section.oa_id) != section.oa_id:
        raise DoorWrong("the token belongs to another Official Account than [zalo] oa_id")
    return f"{data.get('name', 'Official Account')}, webhook at /zalo/webhook"
