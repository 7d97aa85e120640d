"""Accounts of the staff: who they are, what they look after, and what managers of accounts may do with them. SQL only.

Nobody hands out more than they have, nobody changes their own role, and somebody is always left to manage accounts.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.staff import audit
from connectors.staff.passwords import SHORTEST_PASSWORD, hash_of, plain_name
from connectors.staff.roles import Permission, Role, may, may_grant, role_of
from connectors.store import staff, staff_halfway, staff_sessions
from library.text import nfc

LONGEST_NAME = 60


class StaffError(Exception):
    """The account cannot be made or changed; the message says why and what to do."""


class Manager(Protocol):
    """Who manages accounts, as signed in."""

    @property
    def name(self) -> str: ...
    @property
    def role(self) -> Role: ...
    @property
    def branches(self) -> frozenset[str]: ...


@dataclass(frozen=True)
class Account:
    name: str
    role: Role
    branches: frozenset[str]  # none: all
    locked_at: datetime | None
    signed_in_at: datetime | None
    second_step: bool
    email: str


def add_staff(db: Connection, name: str, password: str, role: str, at: datetime, branches: Iterable[str] = ()) -> None:
    """Store a new account; no branches are all of them.

    Raises StaffError for a name that is taken or unusable, a short password, another role.
    """
    name = plain_name(name)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise StaffError(f"Tên tài khoản dài từ 1 đến {LONGEST_NAME} ký tự, viết trên một dòng. Hãy chọn tên khác.")
    check_password(name, password)
    row = {
        "name": name,
        "password_hash": hash_of(password),
        "role": known_role(role),
        "created_at": at.isoformat(),
        "branches": sorted(set(branches)) or None,
    }
    if db.execute(upsert(staff).values(row).on_conflict_do_nothing()).rowcount == 0:
        raise StaffError(f"Tài khoản “{name}” đã có, không tạo lại. Hãy chọn tên khác.")


def check_password(name: str, password: str) -> None:
    """Raise StaffError for a password that is too short."""
    if len(nfc(password)) < SHORTEST_PASSWORD:
        raise StaffError(f"Mật khẩu của “{name}” ngắn hơn {SHORTEST_PASSWORD} ký tự. Hãy chọn mật khẩu dài hơn.")


def known_role(word: str) -> Role:
    """Return the role of this name. Raises StaffError for another."""
    try:
        return Role(word)
    except ValueError as exc:
        raise StaffError(f"Không có vai trò “{word}”. Vai trò dùng được: {', '.join(Role)}.") from exc


def new_password() -> str:
    """Return a password to be handed over and changed at the first sign-in."""
    return secrets.token_urlsafe(12)


def accounts(db: Connection) -> list[Account]:
    return [_account(row) for row in db.execute(select(staff).order_by(staff.c.name)).mappings()]


def account(db: Connection, name: str) -> Account | None:
    row = db.execute(select(staff).where(staff.c.name == name)).mappings().first()
    return _account(row) if row else None


def may_manage(by: Manager, other: Account) -> bool:
    """Return whether this account is theirs to manage: no stronger than their own, and of their branches."""
    return may_grant(by.role, other.role) and _covers(by.branches, other.branches)


def hire(db: Connection, by: Manager, name: str, role: str, branches: Iterable[str], email: str, at: datetime) -> str:
    """Make an account; return its password, shown this once. Raises StaffError."""
    wanted, theirs, password = known_role(role), frozenset(branches), new_password()
    _check_gift(by, wanted, theirs)
    add_staff(db, name, password, role, at, theirs)
    this = staff.c.name == plain_name(name)
    db.execute(update(staff).where(this).values(password_given=1, email=_address(db, email, plain_name(name))))
    detail = {"role": wanted, "branches": sorted(theirs)}
    audit.note(db, by.name, "staff.added", _about(plain_name(name)), detail, at)
    return password


def change(
    db: Connection, by: Manager, name: str, role: str, branches: Iterable[str], email: str, at: datetime
) -> None:
    """Give an account another role, branches or e-mail address; its sessions end when what it may do changes.

    Raises StaffError.
    """
    before, wanted, theirs = _managed(db, by, name), known_role(role), frozenset(branches)
    _check_gift(by, wanted, theirs)
    if (wanted, theirs) != (before.role, before.branches):
        if name == by.name:
            raise StaffError("Không ai tự đổi vai trò hay chi nhánh của mình. Nhờ người quản lý tài khoản khác.")
        end_sessions(db, name)
    values: dict[str, Any] = {"role": wanted, "branches": sorted(theirs) or None}
    values["email"] = _address(db, email, name)
    if values["email"] != (before.email or None):
        values["subject"] = None  # another address is another person at the sign-in service
    db.execute(update(staff).where(staff.c.name == name).values(values))
    _check_managers(db)
    detail = {"from": before.role, "to": wanted, "branches": sorted(theirs)}
    audit.note(db, by.name, "staff.changed", _about(name), detail, at)


def lock(db: Connection, by: Manager, name: str, at: datetime) -> None:
    """Shut an account and end its sessions. Raises StaffError."""
    _managed(db, by, name)
    if name == by.name:
        raise StaffError("Không ai tự khoá tài khoản của mình. Nhờ người quản lý tài khoản khác.")
    db.execute(update(staff).where(staff.c.name == name).values(locked_at=at.isoformat()))
    _check_managers(db)
    end_sessions(db, name)
    audit.note(db, by.name, "staff.locked", _about(name), {}, at)


def unlock(db: Connection, by: Manager, name: str, at: datetime) -> None:
    _managed(db, by, name)
    db.execute(update(staff).where(staff.c.name == name).values(locked_at=None))
    audit.note(db, by.name, "staff.unlocked", _about(name), {}, at)


def reset_password(db: Connection, by: Manager, name: str, at: datetime) -> str:
    """Return a new password, shown this once; the sessions of the old one end. Raises StaffError."""
    _managed(db, by, name)
    password = new_password()
    db.execute(update(staff).where(staff.c.name == name).values(password_hash=hash_of(password), password_given=1))
    end_sessions(db, name)
    audit.note(db, by.name, "staff.password_reset", _about(name), {}, at)
    return password


def sign_out_everywhere(db: Connection, by: Manager, name: str, at: datetime) -> None:
    _managed(db, by, name)
    end_sessions(db, name)
    audit.note(db, by.name, "staff.signed_out_everywhere", _about(name), {}, at)


def check_managed(db: Connection, by: Manager, name: str) -> None:
    """Raise StaffError when this account is not theirs to manage."""
    _managed(db, by, name)


def change_password(db: Connection, name: str, password: str, at: datetime) -> None:
    """Store the password somebody chose for themselves. Raises StaffError for a short one."""
    check_password(name, password)
    db.execute(update(staff).where(staff.c.name == name).values(password_hash=hash_of(password), password_given=None))
    audit.note(db, name, "staff.password_changed", _about(name), {}, at)


def vouched_for(db: Connection, subject: str, email: str, at: datetime) -> str | None:
    """Return the account that the sign-in service's person has, or None; one shut or unknown has none.

    The first time it is found by the verified e-mail address, and then by the service's own name for them, which stays
    when the address is given to somebody else.
    """
    open_ones = select(staff.c.name).where(staff.c.locked_at.is_(None))
    known: str | None = db.scalar(open_ones.where(staff.c.subject == subject))
    if known:
        return known
    name: str | None = db.scalar(open_ones.where(staff.c.email == email, staff.c.subject.is_(None))) if email else None
    if name:
        db.execute(update(staff).where(staff.c.name == name).values(subject=subject))
        audit.note(db, name, "staff.linked", _about(name), {}, at)
    return name


def end_sessions(db: Connection, name: str, but: str = "") -> None:
    """End the sessions of an account, but the one whose token's hash is given."""
    theirs = (staff_sessions.c.name == name) & (staff_sessions.c.token_hash != but)
    db.execute(delete(staff_sessions).where(theirs))
    db.execute(delete(staff_halfway).where(staff_halfway.c.name == name))


