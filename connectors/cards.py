"""The cards linked to a conversation, as they are stored: SQL only. One of them is current; each deed is noted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import card_events, cards, consents, conversations, links
from library.ils import PatronRef
from library.ports import LinkedCard

REMINDERS = "reminders"  # the purpose of the consent that ends with the last card
GUARDIAN = "guardian:"  # purpose of a guardian's consent, before the card's key
KEY_LENGTH = 16


@dataclass(frozen=True)
class NewCard:
    """A card that logged in; `guardian` is the consent for a child's, None for all others."""

    patron_id: str
    name: str
    guardian: Mapping[str, Any] | None = None


def key_of(conversation_id: str, patron_id: str) -> str:
    """Return what names the card within this conversation. The conversation's id, which is random, salts it."""
    return hashlib.sha256(f"{conversation_id}:{patron_id}".encode()).hexdigest()[:KEY_LENGTH]


def linked(db: Connection, conversation_id: str) -> list[LinkedCard]:
    """Return the cards linked, in the order of linking."""
    current = select(links.c.patron_id).where(links.c.conversation_id == conversation_id).scalar_subquery()
    mine = (cards.c.conversation_id == conversation_id) & cards.c.ended_at.is_(None)
    query = select(cards, (cards.c.patron_id == current).label("current")).where(mine).order_by(cards.c.linked_at)
    seen: Counter[str] = Counter()
    found = []
    for row in db.execute(query).mappings():
        seen[row["name"]] += 1
        same = seen[row["name"]]
        name = f"{row['name']} ({same})" if same > 1 else row["name"]
        key = key_of(conversation_id, row["patron_id"])
        found.append(LinkedCard(PatronRef(row["patron_id"]), name, key, bool(row["current"]), row["child"]))
    return found


def link(db: Connection, conversation_id: str, new: NewCard, now: datetime) -> None:
    """Link the card and make it the current one."""
    row = {
        "name": new.name,
        "linked_at": now.isoformat(),
        "used_on": now.date().isoformat(),
        "child": new.guardian is not None,
        "ended_at": None,
        "told_in": None,
    }
    stands = upsert(cards).values(conversation_id=conversation_id, patron_id=new.patron_id, **row)
    db.execute(stands.on_conflict_do_update(index_elements=["conversation_id", "patron_id"], set_=row))
    make_current(db, conversation_id, new.patron_id, new.name)
    note(db, conversation_id, "linked", now, new.patron_id)
    if new.guardian is not None:
        _keep_consent(db, conversation_id, new.patron_id, new.guardian, now)


def make_current(db: Connection, conversation_id: str, patron_id: str, name: str) -> None:
    row = {"patron_id": patron_id, "name": name}
    new = upsert(links).values(conversation_id=conversation_id, **row)
    db.execute(new.on_conflict_do_update(index_elements=["conversation_id"], set_=row))


def choose(db: Connection, conversation_id: str, patron_id: str) -> bool:
    """Return whether the card is linked; it is current from now on."""
    name = db.scalar(select(cards.c.name).where(_this(conversation_id, patron_id), cards.c.ended_at.is_(None)))
    if name is not None:
        make_current(db, conversation_id, patron_id, name)
    return name is not None


def use(db: Connection, conversation_id: str, patron_id: str, today: date) -> None:
    """Note that something is asked of the card today."""
    db.execute(update(cards).where(_this(conversation_id, patron_id)).values(used_on=today.isoformat()))


def unlink(db: Connection, conversation_id: str, patron_ids: Sequence[str], now: datetime, why: str) -> int:
    """Return how many of these links were removed, a guardian's consent with each.

    With the last one ends the wish to be reminded, unless another card takes its place at once.
    """
    removed = 0
    for patron_id in patron_ids:
        gone = db.execute(delete(cards).where(_this(conversation_id, patron_id), cards.c.ended_at.is_(None))).rowcount
        removed += gone
        if gone:
            note(db, conversation_id, why, now, patron_id)
            _withdraw(db, conversation_id, patron_id, now)
    _pass_on(db, conversation_id)
    if removed and why != "replaced":
        _end_wish_without_card(db, conversation_id)
    return removed


