"""Reminders as they are stored: whose turn it is today, and what was told. SQL only.

Of loans nothing is kept but hashes of what was told, for sixty days.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.cards import REMINDERS as PURPOSE
from connectors.cards import linked
from connectors.store import cards, consents, conversations, deliveries, reminded, reminder_jobs
from library.ports import LinkedCard


@dataclass(frozen=True)
class Listener:
    """A conversation that asked to be reminded, as it stands now."""

    conversation_id: str
    channel: str
    lang: str
    heard_at: datetime
    lost_at: datetime | None
    owner: str | None
    options: Mapping[str, Any]
    cards: tuple[LinkedCard, ...]


@dataclass(frozen=True)
class Job:
    conversation_id: str
    day: date
    tries: int


def plan(db: Connection, day: date, now: datetime) -> int:
    """Return how many conversations got a job for this day; who has one keeps it."""
    asked = select(consents.c.conversation_id).where(consents.c.purpose == PURPOSE)
    linked_now = select(cards.c.conversation_id).where(cards.c.ended_at.is_(None))
    with_card = asked.where(consents.c.conversation_id.in_(linked_now))
    today = select(reminder_jobs.c.conversation_id).where(reminder_jobs.c.day == day.isoformat())
    fresh = list(db.scalars(with_card.where(consents.c.conversation_id.not_in(today))))
    shared = {"day": day.isoformat(), "state": "waiting", "tries": 0, "next_at": now.isoformat()}
    if fresh:
        rows = [{"conversation_id": each, **shared, "changed_at": now.isoformat()} for each in fresh]
        db.execute(upsert(reminder_jobs).on_conflict_do_nothing(), rows)
    return len(fresh)


def take_back_undelivered(db: Connection, day: date, now: datetime) -> int:
    """Return how many reminders since the day before did not go out: what they were to tell counts as not told."""
    since = reminder_jobs.c.day >= (day - timedelta(days=1)).isoformat()
    sent = select(reminder_jobs.c.reply_id).where(since, reminder_jobs.c.state == "sent")
    dead = deliveries.c.state.in_(("dead", "dropped")) & deliveries.c.reply_id.in_(sent)
    found = db.execute(select(deliveries.c.reply_id, deliveries.c.reason).where(dead)).all()
    for reply_id, why in found:
        failed = {"state": "failed", "reason": why, "changed_at": now.isoformat()}
        db.execute(update(reminder_jobs).where(reminder_jobs.c.reply_id == reply_id).values(failed))
        db.execute(delete(reminded).where(reminded.c.reply_id == reply_id))
    return len(found)


def due(db: Connection, now: datetime, most: int) -> list[Job]:
    """Return the jobs whose time has come, the oldest first; a job of a day that is past is let go."""
    past = (reminder_jobs.c.state == "waiting") & (reminder_jobs.c.day < now.date().isoformat())
    gone = {"state": "skipped", "reason": "too late", "changed_at": now.isoformat()}
    db.execute(update(reminder_jobs).where(past).values(gone))
    waiting = (reminder_jobs.c.state == "waiting") & (reminder_jobs.c.next_at <= now.isoformat())
    rows = db.execute(select(reminder_jobs).where(waiting).order_by(reminder_jobs.c.next_at).limit(most)).mappings()
    return [Job(row["conversation_id"], date.fromisoformat(row["day"]), row["tries"]) for row in rows]


def is_waiting(db: Connection, job: Job) -> bool:
    return db.scalar(select(reminder_jobs.c.state).where(_this(job))) == "waiting"


def settle(db: Connection, job: Job, state: str, now: datetime, *, why: str = "", reply_id: int | None = None) -> None:
    """Note what became of the job: sent by this reply, or skipped for this reason."""
    values = {"state": state, "reason": why or None, "reply_id": reply_id, "changed_at": now.isoformat()}
    db.execute(update(reminder_jobs).where(_this(job)).values(values))


def put_off(db: Connection, job: Job, until: datetime, why: str, now: datetime) -> None:
    """Note that the job is to be tried again."""
    values = {"tries": job.tries + 1, "next_at": until.isoformat(), "reason": why, "changed_at": now.isoformat()}
    db.execute(update(reminder_jobs).where(_this(job)).values(values))


def listener(db: Connection, conversation_id: str) -> Listener | None:
    """Return who asked to be reminded here, None when they do not any more or no card is linked."""
    this = (consents.c.conversation_id == conversation_id) & (consents.c.purpose == PURPOSE)
    query = select(conversations, consents.c.options).join(consents, consents.c.conversation_id == conversations.c.id)
    row = db.execute(query.where(this)).mappings().first()
    family = tuple(linked(db, conversation_id))
    if row is None or not family:
        return None
    return Listener(
        conversation_id,
        row["channel"],
        row["locale"],
        datetime.fromisoformat(row["heard_at"] or row["created_at"]),
        datetime.fromisoformat(row["lost_at"]) if row["lost_at"] else None,
        row["owner"],
        row["options"],
        family,
    )


def not_told(db: Connection, conversation_id: str, patron_id: str, keys: Iterable[str]) -> set[str]:
    """Return which of these were not told of this card in this conversation yet."""
    hashes = {_hash(conversation_id, patron_id, key): key for key in keys}
    known = set(db.scalars(select(reminded.c.key_hash).where(reminded.c.key_hash.in_(hashes))))
    return {key for hashed, key in hashes.items() if hashed not in known}


def tell(
    db: Connection, conversation_id: str, patron_id: str, keys: Iterable[str], reply_id: int, now: datetime
) -> None:
    """Note what was told by this reply."""
    told = {"conversation_id": conversation_id, "reply_id": reply_id, "told_at": now.isoformat()}
    if rows := [{"key_hash": _hash(conversation_id, patron_id, key), **told} for key in keys]:
        db.execute(upsert(reminded).on_conflict_do_nothing(), rows)


def stop(db: Connection, conversation_id: str) -> bool:
    """Return whether there was a wish to be reminded, which ends with what waits to be sent."""
    this = (consents.c.conversation_id == conversation_id) & (consents.c.purpose == PURPOSE)
    gone = db.execute(delete(consents).where(this)).rowcount > 0
    waiting = (reminder_jobs.c.conversation_id == conversation_id) & (reminder_jobs.c.state == "waiting")
    db.execute(delete(reminder_jobs).where(waiting))
    return gone


def last_reply(db: Connection, conversation_id: str) -> int | None:
    """Return the reply by which this conversation was reminded last."""
    mine = reminder_jobs.c.conversation_id == conversation_id
    last: int | None = db.scalar(select(func.max(reminder_jobs.c.reply_id)).where(mine))
    return last


def wishing(db: Connection) -> int:
    """Return how many conversations wish to be reminded."""
    return int(db.scalar(select(func.count()).select_from(consents).where(consents.c.purpose == PURPOSE)) or 0)


def figures(db: Connection, begin: date, end: date) -> dict[tuple[str, str], int]:
    """Return how many jobs of these days, `end` not among them, came to each state and for what reason."""
    these = (reminder_jobs.c.day >= begin.isoformat()) & (reminder_jobs.c.day < end.isoformat())
    why = case((reminder_jobs.c.state.in_(("skipped", "failed")), func.coalesce(reminder_jobs.c.reason, "")), else_="")
    rows = db.execute(
        select(reminder_jobs.c.state, why, func.count()).where(these).group_by(reminder_jobs.c.state, why)
    )
    return {(state, reason): number for state, reason, number in rows}


def _this(job: Job) -> Any:
    return (reminder_jobs.c.conversation_id == job.conversation_id) & (reminder_jobs.c.day == job.day.isoformat())


def _hash(conversation_id: str, patron_id: str, key: str) -> str:
    return hashlib.sha256(f"{conversation_id}:{patron_id}:{key}".encode()).hexdigest()
