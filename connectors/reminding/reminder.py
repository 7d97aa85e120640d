"""Sends reminders: once a day it is looked who asked for them, and each is looked up, worded and sent by itself.

What is told is read from the library system right before; a book given back is not mentioned. The message, what was
told and the end of the job stand in one transaction, so that a crash tells nothing twice and forgets nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import time, timedelta
from typing import cast

from sqlalchemy import Connection

from connectors import mailbox
from connectors.announcing.announcer import is_quiet
from connectors.announcing.audience import Reaching
from connectors.clock import Clock
from connectors.reminding import jobs
from connectors.reminding.jobs import Job, Listener
from connectors.reminding.occasions import Occasion, occasions, wanted
from connectors.reminding.wording import Place, message
from connectors.store import Store
from library.ils import ILS, Capability, ILSError, ILSProtocolError, PatronRef
from library.phrasing import Lang

logger = logging.getLogger(__name__)

BATCH = 60  # a run; with a run a minute no more than one card a second is asked for
NOT_AFTER = time(20, 30)  # what could not be told by then is not told today
TRY_AGAIN = timedelta(minutes=20)
STALE = timedelta(hours=36)  # figures older than this remind of nothing


@dataclass(frozen=True)
class Rules:
    """Whether and when reminders go out; `paid`: also where the channel wants money for it."""

    on: bool = True
    at: time = time(8, 30)
    paid: bool = False


class Reminder:
    """`tell(conversation_id)` is told that something was stored for sending."""

    def __init__(
        self,
        store: Store,
        ils: ILS,
        clock: Clock,
        reaching: Reaching,
        place: Place,
        tell: Callable[[str], None],
        rules: Rules,
    ) -> None:
        self._store = store
        self._ils = ils
        self._clock = clock
        self._reaching = reaching
        self._place = place
        self._tell = tell
        self._rules = rules
        self._turn = asyncio.Lock()

    async def remind(self) -> int:
        """Return how many were reminded in this run. Called by the clock, any number of times a day."""
        now, told = self._clock(), 0
        if not self._rules.on or is_quiet(now) or now.time() < self._rules.at:
            return 0
        async with self._turn:
            planned = await self._store.write(lambda db: jobs.plan(db, now.date(), now))
            for job in await self._store.write(lambda db: jobs.due(db, now, BATCH)):
                told += await self._do(job)
        if planned or told:
            logger.info("reminders planned=%d told=%d", planned, told)
        return told

    async def _do(self, job: Job) -> bool:
        listener = await self._store.read(lambda db: jobs.listener(db, job.conversation_id))
        if why := self._why_not(listener):
            await self._skip(job, why)
            return False
        assert listener is not None
        if listener.owner is not None:  # a librarian is talking with them: not now
            await self._put_off(job, "in talk")
            return False
        try:
            found = await self._look(listener)
        except ILSProtocolError:
            await self._skip(job, "card unknown")
            return False
        except ILSError as exc:
            logger.warning("reminder put off: error=%s", type(exc).__name__)
            await self._put_off(job, "away")
            return False
        return await self._store.write(lambda db: self._send(db, job, found)) and self._sent(job)

    def _why_not(self, listener: Listener | None) -> str:
        """Return why this one is not reminded, or nothing."""
        if listener is None:
            return "not asked for"
        state = self._reaching(listener.channel, listener.heard_at, listener.lost_at)
        if state in ("shut", "lost") or (state == "costs" and not self._rules.paid):
            return state
        as_of = self._ils.as_of
        return "stale" if as_of and self._clock() - as_of > STALE else ""

    async def _look(self, listener: Listener) -> Mapping[str, list[Occasion]]:
        """Return by patron id what there is to tell."""
        kinds, now = wanted(listener.options), self._clock()
        found = {}
        for card in listener.cards:
            who = PatronRef(card.patron_id)
            patron, loans = await self._ils.patron(who), await self._ils.loans(who)
            holds = await self._ils.holds(who) if "hold" in kinds else []
            found[card.patron_id] = occasions(kinds, patron, loans, holds, now)
        return found

    def _send(self, db: Connection, job: Job, found: Mapping[str, list[Occasion]]) -> bool:
        """Return whether a message was stored: only if everything still stands and there is something new to tell."""
        now, listener = self._clock(), jobs.listener(db, job.conversation_id)
        if not jobs.is_waiting(db, job):
            return False
        if listener is None or self._why_not(listener):
            jobs.settle(db, job, "skipped", now, why=self._why_not(listener))
            return False
        fresh = {}
        for card in listener.cards:
            new = jobs.not_told(db, card.patron_id, [each.key for each in found.get(card.patron_id, ())])
            if told := [each for each in found.get(card.patron_id, ()) if each.key in new]:
                fresh[card.name] = told
                jobs.tell(db, job.conversation_id, card.patron_id, [each.key for each in told], now)
        if not fresh:
            jobs.settle(db, job, "skipped", now, why="nothing")
            return False
        renews, lang = Capability.RENEW in self._ils.capabilities, cast(Lang, listener.lang)
        said = message(
            fresh, lang, now, self._place, renews=renews, family=len(listener.cards) > 1, as_of=self._ils.as_of
        )
        reply_id = mailbox.send(db, job.conversation_id, None, "notice", [said], now)
        jobs.settle(db, job, "sent", now, reply_id=reply_id)
        return True

    def _sent(self, job: Job) -> bool:
        self._tell(job.conversation_id)
        return True

    async def _skip(self, job: Job, why: str) -> None:
        now = self._clock()
        await self._store.write(lambda db: jobs.settle(db, job, "skipped", now, why=why))

    async def _put_off(self, job: Job, why: str) -> None:
        """Try again later; what could not be told by the evening is not told today."""
        now = self._clock()
        until = now + TRY_AGAIN * 2 ** min(job.tries, 3)
        if until.time() > NOT_AFTER or until.date() != now.date():
            await self._skip(job, why)
            return
        await self._store.write(lambda db: jobs.put_off(db, job, until, why, now))
