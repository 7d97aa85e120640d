"""Accounts of the staff: who they are and what they look after. SQL only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.staff.passwords import SHORTEST_PASSWORD, hash_of, plain_name
from connectors.staff.roles import Role
from connectors.store import staff
from library.text import nfc

LONGEST_NAME = 60


class StaffError(Exception):
    """The account cannot be made or changed; the message says why and what to do."""


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
