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
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.clock import Clock
from connectors.staff import audit, second_step
from connectors.staff.accounts import vouched_for
from connectors.staff.passwords import is_password, nobodys_hash, plain_name
from connectors.staff.roles import Permission, Role, may, role_of
from connectors.store import Store, login_failures, staff, staff_halfway, staff_sessions
from connectors.tokens import hashed, new_token

logger = logging.getLogger(__name__)

MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
SIGN_IN_TAKES_S = 0.5  # every try takes at least this long, right or wrong
CHECKS_AT_ONCE = 2  # an argon2 check takes 64 MiB: a flood of tries must not take them all at once


HALFWAY_LASTS = timedelta(minutes=5)
SEEN_EVERY = timedelta(minutes=1)  # how exactly the last sign of life is kept: not a write for every page
LONGEST_BROWSER = 120  # characters


@dataclass(frozen=True)
class Visitor:
    """Who is signed in, and the key that this session's forms carry; no branches are all of them."""

    name: str
    role: Role
    csrf: str
    branches: frozenset[str] = frozenset()
    session: str = ""  # the hash of its token
    must_change_password: bool = False

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


@dataclass(frozen=True)
class SignedInAs:
    """What a right password gives: the token of a session, or of a sign-in that still wants the code."""

    token: str
    wants_code: bool = False


@dataclass(frozen=True)
class Session:
    """A session as its owner sees it."""

    key: str
    opened_at: datetime | None
    seen_at: datetime | None
    browser: str


