"""What a library knows of its patrons, copies and branches: frozen dataclasses in the library's own words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum


class Refusal(Enum):
    """Why the library system said no. A closed list: each has one sentence for the patron in `bot/domain`."""

    ON_HOLD = "on_hold"  # another patron waits for this title
    TOO_MANY_RENEWALS = "too_many_renewals"
    TOO_SOON = "too_soon"
    OVERDUE = "overdue"
    CARD_EXPIRED = "card_expired"
    CARD_RESTRICTED = "card_restricted"
    IN_DEBT = "in_debt"
    TOO_MANY_HOLDS = "too_many_holds"
    ALREADY_ON_HOLD = "already_on_hold"
    ALREADY_ON_LOAN = "already_on_loan"
    AVAILABLE_NOW = "available_now"  # a copy stands on the shelf: come and take it
    NOT_HOLDABLE = "not_holdable"
    NOT_FOUND = "not_found"
    NOT_YOURS = "not_yours"
    AT_DESK = "at_desk"  # only with the book in hand, at the desk
    NO_ANSWER = "no_answer"  # of several: this one was not sent, the library system had stopped answering
    UNKNOWN = "unknown"


class HoldStatus(Enum):
    WAITING = "waiting"  # in the queue
    IN_TRANSIT = "in_transit"
    READY = "ready"  # on the hold shelf, confirmed by the library system


class ItemState(Enum):
    AVAILABLE = "available"
    ON_LOAN = "on_loan"
    ON_HOLD_SHELF = "on_hold_shelf"
    IN_TRANSIT = "in_transit"
    READING_ONLY = "reading_only"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Patron:
    patron_id: str
    name: str
    category: str
    expires_on: date | None = None
    born_on: date | None = None
    blocks: frozenset[Refusal] = frozenset()  # CARD_EXPIRED, CARD_RESTRICTED, IN_DEBT


@dataclass(frozen=True)
class Loan:
    loan_id: str
    record_id: str
    title: str
    due_at: datetime
    renewals: int = 0
    renewable: bool = True
    refusal: Refusal | None = None  # why it cannot be renewed now, when the system says so
    branch: str | None = None

    def is_overdue(self, now: datetime) -> bool:
        return self.due_at < now


@dataclass(frozen=True)
class Hold:
    hold_id: str
    record_id: str
    title: str
    status: HoldStatus
    pickup: str  # branch code; "" where the library system does not say
    position: int | None = None  # 1 is next; None once it left the queue
    expires_on: date | None = None  # last day on the hold shelf


@dataclass(frozen=True)
class ItemStatus:
    barcode: str
    branch: str
    call_number: str
    state: ItemState
    due_on: date | None = None
    room: str | None = None
    as_of: datetime | None = None  # when this was so; None: now


@dataclass(frozen=True)
class Branch:
    code: str
    name: str
    name_en: str
    pickup: bool = True


@dataclass(frozen=True)
class Fee:
    reason: str
    amount_vnd: Decimal
    title: str | None = None


@dataclass(frozen=True)
class FeeSummary:
    fees: tuple[Fee, ...] = ()

    @property
    def total_vnd(self) -> Decimal:
        return sum((fee.amount_vnd for fee in self.fees), Decimal(0))


@dataclass(frozen=True)
class RenewalOutcome:
    loan_id: str
    title: str
    due_at: datetime | None = None  # the new one when renewed, the standing one when refused
    refusal: Refusal | None = None
    uncertain: bool = False  # it was sent, no answer came, and reading again does not show it: `due_at` is what is seen

    @property
    def ok(self) -> bool:
        return self.refusal is None and not self.uncertain


@dataclass(frozen=True)
class HoldOutcome:
    hold: Hold | None = None
    refusal: Refusal | None = None
    uncertain: bool = False  # it was sent, no answer came, and reading again does not show it

    @property
    def ok(self) -> bool:
        return self.refusal is None and not self.uncertain
