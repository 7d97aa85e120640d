"""Conversations as the librarians see them from outside; those that they are asked for, or have. SQL only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, FromClause, Select, and_, case, func, or_, select, update

from connectors import ownership
from connectors.console.paging import Page, cut, place
from connectors.desk import URGENT
from connectors.ownership import Owner
from connectors.store import conversations, messages, replies, tickets


@dataclass(frozen=True)
class Ticket:
    """The latest one of a conversation; only the latest can be open."""

    number: int
    reason: str
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True)
class Chat:
    """A conversation as the librarians see it from outside."""

    id: str
    channel: str
    locale: str
    owner: Owner
    ticket: Ticket | None
    heard_at: datetime  # when the patron was heard last
    lost_at: datetime | None
    last_kind: str  # the patron's last message
    last_text: str
    answered_at: datetime | None  # a librarian's last words

    @property
    def open_ticket(self) -> Ticket | None:
        return self.ticket if self.ticket and not self.ticket.closed_at else None

    @property
    def urgent(self) -> bool:
        return self.open_ticket is not None and self.open_ticket.reason in URGENT

    @property
    def unread(self) -> bool:
        """Whether the patron has said something since a librarian answered."""
        return self.answered_at is None or self.heard_at > self.answered_at

    @property
    def since(self) -> datetime:
        """Return since when they wait, or a person has them."""
        asked_at = self.ticket.opened_at if self.ticket else self.heard_at
        return self.owner.since or asked_at


_OPEN = select(tickets.c.conversation_id).where(tickets.c.closed_at.is_(None))
_SHOWN = or_(conversations.c.owner.is_not(None), conversations.c.id.in_(_OPEN))


def count(db: Connection) -> int:
    return int(db.scalar(select(func.count()).select_from(conversations).where(_SHOWN)) or 0)


def inbox(db: Connection, page: int) -> Page[Chat]:
    """Return who waits for a librarian, urgent ones first, then whom one has, then what was left for later."""
    number, last, total = place(page, count(db))
    urgent = case((and_(tickets.c.reason.in_(URGENT), tickets.c.closed_at.is_(None)), 0), else_=1)
    stage = case((conversations.c.owner == "waiting", 0), (conversations.c.owner == "person", 1), else_=2)
    since = func.coalesce(conversations.c.owner_since, tickets.c.opened_at)
    shown = chats().where(_SHOWN).order_by(urgent, stage, since, conversations.c.id)
    return Page([as_chat(row) for row in db.execute(cut(shown, number)).mappings()], number, last, total)


def chat(db: Connection, conversation_id: str) -> Chat | None:
    row = db.execute(chats().where(conversations.c.id == conversation_id)).mappings().first()
    return as_chat(row) if row else None


def with_ticket(db: Connection, number: int) -> str | None:
    """Return the conversation that this ticket belongs to, or None."""
    return db.scalar(select(tickets.c.conversation_id).where(tickets.c.number == number))


def close(db: Connection, conversation_id: str, at: datetime) -> int | None:
    """Close the open ticket, and stop waiting for a librarian; return its number, or None when none was open."""
    number = ownership.open_ticket(db, conversation_id)
    db.execute(update(tickets).where(tickets.c.number == number).values(closed_at=at.isoformat()))
    ownership.end_waiting(db, conversation_id)
    return number


def _with_tickets() -> FromClause:
    latest = select(func.max(tickets.c.number)).where(tickets.c.conversation_id == conversations.c.id)
    return conversations.outerjoin(tickets, tickets.c.number == latest.correlate(conversations).scalar_subquery())


def chats() -> Select[Any]:
    """Return what asks for conversations, each a row for `as_chat`."""
    said = select(func.max(messages.c.seq)).where(messages.c.conversation_id == conversations.c.id)
    answered = select(func.max(replies.c.created_at)).where(
        replies.c.conversation_id == conversations.c.id, replies.c.kind == "person"
    )
    heard = (messages.c.kind, messages.c.text, messages.c.received_at)
    with_last_words = _with_tickets().outerjoin(
        messages, messages.c.seq == said.correlate(conversations).scalar_subquery()
    )
    ticket = (tickets.c.number, tickets.c.reason, tickets.c.opened_at, tickets.c.closed_at)
    return select(conversations, *ticket, *heard, answered.scalar_subquery().label("answered_at")).select_from(
        with_last_words
    )


def as_chat(row: Any) -> Chat:
    """Return the conversation that a row of `chats` tells of."""
    ticket = None
    if row["number"] is not None:
        opened_at = datetime.fromisoformat(row["opened_at"])
        ticket = Ticket(row["number"], row["reason"], opened_at, _time(row["closed_at"]))
    heard = max(row[name] for name in ("received_at", "heard_at", "created_at") if row[name])
    return Chat(
        id=row["id"],
        channel=row["channel"],
        locale=row["locale"],
        owner=ownership.owner_in(row),
        ticket=ticket,
        heard_at=datetime.fromisoformat(heard),
        lost_at=_time(row["lost_at"]),
        last_kind=row["kind"] or "",
        last_text="" if row["kind"] == "payload" else row["text"] or "",  # a token says nothing to a reader
        answered_at=_time(row["answered_at"]),
    )


def _time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
