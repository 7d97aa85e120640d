"""A library system in memory, with every refusal and every silence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from library.ils import Capability, ILSError, InvalidCredentials, PatronRef
from library.model import (
    Branch,
    Fee,
    FeeSummary,
    Hold,
    HoldOutcome,
    HoldStatus,
    ItemStatus,
    Loan,
    Patron,
    Refusal,
    RenewalOutcome,
)

LAN = PatronRef("p-lan")
BRANCHES = (
    Branch("MT", "Mỹ Tho", "My Tho"),
    Branch("CL", "Cao Lãnh", "Cao Lanh"),
    Branch("SD", "Sa Đéc", "Sa Dec"),
    Branch("LD", "Xe lưu động", "Mobile library", pickup=False),
)


@dataclass
class FakeILS:
    """One patron, Lan. `refuse` says no to a loan, a record or a hold by its id; `fault` is raised by every call."""

    loans_out: list[Loan] = field(default_factory=list)
    on_hold: list[Hold] = field(default_factory=list)
    copies: dict[str, list[ItemStatus]] = field(default_factory=dict)
    owed: list[Fee] = field(default_factory=list)
    refuse: dict[str, Refusal] = field(default_factory=dict)
    places: Sequence[Branch] = BRANCHES
    fault: Callable[[], ILSError] | None = None
    renewed: list[str] = field(default_factory=list)  # loan ids, in the order they were asked for
    capabilities: frozenset[Capability] = frozenset(Capability)
    as_of: datetime | None = None

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        self._answer()
        if (card_number, pin) != ("DT000101", "135790"):
            raise InvalidCredentials("card number or PIN is wrong")
        return LAN

    async def patron(self, who: PatronRef) -> Patron:
        self._answer()
        return Patron(who.patron_id, "Nguyễn Thị Lan", "adult")

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        self._answer()
        return sorted(self.loans_out, key=lambda loan: loan.due_at) if who == LAN else []

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        self._answer()
        return [self._renew(who, loan_id) for loan_id in loan_ids]

    def _renew(self, who: PatronRef, loan_id: str) -> RenewalOutcome:
        self.renewed.append(loan_id)
        at = next((n for n, loan in enumerate(self.loans_out) if loan.loan_id == loan_id and who == LAN), None)
        if at is None:
            return RenewalOutcome(loan_id, "", refusal=Refusal.NOT_YOURS)
        loan = self.loans_out[at]
        if refusal := self.refuse.get(loan_id):
            return RenewalOutcome(loan_id, loan.title, loan.due_at, refusal)
        self.loans_out[at] = replace(loan, due_at=loan.due_at + timedelta(days=14), renewals=loan.renewals + 1)
        return RenewalOutcome(loan_id, loan.title, self.loans_out[at].due_at)

    async def holds(self, who: PatronRef) -> list[Hold]:
        self._answer()
        return list(self.on_hold) if who == LAN else []

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        self._answer()
        if refusal := self.refuse.get(record_id):
            return HoldOutcome(refusal=refusal)
        hold = Hold(f"h-{record_id}", record_id, f"({record_id})", HoldStatus.WAITING, pickup or "MT", position=2)
        self.on_hold.append(hold)
        return HoldOutcome(hold)

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        self._answer()
        hold = next((hold for hold in self.on_hold if hold.hold_id == hold_id), None)
        refusal = Refusal.NOT_FOUND if hold is None else self.refuse.get(hold_id)
        if hold is None or refusal:
            return HoldOutcome(refusal=refusal)
        self.on_hold.remove(hold)
        return HoldOutcome(hold)

    async def fees(self, who: PatronRef) -> FeeSummary:
        self._answer()
        return FeeSummary(tuple(self.owed))

    async def availability(self, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        self._answer()
        return {record_id: self.copies.get(record_id, []) for record_id in record_ids}

    async def branches(self) -> list[Branch]:
        self._answer()
        return list(self.places)

    async def close(self) -> None:
        return None

    def _answer(self) -> None:
        if self.fault:
            raise self.fault()


def loan(loan_id: str, title: str, due_on: date, now: datetime, **more: object) -> Loan:
    """Return a loan due in the last minute of the day."""
    due_at = datetime(due_on.year, due_on.month, due_on.day, 23, 59, tzinfo=now.tzinfo)
    return Loan(loan_id, f"r-{loan_id}", title, due_at, **more)  # type: ignore[arg-type]


def fee(reason: str, amount_vnd: int, title: str | None = None) -> Fee:
    return Fee(reason, Decimal(amount_vnd), title)
