"""What is to be told to a patron today: pure decisions over what the library system shows of a card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from library.model import Hold, HoldStatus, Loan, Patron, Refusal

Kind = Literal["due", "overdue", "hold", "card"]
KINDS: tuple[Kind, ...] = ("overdue", "due", "hold", "card")  # in the order in which they are told
USUAL: Mapping[Kind, int] = {"due": 2, "overdue": 1, "hold": 0, "card": 14}
# Days after which something late is told of again; after the last it is the desk's matter.
LATE_STEPS = (1, 8, 15)


@dataclass(frozen=True)
class Occasion:
    """One thing to tell. `key` says what was told, so that it is not told twice."""

    kind: Kind
    title: str
    day: date | None
    key: str
    place: str = ""  # branch code, of a hold; "" where nobody says
    loan_id: str = ""
    renewable: bool | None = None  # None: not known, or only at the desk


def wanted(options: Mapping[str, object]) -> dict[Kind, int]:
    """Return the kinds that a consent names, each with its days; one of before there were kinds is of due dates."""
    kinds = options.get("kinds")
    if isinstance(kinds, Mapping):
        return {kind: int(str(kinds[kind])) for kind in KINDS if kind in kinds}
    days = options.get("days_before")
    return {"due": days if isinstance(days, int) else USUAL["due"]}


def occasions(
    kinds: Mapping[Kind, int], patron: Patron, loans: Sequence[Loan], holds: Sequence[Hold], now: datetime
) -> list[Occasion]:
    """Return what there is to tell of this card today, the most pressing first, told before or not."""
    today = now.date()
    found = [*_of_loans(kinds, loans, now), *_of_holds(kinds, holds), *_of_card(kinds, patron, today)]
    return sorted(found, key=lambda each: (KINDS.index(each.kind), each.day or today, each.title))


def _of_loans(kinds: Mapping[Kind, int], loans: Sequence[Loan], now: datetime) -> Iterator[Occasion]:
    for loan in loans:
        due = loan.due_at.astimezone(now.tzinfo).date()
        left = (due - now.date()).days
        renewable = None if loan.refusal is Refusal.AT_DESK else loan.renewable
        told = Occasion("due", loan.title, due, f"due:{loan.loan_id}:{due}", "", loan.loan_id, renewable)
        if "due" in kinds and 0 <= left <= kinds["due"]:
            yield told
        step = max((each for each in LATE_STEPS if each <= -left), default=None)
        if "overdue" in kinds and step is not None:
            yield replace(told, kind="overdue", key=f"overdue:{loan.loan_id}:{due}:{step}")


def _of_holds(kinds: Mapping[Kind, int], holds: Sequence[Hold]) -> Iterator[Occasion]:
    for hold in holds:
        if "hold" in kinds and hold.status is HoldStatus.READY:  # nothing but the library system's own word for it
            key = f"hold:{hold.hold_id}:{hold.expires_on}"
            yield Occasion("hold", hold.title, hold.expires_on, key, place=hold.pickup)


def _of_card(kinds: Mapping[Kind, int], patron: Patron, today: date) -> Iterator[Occasion]:
    until = patron.expires_on
    if "card" in kinds and until and 0 <= (until - today).days <= kinds["card"]:
        yield Occasion("card", "", until, f"card:{until}")
