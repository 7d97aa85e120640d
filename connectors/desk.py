"""What conversations leave with the librarians: tickets, unanswered questions, suggestions, feedback, consents.

Every note is keyed by its message, so that a turn that runs again after a crash finds the note it had made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors import ownership
from connectors.store import Store, consents, desk_notes, tickets
from library.ports import Ticket, Turn

URGENT = frozenset({"distress", "danger"})

OnTicket = Callable[[int, bool], None]


class StoredDesk:
    """The `Desk` port. `on_ticket(number, urgent)` is told of each new ticket."""

    def __init__(self, store: Store, on_ticket: OnTicket = lambda _number, _urgent: None) -> None:
        self._store = store
        self._on_ticket = on_ticket

    async def ticket(self, turn: Turn, reason: str) -> Ticket:
        row = {
            "conversation_id": turn.conversation_id,
            "message_id": turn.message_id,
            "reason": reason,
            "opened_at": turn.now.isoformat(),
        }

        def open_one(db: Connection) -> Ticket:
            is_open = (tickets.c.conversation_id == turn.conversation_id) & tickets.c.closed_at.is_(None)
            found = db.execute(select(tickets.c.number, tickets.c.message_id).where(is_open)).first()
            if found:
                return Ticket(found.number, created=found.message_id == turn.message_id)
            added = db.execute(upsert(tickets).values(row).on_conflict_do_nothing())
            ownership.await_person(db, turn.conversation_id, turn.now)
            same = select(tickets.c.number).where(tickets.c.message_id == turn.message_id)
            return Ticket(int(db.scalar(same) or 0), created=added.rowcount == 1)

        ticket = await self._store.write(open_one)
        if ticket.created:
            self._on_ticket(ticket.number, reason in URGENT)
        return ticket

    async def unanswered(self, turn: Turn, question: str, reason: str) -> None:
        await self._note(turn, "question", question, {"reason": reason})

    async def suggest_purchase(self, turn: Turn, title: str, author: str | None) -> int:
        return await self._note(turn, "purchase", title, {"author": author})

    async def feedback(self, turn: Turn, text: str, kind: str) -> int:
        return await self._note(turn, kind, text, {})

    async def _note(self, turn: Turn, kind: str, text: str, detail: Mapping[str, Any]) -> int:
        row = {
            "conversation_id": turn.conversation_id,
            "message_id": turn.message_id,
            "kind": kind,
            "text": text,
            "detail": dict(detail),
            "noted_at": turn.now.isoformat(),
        }
        same = (desk_notes.c.message_id == turn.message_id) & (desk_notes.c.kind == kind)

        def note(db: Connection) -> int:
            db.execute(upsert(desk_notes).values(row).on_conflict_do_nothing())
            return int(db.scalar(select(desk_notes.c.number).where(same)) or 0)

        return await self._store.write(note)


class StoredConsents:
    """The `Consents` port."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def give(self, turn: Turn, purpose: str, options: Mapping[str, Any]) -> None:
        row = {
            "conversation_id": turn.conversation_id,
            "purpose": purpose,
            "options": dict(options),
            "given_at": turn.now.isoformat(),
        }
        again = (
            upsert(consents)
            .values(row)
            .on_conflict_do_update(
                index_elements=["conversation_id", "purpose"],
                set_={"options": row["options"], "given_at": row["given_at"]},
            )
        )
        await self._store.write(lambda db: db.execute(again))

    async def given(self, turn: Turn, purpose: str) -> Mapping[str, Any] | None:
        this = (consents.c.conversation_id == turn.conversation_id) & (consents.c.purpose == purpose)
        return await self._store.read(lambda db: db.scalar(select(consents.c.options).where(this)))

    async def withdraw(self, turn: Turn, purpose: str) -> bool:
        this = (consents.c.conversation_id == turn.conversation_id) & (consents.c.purpose == purpose)
        gone = await self._store.write(lambda db: db.execute(delete(consents).where(this)))
        return gone.rowcount > 0
