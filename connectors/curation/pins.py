"""Pinned questions: what was right once and has to stay so. SQL only.

A pin holds words that were masked before, and who pinned it. One made from a patron's turn goes when the patron has
their talk deleted; when the talk is merely old, the pin stays and forgets whose it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import pins
from library.text import nfc

Kind = Literal["answer", "none", "intent"]
LONGEST = 500  # characters


@dataclass(frozen=True)
class Expected:
    """What must come: the answer of this key, no answer at all, or (for training) this intent."""

    kind: Kind
    what: str = ""


@dataclass(frozen=True)
class Pin:
    number: int
    text: str
    expected: Expected
    by: str
    at: datetime


def pin(
    db: Connection,
    text: str,
    expected: Expected,
    by: str,
    at: datetime,
    *,
    conversation_id: str | None = None,
    message_id: str | None = None,
) -> int:
    """Return the pin's number. Pinning the same words again changes what is expected of them.

    `text` is masked already. Raises ValueError where there is nothing to pin.
    """
    words = " ".join(nfc(text).split())[:LONGEST]
    if not words or (expected.kind == "none") == bool(expected.what):
        raise ValueError("a pin wants words, and an answer's key or an intent unless no answer is expected")
    row: dict[str, str | None] = {"text": words, "kind": expected.kind, "what": expected.what, "by": by}
    row |= {"at": at.isoformat(), "conversation_id": conversation_id, "message_id": message_id}
    there = upsert(pins).values(row)
    changed = {name: there.excluded[name] for name in row if name != "text"}
    db.execute(there.on_conflict_do_update(index_elements=[pins.c.text], set_=changed))
    return int(db.scalar(select(pins.c.number).where(pins.c.text == words)) or 0)


def unpin(db: Connection, number: int) -> bool:
    """Return whether the pin was there and is gone."""
    return db.execute(delete(pins).where(pins.c.number == number)).rowcount > 0


def pinned(db: Connection, *kinds: Kind) -> list[Pin]:
    """Return the pins of these kinds, or all of them, oldest first."""
    query = select(pins).order_by(pins.c.number)
    return [_pin(row) for row in db.execute(query.where(pins.c.kind.in_(kinds)) if kinds else query).mappings()]


def mark(db: Connection) -> str:
    """Return what changes whenever a pin is made, changed or removed."""
    last, count, newest = db.execute(select(func.max(pins.c.number), func.count(), func.max(pins.c.at))).one()
    return f"{last or 0}.{count}.{newest or ''}"


def forget_whose(db: Connection, conversation_ids: Sequence[str]) -> None:
    """Let the pins made from these conversations stay without anything that leads back to them."""
    mine = pins.c.conversation_id.in_(conversation_ids)
    db.execute(update(pins).where(mine).values(conversation_id=None, message_id=None))


def _pin(row: Any) -> Pin:
    expected = Expected(row["kind"], row["what"])
    return Pin(row["number"], row["text"], expected, row["by"], datetime.fromisoformat(row["at"]))
