"""Sends reminders: once a day it is looked who asked for them, and each is looked up, worded and sent by itself.

What is told is read from the library system right before; a book given back is not mentioned. The message, what was
told and the end of the job stand in one transaction, so that a crash tells nothing twice and forgets nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import cast

from sqlalchemy import Connection

from connectors import mailbox
from connectors.announcing.announcer import QUIET_FROM, is_quiet
from connectors.announcing.audience import Reaching
from connectors.channels.port import Reply
from connectors.clock import Clock
from connectors.reminding import jobs
from connectors.reminding.jobs import Job, Listener
from connectors.reminding.occasions import Kind, Occasion, occasions, wanted
from connectors.reminding.wording import Place, Told, message
from connectors.store import Store
from library.ils import (
    ILS,
    Capability,
    ILSError,
    ILSMisconfigured,
    ILSUnavailable,
    NotSupported,
    PatronRef,
    PatronUnknown,
)
from library.model import Hold
from library.phrasing import Lang

logger = logging.getLogger(__name__)

NOT_AFTER = time(20, 30)  # what could not be told by then is not told today
TRY_AGAIN = timedelta(minutes=20)
MOST_FAULTS = 3  # tries after which what we stumble over is given up for the day
SILENT = (ILSUnavailable, ILSMisconfigured)  # for everybody, not for this patron
STALE = timedelta(hours=36)  # figures older than this remind of nothing
AWAITED = timedelta(hours=12)  # so long after their last word, who waits for a librarian is not interrupted


@dataclass(frozen=True)
class Rules:
    """Whether and when reminders go out, and how many are looked up a minute."""

    on: bool = True
    at: time = time(8, 30)
    per_minute: int = 60


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
            planned = await self._store.write(lambda db: _plan(db, now))
            for job in await self._store.write(lambda db: jobs.due(db, now, self._rules.per_minute)):
                if is_quiet(self._clock()):
                    break
                try:
                    told += await self._do(job)
                except SILENT:
                    await self._put_off(job, "away")
                    break  # the others are not asked for in vain; the next run tries again
                except Exception as exc:  # one that we stumble over holds up nobody else
                    logger.error("reminder failed conversation=%s error=%s", job.conversation_id, _where(exc))
                    await (self._put_off(job, "fault") if job.tries < MOST_FAULTS else self._fail(job, "fault"))
        if planned or told:
            logger.info("reminders planned=%d told=%d", planned, told)
        return told

    async def _do(self, job: Job) -> bool:
        listener = await self._store.read(lambda db: jobs.listener(db, job.conversation_id))
        if why := self._why_not(listener):
            await self._skip(job, why)
            return False
        assert listener is not None
        if self._in_talk(listener):
            await self._put_off(job, "in talk")
            return False
        try:
            found = await self._look(listener)
        except NotSupported:
            await self._skip(job, "not supported")
            return False
        except SILENT:
            raise
        except ILSError as exc:
            logger.warning("reminder put off: error=%s", type(exc).__name__)
            await self._put_off(job, "away")
            return False
        if not found:
            await self._skip(job, "card unknown")
            return False
        return await self._store.write(lambda db: self._send(db, job, found)) and self._sent(job)

    def _in_talk(self, listener: Listener) -> bool:
        """Return whether a librarian is talking with them, or awaited since a little while: not now."""
        lately = self._clock() - listener.heard_at < AWAITED
        return listener.owner == "person" or (listener.owner == "waiting" and lately)

    def _why_not(self, listener: Listener | None) -> str:
        """Return why this one is not reminded, or nothing."""
        if listener is None:
            return "not asked for"
        state = self._reaching(listener.channel, listener.heard_at, listener.lost_at)
        if state != "open":  # past its free time a channel takes answers for money, and no reminders
            return state
        as_of = self._ils.as_of
        return "stale" if as_of and self._clock() - as_of > STALE else ""

    async def _look(self, listener: Listener) -> dict[str, list[Occasion]]:
        """Return by patron id what there is to tell; a card that the library system knows no more is left out."""
        kinds = wanted(listener.options)
        found = {}
        for card in listener.cards:
            with contextlib.suppress(PatronUnknown):
                found[card.who.patron_id] = await self._of(card.who, kinds)
        return found

    async def _of(self, who: PatronRef, kinds: Mapping[Kind, int]) -> list[Occasion]:
        """Return what there is to tell of one card; what can be renewed is asked for only when something is due."""
        now, patron = self._clock(), await self._ils.patron(who)
        loans = await self._ils.loans(who, renewable=False) if {"due", "overdue"} & set(kinds) else []
        holds = await self._holds(who) if "hold" in kinds else []
        found = occasions(kinds, patron, loans, holds, now)
        if not any(each.kind == "due" for each in found) or Capability.RENEW not in self._ils.capabilities:
            return found
        return occasions(kinds, patron, await self._ils.loans(who), holds, now)

    async def _holds(self, who: PatronRef) -> list[Hold]:
        try:
            return await self._ils.holds(who)
        except NotSupported:
            return []

    def _send(self, db: Connection, job: Job, found: Mapping[str, list[Occasion]]) -> bool:
        """Return whether a message was stored: only if everything still stands and there is something new to tell."""
        now, listener = self._clock(), jobs.listener(db, job.conversation_id)
        if not jobs.is_waiting(db, job):
            return False
        if listener is None or self._why_not(listener):
            jobs.settle(db, job, "skipped", now, why=self._why_not(listener))
            return False
        fresh = _fresh(db, listener, found)
        if not fresh:
            jobs.settle(db, job, "skipped", now, why="nothing")
            return False
        said = self._said(listener, fresh, now)
        until = now.replace(hour=QUIET_FROM.hour, minute=QUIET_FROM.minute, second=0, microsecond=0)
        reply_id = mailbox.send(db, job.conversation_id, None, "notice", [said], now, good_until=until)
        for card, told in fresh:
            keys = [each.key for each in told]
            jobs.tell(db, job.conversation_id, card.who.patron_id, keys, reply_id, now)
        jobs.settle(db, job, "sent", now, reply_id=reply_id)
        return True

    def _said(self, listener: Listener, fresh: Sequence[Told], now: datetime) -> Reply:
        renews, named = Capability.RENEW in self._ils.capabilities, len(listener.cards) > 1
        lang = cast(Lang, listener.lang)
        return message(fresh, lang, now, self._place, named=named, renews=renews, as_of=self._ils.as_of)

    def _sent(self, job: Job) -> bool:
        self._tell(job.conversation_id)
        return True

    async def _skip(self, job: Job, why: str) -> None:
        now = self._clock()
        await self._store.write(lambda db: jobs.settle(db, job, "skipped", now, why=why))

    async def _fail(self, job: Job, why: str) -> None:
        now = self._clock()
        await self._store.write(lambda db: jobs.settle(db, job, "failed", now, why=why))

    async def _put_off(self, job: Job, why: str) -> None:
        """Try again later; what could not be told by the evening is not told today."""
        now = self._clock()
        until = now + TRY_AGAIN * 2 ** min(job.tries, 3)
        if until.time() > NOT_AFTER or until.date() != now.date():
            await self._skip(job, why)
            return
        await self._store.write(lambda db: jobs.put_off(db, job, until, why, now))


def _plan(db: Connection, now: datetime) -> int:
    """Return how many got a job for today; what was not delivered since yesterday is told of anew."""
    jobs.take_back_undelivered(db, now.date(), now)
    return jobs.plan(db, now.date(), now)


def _where(exc: Exception) -> str:
    """Return what went wrong and where in the code, without the words of the exception: they may be a patron's."""
    last = traceback.extract_tb(exc.__traceback__)[-1]
    return f"{type(exc).__name__} at {last.name}:{last.lineno}"


def _fresh(db: Connection, listener: Listener, found: Mapping[str, list[Occasion]]) -> list[Told]:
    """Return by card what was not told yet."""
    fresh: list[Told] = []
    for card in listener.cards:
        all_of_it = found.get(card.who.patron_id, [])
        new = jobs.not_told(db, listener.conversation_id, card.who.patron_id, (each.key for each in all_of_it))
        if told := [each for each in all_of_it if each.key in new]:
            fresh.append((card, told))
    return fresh
