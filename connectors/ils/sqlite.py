"""The built-in library system: patrons, copies, loans and holds in one SQLite file.

For libraries without a system of their own and for the demo. `rules` decides; this file reads, asks it, and writes.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection, RowMapping, Select, String, delete, exists, func, insert, select, update

from connectors.clock import Clock
from connectors.ils import rules
from connectors.ils.circulation import Circulation
from connectors.ils.rules import OpenDay, every_day
from connectors.ils.sqlite_file import (
    AS_OF,
    TELLS_FEES,
    SQLiteFile,
    branches,
    fees,
    holds,
    items,
    loans,
    meta,
    patrons,
    records,
)
from library.ils import (
    AccountLocked,
    Capability,
    ILSUnavailable,
    InvalidCredentials,
    NotSupported,
    PatronRef,
    PatronUnknown,
)
from library.model import (
    Branch,
    Fee,
    FeeSummary,
    Hold,
    HoldOutcome,
    HoldStatus,
    ItemState,
    ItemStatus,
    Loan,
    Patron,
    Refusal,
    RenewalOutcome,
)

_STAGES = (HoldStatus.READY, HoldStatus.IN_TRANSIT, HoldStatus.WAITING)  # in the order in which holds are listed


class SQLiteILS:
    """The `ILS` port over a file that `sqlite_load.load_library` has filled.

    `next_open_day` keeps due days off closed days. Raises ILSUnavailable, saying what to do, when the file cannot
    be used.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        next_open_day: OpenDay = every_day,
        hasher: PasswordHasher | None = None,
        patience_s: float = 5.0,
        circulation: Circulation = Circulation(),
        nightly: bool = False,
    ) -> None:
        self._file = SQLiteFile(path, patience_s)
        self._circulation = circulation
        self._nightly = nightly
        self._clock = clock
        self._open_day = next_open_day
        self._hasher = hasher or PasswordHasher()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return all; of another system's nightly file only what it tells."""
        if not self._nightly:
            return frozenset(Capability)
        told = {Capability.LIVE_AVAILABILITY}
        return frozenset(told | {Capability.FEES} if self._meta(TELLS_FEES) else told)

    @property
    def as_of(self) -> datetime | None:
        """Return when a nightly file was made; None for a library system of our own."""
        made = self._meta(AS_OF) if self._nightly else ""
        return datetime.fromisoformat(made) if made else None

    def _meta(self, key: str) -> str:
        try:
            return self._file.read_now(lambda db: db.scalar(select(meta.c.value).where(meta.c.key == key))) or ""
        except ILSUnavailable:
            return ""

    def _own(self) -> None:
        """Raise NotSupported where only another system can do it."""
        if self._nightly:
            raise NotSupported("the figures come from a nightly file: nothing can be changed here")

    @cached_property
    def _nobodys_hash(self) -> str:
        """Return what a PIN is checked against when there is no card, so that it takes as long."""
        return self._hasher.hash(secrets.token_hex())

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        """Return whose card this is. Raises InvalidCredentials, and AccountLocked for an hour after 5 wrong PINs."""
        found = await self._file.write(lambda db: self._count_try(db, _card(card_number)))
        pin_hash = (found and found["pin_hash"]) or self._nobodys_hash
        right = await asyncio.to_thread(self._matches, pin_hash, pin)
        if found and found["locked"]:
            raise AccountLocked("too many wrong PINs")
        if not found or not right:
            raise InvalidCredentials("card number or PIN is wrong")
        patron_id: str = found["patron_id"]
        forgiven = update(patrons).where(patrons.c.patron_id == patron_id).values(wrong_pins=0)
        await self._file.write(lambda db: db.execute(forgiven))
        return PatronRef(patron_id)

    async def find_card(self, card_number: str) -> PatronRef:
        """Return whose card this is, without a PIN: for an operator. Raises InvalidCredentials for an unknown card."""
        this = select(patrons.c.patron_id).where(patrons.c.card_number == _card(card_number))
        patron_id = await self._file.read(lambda db: db.scalar(this))
        if patron_id is None:
            raise InvalidCredentials(f"no card {card_number} in {self._file.path}")
        return PatronRef(patron_id)

    async def patron(self, who: PatronRef) -> Patron:
        """Return the patron. Every call about a patron who is not in the file raises PatronUnknown."""
        return await self._file.read(lambda db: self._patron(db, who))

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        def work(db: Connection) -> list[Loan]:
            patron = self._patron(db, who)
            return [self._loan(db, patron, row) for row in self._loan_rows(db, loans.c.patron_id == who.patron_id)]

        return await self._file.read(work)

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        self._own()

        def work(db: Connection) -> dict[str, RenewalOutcome]:
            patron = self._patron(db, who)
            # A loan named twice is renewed once.
            return {loan_id: self._renew(db, patron, loan_id) for loan_id in dict.fromkeys(loan_ids)}

        outcomes = await self._file.write(work)
        return [outcomes[loan_id] for loan_id in loan_ids]

    async def holds(self, who: PatronRef) -> list[Hold]:
        self._own()

        def work(db: Connection) -> list[Hold]:
            self._patron(db, who)
            found = [self._hold(db, row) for row in self._hold_rows(db, holds.c.patron_id == who.patron_id)]
            return sorted(found, key=lambda hold: (_STAGES.index(hold.status), hold.position or 0))

        return await self._file.read(work)

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        """Return the new hold or the reason; UNKNOWN when nothing can be picked up at `pickup`."""
        self._own()
        return await self._file.write(lambda db: self._place_hold(db, self._patron(db, who), record_id, pickup))

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        """Return the hold that was let go; a copy that was set aside goes to the next in the queue."""
        self._own()
        return await self._file.write(lambda db: self._cancel_hold(db, self._patron(db, who), hold_id))

    async def fees(self, who: PatronRef) -> FeeSummary:
        """Return the fines on the card and, for each book overdue, the late fee up to today."""

        if Capability.FEES not in self.capabilities:
            self._own()

        def work(db: Connection) -> FeeSummary:
            self._patron(db, who)
            return FeeSummary(tuple(self._fees(db, who.patron_id)))

        return await self._file.read(work)

    async def availability(self, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        made = self.as_of

        def work(db: Connection) -> dict[str, list[ItemStatus]]:
            found: dict[str, list[ItemStatus]] = {record_id: [] for record_id in record_ids}
            for row in db.execute(_copies(items.c.record_id.in_(found))).mappings():
                found[row["record_id"]].append(replace(self._item_status(row), as_of=made))
            return found

        return await self._file.read(work)

    async def branches(self) -> list[Branch]:
        every = select(branches).order_by(branches.c.position)

        def work(db: Connection) -> list[Branch]:
            names = ("code", "name", "name_en", "pickup")
            return [Branch(**{name: row[name] for name in names}) for row in db.execute(every).mappings()]

        return await self._file.read(work)

    async def close(self) -> None:
        """Nothing is kept open."""

    def _count_try(self, db: Connection, card_number: str) -> dict[str, Any] | None:
        """Return the card and whether it is locked. Every try counts as wrong until the PIN proves right.

        Counted before the PIN is looked at, so that many tries at once get no more than their five either.
        """
        row = db.execute(select(patrons).where(patrons.c.card_number == card_number)).mappings().first()
        if row is None:
            return None
        now = self._clock().astimezone(UTC).replace(tzinfo=None)
        recent = row["last_tried_at"] is not None and row["last_tried_at"] > now - rules.LOCKED_FOR
        wrong = row["wrong_pins"] if recent else 0
        locked = wrong >= rules.MAX_WRONG_PINS
        if not locked:
            counted = {"wrong_pins": wrong + 1, "last_tried_at": now}
            db.execute(update(patrons).where(patrons.c.card_number == card_number).values(counted))
        return {"patron_id": row["patron_id"], "pin_hash": row["pin_hash"], "locked": locked}

    def _matches(self, pin_hash: str, pin: str) -> bool:
        try:
            return self._hasher.verify(pin_hash, pin)
        except VerifyMismatchError:
            return False

    def _patron(self, db: Connection, who: PatronRef) -> Patron:
        row = db.execute(select(patrons).where(patrons.c.patron_id == who.patron_id)).mappings().first()
        if row is None:
            raise PatronUnknown(f"no patron {who.patron_id} in {self._file.path}: the card was removed; unlink it")
        owed = int(sum(fee.amount_vnd for fee in self._fees(db, who.patron_id)))
        blocks = rules.card_blocks(
            expires_on=row["expires_on"],
            restricted=row["restricted"],
            owed_vnd=owed,
            today=self._today(),
            terms=self._circulation.terms(row["category"]),
        )
        names = ("patron_id", "name", "category", "expires_on", "born_on")
        return Patron(blocks=blocks, **{name: row[name] for name in names})

    def _fees(self, db: Connection, patron_id: str) -> list[Fee]:
        fined = select(fees).where(fees.c.patron_id == patron_id).order_by(fees.c.fee_id)
        found = [Fee(row["reason"], Decimal(row["amount_vnd"]), row["title"]) for row in db.execute(fined).mappings()]
        if self._nightly:  # what being late costs, the other system reckons
            return found
        category = db.scalar(select(patrons.c.category).where(patrons.c.patron_id == patron_id)) or ""
        for row in self._loan_rows(db, loans.c.patron_id == patron_id):
            terms = self._circulation.terms(category, row["item_type"])
            if fee := rules.late_fee(row["due_on"], self._today(), terms):
                late = rules.days_late(row["due_on"], self._today())
                found.append(Fee(f"Trả trễ {late} ngày", Decimal(fee), row["title"]))
        return found

    def _loan_rows(self, db: Connection, which: Any) -> Sequence[RowMapping]:
        of_items = loans.join(items, items.c.barcode == loans.c.barcode)
        of_records = of_items.join(records, records.c.record_id == items.c.record_id)
        query = select(loans, items.c.record_id, items.c.branch, items.c.item_type, records.c.title).select_from(
            of_records
        )
        return db.execute(query.where(which).order_by(loans.c.due_on, loans.c.loan_id)).mappings().all()

    def _loan(self, db: Connection, patron: Patron, row: RowMapping) -> Loan:
        others = (holds.c.record_id == row["record_id"]) & (holds.c.patron_id != patron.patron_id)
        waiting = others & (holds.c.status == HoldStatus.WAITING.value)
        case = rules.LoanCase(
            patron.blocks,
            row["due_on"],
            row["renewals"],
            _any(db, holds, waiting),
            bool(_free(db, row["record_id"])),
            self._circulation.terms(patron.category, row["item_type"]),
        )
        refusal = rules.renewal_refusal(case, self._today())
        return Loan(
            loan_id=str(row["loan_id"]),
            record_id=row["record_id"],
            title=row["title"],
            due_at=rules.end_of(row["due_on"]),
            renewals=row["renewals"],
            renewable=refusal is None,
            refusal=refusal,
            branch=row["branch"],
        )

    def _renew(self, db: Connection, patron: Patron, loan_id: str) -> RenewalOutcome:
        row = next(iter(self._loan_rows(db, loans.c.loan_id.cast(String) == loan_id)), None)
        if row is None:
            return RenewalOutcome(loan_id, "", refusal=Refusal.NOT_FOUND)
        if row["patron_id"] != patron.patron_id:
            return RenewalOutcome(loan_id, "", refusal=Refusal.NOT_YOURS)  # and not what they read
        loan = self._loan(db, patron, row)
        if loan.refusal:
            return RenewalOutcome(loan_id, loan.title, loan.due_at, loan.refusal)
        terms = self._circulation.terms(patron.category, row["item_type"])
        due_on = rules.renewed_until(row["due_on"], self._open_day, terms, self._today())
        renewed = update(loans).where(loans.c.loan_id == row["loan_id"])
        db.execute(renewed.values(due_on=due_on, renewals=row["renewals"] + 1))
        return RenewalOutcome(loan_id, loan.title, rules.end_of(due_on))

    def _hold_rows(self, db: Connection, which: Any) -> Sequence[RowMapping]:
        titled = holds.join(records, records.c.record_id == holds.c.record_id)
        query = select(holds, records.c.title).select_from(titled)
        return db.execute(query.where(which).order_by(holds.c.hold_id)).mappings().all()

    def _hold(self, db: Connection, row: RowMapping) -> Hold:
        status = HoldStatus(row["status"])
        queue = (holds.c.record_id == row["record_id"]) & (holds.c.status == HoldStatus.WAITING.value)
        up_to_here = select(func.count()).select_from(holds).where(queue, holds.c.hold_id <= row["hold_id"])
        names = ("record_id", "title", "pickup", "expires_on")
        return Hold(
            hold_id=str(row["hold_id"]),
            status=status,
            position=db.scalar(up_to_here) if status is HoldStatus.WAITING else None,
            **{name: row[name] for name in names},
        )

    def _place_hold(self, db: Connection, patron: Patron, record_id: str, pickup: str | None) -> HoldOutcome:
        if not _any(db, records, records.c.record_id == record_id):
            return HoldOutcome(refusal=Refusal.NOT_FOUND)
        mine = self._loan_rows(db, loans.c.patron_id == patron.patron_id)
        held = self._hold_rows(db, holds.c.patron_id == patron.patron_id)
        copies = db.execute(_copies(items.c.record_id == record_id)).mappings().all()
        case = rules.HoldCase(
            blocks=patron.blocks,
            any_overdue=any(row["due_on"] < self._today() for row in mine),
            on_loan=any(row["record_id"] == record_id for row in mine),
            on_hold=any(row["record_id"] == record_id for row in held),
            lendable=sum(not copy["reading_only"] and self._lent(patron, copy) for copy in copies),
            free=_free(db, record_id),
            holds=len(held),
            terms=self._circulation.terms(patron.category, copies[0]["item_type"] if copies else ""),
        )
        if refusal := rules.hold_refusal(case):
            return HoldOutcome(refusal=refusal)
        home = select(patrons.c.home).where(patrons.c.patron_id == patron.patron_id)
        place = pickup or db.scalar(home)
        if not _any(db, branches, (branches.c.code == place) & branches.c.pickup):
            return HoldOutcome(refusal=Refusal.UNKNOWN)
        new = {"record_id": record_id, "patron_id": patron.patron_id, "pickup": place}
        added = insert(holds).values(**new, status=HoldStatus.WAITING.value).returning(holds.c.hold_id)
        (row,) = self._hold_rows(db, holds.c.hold_id == db.scalar(added))
        return HoldOutcome(self._hold(db, row))

    def _lent(self, patron: Patron, copy: RowMapping) -> bool:
        """Return whether this kind of copy may leave the house with this patron."""
        return self._circulation.terms(patron.category, copy["item_type"]).lent

    def _item_status(self, row: RowMapping) -> ItemStatus:
        state = _state(row)
        if state is ItemState.AVAILABLE and not self._circulation.terms(item_type=row["item_type"]).lent:
            state = ItemState.READING_ONLY
        names = ("barcode", "branch", "call_number", "due_on")
        return ItemStatus(state=state, room=row["room"] or None, **{name: row[name] for name in names})

    def _cancel_hold(self, db: Connection, patron: Patron, hold_id: str) -> HoldOutcome:
        row = next(iter(self._hold_rows(db, holds.c.hold_id.cast(String) == hold_id)), None)
        if row is None:
            return HoldOutcome(refusal=Refusal.NOT_FOUND)
        if row["patron_id"] != patron.patron_id:
            return HoldOutcome(refusal=Refusal.NOT_YOURS)
        hold = self._hold(db, row)
        db.execute(delete(holds).where(holds.c.hold_id == row["hold_id"]))
        if row["barcode"]:
            self._pass_on(db, row["record_id"], row["barcode"])
        return HoldOutcome(replace(hold, position=None))

    def _pass_on(self, db: Connection, record_id: str, barcode: str) -> None:
        waiting = (holds.c.record_id == record_id) & (holds.c.status == HoldStatus.WAITING.value)
        following = next(iter(self._hold_rows(db, waiting)), None)
        if following is None:
            return
        here = db.scalar(select(items.c.branch).where(items.c.barcode == barcode)) == following["pickup"]
        set_aside = {
            "status": (HoldStatus.READY if here else HoldStatus.IN_TRANSIT).value,
            "barcode": barcode,
            "expires_on": self._kept_until(db, following) if here else None,
        }
        db.execute(update(holds).where(holds.c.hold_id == following["hold_id"]).values(set_aside))

    def _kept_until(self, db: Connection, hold: RowMapping) -> date:
        """Return how long a copy set aside waits for the patron of this hold."""
        category = db.scalar(select(patrons.c.category).where(patrons.c.patron_id == hold["patron_id"])) or ""
        return rules.kept_until(self._today(), self._open_day, self._circulation.terms(category))

    def _today(self) -> date:
        return self._clock().date()


def _card(card_number: str) -> str:
    """Return the card number as it is stored, however it was typed: "dt 000101" is DT000101."""
    return "".join(card_number.split()).upper()


def _any(db: Connection, table: Any, which: Any) -> bool:
    return bool(db.scalar(select(exists(select(1).select_from(table).where(which)))))


def _copies(which: Any) -> Select[Any]:
    """Return the query of copies with what is happening to each, home branch by home branch."""
    lent = items.outerjoin(loans, loans.c.barcode == items.c.barcode)
    kept = lent.outerjoin(holds, holds.c.barcode == items.c.barcode)
    placed = kept.join(branches, branches.c.code == items.c.branch)
    query = select(items, loans.c.due_on, holds.c.status.label("held")).select_from(placed)
    return query.where(which).order_by(branches.c.position, items.c.barcode)


def _free(db: Connection, record_id: str) -> int:
    """Return how many copies of the record can be taken home now."""
    rows = db.execute(_copies(items.c.record_id == record_id)).mappings()
    return sum(_state(row) is ItemState.AVAILABLE for row in rows)


def _state(row: RowMapping) -> ItemState:
    if row["due_on"]:
        return ItemState.ON_LOAN
    if row["held"]:
        return ItemState.ON_HOLD_SHELF if row["held"] == HoldStatus.READY.value else ItemState.IN_TRANSIT
    return ItemState.READING_ONLY if row["reading_only"] else ItemState.AVAILABLE
