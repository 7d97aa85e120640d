"""A SIP2 server as the `ILS` port.

SIP2 knows patrons by card, copies by barcode, and neither titles' records nor branches: those come from our catalogue.
It renews and holds for whomever it is told, so ownership and blocks are checked here before each write.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from connectors.clock import Clock
from connectors.ils.careful import card_block, card_blocks, of_patron, renew_own
from connectors.ils.shelf import Copy, Shelf, Shelved
from connectors.ils.sip2 import messages, refusals
from connectors.ils.sip2.cards import Cards
from connectors.ils.sip2.frame import Unsendable, is_sendable
from connectors.ils.sip2.messages import BX, Message
from connectors.ils.sip2.pool import Pool
from connectors.settings import SIP2ILSSection
from library.ils import (
    Capability,
    ILSMisconfigured,
    ILSOutcomeUnknown,
    ILSProtocolError,
    InvalidCredentials,
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
from library.text import fold
from retrieval.sources.marc_text import bare

NOT_KNOWN = "card number or PIN is wrong"
LONGEST_CARD = 64
HOLDS, CHARGED, FINES, UNAVAILABLE = 0, 2, 3, 5  # places in the summary of a 63
RENEWAL_DENIED, HOLD_DENIED, CARD_LOST, OWES_FINES, OWES_FEES = 1, 3, 4, 10, 11  # flags of a patron
MOST_COPIES = 40  # asked for in one go: a page of hits
NEEDS = {
    Capability.RENEW: "29",
    Capability.PLACE_HOLD: "15",
    Capability.CANCEL_HOLD: "15",
    Capability.FEES: "63",
    Capability.LIVE_AVAILABILITY: "17",
}
STATES = {
    "02": ItemState.UNKNOWN,
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


class SIP2ILS:
    """The `ILS` port over one SIP2 server. `key` seals card numbers; `shelf` is our catalogue."""

    as_of = None

    def __init__(self, section: SIP2ILSSection, clock: Clock, shelf: Shelf, key: bytes) -> None:
        self._section = section
        self._clock = clock
        self._shelf = shelf
        self._cards = Cards(key)
        self._pool = Pool(section, clock)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what the server says in its BX; before it was asked, and where it says nothing, all."""
        told = self._pool.status.one("BX") if self._pool.status else ""
        does = dict(zip(BX, told, strict=False))
        return frozenset(capability for capability, code in NEEDS.items() if does.get(code, "Y") == "Y")

    async def close(self) -> None:
        await self._pool.close()

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        """Return whose card this is. The server must say that both card (BL) and PIN (CQ) are right."""
        card = card_number.strip()
        if not card or not pin or len(card) > LONGEST_CARD or not is_sendable(card) or not is_sendable(pin):
            raise InvalidCredentials(NOT_KNOWN)
        try:
            told = await self._information(card, pin=pin)
        except Unsendable as exc:
            raise InvalidCredentials(NOT_KNOWN) from exc
        if told.one("BL") != "Y":
            raise InvalidCredentials(NOT_KNOWN)
        if not told.one("CQ"):
            raise ILSMisconfigured("the SIP2 server does not say whether PINs are right (no CQ): nobody can log in")
        if told.one("CQ") != "Y":
            raise InvalidCredentials(NOT_KNOWN)
        return PatronRef(self._cards.seal(told.one("AA") or card))

    async def patron(self, who: PatronRef) -> Patron:
        return self._as_patron(who, await self._information(self._cards.open(who.patron_id)))

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        barcodes = await self._listed(self._cards.open(who.patron_id), CHARGED, "AU")
        known, told = await asyncio.gather(self._shelved(barcodes), self._items(barcodes))
        return sorted((_loan(each, told[each], known.get(each)) for each in barcodes), key=lambda loan: loan.due_at)

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        card = self._cards.open(who.patron_id)

        async def renew_one(loan: Loan) -> RenewalOutcome:
            now = messages.stamp(self._clock())
            fields = [("AO", self._section.institution), ("AA", card), ("AD", ""), ("AB", loan.loan_id), ("AC", "")]
            told = await self._pool.ask("29", "NN" + now + now, [*fields, ("BO", "N")], writes=True)
            return await self._renewed(loan, card, told)

        return await renew_own(loan_ids, lambda: self.loans(who), lambda: self.patron(who), renew_one)

    async def holds(self, who: PatronRef) -> list[Hold]:
        card = self._cards.open(who.patron_id)
        ready, waiting = await self._listed(card, HOLDS, "AS"), await self._listed(card, UNAVAILABLE, "CD")
        known = await self._shelved([*ready, *waiting])
        stages = [(each, HoldStatus.READY) for each in ready]
        stages += [(each, HoldStatus.WAITING) for each in waiting if each not in ready]
        return [_hold(each, status, known.get(each), self._section.location) for each, status in stages]

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        card = self._cards.open(who.patron_id)
        copies = self._shelf.copies_of([record_id]).get(record_id, ())
        lendable = [copy for copy in copies if copy.barcode and not copy.reading_only]
        if not lendable:
            return HoldOutcome(refusal=Refusal.NOT_HOLDABLE if copies else Refusal.NOT_FOUND)
        patron, lent, held = await asyncio.gather(self.patron(who), self.loans(who), self.holds(who))
        refusal = (
            card_block(patron)
            or (Refusal.ALREADY_ON_LOAN if any(loan.record_id == record_id for loan in lent) else None)
            or (Refusal.ALREADY_ON_HOLD if any(hold.record_id == record_id for hold in held) else None)
        )
        if refusal:
            return HoldOutcome(refusal=refusal)
        told = await self._change_hold("+", card, lendable[0].barcode, pickup or "")
        if not told.ok:
            return HoldOutcome(refusal=refusals.of(told.notes))
        title = self._shelf.titles([record_id]).get(record_id, bare(told.one("AJ")))
        queue = told.one("BR")
        position = int(queue) if queue.isdecimal() and int(queue) > 0 else None
        where = told.one("BS") or pickup or self._section.location
        hold_id = told.one("AB") or lendable[0].barcode
        return HoldOutcome(Hold(hold_id, record_id, title, HoldStatus.WAITING, where, position))

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        mine = next((hold for hold in await self.holds(who) if hold.hold_id == hold_id), None)
        if mine is None:
            return HoldOutcome(refusal=Refusal.NOT_YOURS)
        told = await self._change_hold("-", self._cards.open(who.patron_id), hold_id, "")
        return HoldOutcome(mine) if told.ok else HoldOutcome(refusal=refusals.of(told.notes))

    async def fees(self, who: PatronRef) -> FeeSummary:
        """Return what is owed, as one sum: SIP2 tells of single fees only in words."""
        told = await self._information(self._cards.open(who.patron_id), FINES)
        owed, lines = messages.money(told.one("BV")), told.all("AV")
        if not owed:
            return FeeSummary()
        return FeeSummary((Fee(bare(lines[0]) if len(lines) == 1 else "Phí trên thẻ", owed),))

    async def availability(self, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        """Return the copies of each record that our catalogue knows, asked for one by one over the pool."""
        copies = self._shelf.copies_of(record_ids)
        asked = [copy.barcode for each in copies.values() for copy in each if copy.barcode][:MOST_COPIES]
        told = await self._items(asked)
        return {
            record_id: [_status(copy, told[copy.barcode]) for copy in copies.get(record_id, ()) if copy.barcode in told]
            for record_id in record_ids
        }

    async def branches(self) -> list[Branch]:
        """Return the branches of our calendar: SIP2 names none."""
        return list(self._shelf.branches())

    async def _information(self, card: str, wanted: int | None = None, *, pin: str = "", start: int = 1) -> Message:
        """Return the 64 of a card; `wanted` is the list to be told, from its place `start` on."""
        summary = "".join("Y" if place == wanted else " " for place in range(10))
        fields = [("AO", self._section.institution), ("AA", card), ("AC", ""), ("AD", pin)]
        if wanted is not None:
            fields += [("BP", str(start)), ("BQ", "9999")]
        told = await self._pool.ask("63", "001" + messages.stamp(self._clock()) + summary, fields)
        of_patron(_plain(card), _plain(told.one("AA")))
        return told

    async def _listed(self, card: str, wanted: int, name: str) -> list[str]:
        """Return every entry of a list, also where the server tells it in parts."""
        found: list[str] = []
        while True:
            told = await self._information(card, wanted, start=len(found) + 1)
            fresh = [each for each in told.all(name) if each not in found]
            found += fresh
            if not fresh or len(found) >= messages.count(told, wanted):
                return found

    async def _items(self, barcodes: Sequence[str]) -> Mapping[str, Message]:
        async def ask(barcode: str) -> Message:
            fields = [("AO", self._section.institution), ("AB", barcode), ("AC", "")]
            told = await self._pool.ask("17", messages.stamp(self._clock()), fields)
            if told.one("AB") not in ("", barcode):
                raise ILSProtocolError("the SIP2 server told of another copy than was asked for")
            return told

        unique = [each for each in dict.fromkeys(barcodes) if is_sendable(each)]
        return dict(zip(unique, await asyncio.gather(*map(ask, unique)), strict=True))

    async def _shelved(self, barcodes: Sequence[str]) -> Mapping[str, Shelved]:
        return await asyncio.to_thread(self._shelf.by_barcode, barcodes) if barcodes else {}

    async def _renewed(self, loan: Loan, card: str, told: Message) -> RenewalOutcome:
        if _plain(told.one("AA")) not in ("", _plain(card)) or told.one("AB") not in ("", loan.loan_id):
            raise ILSOutcomeUnknown("the SIP2 server answered a renewal with another card or copy")
        if not told.ok:
            return RenewalOutcome(loan.loan_id, loan.title, loan.due_at, refusals.of(told.notes))
        due_at = messages.moment(told.one("AH"))
        if due_at is None:  # what is not said is read again
            raise ILSOutcomeUnknown("the SIP2 server renewed a loan and gave no date")
        return RenewalOutcome(loan.loan_id, loan.title, due_at)

    async def _change_hold(self, mode: str, card: str, barcode: str, pickup: str) -> Message:
        fields = [("BS", pickup)] if pickup else []
        fields += [("BY", "2")] if mode == "+" else []  # any copy of the title
        fields += [("AO", self._section.institution), ("AA", card), ("AD", ""), ("AB", barcode), ("AC", "")]
        told = await self._pool.ask("15", mode + messages.stamp(self._clock()), [*fields, ("BO", "N")], writes=True)
        if _plain(told.one("AA")) not in ("", _plain(card)):
            raise ILSOutcomeUnknown("the SIP2 server answered a hold with another card")
        return told

    def _as_patron(self, who: PatronRef, told: Message) -> Patron:
        if told.one("BL") == "N":
            raise PatronUnknown("the SIP2 server knows this card no more: the link is to be removed")
        expires_on = messages.day(told.one("PA"))
        today = self._clock().date()
        return Patron(
            patron_id=who.patron_id,
            name=self._name(told.one("AE")),
            category=told.one("PC"),
            expires_on=expires_on,
            born_on=messages.day(told.one("PB")),
            blocks=_blocks(told, self._section.debt_limit_vnd)
            or card_blocks(expires_on=expires_on, restricted=False, in_debt=False, today=today),
        )

    def _name(self, told: str) -> str:
        """Return the name; where servers put the family name last, it is moved to the front."""
        given, _, family = " ".join(told.split()).rpartition(" ")
        return f"{family} {given}" if self._section.name_order == "given_first" and given else " ".join(told.split())


def _blocks(told: Message, limit_vnd: int) -> frozenset[Refusal]:
    """Return what stops the card, of the 14 flags the most telling reason: servers set several for one."""
    flags, words = messages.flags(told), fold(told.notes)
    if "expired" in words or "het han" in words:
        return frozenset({Refusal.CARD_EXPIRED})
    if "Y" in (flags[OWES_FINES], flags[OWES_FEES]) or messages.money(told.one("BV")) > Decimal(limit_vnd):
        return frozenset({Refusal.IN_DEBT})
    if "Y" in (flags[0], flags[RENEWAL_DENIED], flags[HOLD_DENIED], flags[CARD_LOST]):
        return frozenset({Refusal.CARD_RESTRICTED})
    return frozenset()


def _loan(barcode: str, told: Message, known: Shelved | None) -> Loan:
    due_at: datetime | None = messages.moment(told.one("AH"))
    if due_at is None:
        raise ILSProtocolError("the SIP2 server gave no date for a loan")
    title = known.title if known else bare(told.one("AJ"))
    return Loan(barcode, known.record_id if known else "", title, due_at, branch=told.one("AQ") or None)


def _hold(told: str, status: HoldStatus, known: Shelved | None, where: str) -> Hold:
    """Return a hold; servers list a copy's barcode, or a title in words."""
    title = known.title if known else bare(told)
    return Hold(told, known.record_id if known else "", title, status, where)


def _status(copy: Copy, told: Message) -> ItemStatus:
    state = STATES.get(told.fixed[:2], ItemState.UNKNOWN)
    if state is ItemState.AVAILABLE and copy.reading_only:  # servers call a copy for reading only available
        state = ItemState.READING_ONLY
    due_at = messages.moment(told.one("AH")) if state is ItemState.ON_LOAN else None
    due_on = due_at.date() if due_at else None
    return ItemStatus(copy.barcode, copy.branch, copy.call_number, state, due_on, copy.room or None)


def _plain(card: str) -> str:
    return card.strip().casefold()
