"""Koha's rows as ours, checked on the way: one that is of another patron than asked is never read on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.clock import VIETNAM
from connectors.ils.careful import card_blocks, of_patron
from library.ils import ILSProtocolError, PatronRef
from library.model import Fee, FeeSummary, Hold, HoldStatus, ItemState, Loan, Patron
from library.text import nfc
from retrieval.sources.marc_text import bare, clean

STATUS = {"": HoldStatus.WAITING, "W": HoldStatus.READY, "T": HoldStatus.IN_TRANSIT, "P": HoldStatus.IN_TRANSIT}

# What shuts a card: Koha's own catalogue lets a card that is lost, or whose address is wrong, renew nothing either.
RESTRICTS = ("restricted", "patron_card_lost", "incorrect_address")


@dataclass(frozen=True)
class Lent:
    """A loan. It goes by its copy, which is lent once at a time: ILS-DI has no other number for it."""

    item_id: str
    due_at: datetime
    renewals: int
    branch: str | None
    checkout_id: str = ""  # REST's own number
    record_id: str = ""
    title: str = ""

    def as_loan(self) -> Loan:
        return Loan(self.item_id, self.record_id, self.title, self.due_at, self.renewals, branch=self.branch)


def rows(body: Any) -> list[Mapping[str, Any]]:
    """Return the rows of a list. Raises ILSProtocolError for anything else."""
    if not isinstance(body, list) or not all(isinstance(row, dict) for row in body):
        raise ILSProtocolError("Koha answered something else than a list")
    return body


def row(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise ILSProtocolError("Koha answered something else than one row")
    return body


def lent_by_rest(told: Mapping[str, Any], who: PatronRef) -> Lent:
    of_patron(who.patron_id, number(told, "patron_id"))
    renewals = told.get("renewals_count", told.get("renewals"))
    return Lent(
        item_id=number(told, "item_id"),
        due_at=moment(told.get("due_date")),
        renewals=renewals if isinstance(renewals, int) else 0,
        branch=str(told.get("library_id") or "") or None,
        checkout_id=number(told, "checkout_id"),
    )


def hold_status(told: Mapping[str, Any]) -> HoldStatus:
    return STATUS.get(str(told.get("status") or ""), HoldStatus.WAITING)


def hold(told: Mapping[str, Any], who: PatronRef, title: str) -> Hold:
    of_patron(who.patron_id, number(told, "patron_id"))
    status = hold_status(told)
    priority = told.get("priority")
    queued = status is HoldStatus.WAITING and isinstance(priority, int) and priority > 0
    return Hold(
        hold_id=number(told, "hold_id"),
        record_id=number(told, "biblio_id"),
        title=title,
        status=status,
        pickup=str(told.get("pickup_library_id") or ""),
        position=priority if queued else None,
        expires_on=day(told.get("expiration_date")) if status is HoldStatus.READY else None,
    )


def patron(told: Mapping[str, Any], who: PatronRef, owed: Decimal, *, limit: int, today: date) -> Patron:
    of_patron(who.patron_id, number(told, "patron_id"))
    expires_on = day(told.get("expiry_date"))
    return Patron(
        patron_id=who.patron_id,
        name=name(told),
        category=str(told.get("category_id") or ""),
        expires_on=expires_on,
        born_on=day(told.get("date_of_birth")),
        blocks=card_blocks(
            expires_on=expires_on, restricted=any(map(told.get, RESTRICTS)), in_debt=owed > limit, today=today
        ),
    )


def name(told: Mapping[str, Any]) -> str:
    """Return the name as it is said: the family name first, as in Nguyễn Thị Lan."""
    parts = (clean(nfc(str(told.get(part) or ""))) for part in ("surname", "middle_name", "firstname"))
    return " ".join(part for part in parts if part)


def account(told: Mapping[str, Any], who: PatronRef) -> Mapping[str, Any]:
    """Return the account, once every line that names a patron names this one.

    Raises ILSProtocolError where it lacks its sum or its lines: what is not told is not nothing owed.
    """
    if told.get("balance") is None or not isinstance(told.get("outstanding_debits"), dict):
        raise ILSProtocolError("Koha told of an account without what is owed")
    for part in ("outstanding_debits", "outstanding_credits"):
        for line in _lines(told.get(part)):
            of_patron(who.patron_id, str(line.get("patron_id") or who.patron_id))
    return told


def fees(account: Mapping[str, Any]) -> FeeSummary:
    """Return what is owed line by line; money paid ahead is a line below zero."""
    debits = _lines(account.get("outstanding_debits"))
    found = [Fee(bare(nfc(str(line.get("description") or ""))) or "Phí", _owed(line)) for line in debits]
    credits = sum((abs(_owed(line)) for line in _lines(account.get("outstanding_credits"))), Decimal(0))
    if credits:
        found.append(Fee("Tiền đã đóng trước", -credits))
    return FeeSummary(tuple(fee for fee in found if fee.amount_vnd))


def shown_title(told: Any) -> str:
    """Return a title without the cataloguer's marks: "Số đỏ /" is Số đỏ."""
    return bare(nfc(str(told or "")))


