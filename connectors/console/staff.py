"""Who may come in by the librarians' door: sign-in, sessions, and what a signed-in person may do.

A failed sign-in is uniform in words and in time, whether the name is unknown, the password wrong or the account locked.
Of a session only the token's hash is stored, so the database file opens no session.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.clock import Clock
from connectors.staff.passwords import is_password, nobodys_hash, plain_name
from connectors.staff.roles import Permission, Role, may, role_of
from connectors.store import Store, login_failures, staff, staff_sessions
from connectors.tokens import hashed, new_token

logger = logging.getLogger(__name__)

MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
SIGN_IN_TAKES_S = 0.5  # every try takes at least this long, right or wrong
CHECKS_AT_ONCE = 2  # an argon2 check takes 64 MiB: a flood of tries must not take them all at once


@dataclass(frozen=True)
class Visitor:
    """Who is signed in, and the key that this session's forms carry; no branches are all of them."""

    name: str
    role: Role
    csrf: str
    branches: frozenset[str] = frozenset()

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)


def within(visitor: Visitor, branch: str | None) -> bool:
    """Return whether this branch is theirs to look after; what belongs to all branches is only for who has them all."""
    return not visitor.branches or branch in visitor.branches


def csrf_of(token: str) -> str:
    """Return the key that forms carry beside the cookie `token`; who knows the key does not know the cookie."""
    return hashed(f"form:{token}")


def same_key(given: str, key: str) -> bool:
    return hmac.compare_digest(given.encode(), key.encode())


class StaffDoor:
    """Signs in, remembers, signs out."""

    def __init__(self, store: Store, clock: Clock, session_hours: float, takes_s: float = SIGN_IN_TAKES_S) -> None:
        self._store = store
        self._clock = clock
        self.session_lasts = timedelta(hours=session_hours)
        self._takes_s = takes_s
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)
        nobodys_hash()  # made now, so that the first unknown name takes no longer than the next

    async def sign_in(self, name: str, password: str) -> str | None:
        """Return the token of a new session, or None."""
        started = asyncio.get_running_loop().time()
        token = await self._sign_in(plain_name(name), password)
        await asyncio.sleep(max(0.0, self._takes_s - (asyncio.get_running_loop().time() - started)))
        logger.info("staff sign-in tried ok=%s", token is not None)
        return token

    async def visitor(self, token: str) -> Visitor | None:
        """Return who holds this session, or None when it is over."""
        now = self._clock().isoformat()
        row = await self._store.read(lambda db: db.execute(_holder(token, now)).first())
        if row is None:
            return None
        return Visitor(row.name, role_of(row.role), csrf_of(token), frozenset(row.branches or ()))

    async def sign_out(self, token: str) -> None:
        this = staff_sessions.c.token_hash == hashed(token)
        await self._store.write(lambda db: db.execute(delete(staff_sessions).where(this)))

    async def _sign_in(self, name: str, password: str) -> str | None:
        kept = await self._store.write(lambda db: self._admit(db, name))
        async with self._checks:
            right = await asyncio.to_thread(is_password, kept or nobodys_hash(), password)
        if kept is None or not right:
            return None
        token = new_token()
        await self._store.write(lambda db: self._open_session(db, name, token))
        return token

    def _admit(self, db: Connection, name: str) -> str | None:
        """Return the password hash to check this try against, or None for a name that is locked or unknown.

        The try is counted as failed before it is checked, so that many tries at once get no more than five either.
        """
        now, who = self._clock(), _who(name)
        over = login_failures.c.last_at <= (now - LOCKED_FOR).isoformat()
        db.execute(delete(login_failures).where(login_failures.c.who.startswith("staff:"), over))
        failures = db.scalar(select(login_failures.c.count).where(login_failures.c.who == who)) or 0
        if failures >= MAX_FAILURES:
            return None
        counted = {"count": failures + 1, "last_at": now.isoformat()}
        again = upsert(login_failures).values(who=who, **counted)
        db.execute(again.on_conflict_do_update(index_elements=["who"], set_=counted))
        known = (staff.c.name == name) & staff.c.locked_at.is_(None)
        return db.scalar(select(staff.c.password_hash).where(known))

    def _open_session(self, db: Connection, name: str, token: str) -> None:
        now = self._clock()
        db.execute(delete(login_failures).where(login_failures.c.who == _who(name)))
        db.execute(delete(staff_sessions).where(staff_sessions.c.expires_at <= now.isoformat()))
        expires_at = (now + self.session_lasts).isoformat()
        session = {"name": name, "expires_at": expires_at, "opened_at": now.isoformat()}
        db.execute(insert(staff_sessions).values(token_hash=hashed(token), **session))
        db.execute(update(staff).where(staff.c.name == name).values(signed_in_at=now.isoformat()))


def _holder(token: str, now: str) -> Select[Any]:
    this = (staff_sessions.c.token_hash == hashed(token)) & (staff_sessions.c.expires_at > now)
    return select(staff).join(staff_sessions).where(this, staff.c.locked_at.is_(None))


def _who(name: str) -> str:
    """Return the key under which failures are counted: hashed, since people type passwords into the wrong box."""
    return "staff:" + hashlib.sha256(name.encode()).hexdigest()
