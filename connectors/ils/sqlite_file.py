"""The database file of the built-in library system: its tables, its transactions, and its faults in plain words."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    NullPool,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.exc import DatabaseError, IntegrityError

from library.ils import ILSUnavailable

Result = TypeVar("Result")

metadata = MetaData()
AS_OF, TELLS_FEES = "as_of", "tells_fees"  # keys of `meta`

branches = Table(
    "branches",
    metadata,
    Column("code", String, primary_key=True),
    Column("position", Integer, nullable=False),  # the order in which they are named
    Column("name", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("pickup", Boolean, nullable=False),
)

records = Table(
    "records",
    metadata,
    Column("record_id", String, primary_key=True),
    Column("title", String, nullable=False),
)

items = Table(
    "items",
    metadata,
    Column("barcode", String, primary_key=True),
    Column("record_id", ForeignKey("records.record_id"), nullable=False, index=True),
    Column("branch", ForeignKey("branches.code"), nullable=False),
    Column("room", String, nullable=False),
    Column("call_number", String, nullable=False),
    Column("reading_only", Boolean, nullable=False),
    Column("item_type", String, nullable=False, default="book"),  # for the circulation rules
)

patrons = Table(
    "patrons",
    metadata,
    Column("patron_id", String, primary_key=True),
    Column("card_number", String, nullable=False, unique=True),
    Column("pin_hash", String),  # none: nobody can log in with this card
    Column("wrong_pins", Integer, nullable=False, default=0),  # in a row
    Column("last_tried_at", DateTime),  # UTC, like every moment in this file
    Column("name", String, nullable=False),
    Column("category", String, nullable=False),
    Column("home", ForeignKey("branches.code"), nullable=False),
    Column("born_on", Date),
    Column("expires_on", Date),
    Column("restricted", Boolean, nullable=False),
)

loans = Table(
    "loans",
    metadata,
    Column("loan_id", Integer, primary_key=True),
    Column("barcode", ForeignKey("items.barcode"), nullable=False, unique=True),
    Column("patron_id", ForeignKey("patrons.patron_id"), nullable=False, index=True),
    Column("due_on", Date, nullable=False),
    Column("renewals", Integer, nullable=False),
    sqlite_autoincrement=True,  # an id that was once a loan is never another
)

holds = Table(
    "holds",
    metadata,
    Column("hold_id", Integer, primary_key=True),  # in the order placed: this is the queue
    Column("record_id", ForeignKey("records.record_id"), nullable=False, index=True),
    Column("patron_id", ForeignKey("patrons.patron_id"), nullable=False, index=True),
    Column("pickup", ForeignKey("branches.code"), nullable=False),
    Column("status", String, nullable=False),
    Column("barcode", ForeignKey("items.barcode"), unique=True),  # the copy set aside, once there is one
    Column("expires_on", Date),  # last day on the hold shelf
    UniqueConstraint("record_id", "patron_id"),
    sqlite_autoincrement=True,
)

fees = Table(
    "fees",
    metadata,
    Column("fee_id", Integer, primary_key=True),
    Column("patron_id", ForeignKey("patrons.patron_id"), nullable=False, index=True),
    Column("reason", String, nullable=False),
    Column("amount_vnd", Integer, nullable=False),
    Column("title", String),
)


# Of a file that is filled from another system's: when its figures were true, and what they tell.
meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", String, nullable=False))


class SQLiteFile:
    """One database file, opened anew for every transaction, so that a file moved away or replaced is noticed."""

    def __init__(self, path: Path, patience_s: float = 5.0, *, create: bool = False) -> None:
        self.path = path
        self._patience_s = patience_s
        self._mode = "rwc" if create else "rw"
        self._engine = create_engine("sqlite://", creator=self._connect, poolclass=NullPool, hide_parameters=True)
        event.listen(self._engine, "begin", _begin)

    async def read(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` read, all of it from one moment. Raises ILSUnavailable."""
        return await asyncio.to_thread(self._run, work, writes=False)

    async def write(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returned once all it wrote is on disk. Raises ILSUnavailable; then nothing is written."""
        return await asyncio.to_thread(self._run, work, writes=True)

    def read_now(self, work: Callable[[Connection], Result]) -> Result:
        return self._run(work, writes=False)

    def write_now(self, work: Callable[[Connection], Result]) -> Result:
        return self._run(work, writes=True)

    def _run(self, work: Callable[[Connection], Result], *, writes: bool) -> Result:
        with self._faults_in_plain_words(), self._engine.connect().execution_options(writes=writes) as db, db.begin():
            return work(db)

    def _connect(self) -> sqlite3.Connection:
        address = f"file:{quote(str(self.path.absolute()))}?mode={self._mode}"
        # isolation_level=None: sqlite3 begins no transactions by itself; `_begin` does, and knows which kind.
        db = sqlite3.connect(address, timeout=self._patience_s, isolation_level=None, check_same_thread=False, uri=True)
        db.execute("PRAGMA foreign_keys=ON")
        return db

    @contextmanager
    def _faults_in_plain_words(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise  # a fault of ours, not of the file
        except DatabaseError as exc:
            raise ILSUnavailable(self._what_to_do(exc.orig)) from exc

    def _what_to_do(self, fault: Any) -> str:
        name = getattr(fault, "sqlite_errorname", "")
        if not self.path.is_file():
            return f"{self.path} is not there: run `make setup`, or mend [ils] path in library.toml"
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return f"{self.path} stayed locked for {self._patience_s:g} s: close the program that has it open"
        if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            return f"{self.path} is damaged ({fault}): put a backup in its place, or delete it and run `make setup`"
        if "no such" in str(fault):
            return f"{self.path} holds no library of this version ({fault}): delete it and run `make setup`"
        return f"{self.path} cannot be used ({fault}): look at the disk's free space and the file's permissions"


def _begin(db: Connection) -> None:
    # IMMEDIATE: whoever is going to write waits its turn before it looks, so what it saw still holds when it writes.
    db.exec_driver_sql("BEGIN IMMEDIATE" if db.get_execution_options().get("writes") else "BEGIN")