def end_unused(db: Connection, before: date, now: datetime) -> int:
    """Return how many links ended because nothing was asked of the card since that day."""
    unused = cards.c.ended_at.is_(None) & (cards.c.used_on < before.isoformat())
    over = db.execute(select(cards.c.conversation_id, cards.c.patron_id).where(unused)).all()
    for row in over:
        this = _this(row.conversation_id, row.patron_id)
        db.execute(update(cards).where(this).values(ended_at=now.isoformat()))
        note(db, row.conversation_id, "expired", now, row.patron_id)
        _withdraw(db, row.conversation_id, row.patron_id, now)
        _pass_on(db, row.conversation_id)
        _end_wish_without_card(db, row.conversation_id)
    return len(over)


def tell_ended(db: Connection, conversation_id: str, message_id: str) -> list[str]:
    """Return the names of the cards whose end this message's answer tells; a turn run again tells the same."""
    mine = (cards.c.conversation_id == conversation_id) & cards.c.ended_at.is_not(None)
    untold = cards.c.told_in.is_(None) | (cards.c.told_in == message_id)
    names = list(db.scalars(select(cards.c.name).where(mine, untold).order_by(cards.c.linked_at)))
    if names:
        db.execute(update(cards).where(mine, untold).values(told_in=message_id))
    return names


def first_unused_day(now: datetime, unused_days: int) -> date:
    """Return the day on or after which a card must have been used."""
    return (now - timedelta(days=unused_days)).date()


def note(db: Connection, conversation_id: str, deed: str, now: datetime, patron_id: str | None = None) -> None:
    """Note what was done, in which channel and when; never a card number."""
    channel = select(conversations.c.channel).where(conversations.c.id == conversation_id).scalar_subquery()
    row = {"conversation_id": conversation_id, "at": now.isoformat(), "deed": deed, "channel": channel}
    patron_hash = key_of(conversation_id, patron_id) if patron_id else ""
    db.execute(insert(card_events).values(patron_hash=patron_hash, **row))


def _this(conversation_id: str, patron_id: str) -> ColumnElement[bool]:
    return (cards.c.conversation_id == conversation_id) & (cards.c.patron_id == patron_id)


def _pass_on(db: Connection, conversation_id: str) -> None:
    """Make the card that was used last the current one, once the current one is linked no more."""
    left = linked(db, conversation_id)
    if any(card.current for card in left):
        return
    db.execute(delete(links).where(links.c.conversation_id == conversation_id))
    mine = (cards.c.conversation_id == conversation_id) & cards.c.ended_at.is_(None)
    latest = select(cards.c.patron_id, cards.c.name).where(mine).order_by(cards.c.used_on.desc(), cards.c.linked_at)
    if row := db.execute(latest.limit(1)).first():
        make_current(db, conversation_id, row.patron_id, row.name)


def _end_wish_without_card(db: Connection, conversation_id: str) -> None:
    if not linked(db, conversation_id):
        wish = (consents.c.conversation_id == conversation_id) & (consents.c.purpose == REMINDERS)
        db.execute(delete(consents).where(wish))


def _keep_consent(
    db: Connection, conversation_id: str, patron_id: str, given: Mapping[str, Any], now: datetime
) -> None:
    purpose = GUARDIAN + key_of(conversation_id, patron_id)
    row = {"options": dict(given), "given_at": now.isoformat()}
    stands = upsert(consents).values(conversation_id=conversation_id, purpose=purpose, **row)
    db.execute(stands.on_conflict_do_update(index_elements=["conversation_id", "purpose"], set_=row))
    note(db, conversation_id, "consented", now, patron_id)


def _withdraw(db: Connection, conversation_id: str, patron_id: str, now: datetime) -> None:
    """Let a guardian's consent end with the link that it was given for."""
    purpose = GUARDIAN + key_of(conversation_id, patron_id)
    given = (consents.c.conversation_id == conversation_id) & (consents.c.purpose == purpose)
    if db.execute(delete(consents).where(given)).rowcount:
        note(db, conversation_id, "withdrew", now, patron_id)
