"""The durable inbox and outbox: what came in, what was answered, what was sent. SQL only, no waiting.

The rules that no crash may break live here as constraints of the tables: one message per sender's key, one final
reply per message, and the dialogue's memory stored in the transaction of the reply that it led to.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.channels.port import Button, Card, Message, Reply, Sent, reply_from_json
from connectors.store import buttons, conversations, forgets, messages, metadata, replies
from connectors.tokens import hashed, new_token

BUTTON_LIFETIME = timedelta(days=2)


@dataclass(frozen=True)
class Stored:
    """A message as it stands in the inbox."""

    id: str
    conversation_id: str
    channel: str
    kind: str
    text: str
    masked: frozenset[str]
    received_at: datetime
    locale: str
    tracker: dict[str, Any] | None


@dataclass(frozen=True)
class Accepted:
    message_id: str
    new: bool  # False: the sender had sent it before


@dataclass(frozen=True)
class Answer:
    """What a turn brought: replies to send and what the dialogue is to remember."""

    replies: tuple[Reply, ...]
    tracker: dict[str, Any] | None
    intent: str | None = None
    confidence: float | None = None
    slots: dict[str, Any] = field(default_factory=dict)  # as typed in this message
    locale: str = "vi"


def open_conversation(db: Connection, channel: str, now: datetime) -> tuple[str, str]:
    """Return the new conversation's id and the token that opens it; only the token's hash is kept."""
    conversation_id, token = uuid.uuid4().hex, new_token() + new_token()
    values = {"id": conversation_id, "channel": channel, "token_hash": hashed(token), "created_at": now.isoformat()}
    db.execute(insert(conversations).values(**values, locale="vi"))
    return conversation_id, token


def conversation_of(db: Connection, token: str) -> str | None:
    """Return the conversation that this token opens, or None."""
    return db.scalar(select(conversations.c.id).where(conversations.c.token_hash == hashed(token)))


def accept(db: Connection, message: Message, masked: frozenset[str], now: datetime) -> Accepted:
    """Return the stored message's id; a message with the same sender's key is the same message."""
    values = {
        "id": uuid.uuid4().hex,
        "conversation_id": message.conversation_id,
        "client_id": message.client_id,
        "kind": message.kind,
        "text": message.text,
        "masked": sorted(masked),
        "received_at": now.isoformat(),
    }
    added = db.execute(upsert(messages).values(values).on_conflict_do_nothing())
    same = (messages.c.conversation_id == message.conversation_id) & (messages.c.client_id == message.client_id)
    return Accepted(str(db.scalar(select(messages.c.id).where(same))), new=added.rowcount == 1)


def next_unanswered(db: Connection, conversation_id: str) -> Stored | None:
    """Return the oldest message of the conversation that has no final reply yet."""
    waiting = (
        select(messages, conversations.c.tracker, conversations.c.locale, conversations.c.channel)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.conversation_id == conversation_id, messages.c.answered_at.is_(None))
        .order_by(messages.c.seq)
        .limit(1)
    )
    row = db.execute(waiting).mappings().first()
    if row is None:
        return None
    names = ("id", "conversation_id", "channel", "kind", "text", "locale", "tracker")
    received_at = datetime.fromisoformat(row["received_at"])
    return Stored(masked=frozenset(row["masked"]), received_at=received_at, **{name: row[name] for name in names})


def with_unanswered(db: Connection) -> list[str]:
    """Return the conversations in which somebody still waits: what a restart takes up again."""
    waiting = select(messages.c.conversation_id).where(messages.c.answered_at.is_(None)).group_by("conversation_id")
    return list(db.scalars(waiting.order_by(func.min(messages.c.seq))))


def payload_of(db: Connection, conversation_id: str, token: str, now: datetime) -> tuple[str, str] | None:
    """Return the payload and title of a button shown in this conversation; None for a foreign or expired token."""
    row = db.execute(
        select(buttons.c.payload, buttons.c.title).where(
            buttons.c.token_hash == hashed(token),
            buttons.c.conversation_id == conversation_id,
            buttons.c.expires_at > now.isoformat(),
        )
    ).first()
    return (row.payload, row.title) if row else None


def send(db: Connection, sent_to: str, message_id: str | None, kind: str, said: Sequence[Reply], now: datetime) -> None:
    """Store replies for sending, their buttons' payloads swapped for tokens that only this conversation can use."""
    row: dict[str, Any] = {"conversation_id": sent_to, "message_id": message_id, "kind": kind, "body": []}
    stored = insert(replies).values(**row, created_at=now.isoformat()).returning(replies.c.id)
    reply_id = db.execute(stored).scalar_one()
    tokens: list[dict[str, Any]] = []
    body = [_tokenised(reply, tokens).as_json() for reply in said]
    db.execute(update(replies).where(replies.c.id == reply_id).values(body=body))
    expires_at = (now + BUTTON_LIFETIME).isoformat()
    if tokens:
        shared = {"conversation_id": sent_to, "reply_id": reply_id, "expires_at": expires_at}
        db.execute(insert(buttons), [{**token, **shared} for token in tokens])


