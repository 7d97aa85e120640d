"""What the assistant noted down: suggestions to buy, praise and complaints. SQL only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from connectors.console.paging import Page, cut, place
from connectors.store import conversations, desk_notes

NOTES: dict[str, ColumnElement[bool]] = {
    "purchases": desk_notes.c.kind == "purchase",
    "feedback": desk_notes.c.kind.not_in(("question", "purchase")),  # a kind yet to come is seen here, not lost
}


@dataclass(frozen=True)
class Note:
    number: int
    kind: str
    text: str
    author: str | None
    channel: str
    noted_at: datetime


def count(db: Connection, page_name: str) -> int:
    """Return how many notes there are on the page of this name."""
    return int(db.scalar(select(func.count()).select_from(desk_notes).where(NOTES[page_name])) or 0)


def counting(page_name: str) -> Callable[[Connection], int]:
    return partial(count, page_name=page_name)


def notes(db: Connection, page_name: str, page: int) -> Page[Note]:
    """Return the suggestions ("purchases") or praise and complaints ("feedback"), newest first."""
    number, last, total = place(page, count(db, page_name))
    noted = (
        select(desk_notes, conversations.c.channel)
        .join(conversations, conversations.c.id == desk_notes.c.conversation_id)
        .where(NOTES[page_name])
        .order_by(desk_notes.c.number.desc())
    )
    return Page([_note(row) for row in db.execute(cut(noted, number)).mappings()], number, last, total)


def _note(row: Any) -> Note:
    author, noted_at = row["detail"].get("author"), datetime.fromisoformat(row["noted_at"])
    return Note(row["number"], row["kind"], row["text"], author, row["channel"], noted_at)
