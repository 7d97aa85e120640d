"""How patrons asked for an answer that they were told, and what they were not content with. SQL only.

The words are read where they are kept, so deletion and retention reach every page that shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from connectors.curation.signals import folded
from connectors.store import desk_notes, messages

DAYS = 30
MOST = 40  # wordings, those asked most often first
SOON = timedelta(minutes=30)  # after the answer: a complaint later than that is about something else


@dataclass(frozen=True)
class Wording:
    """One way in which it was asked, in any spelling; the message is the newest one."""

    text: str
    times: int
    message_id: str
    conversation_id: str
    last_at: datetime


@dataclass(frozen=True)
class Complaint:
    """What a patron complained of soon after the answer, or, where they `pressed` 👎 under it, what they had asked.

    `message_id` is the question that led to the answer.
    """

    text: str
    pressed: bool
    at: datetime
    message_id: str
    conversation_id: str


@dataclass(frozen=True)
class Asked:
    """`times` counts the messages, `left_out` the wordings beyond those that are given."""

    times: int
    wordings: Sequence[Wording]
    left_out: int
    complaints: Sequence[Complaint]


def asked_for(db: Connection, key: str, now: datetime) -> Asked:
    """Return how this answer was asked for in the last thirty days, most often first."""
    rows = _told(db, key, now - timedelta(days=DAYS))
    by_words: dict[str, list[_Row]] = {}
    for row in rows:
        by_words.setdefault(folded(row.text), []).append(row)
    wordings = [Wording(each[0].text, len(each), each[0].id, each[0].talk, each[0].at) for each in by_words.values()]
    wordings.sort(key=lambda each: -each.times)
    return Asked(len(rows), wordings[:MOST], max(0, len(wordings) - MOST), _complaints(db, rows))


@dataclass(frozen=True)
class _Row:
    id: str
    talk: str
    text: str
    at: datetime
    disliked: bool


def _told(db: Connection, key: str, since: datetime) -> list[_Row]:
    """Return the written messages that were told this answer, the newest first."""
    told = (
        select(messages.c.id, messages.c.conversation_id, messages.c.text, messages.c.received_at, messages.c.rated)
        .where(messages.c.received_at > since.isoformat(), messages.c.kind == "text")
        .where(messages.c.outcome["kind"].as_string() == "answer", messages.c.outcome["answer"].as_string() == key)
        .order_by(messages.c.seq.desc())
    )
    return [
        _Row(id_, talk, text, datetime.fromisoformat(at), rated == 0) for id_, talk, text, at, rated in db.execute(told)
    ]


def _complaints(db: Connection, rows: Sequence[_Row]) -> list[Complaint]:
    if not rows:
        return []
    since = min(row.at for row in rows).isoformat()
    noted = (
        select(desk_notes.c.conversation_id, desk_notes.c.text, messages.c.received_at)
        .join(messages, messages.c.id == desk_notes.c.message_id)
        .where(desk_notes.c.kind == "complaint", messages.c.received_at >= since)
        .order_by(messages.c.seq.desc())
    )
    found = [Complaint(row.text, True, row.at, row.id, row.talk) for row in rows if row.disliked]
    for talk, text, received_at in db.execute(noted):
        at = datetime.fromisoformat(received_at)
        before = next((row for row in rows if row.talk == talk and timedelta() <= at - row.at <= SOON), None)
        if before is not None:
            found.append(Complaint(text, False, at, before.id, talk))
    return sorted(found, key=lambda each: each.at, reverse=True)