class StaffDoor:
    """Signs in, remembers, signs out."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        session_hours: float,
        takes_s: float = SIGN_IN_TAKES_S,
        idle: timedelta | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self.session_lasts = timedelta(hours=session_hours)
        self._idle = idle
        self._takes_s = takes_s
        self._checks = asyncio.Semaphore(CHECKS_AT_ONCE)
        nobodys_hash()  # made now, so that the first unknown name takes no longer than the next

    async def sign_in(self, name: str, password: str, browser: str = "") -> SignedInAs | None:
        """Return the token of a new session, or of one that wants a code as well, or None."""
        started = asyncio.get_running_loop().time()
        opened = await self._sign_in(plain_name(name), password, browser)
        await asyncio.sleep(max(0.0, self._takes_s - (asyncio.get_running_loop().time() - started)))
        logger.info("staff sign-in tried ok=%s", opened is not None)
        return opened

    async def finish(self, halfway: str, typed: str, browser: str = "") -> str | None:
        """Return the token of a new session when this is the code that a right password still owed."""
        started = asyncio.get_running_loop().time()
        token = await self._store.write(lambda db: self._finish(db, halfway, typed, browser))
        await asyncio.sleep(max(0.0, self._takes_s - (asyncio.get_running_loop().time() - started)))
        return token

    async def welcome(self, subject: str, email: str, browser: str) -> str | None:
        """Return the token of a new session for whom the sign-in service vouches; None for nobody of ours."""
        return await self._store.write(lambda db: self._welcome(db, subject, email, browser))

    async def visitor(self, token: str, *, alive: bool = True) -> Visitor | None:
        """Return who holds this session, or None when it is over; `alive` tells that a person asks, not a timer."""
        row = await self._store.read(lambda db: db.execute(self._holder(token)).first())
        if row is None:
            return None
        if alive and self._is_stale(row.seen_at):
            now = self._clock().isoformat()
            this = staff_sessions.c.token_hash == hashed(token)
            await self._store.write(lambda db: db.execute(update(staff_sessions).where(this).values(seen_at=now)))
        branches = frozenset(row.branches or ())
        changes = bool(row.password_given)
        return Visitor(row.name, role_of(row.role), csrf_of(token), branches, hashed(token), changes)

    async def sign_out(self, token: str) -> None:
        this = staff_sessions.c.token_hash == hashed(token)
        await self._store.write(lambda db: db.execute(delete(staff_sessions).where(this)))

    async def knows(self, name: str, password: str) -> bool:
        """Return whether this is the password of somebody signed in; wrong ones count as failed sign-ins do."""
        kept = await self._store.write(lambda db: self._admit(db, name))
        async with self._checks:
            right = await asyncio.to_thread(is_password, kept or nobodys_hash(), password)
        if right and kept:
            await self._store.write(lambda db: _forget_failures(db, name))
        return right and kept is not None

    def sessions(self, db: Connection, name: str) -> list[Session]:
        """Return the sessions of this account that are not over, the latest first."""
        rows = db.execute(self._live().where(staff.c.name == name).order_by(staff_sessions.c.opened_at.desc()))
        return [
            Session(row.token_hash[:16], _time(row.opened_at), _time(row.seen_at), row.browser or "") for row in rows
        ]

    def _live(self) -> Select[Any]:
        now = self._clock()
        live = (staff_sessions.c.expires_at > now.isoformat()) & staff.c.locked_at.is_(None)
        if self._idle:
            seen = func.coalesce(staff_sessions.c.seen_at, staff_sessions.c.opened_at)
            live &= seen > (now - self._idle).isoformat()
        columns = [column for column in staff_sessions.c if column.name != "name"]
        return select(staff, *columns).join(staff_sessions).where(live)

    def _holder(self, token: str) -> Select[Any]:
        return self._live().where(staff_sessions.c.token_hash == hashed(token))

    def _is_stale(self, seen_at: str | None) -> bool:
        return seen_at is None or self._clock() - datetime.fromisoformat(seen_at) >= SEEN_EVERY

    async def _sign_in(self, name: str, password: str, browser: str) -> SignedInAs | None:
        kept = await self._store.write(lambda db: self._admit(db, name))
        async with self._checks:
            right = await asyncio.to_thread(is_password, kept or nobodys_hash(), password)
        if kept is None or not right:
            return None
        return await self._store.write(lambda db: self._open(db, name, browser))

    def _admit(self, db: Connection, name: str) -> str | None:
        """Return the password hash to check this try against, or None for a name that is locked or unknown.

        The try is counted as failed before it is checked, so that many tries at once get no more than five either.
        """
        known = (staff.c.name == name) & staff.c.locked_at.is_(None)
        kept = db.scalar(select(staff.c.password_hash).where(known))
        return kept if self._count(db, name, known=kept is not None) else None

    def _count(self, db: Connection, name: str, *, known: bool) -> bool:
        """Count a try as failed; return whether it may be made."""
        now, who = self._clock(), _who(name)
        over = login_failures.c.last_at <= (now - LOCKED_FOR).isoformat()
        db.execute(delete(login_failures).where(login_failures.c.who.startswith("staff:"), over))
        failures = db.scalar(select(login_failures.c.count).where(login_failures.c.who == who)) or 0
        if failures >= MAX_FAILURES:
            return False
        if known and failures == MAX_FAILURES - 1:  # the last try: noted before it is known to fail, as it is counted
            audit.note(db, name, "staff.last_try", f"staff:{name}", {}, now)
        counted = {"count": failures + 1, "last_at": now.isoformat()}
        again = upsert(login_failures).values(who=who, **counted)
        db.execute(again.on_conflict_do_update(index_elements=["who"], set_=counted))
        return True

    def _open(self, db: Connection, name: str, browser: str) -> SignedInAs:
        if not second_step.is_on(db, name):
            return SignedInAs(self._open_session(db, name, browser, "password"))
        token, until = new_token(), self._clock() + HALFWAY_LASTS
        db.execute(delete(staff_halfway).where(staff_halfway.c.expires_at <= self._clock().isoformat()))
        row = {"token_hash": hashed(token), "name": name, "expires_at": until.isoformat()}
        db.execute(insert(staff_halfway).values(row))
        return SignedInAs(token, wants_code=True)

    def _finish(self, db: Connection, halfway: str, typed: str, browser: str) -> str | None:
        """Each code is a try like a password: five failures of either kind lock the account."""
        now = self._clock()
        this = staff_halfway.c.token_hash == hashed(halfway)
        name = db.scalar(select(staff_halfway.c.name).where(this, staff_halfway.c.expires_at > now.isoformat()))
        if name is None or not _is_open(db, name) or not self._count(db, name, known=True):
            return None
        if not second_step.is_right(db, name, typed, now):
            return None
        db.execute(delete(staff_halfway).where(this))
        return self._open_session(db, name, browser, "password+code")

    def _welcome(self, db: Connection, subject: str, email: str, browser: str) -> str | None:
        name = vouched_for(db, subject, email, self._clock())
        return self._open_session(db, name, browser, "service") if name else None

    def _open_session(self, db: Connection, name: str, browser: str, by: str) -> str:
        now, token = self._clock(), new_token()
        _forget_failures(db, name)
        db.execute(delete(staff_sessions).where(staff_sessions.c.expires_at <= now.isoformat()))
        expires_at, browser = (now + self.session_lasts).isoformat(), browser[:LONGEST_BROWSER]
        session = {"name": name, "expires_at": expires_at, "opened_at": now.isoformat(), "browser": browser}
        db.execute(insert(staff_sessions).values(token_hash=hashed(token), seen_at=now.isoformat(), **session))
        db.execute(update(staff).where(staff.c.name == name).values(signed_in_at=now.isoformat()))
        audit.note(db, name, "staff.signed_in", f"staff:{name}", {"by": by}, now)
        return token


def _is_open(db: Connection, name: str) -> bool:
    return db.scalar(select(staff.c.name).where(staff.c.name == name, staff.c.locked_at.is_(None))) is not None


def _forget_failures(db: Connection, name: str) -> None:
    db.execute(delete(login_failures).where(login_failures.c.who == _who(name)))


def _time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None


def _who(name: str) -> str:
    """Return the key under which failures are counted: hashed, since people type passwords into the wrong box."""
    return "staff:" + hashlib.sha256(name.encode()).hexdigest()
