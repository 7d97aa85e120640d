"""What could not be sent, and what came in and could not be understood. SQL only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from connectors import deliveries as sending
from connectors.channels.port import reply_from_json
from connectors.console.paging import Page, cut, place
from connectors.store import conversations, deliveries, parked, replies

EXCERPT = 400  # characters of a delivery that could not be read

_DEAD = deliveries.c.state == "dead"
_UNSEEN = parked.c.seen_at.is_(None)


@dataclass(frozen=True)
class DeadLetter:
    reply_id: int
    conversation_id: str
    channel: str
    by_person: bool
    text: str
    reason: str
    written_at: datetime
    failed_at: datetime


@dataclass(frozen=True)
class Parked:
    """Something genuine that a channel handed in, and that no rule of ours fits."""

    number: int
    channel: str
    reason: str
    excerpt: str
    size: int  # bytes
    parked_at: datetime


def count(db: Connection) -> int:
    """Return how many of both wait for somebody to look."""
    dead = db.scalar(select(func.count()).select_from(deliveries).where(_DEAD)) or 0
    return int(dead) + int(db.scalar(select(func.count()).select_from(parked).where(_UNSEEN)) or 0)


def dead_letters(db: Connection, page: int) -> Page[DeadLetter]:
    """Return the replies that nobody tries to send any more: librarians' own words first, then the newest."""
    total = int(db.scalar(select(func.count()).select_from(deliveries).where(_DEAD)) or 0)
    number, last, total = place(page, total)
    columns = (deliveries, replies.c.kind, replies.c.body, replies.c.created_at, conversations.c.channel)
    dead = (
        select(*columns)
        .join(replies, replies.c.id == deliveries.c.reply_id)
        .join(conversations, conversations.c.id == deliveries.c.conversation_id)
        .where(_DEAD)
        .order_by(replies.c.kind != "person", deliveries.c.reply_id.desc())
    )
    return Page([_dead_letter(row) for row in db.execute(cut(dead, number)).mappings()], number, last, total)


def parked_ones(db: Connection) -> list[Parked]:
    """Return the newest deliveries nobody has marked as seen, fifty at most."""
    unseen = cut(select(parked).where(_UNSEEN).order_by(parked.c.number.desc()), 1)
    return [_parked(row) for row in db.execute(unseen).mappings()]


def try_again(db: Connection, reply_id: int, now: datetime) -> str | None:
    """Queue a dead letter anew; return its conversation, or None when it is not dead."""
    return sending.revive(db, reply_id, now)


def drop(db: Connection, reply_id: int, now: datetime) -> None:
    """Let a dead letter rest: it is not sent, not even when its patron comes back."""
    this = (deliveries.c.reply_id == reply_id) & _DEAD
    db.execute(update(deliveries).where(this).values(state="dropped", changed_at=now.isoformat()))


def mark_seen(db: Connection, number: int, now: datetime) -> None:
    db.execute(update(parked).where(parked.c.number == number, _UNSEEN).values(seen_at=now.isoformat()))


def _dead_letter(row: Any) -> DeadLetter:
    said = [reply_from_json(raw) for raw in row["body"]]
    words = [reply.text or ", ".join(card.title for card in reply.cards) for reply in said]
    return DeadLetter(
        reply_id=row["reply_id"],
        conversation_id=row["conversation_id"],
        channel=row["channel"],
        by_person=row["kind"] == "person",
        text="\n".join(filter(None, words)),
        reason=row["reason"] or "",
        written_at=datetime.fromisoformat(row["created_at"]),
        failed_at=datetime.fromisoformat(row["changed_at"]),
    )


def _parked(row: Any) -> Parked:
    cut_off = row["body"][:EXCERPT] + ("…" if len(row["body"]) > EXCERPT else "")
    parked_at = datetime.fromisoformat(row["parked_at"])
    return Parked(row["number"], row["channel"], row["reason"], cut_off, row["size"], parked_at)