def _tokenised(reply: Reply, tokens: list[dict[str, Any]]) -> Reply:
    def swap(button: Button) -> Button:
        if button.payload is None:
            return button
        token = new_token()
        tokens.append({"token_hash": hashed(token), "payload": button.payload, "title": button.title})
        return replace(button, payload=token)

    def swap_card(card: Card) -> Card:
        return replace(card, buttons=tuple(map(swap, card.buttons)))

    return replace(reply, buttons=tuple(map(swap, reply.buttons)), cards=tuple(map(swap_card, reply.cards)))


def say_waits(db: Connection, since: datetime, reply_in: Callable[[str], Reply], now: datetime) -> list[str]:
    """Store the one "đang kiểm tra" of each message unanswered `since`; return the conversations it was said to."""
    said = select(replies.c.id).where(replies.c.message_id == messages.c.id, replies.c.kind == "wait")
    overdue = (
        select(messages.c.id, messages.c.conversation_id, conversations.c.locale)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.answered_at.is_(None), messages.c.received_at <= since.isoformat(), ~said.exists())
        .order_by(messages.c.seq)
    )
    told = db.execute(overdue).all()
    for message in told:
        send(db, message.conversation_id, message.id, "wait", [reply_in(message.locale)], now)
    return [message.conversation_id for message in told]


def finish(db: Connection, message: Stored, answer: Answer, now: datetime) -> bool:
    """Store the final reply, the dialogue's memory and that the message is answered: all or nothing.

    Return whether the conversation was forgotten on the way, as its patron had asked.
    """
    forgotten = db.scalar(select(forgets.c.message_id).where(forgets.c.message_id == message.id)) is not None
    if forgotten:
        forget_conversation(db, message.conversation_id, message.id)
        answer = replace(answer, tracker=None, slots={})
    send(db, message.conversation_id, message.id, "final", answer.replies, now)
    heard = {"intent": answer.intent, "confidence": answer.confidence, "slots": answer.slots}
    done = {"answered_at": now.isoformat(), **heard}
    db.execute(update(messages).where(messages.c.id == message.id).values(done))
    memory = {"tracker": answer.tracker, "locale": answer.locale}
    db.execute(update(conversations).where(conversations.c.id == message.conversation_id).values(memory))
    return forgotten


def forget_conversation(db: Connection, conversation_id: str, answering: str) -> None:
    """Delete all that is stored of the conversation but the bare row of the message being answered.

    Messages that came after it are still owed an answer: they stay, and so does a "đang kiểm tra" said to them.
    """
    owed = select(messages.c.id).where(
        messages.c.conversation_id == conversation_id, messages.c.answered_at.is_(None), messages.c.id != answering
    )
    for table in metadata.sorted_tables:
        if table is conversations or "conversation_id" not in table.c:
            continue
        doomed = table.c.conversation_id == conversation_id
        if table is messages:
            doomed &= messages.c.answered_at.is_not(None)
        elif table is replies:
            doomed &= replies.c.message_id.is_(None) | replies.c.message_id.not_in(owed)
        db.execute(delete(table).where(doomed))
    db.execute(update(messages).where(messages.c.id == answering).values(text=""))


def sent_after(db: Connection, conversation_id: str, after: int) -> list[Sent]:
    """Return what was said to this conversation after the given reply id, in order."""
    later = select(replies).where(replies.c.conversation_id == conversation_id, replies.c.id > after)
    return [_sent(row) for row in db.execute(later.order_by(replies.c.id)).mappings()]


def sent_for(db: Connection, message_id: str) -> list[Sent]:
    """Return the replies to one message, in order."""
    answers = select(replies).where(replies.c.message_id == message_id).order_by(replies.c.id)
    return [_sent(row) for row in db.execute(answers).mappings()]


def _sent(row: Any) -> Sent:
    body = tuple(reply_from_json(raw) for raw in row["body"])
    return Sent(row["id"], row["message_id"], row["kind"], body)


def history(db: Connection, conversation_id: str, limit: int = 200) -> list[dict[str, Any]]:
    """Return the latest messages and replies of a conversation as the widget draws them, oldest first."""
    said = select(messages).where(messages.c.conversation_id == conversation_id)
    heard = [
        {"at": row["received_at"], "from": "patron", "kind": row["kind"], "text": row["text"], "id": row["client_id"]}
        for row in db.execute(said.order_by(messages.c.seq.desc()).limit(limit)).mappings()
    ]
    mine = select(buttons.c.token_hash, buttons.c.title).where(buttons.c.conversation_id == conversation_id)
    titles = {row.token_hash: row.title for row in db.execute(mine)}
    for entry in heard:
        if entry["kind"] == "payload":  # a button's token says nothing to a reader
            entry["text"] = titles.get(hashed(entry["text"]), "")
    answers = select(replies).where(replies.c.conversation_id == conversation_id, replies.c.kind != "wait")
    spoken = [
        {"at": row["created_at"], "from": "library", **_sent(row).as_json()}
        for row in db.execute(answers.order_by(replies.c.id.desc()).limit(limit)).mappings()
    ]
    return sorted(heard[::-1] + spoken[::-1], key=lambda entry: str(entry["at"]))
