"""What a server told of patrons, loans, holds, fees and copies, as the library's own words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from connectors.ils.careful import card_blocks
from connectors.ils.shelf import Copy, Shelved
from connectors.ils.sip2 import messages
from connectors.ils.sip2.messages import Message
from library.ils import ILSProtocolError
from library.model import Fee, FeeSummary, Hold, HoldStatus, ItemState, ItemStatus, Loan, Refusal
from library.text import fold
from retrieval.sources.marc_text import bare

RENEWAL_DENIED, HOLD_DENIED, CARD_LOST, OWES_FINES, OWES_FEES = 1, 3, 4, 10, 11  # flags of a patron
WHATEVER = "Phí trên thẻ"
DENIED = slice(4)  # the flags that deny something
STATES = {
    "03": ItemState.AVAILABLE,
    "04": ItemState.ON_LOAN,
    "05": ItemState.ON_LOAN,
    "07": ItemState.ON_LOAN,
    "08": ItemState.ON_HOLD_SHELF,
    "09": ItemState.AVAILABLE,
    "10": ItemState.IN_TRANSIT,
    "11": ItemState.MISSING,
    "12": ItemState.MISSING,
    "13": ItemState.MISSING,
}
# "Phí phạt quá hạn 12000.00", "Làm lại thẻ: 10.000 đ"; a number without pence or currency may be a year.
_AMOUNT = re.compile(
    r"^(?P<what>.*?)[\s:=-]*(?P<amount>\d[\d.,]*?(?P<pence>[.,]\d\d)?)\s*(?P<currency>vnd|vnđ|đ|₫|đồng)?$",
    re.IGNORECASE,
)


def name(told: str, order: str) -> str:
    """Return the name; where servers put the family name last, "given_first" moves it to the front."""
    words = " ".join(told.split())
    before, comma, after = (part.strip() for part in words.partition(","))
    if comma:  # the family name stands before it, whatever is set
        return f"{before} {after}".strip()
    given, _, family = words.rpartition(" ")
    return f"{family} {given}" if order == "given_first" and given else words


def is_nobody(told: Message) -> bool:
    """Return whether the server knows no such card. One that is not valid but has a name is somebody's, and blocked."""
    return told.one("BL") == "N" and not told.one("AE")


def blocks(told: Message, *, denied: Sequence[int], limit_vnd: int, today: date) -> frozenset[Refusal]:
    """Return what stops the card, the most telling reason alone: servers set several flags for one.

    `denied`: the flags that must all be set for a card to count as restricted. A patron with as many loans as allowed,
    or with a late one, may be denied further loans and still renew.
    """
    flags, expires_on = messages.flags(told), messages.day(told.one("PA"))
    if expires_on is not None and expires_on < today:
        return frozenset({Refusal.CARD_EXPIRED})
    words = fold(told.notes)
    if "Y" in flags[DENIED] and ("expired" in words or "het han" in words):  # without a flag: somebody's note
        return frozenset({Refusal.CARD_EXPIRED})
    owes = "Y" in (flags[OWES_FINES], flags[OWES_FEES]) or messages.money(told.one("BV")) > Decimal(limit_vnd)
    restricted = told.one("BL") == "N" or flags[CARD_LOST] == "Y" or all(flags[each] == "Y" for each in denied)
    return card_blocks(expires_on=None, restricted=restricted and not owes, in_debt=owes, today=today)


def loan(barcode: str, told: Message | None, known: Shelved | None) -> Loan:
    due_at: datetime | None = messages.moment(told.one("AH")) if told else None
    if told is None or due_at is None:
        raise ILSProtocolError("the SIP2 server gave no date for a loan")
    title = known.title if known else bare(told.one("AJ"))
    return Loan(barcode, known.record_id if known else "", title, due_at, branch=told.one("AQ") or None)


def stage(copy: Message | None) -> HoldStatus:
    """Return how a hold stands that the server lists as available; some list all, and only the copy tells."""
    state = STATES.get(copy.fixed[:2]) if copy else None
    if state is ItemState.IN_TRANSIT:
        return HoldStatus.IN_TRANSIT
    return HoldStatus.WAITING if state in (ItemState.ON_LOAN, ItemState.MISSING) else HoldStatus.READY


def place(copy: Message | None, places: Sequence[str]) -> str:
    """Return where a hold is picked up: where its copy is now (AP), or the only place there is; '' when nobody says."""
    here = copy.one("AP") if copy else ""
    if here in places:
        return here
    return places[0] if len(places) == 1 else ""


def hold(told: str, status: HoldStatus, known: Shelved | None, where: str) -> Hold:
    """Return a hold; servers list a copy's barcode, or a title in words."""
    title = known.title if known else bare(told)
    return Hold(told, known.record_id if known else "", title, status, where)


def fees(told: Message) -> FeeSummary:
    """Return what is owed: line by line where the lines tell their amounts and add up, else as one sum.

    Some servers tell lists in parts: lines that are fewer than are counted do not add up. The sum (BV) may leave out
    what does not block a card, so that lines beside an empty sum count. Raises ILSProtocolError for debts without any
    amount: they must not pass for none.
    """
    owed, lines = messages.money(told.one("BV")), told.all("AV")
    itemised = tuple(fee for line in lines if (fee := _fee(line, sure=owed <= 0)))
    counted = messages.count(told, messages.FINES)
    whole = bool(itemised) and len(itemised) == len(lines) >= counted
    if whole and owed in (sum(fee.amount_vnd for fee in itemised), Decimal(0)):
        return FeeSummary(itemised)
    if owed > 0:
        return FeeSummary((Fee(bare(lines[0]) if len(lines) == 1 else WHATEVER, owed),))
    flags = messages.flags(told)
    unsummed = not told.one("BV") and (lines or counted)
    if unsummed or (itemised and counted > len(lines)) or "Y" in (flags[OWES_FINES], flags[OWES_FEES]):
        raise ILSProtocolError("the SIP2 server tells of debts and not how much they are")
    return FeeSummary()


def _fee(line: str, *, sure: bool) -> Fee | None:
    """Return the fee of a line that ends with its amount; `sure`: one that can be nothing but an amount."""
    found = _AMOUNT.match(line)
    if not found or (sure and not (found["pence"] or found["currency"])):
        return None
    amount = messages.money(found["amount"])
    return Fee(bare(found["what"]) or WHATEVER, amount) if amount > 0 else None


def item(copy: Copy, told: Message) -> ItemStatus:
    state = STATES.get(told.fixed[:2], ItemState.UNKNOWN)
    if state is ItemState.AVAILABLE and copy.reading_only:  # servers call a copy for reading only available
        state = ItemState.READING_ONLY
    due_at = messages.moment(told.one("AH")) if state is ItemState.ON_LOAN else None
    due_on = due_at.date() if due_at else None
    return ItemStatus(copy.barcode, copy.branch, copy.call_number, state, due_on, copy.room or None)
