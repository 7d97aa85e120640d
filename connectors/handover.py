"""Hand-over between the assistant and the librarians: taking a conversation, answering in it, giving it back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors import deliveries, mailbox, ownership
from connectors.channels.port import Reply
from connectors.clock import Clock
from connectors.messages import say
from connectors.ownership import Owner
from connectors.store import Store, conversations, ticket_replies

logger = logging.getLogger(__name__)


class Handover:
    """`announce(conversation_id)` is told whenever something was stored for sending."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        announce: Callable[[str], None],
        *,
        idle: timedelta,
        idle_if_unsure: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._announce = announce
        self._idle = idle
        self._idle_if_unsure = idle_if_unsure

    async def with_person(self, conversation_id: str) -> bool:
        """Return whether a person has the conversation."""
        return (await self.owner(conversation_id)).who == "person"

    async def owner(self, conversation_id: str) -> Owner:
        return await self._store.read(lambda db: ownership.owner_of(db, conversation_id))

    async def take_over(self, conversation_id: str, name: str) -> None:
        """Let this librarian have the conversation; the assistant keeps silent from now on."""
        now = self._clock()
        await self._store.write(lambda db: self._take(db, conversation_id, name, self._idle, now))
        logger.info("taken over conversation=%s", conversation_id)

    async def give_back(self, conversation_id: str) -> bool:
        """Return whether a person had the conversation; then the patron hears that the assistant answers again."""
        now = self._clock()

        def work(db: Connection) -> bool:
            had = ownership.owner_of(db, conversation_id).who == "person"
            ownership.give_back(db, conversation_id)
            if ownership.open_ticket(db, conversation_id) is not None:
                ownership.await_person(db, conversation_id, now)
            if had:
                mailbox.send(
                    db, conversation_id, None, "notice", [say("back_to_assistant", _locale(db, conversation_id))], now
                )
            return had

        had = await self._store.write(work)
        self._announce(conversation_id)
        return had

    async def say_as_person(self, conversation_id: str, name: str, text: str, key: str, ticket: int = 0) -> bool:
        """Store a librarian's own words for sending, and take the conversation over; False for a key seen before."""
        now = self._clock()
        row = {"conversation_id": conversation_id, "number": ticket, "name": name, "sent_at": now.isoformat()}

        def work(db: Connection) -> bool:
            if not db.execute(upsert(ticket_replies).values(key=key, **row).on_conflict_do_nothing()).rowcount:
                return False
            self._take(db, conversation_id, name, self._idle, now)
            mailbox.send(db, conversation_id, None, "person", [Reply(text)], now)
            return True

        new = await self._store.write(work)
        self._announce(conversation_id)
        return new

    def overheard(self, db: Connection, conversation_id: str, text: str, *, sure: bool) -> None:
        """Note what a person said in the channel's own console: not to be sent again; the assistant keeps silent."""
        now, idle = self._clock(), self._idle if sure else self._idle_if_unsure
        self._take(db, conversation_id, None, idle, now)
        reply_id = mailbox.send(db, conversation_id, None, "person", [Reply(text)], now)
        deliveries.note_elsewhere(db, reply_id, now)

    @staticmethod
    def _take(db: Connection, conversation_id: str, name: str | None, idle: timedelta, now: datetime) -> None:
        ownership.take_over(db, conversation_id, name, now, idle)
        deliveries.hold_back(db, conversation_id, now)

    async def return_the_idle(self) -> int:
        """Give back, with a notice, the conversations whose librarian has been silent too long; return how many."""
        now = self._clock()

        def work(db: Connection) -> list[str]:
            left = ownership.left_alone(db, now)
            for one in left:
                said = (
                    say("back_while_open", one.locale, number=one.ticket)
                    if one.ticket
                    else say("back_to_assistant", one.locale)
                )
                mailbox.send(db, one.conversation_id, None, "notice", [said], now)
            return [one.conversation_id for one in left]

        returned = await self._store.write(work)
        for conversation_id in returned:
            self._announce(conversation_id)
        return len(returned)


def _locale(db: Connection, conversation_id: str) -> str:
    return str(db.scalar(select(conversations.c.locale).where(conversations.c.id == conversation_id)))
