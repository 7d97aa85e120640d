"""How often a log-in was tried: five failures of a card or of a chat, and half an hour nothing is asked for it.

Counted before the library system is asked, so that many tries at once get no more than their five either.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Delete, Update, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import login_failures

MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=30)


@dataclass(frozen=True)
class Try:
    keys: tuple[str, ...]  # under which it is counted
    locked: bool


def count(db: Connection, conversation_id: str, card_number: str, now: datetime) -> Try:
    """Return the try, counted as failed until it is known better."""
    db.execute(delete(login_failures).where(login_failures.c.last_at <= (now - LOCKED_FOR).isoformat()))
    keys = (_who("card", "".join(card_number.split()).upper()), _who("chat", conversation_id))
    many = login_failures.c.who.in_(keys) & (login_failures.c.count >= MAX_FAILURES)
    if db.scalar(select(login_failures.c.who).where(many)) is not None:
        return Try(keys, locked=True)
    for who in keys:
        first = upsert(login_failures).values(who=who, count=1, last_at=now.isoformat())
        again = {"count": login_failures.c.count + 1, "last_at": now.isoformat()}
        db.execute(first.on_conflict_do_update(index_elements=["who"], set_=again))
    return Try(keys, locked=False)


def counted_back(tried: Try) -> Update:
    """Return the statement for a try that was never checked."""
    return update(login_failures).where(login_failures.c.who.in_(tried.keys)).values(count=login_failures.c.count - 1)


def forgiven(tried: Try) -> Delete:
    """Return the statement for a try that was right: the failures before it do not count any more."""
    return delete(login_failures).where(login_failures.c.who.in_(tried.keys))


def _who(kind: str, value: str) -> str:
    """Return the key under which failures are counted: a hash, so that no card number stands in the file to be read."""
    return hashlib.sha256(f"{kind}:{value}".encode()).hexdigest()
