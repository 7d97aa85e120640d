"""A small library system that survives crashes: one SQLite file, each write one transaction, every write counted."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from library.ils import ILSOutcomeUnknown, PatronRef
from library.model import Hold, HoldOutcome, HoldStatus, Loan, Refusal, RenewalOutcome

SCHEMA = """
create table loans (loan_id text primary key, patron_id text, due_at text, renewals int default 0);
create table holds (hold_id integer primary key autoincrement, patron_id text, record_id text);
create table writes (kind text, patron_id text, what text);
"""
ON_THE_WAY_S = 0.3


class SmallLibrary:
    """As much of the ILS port as deeds need. After renewing a loan of `loses_reply_of`, the reply is lost."""

    def __init__(
        self, path: Path, point: Callable[[], None] = lambda: None, loses_reply_of: frozenset[str] = frozenset()
    ) -> None:
        self._path = path
        self._point = point
        self._loses_reply_of = loses_reply_of

    def open(self, due: dict[str, tuple[str, datetime]]) -> None:
        """Make the file; `due` gives each loan's patron and due time."""
        with closing(sqlite3.connect(self._path)) as db:
            db.executescript(SCHEMA)
            rows = [(loan_id, patron_id, at.isoformat()) for loan_id, (patron_id, at) in due.items()]
            db.executemany("insert into loans (loan_id, patron_id, due_at) values (?, ?, ?)", rows)
            db.commit()

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        await asyncio.sleep(ON_THE_WAY_S)
        return self._loans(who)

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        await asyncio.sleep(ON_THE_WAY_S)
        with self._transaction() as db:
            for loan in self._loans(who):
                if loan.loan_id in loan_ids:
                    later = (loan.due_at + timedelta(days=14)).isoformat()
                    db.execute(
                        "update loans set due_at = ?, renewals = renewals + 1 where loan_id = ?", (later, loan.loan_id)
                    )
                    db.execute("insert into writes values ('renew', ?, ?)", (who.patron_id, loan.loan_id))
        await asyncio.sleep(ON_THE_WAY_S)
        if self._loses_reply_of & set(loan_ids):
            raise ILSOutcomeUnknown("the line was cut after the renewal")
        due = {loan.loan_id: loan.due_at for loan in self._loans(who)}
        return [RenewalOutcome(loan_id, loan_id, due[loan_id]) for loan_id in loan_ids]

    async def holds(self, who: PatronRef) -> list[Hold]:
        await asyncio.sleep(ON_THE_WAY_S)
        return self._holds(who)

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        await asyncio.sleep(ON_THE_WAY_S)
        if any(hold.record_id == record_id for hold in self._holds(who)):
            return HoldOutcome(refusal=Refusal.ALREADY_ON_HOLD)
        with self._transaction() as db:
            db.execute("insert into holds (patron_id, record_id) values (?, ?)", (who.patron_id, record_id))
            db.execute("insert into writes values ('hold', ?, ?)", (who.patron_id, record_id))
        await asyncio.sleep(ON_THE_WAY_S)
        return HoldOutcome(next(hold for hold in self._holds(who) if hold.record_id == record_id))

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        await asyncio.sleep(ON_THE_WAY_S)
        gone = next((hold for hold in self._holds(who) if hold.hold_id == hold_id), None)
        if gone is None:
            return HoldOutcome(refusal=Refusal.NOT_FOUND)
        with self._transaction() as db:
            db.execute("delete from holds where hold_id = ?", (hold_id,))
            db.execute("insert into writes values ('cancel', ?, ?)", (who.patron_id, gone.record_id))
        await asyncio.sleep(ON_THE_WAY_S)
        return HoldOutcome(gone)

    def _loans(self, who: PatronRef) -> list[Loan]:
        with closing(sqlite3.connect(self._path)) as db:
            rows = db.execute("select loan_id, due_at from loans where patron_id = ?", (who.patron_id,)).fetchall()
        return [Loan(loan_id, f"record of {loan_id}", loan_id, datetime.fromisoformat(due)) for loan_id, due in rows]

    def _holds(self, who: PatronRef) -> list[Hold]:
        with closing(sqlite3.connect(self._path)) as db:
            rows = db.execute("select hold_id, record_id from holds where patron_id = ?", (who.patron_id,)).fetchall()
        return [Hold(str(hold_id), record_id, record_id, HoldStatus.WAITING, "MT") for hold_id, record_id in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as db:
            yield db
            self._point()
            db.commit()
            self._point()
