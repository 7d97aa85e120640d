"""Which of a patron's messages want a librarian's eye, and why. SQL only.

Messages are looked through once each, in the order in which they were stored, up to the first that still waits for its
answer. Only what content can cure is taken: who simply asks for a person is no question without an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import conversations, desk_notes, messages, questions, questions_read, tickets
from library.text import has_diacritics, tokens


class Reason(StrEnum):
    """Why it is here; the words are shown."""

    MISSED = "không hiểu"
    UNKNOWN = "thiếu kiến thức"
    UNSURE = "độ tin cậy thấp"
    AGAIN = "hỏi lại trong 10 phút"
    HANDED = "chuyển thủ thư"
    EXPIRED = "câu trả lời hết hạn"
    DISLIKED = "bạn đọc bấm 👎"


AGAIN_WITHIN = timedelta(minutes=10)
WAITS_AT_MOST = timedelta(minutes=15)  # a message without an answer for longer holds nobody up
UNSURE_BELOW = 0.6  # of the dialogue's own confidence, between its fallback and what it acts on without asking
_QUESTIONS = ("ask_library_info", "nlu_fallback", "out_of_scope")  # intents under which curated answers are asked
_NOTED = {str(Reason.MISSED): Reason.MISSED, str(Reason.UNKNOWN): Reason.UNKNOWN}
_CURABLE = ("offered",)  # tickets opened because the assistant had nothing to say
_CURSOR = "messages"


@dataclass(frozen=True)
class Heard:
    """A message as it was stored: masked."""

    seq: int
    id: str
    conversation_id: str
    text: str
    hidden: bool
    channel: str
    locale: str
    at: datetime
    intent: str
    confidence: float | None

    @property
    def folded(self) -> str:
        return folded(self.text)

    @property
    def unaccented(self) -> bool:
        return self.locale == "vi" and not has_diacritics(self.text)


@dataclass(frozen=True)
class Signal:
    heard: Heard
    reason: Reason


@dataclass(frozen=True)
class Batch:
    """What was read up to `seq`; `pairs` are messages of one conversation that may ask the same again."""

    since: int
    seq: int
    signals: Sequence[Signal]
    pairs: Sequence[tuple[Heard, Heard]]


def folded(text: str) -> str:
    """Return what the same words share in any spelling."""
    return " ".join(word.folded for word in tokens(text)) or text.strip().casefold()


def batch(db: Connection, now: datetime, most: int = 500) -> Batch:
    """Return what the next messages are here for."""
    since = cursor(db)
    found = _heard(db, since, now, most)
    if not found:
        return Batch(since, since, (), ())
    noted, handed = _noted(db, found), _handed(db, found)
    signals: list[Signal] = []
    pairs: list[tuple[Heard, Heard]] = []
    for each in found:
        if each.id in handed and (asked := _before(db, each)):
            signals.append(Signal(asked, Reason.HANDED))
        if reason := noted.get(each.id):
            signals.append(Signal(each, reason))
        elif each.intent in _QUESTIONS and each.confidence is not None and each.confidence < UNSURE_BELOW:
            signals.append(Signal(each, Reason.UNSURE))
        if each.intent in _QUESTIONS and (asked := _before(db, each)):
            pairs.append((asked, each))
    return Batch(since, found[-1].seq, signals, pairs)


def disliked(db: Connection, most: int = 500) -> Batch:
    """Return the messages whose answer did not help, as their patrons said since: not by the order of asking."""
    known = select(questions.c.message_id).where(questions.c.reason == Reason.DISLIKED)
    new = (messages.c.rated == 0) & (messages.c.kind == "text") & messages.c.id.not_in(known)
    rows = db.execute(_select().where(new).order_by(messages.c.seq).limit(most)).mappings()
    since = cursor(db)
    return Batch(since, since, [Signal(_one(row), Reason.DISLIKED) for row in rows], ())


def cursor(db: Connection) -> int:
    return int(db.scalar(select(questions_read.c.seq).where(questions_read.c.name == _CURSOR)) or 0)


def move_on(db: Connection, seen: Batch) -> bool:
    """Return whether the batch is ours to store: another process may have read it meanwhile."""
    if cursor(db) != seen.since:
        return False
    row = upsert(questions_read).values(name=_CURSOR, seq=seen.seq)
    db.execute(row.on_conflict_do_update(index_elements=["name"], set_={"seq": seen.seq}))
    return True


def _select() -> Any:
    joined = messages.join(conversations, conversations.c.id == messages.c.conversation_id)
    return select(messages, conversations.c.channel, conversations.c.locale).select_from(joined)


def _heard(db: Connection, since: int, now: datetime, most: int) -> list[Heard]:
    found = []
    for row in db.execute(_select().where(messages.c.seq > since).order_by(messages.c.seq).limit(most)).mappings():
        waits = row["answered_at"] is None
        if waits and now - datetime.fromisoformat(row["received_at"]) < WAITS_AT_MOST:
            break
        found.append(_one(row))
    return found


def _one(row: Any) -> Heard:
    text = row["text"] if row["kind"] == "text" else ""
    return Heard(
        seq=row["seq"], id=row["id"], conversation_id=row["conversation_id"], text=text, hidden=bool(row["masked"]),
        channel=row["channel"], locale=row["locale"], at=datetime.fromisoformat(row["received_at"]),
        intent=row["intent"] or "", confidence=row["confidence"],
    )  # fmt: skip


def _noted(db: Connection, found: Sequence[Heard]) -> dict[str, Reason]:
    these = desk_notes.c.message_id.in_([each.id for each in found])
    rows = db.execute(select(desk_notes).where(these, desk_notes.c.kind == "question")).mappings()
    return {row["message_id"]: _NOTED.get(row["detail"].get("reason", ""), Reason.UNKNOWN) for row in rows}


def _handed(db: Connection, found: Sequence[Heard]) -> frozenset[str]:
    these = tickets.c.message_id.in_([each.id for each in found])
    return frozenset(db.scalars(select(tickets.c.message_id).where(these, tickets.c.reason.in_(_CURABLE))))


def _before(db: Connection, heard: Heard) -> Heard | None:
    """Return the question that this patron asked just before, not longer ago than counts as asking again."""
    lately = messages.c.received_at >= (heard.at - AGAIN_WITHIN).isoformat()
    mine = (messages.c.conversation_id == heard.conversation_id) & (messages.c.seq < heard.seq)
    asked = (messages.c.kind == "text") & messages.c.intent.in_(_QUESTIONS)
    last = _select().where(mine, lately, asked).order_by(messages.c.seq.desc()).limit(1)
    row = db.execute(last).mappings().first()
    return _one(row) if row else None
