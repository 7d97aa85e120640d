"""The circulation rules of a small library: pure decisions over what is known of a card, a loan or a wish.

A refusal is the first that applies, in the order in which a librarian would look: the card, the loan, the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from connectors.clock import VIETNAM
from connectors.ils import careful
from connectors.ils.circulation import Terms
from library.calendar import LibraryCalendar
from library.model import Refusal

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


def renewed_until(due_on: date, open_day: OpenDay, terms: Terms = Terms(), today: date | None = None) -> date:
    """Return the new due day of a renewed loan.

    As usual the days are added to the old due day, whenever one renews: an early renewal costs no days.
    """
    begins = today if terms.renewed_from == "today" and today else due_on
    until = begins + timedelta(days=terms.loan_days)
    return open_day(until) if terms.closures_extend else until


def kept_until(today: date, open_day: OpenDay, terms: Terms = Terms()) -> date:
    """Return the last of the opening days that a copy waits on the hold shelf."""
    day = today
    for _ in range(terms.hold_shelf_days):
        day = open_day(day + timedelta(days=1))
    return day


def late_fee(due_on: date, today: date, terms: Terms) -> int:
    """Return what a loan costs for being late, in VND."""
    fee = days_late(due_on, today) * terms.late_fee_vnd
    return fee if terms.late_fee_most_vnd is None else min(fee, terms.late_fee_most_vnd)


def days_late(due_on: date, today: date) -> int:
    return max(0, (today - due_on).days)


def card_blocks(
    *, expires_on: date | None, restricted: bool, owed_vnd: int, today: date, terms: Terms = Terms()
) -> frozenset[Refusal]:
    """Return what stops this card from borrowing; on its last day a card is still good."""
    in_debt = owed_vnd > terms.debt_limit_vnd
    return careful.card_blocks(expires_on=expires_on, restricted=restricted, in_debt=in_debt, today=today)


@dataclass(frozen=True)
class LoanCase:
    """What decides on a renewal."""

    blocks: frozenset[Refusal]
    due_on: date
    renewals: int
    others_wait: bool
    copy_free: bool
    terms: Terms = Terms()


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
    terms: Terms = Terms()


def renewal_refusal(case: LoanCase, today: date) -> Refusal | None:
    """Return why the loan cannot be renewed today, or None."""
    return _block(case.blocks) or _first(
        (Refusal.OVERDUE, case.due_on < today and not case.terms.late_may_renew),
        (Refusal.TOO_MANY_RENEWALS, case.renewals >= case.terms.renewals),
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
        (Refusal.TOO_MANY_HOLDS, case.holds >= case.terms.holds),
    )


def _block(blocks: frozenset[Refusal]) -> Refusal | None:
    return _first(*((block, block in blocks) for block in Refusal))


def _first(*reasons: tuple[Refusal, bool]) -> Refusal | None:
    return next((refusal for refusal, applies in reasons if applies), None)
