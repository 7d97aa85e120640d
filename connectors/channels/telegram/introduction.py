"""Makes us known to Telegram at the start: who we are, where to knock, what the command menu shows."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import BotCommand
from telegram.error import BadRequest, InvalidToken, RetryAfter

from connectors.channels.port import TYPED
from connectors.channels.telegram.commands import MENU
from connectors.channels.telegram.door import TelegramDoor
from connectors.channels.telegram.refusals import retry_after_s
from connectors.channels.telegram.updates import KINDS, Me

logger = logging.getLogger(__name__)

CONNECTIONS = 40  # webhooks at once
BACK_OFF_S = (1.0, 5.0, 15.0, 60.0, 300.0)

Describe = Callable[[str, str], str]


@dataclass(frozen=True)
class Webhook:
    url: str  # public, https
    secret: str


async def introduce(
    door: TelegramDoor,
    describe: Describe,
    webhook: Webhook | None = None,
    jitter: Callable[[], float] = random.random,
) -> None:
    """Return when Telegram knows all, however often it has to be asked.

    `describe(meaning, lang)` says in some words what a command of `port.COMMANDS` does.
    """
    steps: list[tuple[str, Callable[[], Awaitable[None]]]] = [("getMe", lambda: _learn_name(door))]
    if webhook:
        steps.append(("setWebhook", lambda: _set_webhook(door, webhook)))
    steps.append(("setMyCommands", lambda: _set_menu(door, describe)))
    for name, step in steps:
        await _until_done(name, step, jitter)
    logger.info("Telegram knows us bot=%s webhook=%s", door.me.username if door.me else "", webhook is not None)


async def _until_done(name: str, step: Callable[[], Awaitable[None]], jitter: Callable[[], float]) -> None:
    tries = 0
    while True:
        try:
            await step()
            return
        except Exception as exc:
            wait_s = BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)] * (0.75 + 0.5 * jitter())
            if isinstance(exc, RetryAfter):
                wait_s = retry_after_s(exc)
            level = logging.ERROR if isinstance(exc, InvalidToken | BadRequest) else logging.WARNING
            logger.log(level, "%s failed error=%s, again in %.0f s", name, _words(exc), wait_s)
            tries += 1
            await asyncio.sleep(wait_s)


def _words(exc: Exception) -> str:
    """Return what a person can mend: Telegram says what is wrong with the webhook's address or secret."""
    return f"{type(exc).__name__} ({exc.message})" if isinstance(exc, BadRequest) else type(exc).__name__


async def _learn_name(door: TelegramDoor) -> None:
    user = await door.bot.get_me()
    door.me = Me(user.id, user.username or "")


async def _set_webhook(door: TelegramDoor, webhook: Webhook) -> None:
    # Each start: `getWebhookInfo` does not tell which secret is set, and the same again changes nothing there.
    await door.bot.set_webhook(
        webhook.url, max_connections=CONNECTIONS, allowed_updates=list(KINDS), secret_token=webhook.secret
    )


async def _set_menu(door: TelegramDoor, describe: Describe) -> None:
    default = next(iter(MENU))
    for lang, words in MENU.items():
        commands = [BotCommand(word, describe(TYPED[word], lang)) for word in words]
        await door.bot.set_my_commands(commands, language_code=lang)
        if lang == default:
            await door.bot.set_my_commands(commands)
