"""What we check ourselves before a write, because the key of a library system acts for anybody.

Koha's REST and SIP2 renew and hold for cards that should be refused, and for loans of others: so ownership and blocks
are read and decided here, before anything is sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import date

from library.ils import ILSError, ILSOutcomeUnknown, ILSProtocolError
from library.model import Loan, Patron, Refusal, RenewalOutcome

logger = logging.getLogger(__name__)

# A card is refused for the first of these that applies, as a librarian would look.
BLOCKS = (Refusal.CARD_EXPIRED, Refusal.CARD_RESTRICTED, Refusal.IN_DEBT)

RenewOne = Callable[[Loan], Awaitable[RenewalOutcome]]


async def renew_own(
    loan_ids: Sequence[str],
    loans: Callable[[], Awaitable[Sequence[Loan]]],
    patron: Callable[[], Awaitable[Patron]],
    renew_one: RenewOne,
) -> list[RenewalOutcome]:
    """Return one outcome a loan, in the order asked; only loans of the patron go to `renew_one`, one after another.

    A blocked card is refused before anything is written; a loan named twice is renewed once. When the system stops
    answering between two loans, or refuses us there, those left are NO_ANSWER and are not sent: the loans before them
    stand as told. Raises ILSOutcomeUnknown, with what is known of each loan, when the answer to one was lost; what
    `renew_one` raised when nothing was sent.
    """
    if not loan_ids:
        return []
    found, holder = await asyncio.gather(loans(), patron())
    own, block = {loan.loan_id: loan for loan in found}, card_block(holder)
    outcomes: dict[str, RenewalOutcome] = {}
    sent, lost = False, None
    for loan_id in dict.fromkeys(loan_ids):
        loan, stopped = own.get(loan_id), bool(lost)
        if loan is None:
            outcomes[loan_id] = RenewalOutcome(loan_id, "", refusal=Refusal.NOT_YOURS)  # and not what others read
        elif block or stopped:
            outcomes[loan_id] = _refused(loan, block or Refusal.NO_ANSWER)
        else:
            try:
                outcomes[loan_id] = await renew_one(loan)
                sent = True
            except ILSOutcomeUnknown as exc:
                lost = exc
                outcomes[loan_id] = RenewalOutcome(loan_id, loan.title, loan.due_at, uncertain=True)
            except ILSError as exc:
                if not sent:
                    raise
                logger.warning("a renewal was not sent, the one before it was: %s", exc)
                outcomes[loan_id] = _refused(loan, Refusal.NO_ANSWER)
    told = [outcomes[loan_id] for loan_id in loan_ids]
    if lost:
        raise ILSOutcomeUnknown(str(lost), told) from lost
    return told


def _refused(loan: Loan, why: Refusal) -> RenewalOutcome:
    return RenewalOutcome(loan.loan_id, loan.title, loan.due_at, why)


def card_block(patron: Patron) -> Refusal | None:
    """Return why this card may not renew or hold, or None."""
    return next((block for block in BLOCKS if block in patron.blocks), None)


def card_blocks(*, expires_on: date | None, restricted: bool, in_debt: bool, today: date) -> frozenset[Refusal]:
    """Return what stops this card from borrowing; on its last day a card is still good."""
    applies = {
        Refusal.CARD_EXPIRED: expires_on is not None and expires_on < today,
        Refusal.CARD_RESTRICTED: restricted,
        Refusal.IN_DEBT: in_debt,
    }
    return frozenset(block for block in BLOCKS if applies[block])


def of_patron(asked: str, answered: str) -> None:
    """Raise ILSProtocolError when the answer is about another patron than was asked for; nobody's number is told."""
    if asked != answered:
        raise ILSProtocolError("the library system answered about another patron than was asked for")
