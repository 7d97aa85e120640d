"""A patron's say over what is stored: everything deleted, and proved; everything given back as a copy.

A deletion asked for in the chat happens in the transaction of the turn's final reply; the bare row that this reply
still needs goes later, by `finish_erasures`. A receipt tells that and how much was deleted, and names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, Table, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.export import everything_of
from connectors.store import (
    Store,
    cards,
    consents,
    conversations,
    deliveries,
    desk_notes,
    erasures,
    export_pages,
    forgets,
    messages,
    metadata,
    replies,
    tickets,
)
from connectors.tokens import hashed, new_token
from library.ports import Turn

PAGE_LIFETIME = timedelta(minutes=10)
LAST_REPLY_KEPT = timedelta(hours=1)  # a browser that was away fetches it within this time
COUNTED: Mapping[str, Table] = {
    "messages": messages,
    "replies": replies,
    "links": cards,
    "consents": consents,
    "notes": desk_notes,
    "tickets": tickets,
}


class StoredPrivacy:
    """The `Privacy` port, and the two halves of the page from which a copy is taken."""

    def __init__(self, store: Store, public_url: str) -> None:
        self._store = store
        self._public_url = public_url

    async def forget(self, turn: Turn) -> Mapping[str, int]:
        row = {"message_id": turn.message_id, "conversation_id": turn.conversation_id}

        def mark(db: Connection) -> dict[str, int]:
            db.execute(upsert(forgets).values(row).on_conflict_do_nothing())
            counts = counted(db, turn.conversation_id)
            _give_receipt(db, turn.conversation_id, counts, turn.now, turn.message_id)
            return counts

        return await self._store.write(mark)

    async def receipt(self, turn: Turn) -> int:
        number = select(erasures.c.number).where(erasures.c.message_hash == hashed(turn.message_id))
        return int(await self._store.read(lambda db: db.scalar(number)) or 0)

    async def export(self, turn: Turn) -> str:
        token = new_token()
        row = {"token_hash": hashed(token), "conversation_id": turn.conversation_id}
        row["expires_at"] = (turn.now + PAGE_LIFETIME).isoformat()

        def make(db: Connection) -> None:
            db.execute(delete(export_pages).where(export_pages.c.conversation_id == turn.conversation_id))
            db.execute(insert(export_pages).values(row))

        await self._store.write(make)
        return f"{self._public_url}/export/{token}"

    async def page_language(self, token: str, now: datetime) -> str | None:
        """Return the language of the chat whose copy this page gives, or None for a page that gives none any more.

        Looking uses nothing up: link previews look too.
        """
        return await self._store.read(lambda db: db.scalar(_opened(conversations.c.locale, token, now)))

    async def take_copy(self, token: str, now: datetime) -> dict[str, Any] | None:
        """Return everything stored of the conversation, once for each page; None when the page gives nothing."""

        def take(db: Connection) -> dict[str, Any] | None:
            conversation_id = db.scalar(_opened(conversations.c.id, token, now))
            if conversation_id is None:
                return None
            used = update(export_pages).where(export_pages.c.token_hash == hashed(token))
            db.execute(used.values(used_at=now.isoformat()))
            return everything_of(db, conversation_id, now)

        return await self._store.write(take)


def _opened(column: Any, token: str, now: datetime) -> Any:
    """Return the query for something of the conversation whose page the token opens now."""
    this = (export_pages.c.token_hash == hashed(token)) & export_pages.c.used_at.is_(None)
    return select(column).join_from(conversations, export_pages).where(this, export_pages.c.expires_at > _written(now))


def counted(db: Connection, conversation_id: str) -> dict[str, int]:
    """Return how much of each kind that patrons are told of is stored."""
    return {kind: _rows(db, table, conversation_id) for kind, table in COUNTED.items()}


def forget_now(db: Connection, conversation_id: str, now: datetime) -> int:
    """Delete all that is stored of the conversation, its own row as well; return the receipt's number."""
    number = _give_receipt(db, conversation_id, counted(db, conversation_id), now, None)
    delete_all(db, [conversation_id])
    return number


