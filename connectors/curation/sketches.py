"""What somebody is typing in the editor, kept until they save it: a browser that closes loses no word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import answer_sketches as sketches

HERE = timedelta(minutes=2)  # so long after their last sign of life somebody still has the page open


@dataclass(frozen=True)
class Sketch:
    """The fields as typed, and the newest revision that they were typed over."""

    fields: Mapping[str, str]
    base: int
    at: datetime


def keep(db: Connection, key: str, name: str, base: int, fields: Mapping[str, str], at: datetime) -> None:
    values = {"base": base, "fields": dict(fields), "at": at.isoformat()}
    row = upsert(sketches).values(key=key, name=name, **values)
    db.execute(row.on_conflict_do_update(index_elements=["key", "name"], set_=values))


def sketch(db: Connection, key: str, name: str) -> Sketch | None:
    row = db.execute(select(sketches).where(sketches.c.key == key, sketches.c.name == name)).first()
    return Sketch(row.fields, row.base, datetime.fromisoformat(row.at)) if row and row.fields else None


def drop(db: Connection, key: str, name: str) -> None:
    db.execute(delete(sketches).where(sketches.c.key == key, sketches.c.name == name))


def others(db: Connection, key: str, name: str, now: datetime) -> list[str]:
    """Return who else has this answer open."""
    lately = (now - HERE).isoformat()
    mine = select(sketches.c.name).where(sketches.c.key == key, sketches.c.name != name, sketches.c.at > lately)
    return list(db.scalars(mine.order_by(sketches.c.name)))


def come(db: Connection, key: str, name: str, at: datetime) -> None:
    """Note that this person has the answer open, leaving what they typed as it is."""
    row = upsert(sketches).values(key=key, name=name, base=0, fields={}, at=at.isoformat())
    db.execute(row.on_conflict_do_update(index_elements=["key", "name"], set_={"at": at.isoformat()}))