def _managed(db: Connection, by: Manager, name: str) -> Account:
    found = account(db, name)
    if found is None:
        raise StaffError(f"Không có tài khoản “{name}”.")
    if not may_manage(by, found):
        raise StaffError(f"Tài khoản “{name}” có quyền hoặc chi nhánh ngoài phần của bạn. Nhờ người quản trị nội dung.")
    return found


def _check_gift(by: Manager, role: Role, branches: frozenset[str]) -> None:
    if not (may_grant(by.role, role) and _covers(by.branches, branches)):
        raise StaffError("Bạn chỉ giao được vai trò và chi nhánh mà chính bạn có. Nhờ người quản trị nội dung.")


def _check_managers(db: Connection) -> None:
    """Raise StaffError when nobody could manage accounts any more; what was written is then not kept."""
    left = [one for one in accounts(db) if not one.locked_at and may(one.role, Permission.MANAGE_STAFF)]
    if not left:
        raise StaffError("Đây là người quản lý tài khoản cuối cùng. Giao việc này cho người khác trước.")


def _address(db: Connection, email: str, name: str) -> str | None:
    """Return the address as it is stored. Raises StaffError when another account has it."""
    plain = nfc(email.strip()).lower()
    taken = select(staff.c.name).where(staff.c.email == plain, staff.c.name != name)
    if plain and db.scalar(taken) is not None:
        raise StaffError(f"Địa chỉ {plain} đã thuộc về một tài khoản khác.")
    return plain or None


def _covers(own: frozenset[str], other: frozenset[str]) -> bool:
    return not own or (bool(other) and other <= own)


def _about(name: str) -> str:
    return f"staff:{name}"


def _account(row: Any) -> Account:
    return Account(
        name=row["name"],
        role=role_of(row["role"]),
        branches=frozenset(row["branches"] or ()),
        locked_at=_time(row["locked_at"]),
        signed_in_at=_time(row["signed_in_at"]),
        second_step=row["totp_secret"] is not None,
        email=row["email"] or "",
    )


def _time(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
