"""The circulation rules of a small library: pure decisions over what is known of a card, a loan or a wish.

A refusal is the first that applies, in the order in which a librarian would look: the card, the loan, the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from connectors.clock import VIETNAM
from connectors.ils import careful
from library.calendar import LibraryCalendar
from library.model import Refusal

LOAN_PERIOD = timedelta(days=14)
MAX_RENEWALS = 2
MAX_HOLDS = 3
HOLD_SHELF_DAYS = 3  # opening days that a copy waits on the hold shelf
LATE_FEE_VND = 1_000  # a book and a day
DEBT_LIMIT_VND = 50_000  # owing more than this blocks the card
MAX_WRONG_PINS = 5
LOCKED_FOR = timedelta(hours=1)

OpenDay = Callable[[date], date]  # a day -> the same day when the library is open, or the next opening day


def every_day(day: date) -> date:
    """Return the day itself: the library that never closes."""
    return day


def open_days(calendar: LibraryCalendar) -> OpenDay:
    """Return the rule by which a day on which the central branch is closed gives way to its next opening day."""
    central = calendar.branches[0].code

    def next_open(day: date) -> date:
        days = (day + timedelta(days=n) for n in range(60))
        return next((each for each in days if calendar.hours_on(each, central).spans), day)

    return next_open


def end_of(day: date) -> datetime:
    """Return the last minute of the day, when a loan is due."""
    return datetime.combine(day, time(23, 59), VIETNAM)


def renewed_until(due_on: date, open_day: OpenDay) -> date:
    """Return the new due day of a renewed loan.

    14 days are added to the old due day, whenever one renews: an early renewal costs no days, two make 42 in all.
    """
    return open_day(due_on + LOAN_PERIOD)


def kept_until(today: date, open_day: OpenDay) -> date:
    """Return the last of the opening days that a copy waits on the hold shelf."""
    day = today
    for _ in range(HOLD_SHELF_DAYS):
        day = open_day(day + timedelta(days=1))
    return day


def days_late(due_on: date, today: date) -> int:
    return max(0, (today - due_on).days)


def card_blocks(*, expires_on: date | None, restricted: bool, owed_vnd: int, today: date) -> frozenset[Refusal]:
    """Return what stops this card from borrowing; on its last day a card is still good."""
    in_debt = owed_vnd > DEBT_LIMIT_VND
    return careful.card_blocks(expires_on=expires_on, restricted=restricted, in_debt=in_debt, today=today)


@dataclass(frozen=True)
class LoanCase:
    """What decides on a renewal."""

    blocks: frozenset[Refusal]
    due_on: date
    renewals: int
    others_wait: bool
    copy_free: bool


@dataclass(frozen=True)
class HoldCase:
    """What decides on a hold."""

    blocks: frozenset[Refusal]
    any_overdue: bool
    on_loan: bool  # to the one who asks
    on_hold: bool  # by the one who asks
    lendable: int  # copies that may leave the house
    free: int  # of these, copies that stand on the shelf, at whichever branch
    holds: int  # that the one who asks has already


def renewal_refusal(case: LoanCase, today: date) -> Refusal | None:
    """Return why the loan cannot be renewed today, or None."""
    return _block(case.blocks) or _first(
        (Refusal.OVERDUE, case.due_on < today),
        (Refusal.TOO_MANY_RENEWALS, case.renewals >= MAX_RENEWALS),
        (Refusal.ON_HOLD, case.others_wait and not case.copy_free),
    )


def hold_refusal(case: HoldCase) -> Refusal | None:
    """Return why the title cannot be kept for the one who asks, or None. A book overdue stops holds as a debt does."""
    return _block(case.blocks) or _first(
        (Refusal.OVERDUE, case.any_overdue),
        (Refusal.ALREADY_ON_LOAN, case.on_loan),
        (Refusal.ALREADY_ON_HOLD, case.on_hold),
        (Refusal.NOT_HOLDABLE, case.lendable == 0),
        (Refusal.AVAILABLE_NOW, case.free > 0),
        (Refusal.TOO_MANY_HOLDS, case.holds >= MAX_HOLDS),
    )


def _block(blocks: frozenset[Refusal]) -> Refusal | None:
    return _first(*((block, block in blocks) for block in Refusal))


def _first(*reasons: tuple[Refusal, bool]) -> Refusal | None:
    return next((refusal for refusal, applies in reasons if applies), None)
