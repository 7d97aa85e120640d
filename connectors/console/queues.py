"""What waits at the librarians' door: tickets with their conversations, and what the assistant noted down. SQL only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors import mailbox
from connectors.store import conversations, desk_notes, ticket_replies, tickets
from library.text import tokens

Item = TypeVar("Item")

PAGE_SIZE = 50
URGENT = frozenset({"distress", "danger"})
NOTES: dict[str, ColumnElement[bool]] = {
    "questions": desk_notes.c.kind == "question",
    "purchases": desk_notes.c.kind == "purchase",
    "feedback": desk_notes.c.kind.not_in(("question", "purchase")),  # a kind yet to come is seen here, not lost
}


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Up to 50 items; `number` and `last` count from 1."""

    items: Sequence[Item]
    number: int
    last: int
    total: int


@dataclass(frozen=True)
class Ticket:
    number: int
    conversation_id: str
    channel: str
    locale: str
    reason: str
    opened_at: datetime
    closed_at: datetime | None
    answered_by: str | None  # who answered last

    @property
    def urgent(self) -> bool:
        return self.reason in URGENT


@dataclass(frozen=True)
class Note:
    number: int
    kind: str
    text: str
    author: str | None
    channel: str
    noted_at: datetime


@dataclass(frozen=True)
class Asked:
    """A question as it was put last, with how often it came in any spelling."""

    text: str
    times: int
    reason: str
    last_at: datetime


@dataclass(frozen=True)
class Bubble:
    """One thing said in a conversation."""

    by_patron: bool
    at: datetime
    kind: str  # of a patron's: text | payload | attachment; of ours: final | notice
    text: str  # a pressed button's title, an attachment's kind
    extras: tuple[str, ...] = ()  # titles of cards and buttons


def counts(db: Connection) -> dict[str, int]:
    """Return how many open tickets and notes of each kind there are, by the name of their page."""
    waiting = select(func.count()).select_from(tickets).where(tickets.c.closed_at.is_(None))
    noted = {name: select(func.count()).select_from(desk_notes).where(these) for name, these in NOTES.items()}
    return {name: int(db.scalar(query) or 0) for name, query in {"tickets": waiting, **noted}.items()}


def open_tickets(db: Connection, page: int) -> Page[Ticket]:
    """Return the tickets nobody has closed, oldest first."""
    waiting = _tickets().where(tickets.c.closed_at.is_(None)).order_by(tickets.c.opened_at, tickets.c.number)
    number, last, total = _place(page, counts(db)["tickets"])
    return Page([_ticket(row) for row in db.execute(_cut(waiting, number)).mappings()], number, last, total)


def ticket(db: Connection, number: int) -> Ticket | None:
    row = db.execute(_tickets().where(tickets.c.number == number)).mappings().first()
    return _ticket(row) if row else None


def close(db: Connection, number: int, at: datetime) -> bool:
    """Return whether the ticket was open until now."""
    still_open = (tickets.c.number == number) & tickets.c.closed_at.is_(None)
    return db.execute(update(tickets).where(still_open).values(closed_at=at.isoformat())).rowcount > 0


def claim_reply(db: Connection, key: str, to: Ticket, name: str, at: datetime) -> bool:
    """Return whether this form is sent for the first time; from then on it counts as sent."""
    values = {"conversation_id": to.conversation_id, "number": to.number, "name": name, "sent_at": at.isoformat()}
    return db.execute(upsert(ticket_replies).values(key=key, **values).on_conflict_do_nothing()).rowcount == 1


def notes(db: Connection, page_name: str, page: int) -> Page[Note]:
    """Return the suggestions ("purchases") or praise and complaints ("feedback"), newest first."""
    number, last, total = _place(page, counts(db)[page_name])
    noted = (
        select(desk_notes, conversations.c.channel)
        .join(conversations, conversations.c.id == desk_notes.c.conversation_id)
        .where(NOTES[page_name])
        .order_by(desk_notes.c.number.desc())
    )
    return Page([_note(row) for row in db.execute(_cut(noted, number)).mappings()], number, last, total)


def questions(db: Connection, page: int) -> Page[Asked]:
    """Return the unanswered questions, the one asked last first; the same words without tones or marks are one."""
    columns = (desk_notes.c.text, desk_notes.c.detail, desk_notes.c.noted_at)
    newest_first = select(*columns).where(NOTES["questions"]).order_by(desk_notes.c.number.desc())
    latest: dict[str, Any] = {}
    times: Counter[str] = Counter()
    for row in db.execute(newest_first):
        same = " ".join(word.folded for word in tokens(row.text)) or row.text
        latest.setdefault(same, row)
        times[same] += 1
    number, last, total = _place(page, len(latest))
    asked = [
        Asked(row.text, times[same], row.detail.get("reason", ""), datetime.fromisoformat(row.noted_at))
        for same, row in list(latest.items())[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    ]
    return Page(asked, number, last, total)


def transcript(db: Connection, conversation_id: str) -> list[Bubble]:
    """Return what was said in the conversation, oldest first."""
    return [bubble for entry in mailbox.history(db, conversation_id) for bubble in _bubbles(entry)]


def _bubbles(entry: dict[str, Any]) -> list[Bubble]:
    at, kind = datetime.fromisoformat(entry["at"]), entry["kind"]
    if entry["from"] == "patron":
        return [Bubble(True, at, kind, entry["text"])]
    titles = [tuple(one["title"] for one in (*reply["cards"], *reply["buttons"])) for reply in entry["replies"]]
    return [
        Bubble(False, at, kind, reply["text"], extras) for reply, extras in zip(entry["replies"], titles, strict=True)
    ]


def _tickets() -> Select[Any]:
    answered_by = (
        select(ticket_replies.c.name)
        .where(ticket_replies.c.number == tickets.c.number)
        .order_by(ticket_replies.c.sent_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    joined = tickets.join(conversations, conversations.c.id == tickets.c.conversation_id)
    columns = (tickets, conversations.c.channel, conversations.c.locale, answered_by.label("answered_by"))
    return select(*columns).select_from(joined)


def _ticket(row: Any) -> Ticket:
    names = ("number", "conversation_id", "channel", "locale", "reason", "answered_by")
    closed_at = datetime.fromisoformat(row["closed_at"]) if row["closed_at"] else None
    opened_at = datetime.fromisoformat(row["opened_at"])
    return Ticket(opened_at=opened_at, closed_at=closed_at, **{name: row[name] for name in names})


def _note(row: Any) -> Note:
    author, noted_at = row["detail"].get("author"), datetime.fromisoformat(row["noted_at"])
    return Note(row["number"], row["kind"], row["text"], author, row["channel"], noted_at)


def _place(page: int, total: int) -> tuple[int, int, int]:
    """Return the page to show, the last page and the total; a page beyond the last is the last."""
    last = max(1, -(-total // PAGE_SIZE))
    return min(max(page, 1), last), last, total


def _cut(query: Select[Any], page: int) -> Select[Any]:
    return query.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
