"""What pushed doors still have to send, and how far each reply has got. SQL only.

A reply goes out part by part. Before each part the row says that its sending has begun, after it that it ended; what
a crash left in between may or may not have reached the patron. A channel that echoes our own messages settles it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.channels.port import Button, Part, Reply, reply_from_json
from connectors.clock import VIETNAM
from connectors.store import conversations, deeds, deliveries, receipts, replies

ECHOES_FOR = timedelta(hours=3)  # a webhook that was not taken comes again for up to two hours
# The patron could not be reached, which their next word changes.
LOST = frozenset({"blocked", "gone", "window_48h", "window_7d", "unreachable"})


@dataclass(frozen=True)
class Due:
    """The next reply of a conversation that is to be sent."""

    reply_id: int
    conversation_id: str
    channel: str
    address: str
    locale: str
    kind: str
    replies: tuple[Reply, ...]
    created_at: datetime
    sent_parts: int
    sending_since: datetime | None  # a part was begun and its end was not seen
    plain: bool
    tries: int
    next_at: datetime | None
    overtaken: bool  # a "đang kiểm tra" whose answer is there already
    good_until: datetime | None = None


def enqueue(
    db: Connection, reply_id: int, conversation_id: str, now: datetime, good_until: datetime | None = None
) -> None:
    """Queue a stored reply if its conversation is at a pushed door; what is not out by `good_until` is not sent."""
    at = select(conversations.c.address).where(conversations.c.id == conversation_id)
    if db.scalar(at) is not None:
        row = {"reply_id": reply_id, "conversation_id": conversation_id, "state": "waiting", "sent_parts": 0}
        more = {"sent_ids": [], "plain": 0, "tries": 0, "changed_at": now.isoformat()}
        more["good_until"] = good_until.isoformat() if good_until else None
        db.execute(insert(deliveries).values(**row, **more))


def next_due(db: Connection, conversation_id: str) -> Due | None:
    """Return the oldest reply of the conversation that waits to be sent, or None."""
    chat = (conversations.c.channel, conversations.c.address, conversations.c.locale)
    waiting = (
        select(deliveries, replies.c.kind, replies.c.body, replies.c.created_at, replies.c.message_id, *chat)
        .join(replies, replies.c.id == deliveries.c.reply_id)
        .join(conversations, conversations.c.id == deliveries.c.conversation_id)
        .where(deliveries.c.conversation_id == conversation_id, deliveries.c.state == "waiting")
        .order_by(deliveries.c.reply_id)
        .limit(1)
    )
    row = db.execute(waiting).mappings().first()
    return _due(db, row) if row else None


def _due(db: Connection, row: Any) -> Due:
    final = select(replies.c.id).where(replies.c.message_id == row["message_id"], replies.c.kind == "final")
    return Due(
        **{name: row[name] for name in ("reply_id", "conversation_id", "channel", "address", "locale", "kind")},
        replies=tuple(reply_from_json(raw) for raw in row["body"]),
        created_at=datetime.fromisoformat(row["revived_at"] or row["created_at"]),
        sent_parts=row["sent_parts"],
        sending_since=datetime.fromisoformat(row["sending"]["at"]) if row["sending"] else None,
        plain=bool(row["plain"]),
        tries=row["tries"],
        next_at=datetime.fromisoformat(row["next_at"]) if row["next_at"] else None,
        overtaken=row["kind"] == "wait" and db.scalar(final) is not None,
        good_until=datetime.fromisoformat(row["good_until"]) if row["good_until"] else None,
    )


def with_waiting(db: Connection) -> list[str]:
    """Return the conversations to which something is still to be sent, the one that waits longest first."""
    waiting = select(deliveries.c.conversation_id).where(deliveries.c.state == "waiting").group_by("conversation_id")
    return list(db.scalars(waiting.order_by(func.min(deliveries.c.reply_id))))


def begin(db: Connection, due: Due, part: Part, now: datetime) -> None:
    """Note that the sending of this part begins."""
    row = {"key_hash": _begun(due.conversation_id, part.text), "seen_at": now.isoformat()}
    db.execute(upsert(receipts).values(row).on_conflict_do_update(index_elements=["key_hash"], set_=row))
    _set(db, due.reply_id, now, sending={"text": text_hash(part.text), "at": now.isoformat()})


def part_sent(db: Connection, due: Due, number: int, part: Part, sent_id: str, now: datetime) -> None:
    """Note that part `number` (from 0) reached the channel under this id. Noting it twice is noting it once."""
    row = db.execute(select(deliveries).where(deliveries.c.reply_id == due.reply_id)).mappings().first()
    receive_once(db, f"sent:{due.channel}:{sent_id}", now)
    if row is None or row["sent_parts"] != number:
        return
    sent_ids = [*row["sent_ids"], [sent_id, text_hash(part.text)]]
    _set(db, due.reply_id, now, sent_parts=number + 1, sending=None, sent_ids=sent_ids, tries=0, next_at=None)


def all_sent(db: Connection, due: Due, numbered: Sequence[tuple[int, Button]], now: datetime) -> None:
    """Note that the whole reply is out, and what bare numbers mean in it."""
    meaning = {str(number): button.payload for number, button in numbered if button.payload}
    _set(db, due.reply_id, now, state="sent", sending=None, numbered=meaning or None, reason=None)


def put_off(db: Connection, due: Due, reason: str, next_at: datetime, now: datetime) -> None:
    """Note that the channel did not take the part, and when to try again."""
    _set(db, due.reply_id, now, sending=None, tries=due.tries + 1, next_at=next_at.isoformat(), reason=reason)


def doubt(db: Connection, due: Due, reason: str, next_at: datetime, now: datetime) -> None:
    """Note that the part may have arrived, and when to send it again unless its echo shows that it did."""
    _set(db, due.reply_id, now, tries=due.tries + 1, next_at=next_at.isoformat(), reason=reason)


def make_plain(db: Connection, due: Due, now: datetime) -> None:
    """Note that the rest of this reply goes out with its choices as numbered text."""
    _set(db, due.reply_id, now, sending=None, plain=1)


def bury(db: Connection, due: Due, reason: str, now: datetime) -> None:
    """Note that this reply will not be sent."""
    _set(db, due.reply_id, now, state="dead", sending=None, reason=reason)


def drop(db: Connection, due: Due, reason: str, now: datetime) -> None:
    """Note that this reply is not sent, and that nobody needs to look at it."""
    _set(db, due.reply_id, now, state="dropped", sending=None, reason=reason)


def lose(db: Connection, due: Due, reason: str, now: datetime) -> None:
    """Note that the patron cannot be reached: nothing that waits for them is sent until they are heard again."""
    heard_at = db.scalar(select(conversations.c.heard_at).where(conversations.c.id == due.conversation_id))
    begun = db.scalar(select(deliveries.c.sending).where(deliveries.c.reply_id == due.reply_id))
    if heard_at and begun and heard_at > begun["at"]:  # they came back while the channel was still saying no
        put_off(db, due, reason, now, now)
        return
    db.execute(update(conversations).where(conversations.c.id == due.conversation_id).values(lost_at=now.isoformat()))
    waiting = (deliveries.c.conversation_id == due.conversation_id) & (deliveries.c.state == "waiting")
    dead = {"state": "dead", "sending": None, "reason": reason, "changed_at": now.isoformat()}
    db.execute(update(deliveries).where(waiting).values(dead))


def found_again(db: Connection, conversation_id: str, now: datetime) -> None:
    """Note that the patron was heard; what a librarian wrote to them while they were lost is sent now."""
    was_lost = db.scalar(select(conversations.c.lost_at).where(conversations.c.id == conversation_id)) is not None
    values = {"heard_at": now.isoformat(), "lost_at": None}
    db.execute(update(conversations).where(conversations.c.id == conversation_id).values(values))
    if was_lost:
        written = select(replies.c.id).where(replies.c.conversation_id == conversation_id, replies.c.kind == "person")
        undelivered = (deliveries.c.state == "dead") & deliveries.c.reason.in_(LOST)
        again = {"state": "waiting", "tries": 0, "next_at": None, "revived_at": now.isoformat()}
        again["changed_at"] = now.isoformat()
        db.execute(update(deliveries).where(deliveries.c.reply_id.in_(written), undelivered).values(again))


def note_elsewhere(db: Connection, reply_id: int, now: datetime) -> None:
    """Note that the patron has this reply already: it was said in the channel's own console."""
    _set(db, reply_id, now, state="sent")