def number(told: Mapping[str, Any], key: str) -> str:
    """Return a key of Koha's as text. Raises ILSProtocolError where there is none."""
    found = told.get(key)
    if isinstance(found, bool) or not isinstance(found, int | str) or found == "":
        raise ILSProtocolError(f"Koha's answer lacks {key}")
    return str(found)


def moment(told: Any) -> datetime:
    """Return the moment; one without a zone is local, a bare day its last minute.

    The last minute of a day is that of the library's day in whatever zone it is told: a Koha that runs in UTC means
    the day that it shows its patrons, and not seven o'clock of the next morning.
    """
    if not isinstance(told, str):
        raise ILSProtocolError("Koha's answer lacks a date")
    try:
        found = datetime.fromisoformat(told)
    except ValueError as exc:
        raise ILSProtocolError("Koha's answer has a date that is none") from exc
    if len(told) == len("2026-11-27"):
        found = found.replace(hour=23, minute=59)
    if (found.hour, found.minute) == (23, 59):
        return found.replace(tzinfo=VIETNAM)
    try:
        return found.astimezone(VIETNAM) if found.tzinfo else found.replace(tzinfo=VIETNAM)
    except OverflowError as exc:  # the first day of all time, or the last
        raise ILSProtocolError("Koha's answer has a date that is none") from exc


def day(told: Any) -> date | None:
    try:
        return date.fromisoformat(str(told)[:10]) if told else None
    except ValueError:
        return None


def state(status: str, message: str) -> ItemState:
    """Return what ILS-DI's two phrases mean."""
    words = message.casefold()
    if status.casefold() == "available":
        return ItemState.AVAILABLE
    for part, found in (
        ("checked out", ItemState.ON_LOAN),
        ("hold", ItemState.ON_HOLD_SHELF),
        ("trans", ItemState.IN_TRANSIT),
        ("not for loan", ItemState.READING_ONLY),
        ("lost", ItemState.MISSING),
        ("withdrawn", ItemState.MISSING),
        ("damaged", ItemState.MISSING),
    ):
        if part in words:
            return found
    return ItemState.UNKNOWN


def item_state(told: Mapping[str, Any]) -> ItemState:
    """Return how a copy stands by REST's own fields."""
    if told.get("checked_out_date"):
        return ItemState.ON_LOAN
    if told.get("lost_status") or told.get("withdrawn") or told.get("damaged_status"):
        return ItemState.MISSING
    if kept := told.get("effective_not_for_loan_status") or told.get("not_for_loan_status"):
        below = isinstance(kept, int) and kept < 0  # on order, at the binder's: not here, and may be held
        return ItemState.UNKNOWN if below else ItemState.READING_ONLY
    return ItemState.AVAILABLE


def _lines(part: Any) -> list[Mapping[str, Any]]:
    lines = part.get("lines") if isinstance(part, dict) else None
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []


def _owed(line: Mapping[str, Any]) -> Decimal:
    return money(line.get("amount_outstanding", line.get("amount")))


def money(told: Any) -> Decimal:
    """Return an amount in VND. Raises ILSProtocolError for what is no number."""
    try:
        amount = Decimal(str(told if told is not None else 0)).quantize(Decimal(1))
    except InvalidOperation as exc:
        raise ILSProtocolError("Koha's answer has an amount that is none") from exc
    if not amount.is_finite():  # JSON as Python reads it has NaN, which no comparison survives
        raise ILSProtocolError("Koha's answer has an amount that is none")
    return amount
