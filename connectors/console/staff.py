"""Who may come in by the librarians' door: accounts, sign-in, sessions.

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
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.clock import Clock
from connectors.store import Store, login_failures, staff, staff_sessions
from connectors.tokens import hashed, new_token
from library.text import nfc

logger = logging.getLogger(__name__)

ROLES = frozenset({"librarian"})
SHORTEST_PASSWORD = 10
LONGEST_NAME = 60
MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
SIGN_IN_TAKES_S = 0.5  # every try takes at least this long, right or wrong
CHECKS_AT_ONCE = 2  # an argon2 check takes 64 MiB: a flood of tries must not take them all at once

_hasher = PasswordHasher()


class StaffError(Exception):
    """The account cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Visitor:
    """Who is signed in, and the key that this session's forms carry."""

    name: str
    role: str
    csrf: str


def add_staff(db: Connection, name: str, password: str, role: str, at: datetime) -> None:
    """Store a new account. Raises StaffError for a name that is taken or unusable, a short password, another role."""
    name = _plain(name)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise StaffError(f"Tên tài khoản dài từ 1 đến {LONGEST_NAME} ký tự, viết trên một dòng. Hãy chọn tên khác.")
    if len(nfc(password)) < SHORTEST_PASSWORD:
        raise StaffError(f"Mật khẩu của “{name}” ngắn hơn {SHORTEST_PASSWORD} ký tự. Hãy chọn mật khẩu dài hơn.")
    if role not in ROLES:
        raise StaffError(f"Không có vai trò “{role}”. Vai trò dùng được: {', '.join(sorted(ROLES))}.")
    row = {"name": name, "password_hash": _hasher.hash(nfc(password)), "role": role, "created_at": at.isoformat()}
    if db.execute(upsert(staff).values(row).on_conflict_do_nothing()).rowcount == 0:
        raise StaffError(f"Tài khoản “{name}” đã có, không tạo lại. Hãy chọn tên khác.")


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
        _nobodys_hash()  # made now, so that the first unknown name takes no longer than the next

    async def sign_in(self, name: str, password: str) -> str | None:
        """Return the token of a new session, or None."""
        started = asyncio.get_running_loop().time()
        token = await self._sign_in(_plain(name), nfc(password))
        await asyncio.sleep(max(0.0, self._takes_s - (asyncio.get_running_loop().time() - started)))
        logger.info("staff sign-in tried ok=%s", token is not None)
        return token

    async def visitor(self, token: str) -> Visitor | None:
        """Return who holds this session, or None when it is over."""
        this, now = staff_sessions.c.token_hash == hashed(token), self._clock().isoformat()
        holder = select(staff.c.name, staff.c.role).join(staff_sessions).where(this, staff_sessions.c.expires_at > now)
        row = await self._store.read(lambda db: db.execute(holder).first())
        return Visitor(row.name, row.role, csrf_of(token)) if row else None

    async def sign_out(self, token: str) -> None:
        this = staff_sessions.c.token_hash == hashed(token)
        await self._store.write(lambda db: db.execute(delete(staff_sessions).where(this)))

    async def _sign_in(self, name: str, password: str) -> str | None:
        kept = await self._store.write(lambda db: self._admit(db, name))
        async with self._checks:
            right = await asyncio.to_thread(_is_password, kept or _nobodys_hash(), password)
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
        return db.scalar(select(staff.c.password_hash).where(staff.c.name == name))

    def _open_session(self, db: Connection, name: str, token: str) -> None:
        now = self._clock()
        db.execute(delete(login_failures).where(login_failures.c.who == _who(name)))
        db.execute(delete(staff_sessions).where(staff_sessions.c.expires_at <= now.isoformat()))
        expires_at = (now + self.session_lasts).isoformat()
        db.execute(insert(staff_sessions).values(token_hash=hashed(token), name=name, expires_at=expires_at))


@cache
def _nobodys_hash() -> str:
    """Return what a password is checked against when there is nothing to check it against."""
    return _hasher.hash(new_token())


def _is_password(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (Argon2Error, InvalidHashError):
        return False


def _plain(name: str) -> str:
    """Return the name as it is stored: the same name however it was typed."""
    return nfc(" ".join(name.split()))


def _who(name: str) -> str:
    """Return the key under which failures are counted: hashed, since people type passwords into the wrong box."""
    return "staff:" + hashlib.sha256(name.encode()).hexdigest()
