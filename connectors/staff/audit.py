"""The trail of what the staff did: rows are only ever added, and each is sealed with the one before it.

A row's hash covers the hash before it and every field of its own, so a row changed, taken out, slipped in or moved
breaks the chain from there on. Rows cut off at the end leave a whole chain: these show against the highest number ever
given, which SQLite keeps apart, and against an anchor, a `number:hash` kept outside this database.

The trail holds no patron's words, and names no conversation: of a conversation it holds `talk(id)`, from which nobody
finds the conversation, but who has the conversation finds who read it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, false, func, insert, select, text

from connectors.store import audit_trail
from connectors.tokens import hashed

ORIGIN = "0" * 64  # what the first row follows


@dataclass(frozen=True)
class Entry:
    number: int
    at: datetime
    who: str
    deed: str
    about: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """How far the chain holds: `problem` is empty when all of it does."""

    rows: int
    anchor: str  # of the last row that holds: to be kept outside
    problem: str = ""

    @property
    def ok(self) -> bool:
        return not self.problem


def note(db: Connection, who: str, deed: str, about: str, detail: Mapping[str, Any], at: datetime) -> int:
    """Add a deed to the trail, in the transaction of the deed itself; return its number.

    `deed` is a word such as "staff.locked", `about` what it was done to, `detail` what JSON can hold: ids, counts and
    reasons, never what a patron wrote.
    """
    # Takes the lock of writers before the last row is read: another process must not add one in between.
    db.execute(delete(audit_trail).where(false()))
    last = db.execute(select(audit_trail.c.number, audit_trail.c.hash).order_by(audit_trail.c.number.desc())).first()
    number, previous = (last.number + 1, last.hash) if last else (1, ORIGIN)
    row = {"number": number, "at": at.isoformat(), "who": who, "deed": deed, "about": about, "detail": _json(detail)}
    db.execute(insert(audit_trail).values(**row, previous=previous, hash=_seal(previous, row)))
    return number


def is_noted(db: Connection, who: str, deed: str, about: str, since: datetime) -> bool:
    """Return whether this person did this to it since then."""
    this = (audit_trail.c.who == who) & (audit_trail.c.deed == deed) & (audit_trail.c.about == about)
    latest = select(audit_trail.c.at).where(this).order_by(audit_trail.c.number.desc()).limit(1)
    at = db.scalar(latest)
    return at is not None and datetime.fromisoformat(at) > since


def talk(conversation_id: str) -> str:
    """Return how a conversation is named in the trail."""
    return f"talk:{hashed(conversation_id)[:32]}"


def verify(db: Connection, anchors: Mapping[int, str] | None = None) -> Verdict:
    """Return whether the trail is what was written; `anchors` are hashes kept elsewhere, by the row's number."""
    wanted = dict(anchors or {})
    previous, number = ORIGIN, 0
    for row in db.execute(select(audit_trail).order_by(audit_trail.c.number)).mappings():
        if problem := _fault(dict(row), number + 1, previous):
            return Verdict(number, f"{number}:{previous}", problem)
        number, previous = row["number"], row["hash"]
        if wanted.pop(number, previous) != previous:
            return Verdict(number, f"{number}:{previous}", f"dòng {number} không khớp với mốc đã lưu")
    anchor = f"{number}:{previous}"
    if wanted:
        return Verdict(number, anchor, f"nhật ký dừng ở dòng {number}, mốc đã lưu có dòng {max(wanted)}")
    if (given := _highest_given(db)) > number:
        return Verdict(number, anchor, f"nhật ký dừng ở dòng {number}, nhưng đã từng có dòng {given}")
    return Verdict(number, anchor)


def _fault(row: Mapping[str, Any], number: int, previous: str) -> str:
    if row["number"] != number:
        return f"thiếu dòng {number}"
    if row["previous"] != previous:
        return f"dòng {number} không nối với dòng trước"
    return "" if row["hash"] == _seal(previous, row) else f"dòng {number} đã bị sửa"


def _seal(previous: str, row: Mapping[str, Any]) -> str:
    fields = {name: row[name] for name in ("number", "at", "who", "deed", "about", "detail")}
    return hashlib.sha256(f"{previous}{_json(fields)}".encode()).hexdigest()


def _json(value: Mapping[str, Any]) -> str:
    """Return the one way to write this value: keys in order, no spaces, letters as they are."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _highest_given(db: Connection) -> int:
    found = db.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'audit_trail'"))
    return int(found or 0)


@dataclass(frozen=True)
class Sought:
    """Which rows of the trail are wanted: an empty field wants all; `until` is the first moment no longer wanted."""

    who: str = ""
    deed: str = ""  # the beginning of its word: "staff." for all that was done to accounts
    about: str = ""
    since: datetime | None = None
    until: datetime | None = None


def count(db: Connection, sought: Sought) -> int:
    return int(db.scalar(select(func.count()).select_from(audit_trail).where(*_wanted(sought))) or 0)


def entries(db: Connection, sought: Sought, limit: int, offset: int = 0) -> list[Entry]:
    """Return the wanted rows, the newest first."""
    newest = select(audit_trail).where(*_wanted(sought)).order_by(audit_trail.c.number.desc())
    return [
        Entry(row.number, datetime.fromisoformat(row.at), row.who, row.deed, row.about, json.loads(row.detail))
        for row in db.execute(newest.limit(limit).offset(offset))
    ]


def names(db: Connection) -> list[str]:
    """Return everybody who is in the trail, in the order of the alphabet."""
    return list(db.scalars(select(audit_trail.c.who).distinct().order_by(audit_trail.c.who)))


def _wanted(sought: Sought) -> list[ColumnElement[bool]]:
    # Moments are stored with their zone, and the zone of the clock is one and the same: they order as text.
    columns = audit_trail.c
    asked = (
        (sought.who, columns.who == sought.who),
        (sought.deed, columns.deed.startswith(sought.deed, autoescape=True)),
        (sought.about, columns.about == sought.about),
        (sought.since, columns.at >= (sought.since.isoformat() if sought.since else "")),
        (sought.until, columns.at < (sought.until.isoformat() if sought.until else "")),
    )
    return [condition for value, condition in asked if value]
