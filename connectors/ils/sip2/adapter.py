"""A SIP2 server as the `ILS` port.

SIP2 knows patrons by card, copies by barcode, and neither titles' records nor branches: those come from our catalogue.
It renews and holds for whomever it is told, so ownership and blocks are checked here before each write.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping, Sequence
from itertools import chain, islice, zip_longest

from connectors.clock import Clock
from connectors.ils.careful import card_block, renew_own
from connectors.ils.shelf import Shelf, Shelved
from connectors.ils.sip2 import messages, refusals, rows
from connectors.ils.sip2.cards import Cards
from connectors.ils.sip2.frame import is_sendable
from connectors.ils.sip2.messages import BX, CHARGED, FINES, HOLDS, UNAVAILABLE, Message
from connectors.ils.sip2.pool import Pool
from connectors.settings import SIP2ILSSection
from library.ils import (
    Capability,
    ILSError,
    ILSMisconfigured,
    ILSOutcomeUnknown,
    ILSProtocolError,
    InvalidCredentials,
    NotSupported,
    PatronRef,
    PatronUnknown,
)
from library.model import (
    Branch,
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
from retrieval.sources.marc_text import bare

logger = logging.getLogger(__name__)

NOT_KNOWN = "card number or PIN is wrong"
LONGEST_CARD = 64
MOST_COPIES = 100  # asked for in one go
NEEDS = {
    Capability.RENEW: "29",
    Capability.PLACE_HOLD: "15",
    Capability.CANCEL_HOLD: "15",
    Capability.FEES: "63",
    Capability.LIVE_AVAILABILITY: "17",
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
        return frozenset(capability for capability, code in NEEDS.items() if self._does(code))

    async def close(self) -> None:
        await self._pool.close()

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        """Return whose card this is. The server must say that the PIN is right (CQ), and not that the card is not (BL).

        invenio-sip2 gives no BL; there a name must stand with the card.
        """
        card, encoding = card_number.strip(), self._section.encoding
        sendable = is_sendable(card, encoding) and is_sendable(pin, encoding)  # else no card or PIN of this system
        if not card or not pin or len(card) > LONGEST_CARD or not sendable:
            raise InvalidCredentials(NOT_KNOWN)
        told = await self._information(card, pin=pin)
        await self._end_session(card)
        if told.one("BL") not in ("Y", "") or not (told.one("BL") or told.one("AE")):
            raise InvalidCredentials(NOT_KNOWN)
        if not told.one("CQ"):
            raise ILSMisconfigured("the SIP2 server does not say whether PINs are right (no CQ): nobody can log in")
        if told.one("CQ") != "Y":
            raise InvalidCredentials(NOT_KNOWN)
        return PatronRef(self._cards.seal(told.one("AA") or card))

    async def patron(self, who: PatronRef) -> Patron:
        """Return the patron; a card counts as restricted when it may neither renew nor hold."""
        return await self._patron(who, rows.RENEWAL_DENIED, rows.HOLD_DENIED)

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        barcodes = await self._listed(self._cards.open(who.patron_id), CHARGED, "AU")
        known, told = await asyncio.gather(self._shelved(barcodes), self._items(barcodes))
        lent = [rows.loan(each, told.get(each), known.get(each)) for each in barcodes]
        return sorted(lent, key=lambda loan: loan.due_at)

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        card = self._cards.open(who.patron_id)

        async def renew_one(loan: Loan) -> RenewalOutcome:
            self._must_do(Capability.RENEW)
            now = messages.stamp(self._clock())
            fields = [("AO", self._section.institution), ("AA", card), ("AB", loan.loan_id), ("AC", "")]
            told = await self._pool.ask("29", "NN" + now + now, [*fields, ("BO", "N")], writes=True)
            return _renewed(loan, told)

        async def holder() -> Patron:
            return await self._patron(who, rows.RENEWAL_DENIED)

        return await renew_own(loan_ids, lambda: self.loans(who), holder, renew_one)

    async def holds(self, who: PatronRef) -> list[Hold]:
        """Return the patron's holds. Of one that is ready the copy is asked for: only it tells whether and where."""
        card = self._cards.open(who.patron_id)
        ready, waiting = await self._listed(card, HOLDS, "AS"), await self._listed(card, UNAVAILABLE, "CD")
        known = await self._shelved([*ready, *waiting])
        kept = await self._items([each for each in ready if each in known])  # others may be titles in words
        places = self._places()
        stages = [(each, rows.stage(kept.get(each))) for each in ready]
        stages += [(each, HoldStatus.WAITING) for each in waiting if each not in ready]
        found = [rows.hold(each, stage, known.get(each), rows.place(kept.get(each), places)) for each, stage in stages]
        return sorted(found, key=lambda hold: hold.status is not HoldStatus.READY)

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        card = self._cards.open(who.patron_id)
        copies = (await asyncio.to_thread(self._shelf.copies_of, [record_id])).get(record_id, ())
        lendable = [copy for copy in copies if copy.barcode and not copy.reading_only]
        if not lendable:
            return HoldOutcome(refusal=Refusal.NOT_HOLDABLE if copies else Refusal.NOT_FOUND)
        patron, lent, held = await asyncio.gather(self._patron(who, rows.HOLD_DENIED), self.loans(who), self.holds(who))
        refusal = (
            card_block(patron)
            or (Refusal.ALREADY_ON_LOAN if any(loan.record_id == record_id for loan in lent) else None)
            or (Refusal.ALREADY_ON_HOLD if any(hold.record_id == record_id for hold in held) else None)
        )
        if refusal:
            return HoldOutcome(refusal=refusal)
        self._must_do(Capability.PLACE_HOLD)
        told = await self._change_hold("+", card, lendable[0].barcode, pickup or "")
        if not told.ok:
            return HoldOutcome(refusal=refusals.of(told.notes))
        title = self._shelf.titles([record_id]).get(record_id, bare(told.one("AJ")))
        queue = told.one("BR")
        position = int(queue) if queue.isdecimal() and int(queue) > 0 else None
        where = told.one("BS") or pickup or rows.place(None, self._places())
        hold_id = told.one("AB") or lendable[0].barcode
        return HoldOutcome(Hold(hold_id, record_id, title, HoldStatus.WAITING, where, position))

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        mine = next((hold for hold in await self.holds(who) if hold.hold_id == hold_id), None)
        if mine is None:
            return HoldOutcome(refusal=Refusal.NOT_YOURS)
        self._must_do(Capability.CANCEL_HOLD)
        told = await self._change_hold("-", self._cards.open(who.patron_id), hold_id, "")
        return HoldOutcome(mine) if told.ok else HoldOutcome(refusal=refusals.of(told.notes))

    async def fees(self, who: PatronRef) -> FeeSummary:
        return rows.fees(await self._account(self._cards.open(who.patron_id), FINES))

    async def availability(self, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        """Return the copies of each record that our catalogue knows; SIP2 is asked for each, in turns over the records.

        Of very many copies those first in each record are told.
        """
        copies = await asyncio.to_thread(self._shelf.copies_of, record_ids)
        in_turns = chain.from_iterable(zip_longest(*(copies.get(each, ()) for each in record_ids)))
        barcodes = (copy.barcode for copy in in_turns if copy and copy.barcode)
        told = await self._items(list(islice(dict.fromkeys(barcodes), MOST_COPIES)))
        return {
            each: [rows.item(copy, told[copy.barcode]) for copy in copies.get(each, ()) if copy.barcode in told]
            for each in record_ids
        }

    async def branches(self) -> list[Branch]:
        """Return the branches of our calendar: SIP2 names none."""
        return list(self._shelf.branches())

    async def _patron(self, who: PatronRef, *denied: int) -> Patron:
        """Return the patron; `denied`: the flags that together restrict a card for what is to be done."""
        told = await self._account(self._cards.open(who.patron_id))
        stopped = rows.blocks(told, denied=denied, limit_vnd=self._section.debt_limit_vnd, today=self._clock().date())
        return Patron(
            patron_id=who.patron_id,
            name=rows.name(told.one("AE"), self._section.name_order),
            category=told.one("PC"),
            expires_on=messages.day(told.one("PA")),
            born_on=messages.day(told.one("PB")),
            blocks=stopped,
        )

    async def _account(self, card: str, wanted: int | None = None, start: int = 1) -> Message:
        """Return the 64 of a linked card. Raises PatronUnknown when the server knows it no more."""
        told = await self._information(card, wanted, start=start)
        if rows.is_nobody(told):
            raise PatronUnknown("the SIP2 server knows this card no more: the link is to be removed")
        return told

    async def _information(self, card: str, wanted: int | None = None, *, pin: str = "", start: int = 1) -> Message:
        """Return the 64 of a card; `wanted` is the list to be told, from its place `start` on.

        Of a server that knows no 63 the 24, which says the same and has no lists. Raises NotSupported for these there.
        """
        summary = "".join("Y" if place == wanted else " " for place in range(10))
        fields = [("AO", self._section.institution), ("AA", card), ("AC", "")]
        if await self._tells_only_status():
            if wanted is not None:
                raise NotSupported("the SIP2 server lists nothing of an account: it knows no 63")
            return await self._pool.ask("23", "001" + messages.stamp(self._clock()), [*fields, ("AD", pin)])
        if pin:
            # Never an empty one: Koha counts it as a failed log-in, locks the card after a few, and refuses holds.
            fields.append(("AD", pin))
        if wanted is not None:
            fields += [("BP", str(start)), ("BQ", "9999")]
        return await self._pool.ask("63", "001" + messages.stamp(self._clock()) + summary, fields)

    async def _tells_only_status(self) -> bool:
        if self._pool.status is None:
            await self._pool.ask("99", messages.READY, ())
        return self._does("23") and not self._does("63")

    async def _end_session(self, card: str) -> None:
        """Tell the server that nobody with a PIN is there any more. Whether it heard that changes nothing."""
        if self._does("35"):
            fields = [("AO", self._section.institution), ("AA", card), ("AC", "")]
            with contextlib.suppress(ILSError):
                await self._pool.ask("35", messages.stamp(self._clock()), fields)

    async def _listed(self, card: str, wanted: int, name: str) -> list[str]:
        """Return every entry of a list, also where the server tells it in parts.

        Servers that count wrongly, or not at all, as the standard allows, are asked until nothing new comes. Raises
        ILSProtocolError where loans are counted and none is told: they must not pass for none.
        """
        found: list[str] = []
        while True:
            told = await self._account(card, wanted, start=len(found) + 1)
            fresh = [each for each in dict.fromkeys(told.all(name)) if each not in found]
            found += fresh
            counted = messages.count(told, wanted)
            if fresh and len(found) != counted:
                continue
            if len(found) < counted:  # copies without a barcode, or a server that ends its list early
                logger.warning("SIP2 server counts %d %s and tells of %d", counted, name, len(found))
                if wanted == CHARGED and not found:
                    raise ILSProtocolError("the SIP2 server counts loans and tells of none")
            return found

    async def _items(self, barcodes: Sequence[str]) -> Mapping[str, Message]:
        """Return what the server says of each copy. Few are asked for at once: others wait for the lines too."""
        at_once = asyncio.Semaphore(self._section.connections)

        async def ask(barcode: str) -> Message:
            fields = [("AO", self._section.institution), ("AB", barcode), ("AC", "")]
            async with at_once:
                return await self._pool.ask("17", messages.stamp(self._clock()), fields)

        unique = [each for each in dict.fromkeys(barcodes) if is_sendable(each, self._section.encoding)]
        return dict(zip(unique, await asyncio.gather(*map(ask, unique)), strict=True))

    async def _shelved(self, barcodes: Sequence[str]) -> Mapping[str, Shelved]:
        return await asyncio.to_thread(self._shelf.by_barcode, barcodes) if barcodes else {}

    def _places(self) -> list[str]:
        return [branch.code for branch in self._shelf.branches() if branch.pickup]

    def _must_do(self, what: Capability) -> None:
        """Raise NotSupported for what the server does not do: known since it was asked for anything."""
        if what not in self.capabilities:
            raise NotSupported(f"the SIP2 server does not do this: {what.value}")

    def _does(self, code: str) -> bool:
        """Return whether the server knows a message, by its BX; before it was asked, and of what it leaves out, yes."""
        told = self._pool.status.one("BX") if self._pool.status else ""
        return dict(zip(BX, told, strict=False)).get(code, "Y") == "Y"

    async def _change_hold(self, mode: str, card: str, barcode: str, pickup: str) -> Message:
        fields = [("BS", pickup)] if pickup else []
        fields += [("BY", "2")] if mode == "+" else []  # any copy of the title
        fields += [("AO", self._section.institution), ("AA", card), ("AB", barcode), ("AC", "")]
        return await self._pool.ask("15", mode + messages.stamp(self._clock()), [*fields, ("BO", "N")], writes=True)


def _renewed(loan: Loan, told: Message) -> RenewalOutcome:
    if not told.ok:
        return RenewalOutcome(loan.loan_id, loan.title, loan.due_at, refusals.of(told.notes))
    due_at = messages.moment(told.one("AH"))
    if due_at is None:  # what is not said is read again
        raise ILSOutcomeUnknown("the SIP2 server renewed a loan and gave no date")
    return RenewalOutcome(loan.loan_id, loan.title, due_at)
