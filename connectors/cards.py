"""The cards linked to a conversation, as they are stored: one of them is the one in use. SQL only.

`links` names the card in use, `linked_cards` every card of the conversation. What happened to cards is noted in
`card_events`, without card numbers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import card_events, consents, linked_cards, links
from library.ils import PatronRef
from library.ports import LinkedCard

MOST_CARDS = 6
REMINDERS = "reminders"  # the purpose of the consent that ends with the last card
USED_AGAIN_AFTER = timedelta(hours=12)  # a use is noted no oftener than this


@dataclass(frozen=True)
class Arriving:
    """A card that is to be linked, and what was agreed to for it."""

    patron_id: str
    name: str
    adds: bool = False  # beside the cards that are there, else in place of the one in use
    guardian: Mapping[str, Any] | None = None  # who consented for a child, and to which wording


def cards_of(db: Connection, conversation_id: str) -> list[LinkedCard]:
    """Return the linked cards, the one in use first, the others in the order they came."""
    current = db.execute(select(links).where(links.c.conversation_id == conversation_id)).mappings().first()
    mine = select(linked_cards).where(linked_cards.c.conversation_id == conversation_id)
    rows = db.execute(mine.order_by(linked_cards.c.linked_at, linked_cards.c.patron_id)).mappings().all()
    others = [row for row in rows if current is None or row["patron_id"] != current["patron_id"]]
    minors = {row["patron_id"] for row in rows if row["guardian"]}
    found = [LinkedCard(PatronRef(current["patron_id"]), current["name"], current=True)] if current else []
    found += [LinkedCard(PatronRef(row["patron_id"]), row["name"]) for row in others]
    return [LinkedCard(each.who, each.name, each.current, each.who.patron_id in minors) for each in found]


def link(db: Connection, conversation_id: str, card: Arriving, now: datetime) -> None:
    """Link the card and use it from now on."""
    before = db.scalar(select(links.c.patron_id).where(links.c.conversation_id == conversation_id))
    if before and not card.adds and before != card.patron_id:
        forget(db, conversation_id, before, now, "replaced")
    row = {"conversation_id": conversation_id, "patron_id": card.patron_id, "name": card.name}
    at = now.isoformat()
    more = {"linked_at": at, "used_at": at, "guardian": dict(card.guardian) if card.guardian else None}
    new = upsert(linked_cards).values(**row, **more)
    again = {**more, "name": card.name}
    db.execute(new.on_conflict_do_update(index_elements=["conversation_id", "patron_id"], set_=again))
    _use(db, conversation_id, card.patron_id, card.name)
    note(db, conversation_id, "linked for a child" if card.guardian else "linked", card.patron_id, now)


def choose(db: Connection, conversation_id: str, patron_id: str, now: datetime) -> bool:
    """Return whether this linked card is in use from now on."""
    this = _this(conversation_id, patron_id)
    name = db.scalar(select(linked_cards.c.name).where(this))
    if name is None:
        return False
    db.execute(update(linked_cards).where(this).values(used_at=now.isoformat()))
    _use(db, conversation_id, patron_id, name)
    return True


def in_use(db: Connection, conversation_id: str, now: datetime, unused: timedelta) -> str | None:
    """Return the patron whose card is in use, None when none is; one that nobody used for so long is let go."""
    patron_id: str | None = db.scalar(select(links.c.patron_id).where(links.c.conversation_id == conversation_id))
    if patron_id is None:
        return None
    used_at = db.scalar(select(linked_cards.c.used_at).where(_this(conversation_id, patron_id)))
    if used_at and datetime.fromisoformat(used_at) + unused <= now:
        forget(db, conversation_id, patron_id, now, "expired")
        return None
    if used_at is None or datetime.fromisoformat(used_at) + USED_AGAIN_AFTER <= now:
        name = db.scalar(select(links.c.name).where(links.c.conversation_id == conversation_id))
        at = now.isoformat()
        row = {"conversation_id": conversation_id, "patron_id": patron_id, "name": name, "linked_at": at, "used_at": at}
        again = upsert(linked_cards).values(row)
        db.execute(again.on_conflict_do_update(index_elements=["conversation_id", "patron_id"], set_={"used_at": at}))
    return patron_id


def needs_a_look(db: Connection, conversation_id: str, now: datetime, unused: timedelta) -> bool:
    """Return whether `in_use` has something to write: most turns only read."""
    patron_id = db.scalar(select(links.c.patron_id).where(links.c.conversation_id == conversation_id))
    used_at = db.scalar(select(linked_cards.c.used_at).where(_this(conversation_id, patron_id or "")))
    return patron_id is not None and (used_at is None or datetime.fromisoformat(used_at) + USED_AGAIN_AFTER <= now)


def forget(db: Connection, conversation_id: str, patron_id: str, now: datetime, why: str) -> bool:
    """Return whether this card was linked; another one of the conversation is in use afterwards, if there is one.

    With the last one ends the wish to be reminded, unless another card takes its place at once.
    """
    was = db.execute(delete(linked_cards).where(_this(conversation_id, patron_id))).rowcount
    used = (links.c.conversation_id == conversation_id) & (links.c.patron_id == patron_id)
    was += db.execute(delete(links).where(used)).rowcount
    if not was:
        return False
    note(db, conversation_id, why, patron_id, now)
    left = select(linked_cards).where(linked_cards.c.conversation_id == conversation_id)
    following = db.execute(left.order_by(linked_cards.c.used_at.desc()).limit(1)).mappings().first()
    if following and db.scalar(select(links.c.patron_id).where(links.c.conversation_id == conversation_id)) is None:
        _use(db, conversation_id, following["patron_id"], following["name"])
    if following is None and why != "replaced":
        wish = (consents.c.conversation_id == conversation_id) & (consents.c.purpose == REMINDERS)
        db.execute(delete(consents).where(wish))
    return True


def forget_all(db: Connection, conversation_id: str, now: datetime, why: str) -> int:
    """Return how many cards were linked; none is afterwards."""
    found = cards_of(db, conversation_id)
    for card in found:
        forget(db, conversation_id, card.who.patron_id, now, why)
    return len(found)


def note(db: Connection, conversation_id: str, deed: str, patron_id: str, now: datetime) -> None:
    """Note what happened to a card; of whose it is only a hash is kept."""
    row = {"conversation_id": conversation_id, "deed": deed, "patron_hash": hash_of(patron_id), "at": now.isoformat()}
    db.execute(insert(card_events).values(row))


def last_event(db: Connection, conversation_id: str) -> str | None:
    """Return what happened last to a card of this conversation."""
    last = select(func.max(card_events.c.number)).where(card_events.c.conversation_id == conversation_id)
    deed: str | None = db.scalar(select(card_events.c.deed).where(card_events.c.number == last.scalar_subquery()))
    return deed


def hash_of(patron_id: str) -> str:
    return hashlib.sha256(f"patron:{patron_id}".encode()).hexdigest()[:16]


def _use(db: Connection, conversation_id: str, patron_id: str, name: str) -> None:
    row = {"patron_id": patron_id, "name": name}
    new = upsert(links).values(conversation_id=conversation_id, **row)
    db.execute(new.on_conflict_do_update(index_elements=["conversation_id"], set_=row))


def _this(conversation_id: str, patron_id: str) -> Any:
    return (linked_cards.c.conversation_id == conversation_id) & (linked_cards.c.patron_id == patron_id)