def hold_back(db: Connection, conversation_id: str, now: datetime) -> None:
    """Let go of answers of the assistant that still wait: a person answers. What was done at the library is told."""
    done = select(deeds.c.message_id).where(deeds.c.conversation_id == conversation_id)
    ours = select(replies.c.id).where(
        replies.c.conversation_id == conversation_id,
        replies.c.kind.in_(("wait", "final")),
        replies.c.message_id.not_in(done),
    )
    waiting = (deliveries.c.conversation_id == conversation_id) & (deliveries.c.state == "waiting")
    dropped = {"state": "dropped", "sending": None, "reason": "person_answers", "changed_at": now.isoformat()}
    db.execute(update(deliveries).where(waiting, deliveries.c.reply_id.in_(ours)).values(dropped))


def revive(db: Connection, reply_id: int, now: datetime) -> str | None:
    """Let a dead reply be tried again, as a librarian asked; return its conversation, or None when it is not dead."""
    this = (deliveries.c.reply_id == reply_id) & (deliveries.c.state == "dead")
    conversation_id = db.scalar(select(deliveries.c.conversation_id).where(this))
    if conversation_id is not None:
        _set(db, reply_id, now, state="waiting", tries=0, next_at=None, revived_at=now.isoformat())
    return conversation_id


def receive_once(db: Connection, key: str, now: datetime) -> bool:
    """Return whether this key is seen for the first time; only its hash is kept."""
    row = {"key_hash": hashlib.sha256(key.encode()).hexdigest(), "seen_at": now.isoformat()}
    return db.execute(upsert(receipts).values(row).on_conflict_do_nothing()).rowcount == 1


