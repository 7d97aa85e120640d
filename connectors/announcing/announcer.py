"""Sends announcements: one person at a time, each in a transaction with its note, so that a crash sends none twice.

Before each message it is looked again: whether somebody pressed stop, the patron said "dừng" or left, the channel's
time ran out, and whether it is night.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, time, timedelta

from sqlalchemy import Connection

from connectors import mailbox
from connectors.announcing import book
from connectors.announcing.audience import Audience, Reaching, Recipient, chat_of, gather, left_out
from connectors.announcing.book import Announcement, Draft
from connectors.announcing.wishes import STOP
from connectors.channels.port import Button, Reply
from connectors.clock import Clock
from connectors.messages import sentence
from connectors.staff import audit
from connectors.store import Store
from library.ils import ILS

logger = logging.getLogger(__name__)

BATCH = 50
QUIET_FROM, QUIET_TO = time(21), time(7)


class Announcer:
    """`tell(conversation_id)` is told that something was stored for sending."""

    def __init__(self, store: Store, ils: ILS, clock: Clock, reaching: Reaching, tell: Callable[[str], None]) -> None:
        self._store = store
        self._ils = ils
        self._clock = clock
        self._reaching = reaching
        self._tell = tell
        self._turn = asyncio.Lock()

    async def audience(self, draft: Draft) -> Audience:
        """Return who would hear it now."""
        return await gather(self._store, self._ils, draft.kind, draft.closed, self._reaching, paid=draft.paid)

    async def start(self, announcement: Announcement, by: str) -> bool:
        """Return whether it is being sent from now on, by this press and no other; the sending goes on by itself."""
        audience, now = await self.audience(announcement.draft), self._clock()
        number = announcement.number

        def begin(db: Connection) -> bool:
            begun = book.begin(db, number, audience, by, now)
            if begun:
                counts = {
                    "to": dict(audience.channels),
                    "left_out": dict(audience.reasons),
                    "unknown": audience.unknown,
                }
                audit.note(db, by, "announcement.sent", f"announcement:{number}", counts, now)
            return begun

        return await self._store.write(begin)

    async def stop(self, number: int, by: str) -> int:
        """Return how many people are spared."""
        now = self._clock()

        def end(db: Connection) -> int:
            spared = book.stop(db, number, now)
            audit.note(db, by, "announcement.stopped", f"announcement:{number}", {"spared": spared}, now)
            return spared

        return await self._store.write(end)

    async def send_waiting(self) -> int:
        """Return how many were told: everybody who waits, unless it is night. Called by the clock and after a start."""
        told = 0
        async with self._turn:
            for number in await self._store.read(book.sending):
                told += await self._send(number)
        return told

    async def _send(self, number: int) -> int:
        announcement = await self._store.read(lambda db: book.get(db, number))
        told = 0
        while announcement and not is_quiet(self._clock()):
            people = await self._store.read(lambda db: book.waiting(db, number, BATCH))
            if not people:
                await self._store.write(lambda db: book.end(db, number, self._clock()))
                logger.info("announcement sent number=%s", number)
                break
            for conversation_id, touched in people:
                told += await self._send_one(announcement, conversation_id, tuple(touched))
        return told

    async def _send_one(self, announcement: Announcement, conversation_id: str, touched: tuple[str, ...]) -> int:
        now, number, draft = self._clock(), announcement.number, announcement.draft

        def send(db: Connection) -> bool:
            if not book.is_sending(db, number, conversation_id):
                return False
            chat = chat_of(db, conversation_id)
            if chat is None:
                return False
            recipient = Recipient(chat, touched, self._reaching(chat.channel, chat.heard_at, chat.lost_at))
            if why := left_out(recipient, paid=draft.paid):
                book.settle(db, number, conversation_id, now, None, why)
                return False
            reply_id = mailbox.send(db, conversation_id, None, "notice", [message(draft, touched, chat.lang)], now)
            book.settle(db, number, conversation_id, now, reply_id, "")
            return True

        if await self._store.write(send):
            self._tell(conversation_id)
            return 1
        return 0


def message(draft: Draft, touched: tuple[str, ...], lang: str) -> Reply:
    """Return what one person reads: the library's words, what of it is theirs, and how to hear no more."""
    text = draft.text_en if lang == "en" and draft.text_en else draft.text_vi
    own = [sentence(f"news_{why}", lang) for why in ("due", "hold") if why in touched]
    stop = Button(sentence("news_stop_button", lang), STOP)
    more = (Button(sentence("news_button", lang), "/news"),) if draft.kind == "closure" else ()
    return Reply("\n".join([text, *own, sentence("news_footer", lang)]), (*more, stop))


def is_quiet(now: datetime) -> bool:
    """Return whether it is a time at which nobody wants to be woken."""
    return now.time() >= QUIET_FROM or now.time() < QUIET_TO


def quiet_until(now: datetime) -> datetime | None:
    """Return when the night is over; None by day."""
    if not is_quiet(now):
        return None
    morning = now.replace(hour=QUIET_TO.hour, minute=0, second=0, microsecond=0)
    return morning if now.time() < QUIET_TO else morning + timedelta(days=1)
