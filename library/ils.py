"""The ILS port: what we ask of a library system, whichever it is. Vocabulary of PAIA 1.4 and VuFind's drivers.

A refusal is data in the outcome; an error means "could not".

    ILSError
    ├── ILSUnavailable        no answer, or none we understand: try later
    ├── ILSOutcomeUnknown     a write was sent and no answer came: re-read, never resend
    ├── ILSMisconfigured      ours to mend: tell the operator
    ├── ILSProtocolError      it answered against its own rules
    │   └── PatronUnknown     it knows this patron no more: the link is to be removed
    ├── InvalidCredentials    card number or PIN wrong (never say which)
    ├── AccountLocked         too many tries
    └── NotSupported          this system cannot do it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from library.model import Branch, FeeSummary, Hold, HoldOutcome, ItemStatus, Loan, Patron, RenewalOutcome


class Capability(Enum):
    RENEW = "renew"
    PLACE_HOLD = "place_hold"
    CANCEL_HOLD = "cancel_hold"
    FEES = "fees"
    LIVE_AVAILABILITY = "live_availability"


@dataclass(frozen=True)
class PatronRef:
    """The library system's own key of a patron; never the card number."""

    patron_id: str


class ILSError(Exception):
    """Base of everything the ILS port raises."""


class ILSUnavailable(ILSError):
    """No answer, or not one we understand. Safe to retry."""


class ILSOutcomeUnknown(ILSError):
    """A write was sent and no answer came. Re-read; never resend blindly.

    `outcomes`: of several renewals what is known of each, in the order asked; the one without an answer is `uncertain`.
    """

    def __init__(self, message: str, outcomes: Sequence[RenewalOutcome] = ()) -> None:
        super().__init__(message)
        self.outcomes = tuple(outcomes)


class ILSMisconfigured(ILSError):
    """The library system refuses us, not the patron: wrong key, missing permission."""


class ILSProtocolError(ILSError):
    """The library system answered something its own contract does not allow."""


class PatronUnknown(ILSProtocolError):
    """The library system knows the patron of this link no more; whoever asked removes the link."""


class InvalidCredentials(ILSError):
    """The card number or the PIN is wrong; callers must not tell which."""


class AccountLocked(ILSError):
    """Too many failed tries; the library must unlock the card."""


class NotSupported(ILSError):
    """This library system has no such operation."""


class ILS(Protocol):
    """One library system. Every call may raise ILSUnavailable, every write ILSOutcomeUnknown."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what it can do, as far as it is known now."""
        ...

    @property
    def as_of(self) -> datetime | None:
        """Return when what it tells was true; None when it tells of now."""
        ...

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        """Return whose card this is. Raises InvalidCredentials, AccountLocked."""
        ...

    async def patron(self, who: PatronRef) -> Patron:
        """Return the patron's state: name, expiry, blocks."""
        ...

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        """Return what is on loan, soonest due first.

        `renewable`: also whether each can be renewed now, which some systems are asked for loan by loan.
        """
        ...

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        """Return one outcome per loan, in the order asked. A loan of somebody else is refused NOT_YOURS."""
        ...

    async def holds(self, who: PatronRef) -> list[Hold]:
        """Return the patron's holds, ready ones first, then by position."""
        ...

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        """Return the new hold or the reason. `pickup` is a branch code; None takes the patron's home branch."""
        ...

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        """Return the hold that was let go, or the reason why not."""
        ...

    async def fees(self, who: PatronRef) -> FeeSummary:
        """Return what is owed, in VND."""
        ...

    async def availability(self, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        """Return the copies of each record asked for, in one call; an unknown record gives an empty list."""
        ...

    async def branches(self) -> list[Branch]:
        """Return the branches, pickup places among them."""
        ...

    async def close(self) -> None:
        """Let go of connections; nothing is asked afterwards."""
        ...
