"""The durable inbox and outbox: what came in, what was answered, what was sent. SQL only, no waiting.

The rules that no crash may break live here as constraints of the tables: one message per sender's key, one final
reply per message, and the dialogue's memory stored in the transaction of the reply that it led to.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors import deliveries
from connectors.channels.port import Arrival, Button, Card, Message, Reply, Sent, reply_from_json
from connectors.channels.rendering import number_said
from connectors.clock import VIETNAM
from connectors.ownership import Owner, give_back, owner_in, owner_of
from connectors.store import buttons, conversations, deeds, forgets, messages, metadata, replies
from connectors.store import deliveries as queued
from connectors.tokens import hashed, new_token

BUTTON_LIFETIME = timedelta(days=2)
# A way to hear no more works as long as the message above it is likely to be read.
STOPS = frozenset({"/news_stop", "/reminders_stop"})
STOP_LIFETIME = timedelta(days=60)


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
    owner: Owner = Owner("bot")
    greeted: bool = True  # False: the first contact at a door that shows no privacy notice of its own


@dataclass(frozen=True)
class Accepted:
    message_id: str  # empty for one that was answered and deleted since
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
    understood: bool = True  # False: the dialogue itself says that it did not get it
    outcome: Mapping[str, Any] = field(default_factory=dict)  # what the turn led to


def open_conversation(db: Connection, channel: str, now: datetime) -> tuple[str, str]:
    """Return the new conversation's id and the token that opens it; only the token's hash is kept."""
    conversation_id, token = uuid.uuid4().hex, new_token() + new_token()
    values = {"id": conversation_id, "channel": channel, "token_hash": hashed(token), "created_at": now.isoformat()}
    db.execute(insert(conversations).values(**values, locale="vi"))
    return conversation_id, token


def conversation_of(db: Connection, token: str) -> str | None:
    """Return the conversation that this token opens, or None."""
    return db.scalar(select(conversations.c.id).where(conversations.c.token_hash == hashed(token)))


def known_at(db: Connection, channel: str, address: str) -> str | None:
    """Return the conversation of this address at a pushed door, or None before their first word."""
    at = (conversations.c.channel == channel) & (conversations.c.address == address)
    return db.scalar(select(conversations.c.id).where(at))


def conversation_at(db: Connection, channel: str, address: str, now: datetime) -> str:
    """Return the conversation of this address at a pushed door; opened now if it is their first word."""
    new = {"id": uuid.uuid4().hex, "channel": channel, "address": address, "created_at": now.isoformat()}
    db.execute(upsert(conversations).values(**new, locale="vi").on_conflict_do_nothing())
    return str(known_at(db, channel, address))


def move(db: Connection, conversation_id: str, channel: str, address: str) -> None:
    """Let the conversation go on at a new address of the same door; what was already said there stays with it."""
    if known_at(db, channel, address) is None:
        db.execute(update(conversations).where(conversations.c.id == conversation_id).values(address=address))


def arrive(db: Connection, arrival: Arrival, masked: frozenset[str], now: datetime) -> tuple[str, Accepted]:
    """Return the conversation and the stored message of an arrival; the same key from the same chat is the same."""
    new = deliveries.receive_once(db, f"{arrival.channel}:{arrival.address}:{arrival.key}", now)
    known = known_at(db, arrival.channel, arrival.address) or ""
    conversation_id = conversation_at(db, arrival.channel, arrival.address, now) if new else known
    message = Message(conversation_id, arrival.key, arrival.kind, arrival.text, arrival.said_at)
    if not new:  # a late retry opens nothing: its patron may have had everything deleted
        return conversation_id, Accepted(_stored_id(db, message) or "", new=False)
    deliveries.found_again(db, conversation_id, now)
    return conversation_id, accept(db, _pressed_by_number(db, message), masked, now)


def _pressed_by_number(db: Connection, message: Message) -> Message:
    """Return the press of a button for a bare number that stands for one in the last answer sent."""
    number = number_said(message.text) if message.kind == "text" else None
    token = deliveries.choice(db, message.conversation_id, number) if number is not None else None
    return replace(message, kind="payload", text=token) if token else message


def _stored_id(db: Connection, message: Message) -> str | None:
    same = (messages.c.conversation_id == message.conversation_id) & (messages.c.client_id == message.client_id)
    return db.scalar(select(messages.c.id).where(same))


def _last_said(db: Connection, message: Message) -> str | None:
    """Return when the last words were said that wait: a tap tells no time, and comes after what was there before."""
    mine = (messages.c.conversation_id == message.conversation_id) & messages.c.answered_at.is_(None)
    last: str | None = db.scalar(select(func.max(messages.c.said_at)).where(mine))
    return last


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
        "said_at": message.said_at.astimezone(VIETNAM).isoformat() if message.said_at else _last_said(db, message),
    }
    added = db.execute(upsert(messages).values(values).on_conflict_do_nothing())
    return Accepted(str(_stored_id(db, message)), new=added.rowcount == 1)


def next_unanswered(db: Connection, conversation_id: str) -> Stored | None:
    """Return the message of the conversation that was said first and has no final reply yet."""
    chat = [column for column in conversations.c if column.name not in messages.c]
    waiting = (
        select(messages, *chat)
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .where(messages.c.conversation_id == conversation_id, messages.c.answered_at.is_(None))
        .order_by(messages.c.said_at, messages.c.seq)
        .limit(1)
    )
    row = db.execute(waiting).mappings().first()
    if row is None:
        return None
    greeted = row["address"] is None or row["greeted_at"] is not None
    names = ("id", "conversation_id", "channel", "kind", "text", "locale", "tracker")
    received_at = datetime.fromisoformat(row["received_at"])
    known = {name: row[name] for name in names}
    masked = frozenset(row["masked"])
    return Stored(masked=masked, received_at=received_at, owner=owner_in(row), greeted=greeted, **known)


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


def send(
    db: Connection,
    sent_to: str,
    message_id: str | None,
    kind: str,
    said: Sequence[Reply],
    now: datetime,
    *,
    good_until: datetime | None = None,
) -> int:
    """Return the id of the replies stored for sending; their buttons carry tokens of this conversation alone.

    A channel that has not taken them by `good_until` is not handed them any more.
    """
    row: dict[str, Any] = {"conversation_id": sent_to, "message_id": message_id, "kind": kind, "body": []}
    stored = insert(replies).values(**row, created_at=now.isoformat()).returning(replies.c.id)
    reply_id = db.execute(stored).scalar_one()
    tokens: list[dict[str, Any]] = []
    body = [_tokenised(reply, tokens).as_json() for reply in said]
    db.execute(update(replies).where(replies.c.id == reply_id).values(body=body))
    shared = {"conversation_id": sent_to, "reply_id": reply_id}
    if tokens:
        db.execute(insert(buttons), [{**token, **shared, "expires_at": _good_until(token, now)} for token in tokens])
    if said:
        deliveries.enqueue(db, int(reply_id), sent_to, now, good_until)
    return int(reply_id)


def _good_until(token: Mapping[str, Any], now: datetime) -> str:
    return (now + (STOP_LIFETIME if token["payload"] in STOPS else BUTTON_LIFETIME)).isoformat()


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
        .where(conversations.c.owner.is_(None) | (conversations.c.owner != "person"))
        .order_by(messages.c.seq)
    )
    told = db.execute(overdue).all()
    for message in told:
        send(db, message.conversation_id, message.id, "wait", [reply_in(message.locale)], now)
    return [message.conversation_id for message in told]


def finish(db: Connection, message: Stored, answer: Answer, now: datetime) -> bool:
    """Store the final reply, the dialogue's memory and that the message is answered: all or nothing.

    A person who has taken the conversation meanwhile is not talked over: then the reply says nothing.
    Return whether the conversation was forgotten on the way, as its patron had asked.
    """
    if db.scalar(select(messages.c.id).where(messages.c.id == message.id)) is None:
        return False  # the channel asked meanwhile that all of it be deleted
    if _would_talk_over(db, message):
        answer = replace(answer, replies=())
    forgotten = db.scalar(select(forgets.c.message_id).where(forgets.c.message_id == message.id)) is not None
    if forgotten:
        forget_conversation(db, message.conversation_id, message.id)
        give_back(db, message.conversation_id)  # its ticket is gone
        answer = replace(answer, tracker=None, slots={}, outcome={})
    send(db, message.conversation_id, message.id, "final", answer.replies, now)
    heard = {"intent": answer.intent, "confidence": answer.confidence, "slots": answer.slots}
    heard["outcome"] = dict(answer.outcome) or None
    done = {"answered_at": now.isoformat(), **heard}
    db.execute(update(messages).where(messages.c.id == message.id).values(done))
    memory = {"tracker": answer.tracker, "locale": answer.locale}
    if not message.greeted and answer.replies:
        memory["greeted_at"] = now.isoformat()
    db.execute(update(conversations).where(conversations.c.id == message.conversation_id).values(memory))
    return forgotten


def rate(db: Connection, conversation_id: str, message_id: str, helped: bool) -> bool:
    """Note whether the answer to this message helped; return whether there is such an answer. The last word counts."""
    mine = (messages.c.id == message_id) & (messages.c.conversation_id == conversation_id)
    answered = mine & messages.c.answered_at.is_not(None)
    return db.execute(update(messages).where(answered).values(rated=int(helped))).rowcount > 0


def _would_talk_over(db: Connection, message: Stored) -> bool:
    """Return whether a person has the conversation now; a press and a deed at the library system are still told of."""
    if message.kind in ("payload", "command") or owner_of(db, message.conversation_id).who != "person":
        return False
    return db.scalar(select(deeds.c.message_id).where(deeds.c.message_id == message.id).limit(1)) is None


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
        elif table is queued:
            doomed &= queued.c.reply_id.not_in(select(replies.c.id).where(replies.c.message_id.in_(owed)))
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
        {
            "at": row["received_at"],
            "from": "patron",
            "kind": row["kind"],
            "text": row["text"],
            "id": row["client_id"],
            "message_id": row["id"],
        }
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
