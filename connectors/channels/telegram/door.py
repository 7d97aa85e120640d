"""Sends one part at a time to a chat, in plain text: what a title or a patron's name holds is never markup."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from telegram import LinkPreviewOptions
from telegram.constants import ChatAction
from telegram.error import TelegramError

from connectors.channels.port import Limits, Part, PlainerPlease, Refused, Unreachable
from connectors.channels.telegram.bot import UNREADABLE, LibraryBot
from connectors.channels.telegram.keyboard import drawable, keyboard
from connectors.channels.telegram.refusals import not_sent
from connectors.channels.telegram.updates import CHANNEL, Me

logger = logging.getLogger(__name__)

LONGEST = 4096  # UTF-16 units, of which a character takes one or, outside the first plane, two
# Half of it in characters: so any text within the limit fits, and addresses may be written below it.
LIMITS = Limits(text=LONGEST // 2, buttons=8, button_title=64, per_second=30.0, chat_every_s=1.0)
ERRANDS = 200  # gestures under way at once; more than so many are left out
INVITE_AGAIN_S = 3600.0
REMEMBERED_GROUPS = 1000


class TelegramDoor:
    """The `PushDoor` port. `in_group` is said, with our address, to a group that calls us."""

    name = CHANNEL
    echoes = False

    def __init__(self, bot: LibraryBot, in_group: str = "") -> None:
        self.bot = bot
        self.me: Me | None = None  # known once Telegram has told
        self._in_group = in_group
        self._errands: set[asyncio.Task[None]] = set()
        self._invited: OrderedDict[str, float] = OrderedDict()

    @property
    def limits(self) -> Limits:
        return LIMITS

    async def send(self, address: str, part: Part) -> str:
        part = written_out(part)
        return str(await self._send(_chat(address), part))

    async def _send(self, chat: int, part: Part) -> int:
        try:
            message = await self.bot.send_message(
                chat,
                part.text,
                reply_markup=keyboard(part.buttons),
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except TelegramError as exc:
            raise not_sent(exc) from None  # its words may repeat ours
        except UNREADABLE as exc:
            # It says ok: the message is there, and sent again it would be there twice.
            logger.error("Telegram's answer cannot be read error=%s", type(exc).__name__)
            return 0
        return message.message_id

    async def show_typing(self, address: str) -> None:
        try:
            await self.bot.send_chat_action(_chat(address), ChatAction.TYPING)
        except (TelegramError, Unreachable, *UNREADABLE) as exc:
            logger.debug("typing is not shown error=%s", type(exc).__name__)

    def answer_tap(self, tap: str) -> None:
        """Let the tapped button stop waiting, in the background; a tap too old to be answered is left alone."""
        self._run(self.bot.answer_callback_query(tap))

    def invite(self, group: str) -> None:
        """Ask a group to write to us alone, once in a while, in the background."""
        now = asyncio.get_running_loop().time()
        if self.me is None or not self._in_group or now - self._invited.get(group, -INVITE_AGAIN_S) < INVITE_AGAIN_S:
            return
        self._invited[group] = now
        if len(self._invited) > REMEMBERED_GROUPS:
            self._invited.popitem(last=False)
        said = f"{self._in_group}\nhttps://t.me/{self.me.username}"
        options = LinkPreviewOptions(is_disabled=True)
        self._run(self.bot.send_message(_chat(group), said, link_preview_options=options))

    async def close(self) -> None:
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        await self.bot.close_connections()

    def _run(self, errand: Coroutine[Any, Any, Any]) -> None:
        if len(self._errands) >= ERRANDS:
            errand.close()
            return
        task = asyncio.create_task(_quietly(errand))
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)


def written_out(part: Part) -> Part:
    """Return the part as Telegram takes it: an address it would refuse as a button stands in the text instead.

    Raises PlainerPlease when a token does not fit or the addresses do not, Refused for a text that can never be sent.
    """
    refused = [button for button in part.buttons if not drawable(button)]
    if any(button.url is None for button in refused):
        raise PlainerPlease("buttons")
    lines = [f"{button.title}: {button.url}" for button in refused]
    text = "\n".join([part.text, *lines])
    if not text.strip():
        raise PlainerPlease("empty") if part.buttons else Refused("empty")
    if _units(text) > LONGEST:
        raise PlainerPlease("too_long") if lines else Refused("too_long")
    return replace(part, text=text, buttons=tuple(button for button in part.buttons if button not in refused))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _chat(address: str) -> int:
    try:
        return int(address)
    except ValueError:
        raise Unreachable("gone") from None


async def _quietly(errand: Coroutine[Any, Any, Any]) -> None:
    try:
        await errand
    except (TelegramError, *UNREADABLE) as exc:
        logger.debug("an errand at Telegram failed error=%s", type(exc).__name__)
