"""The second step of an account's sign-in: offered, confirmed, checked, taken away. SQL only."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from connectors.staff import audit, totp
from connectors.store import staff, staff_recovery
from connectors.tokens import hashed

RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another


def offer(db: Connection, name: str) -> str:
    """Return a new secret to be shown until a code confirms it."""
    secret = totp.new_secret()
    db.execute(update(staff).where(staff.c.name == name).values(totp_offered=secret))
    return secret


def offered(db: Connection, name: str) -> str | None:
    return db.scalar(select(staff.c.totp_offered).where(staff.c.name == name))


def is_on(db: Connection, name: str) -> bool:
    return db.scalar(select(staff.c.totp_secret).where(staff.c.name == name)) is not None


def confirm(db: Connection, name: str, typed: str, at: datetime) -> list[str] | None:
    """Turn the second step on; return its recovery codes, shown this once, or None when the code is not right."""
    secret = offered(db, name)
    step = totp.matching_step(secret, typed, at, None) if secret else None
    if step is None:
        return None
    db.execute(update(staff).where(staff.c.name == name).values(totp_secret=secret, totp_offered=None, totp_used=step))
    audit.note(db, name, "staff.second_step_on", f"staff:{name}", {}, at)
    return _new_codes(db, name)


def is_right(db: Connection, name: str, typed: str, at: datetime) -> bool:
    """Return whether this is a code of the account that was not used before; it is used now."""
    row = db.execute(select(staff.c.totp_secret, staff.c.totp_used).where(staff.c.name == name)).first()
    if row is None or row.totp_secret is None:
        return False
    step = totp.matching_step(row.totp_secret, typed, at, row.totp_used)
    if step is not None:
        db.execute(update(staff).where(staff.c.name == name).values(totp_used=step))
        return True
    return _spend(db, name, typed, at)


def turn_off(db: Connection, name: str, by: str, at: datetime) -> None:
    values = {"totp_secret": None, "totp_offered": None, "totp_used": None}
    db.execute(update(staff).where(staff.c.name == name).values(values))
    db.execute(delete(staff_recovery).where(staff_recovery.c.name == name))
    audit.note(db, by, "staff.second_step_off", f"staff:{name}", {}, at)


def _new_codes(db: Connection, name: str) -> list[str]:
    codes = [f"{_letters()}-{_letters()}" for _ in range(RECOVERY_CODES)]
    db.execute(delete(staff_recovery).where(staff_recovery.c.name == name))
    db.execute(insert(staff_recovery), [{"name": name, "code_hash": _kept(name, code)} for code in codes])
    return codes


def _letters() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(5))


def _spend(db: Connection, name: str, typed: str, at: datetime) -> bool:
    this = staff_recovery.c.code_hash == _kept(name, typed)
    if not db.execute(delete(staff_recovery).where(this)).rowcount:
        return False
    audit.note(db, name, "staff.recovery_code_used", f"staff:{name}", {}, at)
    return True


def _kept(name: str, code: str) -> str:
    """Return what is stored of a recovery code: it is random, 49 bits, and five tries lock the account."""
    return hashed(f"{name}:{''.join(code.lower().split())}")