def is_ours(db: Connection, conversation_id: str, channel: str, sent_id: str | None, text: str, now: datetime) -> bool:
    """Return whether an echo shows what we sent ourselves; a part whose end was not seen is thereby sent.

    The echo may come before the channel's answer to the sending; then only the text tells.
    """
    if sent_id is not None:
        key = hashlib.sha256(f"sent:{channel}:{sent_id}".encode()).hexdigest()
        if db.scalar(select(receipts.c.seen_at).where(receipts.c.key_hash == key)) is not None:
            return True
    begun = (deliveries.c.conversation_id == conversation_id) & deliveries.c.sending.is_not(None)
    for row in db.execute(select(deliveries).where(begun, deliveries.c.state == "waiting")).mappings():
        if row["sending"] and row["sending"]["text"] == text_hash(text):
            echoed = [*row["sent_ids"], [sent_id, text_hash(text)]]
            sent = {
                "sent_parts": row["sent_parts"] + 1,
                "sending": None,
                "sent_ids": echoed,
                "tries": 0,
                "next_at": None,
            }
            _set(db, row["reply_id"], now, **sent)
            if sent_id is not None:
                receive_once(db, f"sent:{channel}:{sent_id}", now)
            return True
    # A crash may have had us say it twice, or think that it was not said, and the patron may be forgotten since.
    begun_at = db.scalar(select(receipts.c.seen_at).where(receipts.c.key_hash == _begun(conversation_id, text)))
    return begun_at is not None and now - datetime.fromisoformat(begun_at) < ECHOES_FOR


def _begun(conversation_id: str, text: str) -> str:
    """Return what a part is known by once its sending began."""
    return hashlib.sha256(f"begun:{conversation_id}:{text_hash(text)}".encode()).hexdigest()


def choice(db: Connection, conversation_id: str, number: int) -> str | None:
    """Return the button's token that a bare number means after the last answer sent, or None."""
    last = (
        select(deliveries.c.numbered)
        .join(replies, replies.c.id == deliveries.c.reply_id)
        .where(deliveries.c.conversation_id == conversation_id, deliveries.c.state == "sent")
        .where(replies.c.kind.in_(("final", "notice", "person")))
        .order_by(deliveries.c.reply_id.desc())
        .limit(1)
    )
    meaning = db.scalar(last)
    return meaning.get(str(number)) if meaning else None


def text_hash(text: str) -> str:
    """Return what two texts share that read the same: channels may change spaces."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def _set(db: Connection, reply_id: int, now: datetime, **values: Any) -> None:
    changed = now.astimezone(VIETNAM).isoformat()
    db.execute(update(deliveries).where(deliveries.c.reply_id == reply_id).values(**values, changed_at=changed))