def delete_all(db: Connection, conversation_ids: Sequence[str]) -> None:
    """Delete every row of these conversations, their own as well."""
    for table in _tables():
        db.execute(delete(table).where(table.c.conversation_id.in_(conversation_ids)))
    db.execute(delete(conversations).where(conversations.c.id.in_(conversation_ids)))


def still_kept(db: Connection, conversation_id: str) -> dict[str, int]:
    """Return how many rows of each table still belong to the conversation; empty when nothing is left of it."""
    rows = {table.name: _rows(db, table, conversation_id) for table in _tables()}
    itself = select(func.count()).select_from(conversations).where(conversations.c.id == conversation_id)
    rows["conversations"] = int(db.scalar(itself) or 0)
    return {name: number for name, number in rows.items() if number}


def receipt(db: Connection, number: int) -> tuple[datetime, dict[str, int], dict[str, int]] | None:
    """Return when a receipt was given, what was deleted, and what is still kept; None for a number never given."""
    row = db.execute(select(erasures).where(erasures.c.number == number)).mappings().first()
    if row is None:
        return None
    there = (known for known in db.scalars(select(conversations.c.id)) if hashed(known) == row["conversation_hash"])
    found = next(there, None)
    return datetime.fromisoformat(row["at"]), dict(row["counts"]), still_kept(db, found) if found else {}


def finish_erasures(db: Connection, now: datetime) -> int:
    """Delete the bare rows of forgotten conversations whose last reply was sent; return how many.

    Somebody who writes again before that has begun anew: what they write since is theirs to have deleted again.
    """
    gone = 0
    for row in db.execute(select(erasures).where(erasures.c.number.in_(erased_and_bare(now)))).mappings().all():
        if _still_to_say(db, row["bare"]):
            continue
        if not _wrote_again(db, row["bare"], row["message_hash"]):
            delete_all(db, [row["bare"]])
            gone += 1
        db.execute(update(erasures).where(erasures.c.number == row["number"]).values(bare=None))
    return gone


def erased_and_bare(now: datetime) -> Select[tuple[int]]:
    """Return the query for the receipts whose conversations may lose their last rows by now."""
    waited = erasures.c.at <= _written(now - LAST_REPLY_KEPT)
    return select(erasures.c.number).where(erasures.c.bare.is_not(None), waited)


def _still_to_say(db: Connection, conversation_id: str) -> bool:
    """Return whether an answer is still owed to, or on its way to, the patron."""
    owed = (messages.c.conversation_id == conversation_id) & messages.c.answered_at.is_(None)
    on_its_way = (deliveries.c.conversation_id == conversation_id) & (deliveries.c.state == "waiting")
    queries = (select(messages.c.id).where(owed), select(deliveries.c.reply_id).where(on_its_way))
    return any(db.scalar(query.limit(1)) is not None for query in queries)


def _wrote_again(db: Connection, conversation_id: str, message_hash: str) -> bool:
    mine = select(messages.c.id).where(messages.c.conversation_id == conversation_id)
    return any(hashed(message_id) != message_hash for message_id in db.scalars(mine))


def _give_receipt(
    db: Connection, conversation_id: str, counts: Mapping[str, int], now: datetime, message_id: str | None
) -> int:
    """Return the receipt's number; a turn run again finds the one that it gave."""
    message_hash = hashed(message_id) if message_id else None
    given = db.scalar(select(erasures.c.number).where(erasures.c.message_hash == message_hash))
    if message_hash and given:
        return int(given)
    row = {"conversation_hash": hashed(conversation_id), "at": _written(now), "counts": dict(counts)}
    asked_here = {"message_hash": message_hash, "bare": conversation_id} if message_hash else {}
    return int(db.execute(insert(erasures).values(**row, **asked_here).returning(erasures.c.number)).scalar_one())


def _tables() -> list[Table]:
    """Return the tables whose rows belong to a conversation."""
    return [table for table in reversed(metadata.sorted_tables) if "conversation_id" in table.c]


def _rows(db: Connection, table: Table, conversation_id: str) -> int:
    mine = table.c.conversation_id == conversation_id
    return int(db.scalar(select(func.count()).select_from(table).where(mine)) or 0)


def _written(at: datetime) -> str:
    return at.isoformat()
