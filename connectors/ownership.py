"""Who answers a conversation: the assistant, the assistant while a librarian is awaited, or a librarian. SQL only.

    assistant ──ticket──► waiting ──a librarian writes or takes over──► person ──gives back, or idle──► assistant

The assistant never talks over a person: while one has the conversation, words of the patron get a final reply that
says nothing. A button or a command is still the assistant's: the patron pressed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, RowMapping, select, update

from connectors.store import conversations, tickets

Who = Literal["bot", "waiting", "person"]


@dataclass(frozen=True)
class Owner:
    who: Who
    name: str | None = None  # the librarian's; None when they answer in the channel's own console
    since: datetime | None = None
    until: datetime | None = None  # a person without a word until then has left


@dataclass(frozen=True)
class LeftAlone:
    """A conversation whose librarian has said nothing for too long."""

    conversation_id: str
    locale: str
    ticket: int | None  # still open


def owner_of(db: Connection, conversation_id: str) -> Owner:
    columns = ("owner", "owner_name", "owner_since", "owner_until")
    query = select(*(conversations.c[name] for name in columns)).where(conversations.c.id == conversation_id)
    row = db.execute(query).mappings().first()
    return owner_in(row) if row else Owner("bot")


def owner_in(row: RowMapping) -> Owner:
    """Return the owner that a row of `conversations` tells of."""
    if not row["owner"]:
        return Owner("bot")
    return Owner(row["owner"], row["owner_name"], _time(row["owner_since"]), _time(row["owner_until"]))


def await_person(db: Connection, conversation_id: str, now: datetime) -> None:
    """Let the conversation wait for a librarian, unless one has it or it waits already."""
    mine = (conversations.c.id == conversation_id) & conversations.c.owner.is_(None)
    db.execute(update(conversations).where(mine).values(owner="waiting", owner_since=now.isoformat()))


def take_over(db: Connection, conversation_id: str, name: str | None, now: datetime, idle: timedelta) -> bool:
    """Give the conversation to a person, or prolong their time; return whether somebody else had it until now."""
    had = owner_of(db, conversation_id)
    if name is None and had.who == "person":
        name = had.name
    until = now + idle
    same = had.who == "person" and had.name == name
    if same and had.until and had.until > until:
        until = had.until
    since = had.since if same and had.since else now
    values = {"owner": "person", "owner_name": name, "owner_since": since.isoformat(), "owner_until": until.isoformat()}
    db.execute(update(conversations).where(conversations.c.id == conversation_id).values(values))
    return not same


def give_back(db: Connection, conversation_id: str) -> bool:
    """Return whether a person had, or was awaited in, the conversation; it is the assistant's now."""
    mine = (conversations.c.id == conversation_id) & conversations.c.owner.is_not(None)
    nobody = dict.fromkeys(("owner", "owner_name", "owner_since", "owner_until"))
    return db.execute(update(conversations).where(mine).values(nobody)).rowcount > 0


def end_waiting(db: Connection, conversation_id: str) -> None:
    """Stop waiting for a librarian when the last open ticket is closed."""
    if owner_of(db, conversation_id).who == "waiting" and open_ticket(db, conversation_id) is None:
        give_back(db, conversation_id)


def left_alone(db: Connection, now: datetime) -> list[LeftAlone]:
    """Give the conversations whose person has been silent too long back to the assistant, and return them."""
    silent = (conversations.c.owner == "person") & (conversations.c.owner_until <= now.isoformat())
    rows = db.execute(select(conversations.c.id, conversations.c.locale).where(silent)).all()
    for row in rows:
        give_back(db, row.id)
        if open_ticket(db, row.id) is not None:
            await_person(db, row.id, now)
    return [LeftAlone(row.id, row.locale, open_ticket(db, row.id)) for row in rows]


def open_ticket(db: Connection, conversation_id: str) -> int | None:
    """Return the number of the conversation's open ticket, or None."""
    mine = (tickets.c.conversation_id == conversation_id) & tickets.c.closed_at.is_(None)
    return db.scalar(select(tickets.c.number).where(mine))


def _time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
