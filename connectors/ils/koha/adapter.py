"""Koha as the `ILS` port. Everything that depends on the version is asked of the server's own description.

One key sees and changes everybody's account, so ownership and blocks are checked here before each write.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx

from connectors.clock import Clock
from connectors.ils.careful import card_block, of_patron, renew_own
from connectors.ils.koha import refusals, rows
from connectors.ils.koha.availability import Copies
from connectors.ils.koha.client import KohaClient, reason
from connectors.ils.koha.ilsdi import ILSDI, local_time, text
from connectors.ils.koha.lists import every_row, own_rows
from connectors.ils.koha.once import Once
from connectors.ils.koha.rows import Lent
from connectors.ils.koha.spec import Spec
from connectors.ils.koha.titles import Titles
from connectors.ils.shelf import Shelf
from connectors.settings import KohaILSSection
from library.ils import (
    Capability,
    ILSMisconfigured,
    ILSOutcomeUnknown,
    ILSProtocolError,
    ILSUnavailable,
    InvalidCredentials,
    PatronRef,
    PatronUnknown,
)
from library.model import Branch, FeeSummary, Hold, HoldOutcome, HoldStatus, ItemStatus, Loan, Patron, Refusal
from library.model import RenewalOutcome as Outcome

logger = logging.getLogger(__name__)

SPEC_LASTS_S = 86_400.0
BRANCHES_LAST_S = 600.0
ILS_DI_RESTS_S = 300.0  # after it was found off or shut
NOT_KNOWN = "card number or PIN is wrong"
GONE = "Koha knows this patron no more: the link is to be removed"
_STAGES = (HoldStatus.READY, HoldStatus.IN_TRANSIT, HoldStatus.WAITING)


class KohaILS:
    """The `ILS` port over one Koha, of any version from 19.05. `shelf` is our catalogue; record ids are Koha's own."""

    as_of = None

    def __init__(
        self,
        section: KohaILSSection,
        clock: Clock,
        shelf: Shelf | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._section = section
        self._clock = clock
        self._client = KohaClient(section, transport)
        self._ils_di = ILSDI(self._client, section.ils_di_url or section.url)
        self._ils_di_rests_until = 0.0 if section.ils_di else float("inf")
        self._titles = Titles(self._client, shelf)
        self._copies = Copies(self._client, shelf)
        self._known_spec: Spec | None = None
        self._spec_read_at = 0.0
        self._reading_spec = Once(self._read_spec)
        self._branches: tuple[float, list[Branch]] = (float("-inf"), [])

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what this Koha can do; before it was asked for the first time, what every version can."""
        found = {Capability.PLACE_HOLD, Capability.CANCEL_HOLD, Capability.FEES}
        spec = self._known_spec
        if spec is None or spec.renewal or self._uses_ils_di:
            found.add(Capability.RENEW)
        if self._uses_ils_di or (spec and spec.has("get", "/biblios/{}/items")):
            found.add(Capability.LIVE_AVAILABILITY)
        return frozenset(found)

    async def close(self) -> None:
        await self._client.close()

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        """Return whose card this is. Koha says the same of a wrong PIN, an unknown card and a locked one.

        Source: `POST /auth/password/validation` (since 23.05), else ILS-DI AuthenticatePatron.
        """
        card = card_number.strip()
        if not card or not pin or not (card + pin).isprintable():
            raise InvalidCredentials(NOT_KNOWN)
        if (await self._spec()).checks_passwords:
            who = await self._validated(card, pin)
        elif self._uses_ils_di:
            if not (patron_id := text(await self._ils_di.authenticate(card, pin), "id")):
                raise InvalidCredentials(NOT_KNOWN)
            who = PatronRef(patron_id)
        else:
            raise ILSMisconfigured("this version of Koha checks PINs only by ILS-DI: turn it on, or use Koha 23.05")
        told = await self._patron_row(who)
        if card.casefold() not in {str(told.get(name) or "").casefold() for name in ("cardnumber", "userid")}:
            raise ILSProtocolError("Koha took a card and named another patron")
        return who

    async def patron(self, who: PatronRef) -> Patron:
        told, owed = await asyncio.gather(self._patron_row(who), self._owed(who))
        return self._as_patron(told, who, owed)

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        spec, lent = await asyncio.gather(self._spec(), self._lent(who, with_checkouts=renewable))
        loans = [each.as_loan() for each in lent]
        if renewable and spec.tells_renewability:
            loans = await asyncio.gather(*(self._with_renewability(each) for each in lent))
        return sorted(loans, key=lambda loan: loan.due_at)

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[Outcome]:
        """Return one outcome a loan; see `renew_own`. ILS-DI is asked first: it gives its reason as a clean code."""

        async def renew_one(loan: Loan) -> Outcome:
            if self._uses_ils_di:
                with contextlib.suppress(ILSMisconfigured):  # off since: nothing was done
                    return await self._renewed_by_ils_di(who, loan)
                self._rest_ils_di()
            return await self._renewed_by_rest(who, loan)

        loans = lambda: self.loans(who, renewable=False)  # noqa: E731
        return await renew_own(loan_ids, loans, lambda: self.patron(who), renew_one)

    async def holds(self, who: PatronRef) -> list[Hold]:
        told = await self._own("/holds", who)
        titles = await self._titles_of_holds(who, told)
        found = [rows.hold(each, who, titles[rows.number(each, "biblio_id")]) for each in told]
        return sorted(found, key=lambda hold: (_STAGES.index(hold.status), hold.position or 0))

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        if not record_id.isdecimal():
            return HoldOutcome(refusal=Refusal.NOT_FOUND)
        asked = (self._patron_row(who), self._owed(who), self.holds(who), self._lent(who))
        told, owed, held, lent = await asyncio.gather(*asked)
        refusal = (
            card_block(self._as_patron(told, who, owed))
            or (Refusal.ALREADY_ON_LOAN if any(each.record_id == record_id for each in lent) else None)
            or (Refusal.ALREADY_ON_HOLD if any(hold.record_id == record_id for hold in held) else None)
        )
        if refusal:
            return HoldOutcome(refusal=refusal)
        place = pickup or str(told.get("library_id") or "")
        body = {"patron_id": int(told["patron_id"]), "biblio_id": int(record_id), "pickup_library_id": place}
        answer = await self._client.write("POST", "/holds", body)
        if answer.ok:
            return HoldOutcome(await self._placed(answer.body, who, record_id))
        if answer.status == 404:
            return HoldOutcome(refusal=Refusal.NOT_FOUND)
        return HoldOutcome(refusal=await self._why_no_hold(reason(answer.body), record_id))

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        mine = next((hold for hold in await self.holds(who) if hold.hold_id == hold_id), None)
        if mine is None:
            return HoldOutcome(refusal=Refusal.NOT_YOURS)
        answer = await self._client.write("DELETE", f"/holds/{hold_id}")
        if answer.ok:
            return HoldOutcome(mine)
        return HoldOutcome(refusal=Refusal.NOT_FOUND if answer.status == 404 else Refusal.UNKNOWN)

    async def fees(self, who: PatronRef) -> FeeSummary:
        return rows.fees(await self._account(who))

    async def availability(self, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        """Return the copies of each record: by ILS-DI one call for all, by REST one a record; one more for holds."""
        spec, branches = await asyncio.gather(self._spec(), self.branches())
        if self._uses_ils_di:
            try:
                return await self._copies.by_ils_di(spec, self._ils_di, record_ids, branches)
            except ILSMisconfigured:
                self._rest_ils_di()
        return await self._copies.by_rest(spec, record_ids)

    async def branches(self) -> list[Branch]:
        """Return the branches; they change rarely and are asked for every ten minutes."""
        read_at, known = self._branches
        if time.monotonic() - read_at > BRANCHES_LAST_S:
            known = [_branch(each) for each in await every_row(self._client, await self._spec(), "/libraries")]
            self._branches = (time.monotonic(), known)
        return list(known)

    @property
    def _uses_ils_di(self) -> bool:
        return time.monotonic() >= self._ils_di_rests_until

    def _rest_ils_di(self) -> None:
        logger.warning("ILS-DI is off or shut to us; REST alone for %.0f s", ILS_DI_RESTS_S)
        self._ils_di_rests_until = time.monotonic() + ILS_DI_RESTS_S

    async def _spec(self) -> Spec:
        if self._known_spec is None or time.monotonic() - self._spec_read_at > SPEC_LASTS_S:
            return await self._reading_spec()
        return self._known_spec

    async def _read_spec(self) -> Spec:
        self._known_spec = Spec.read((await self._client.read("/")).body)
        self._spec_read_at = time.monotonic()
        return self._known_spec

    async def _own(self, path: str, who: PatronRef) -> list[Mapping[str, Any]]:
        return await own_rows(self._client, await self._spec(), path, who)

    async def _validated(self, card: str, pin: str) -> PatronRef:
        answer = await self._client.read_by_post("/auth/password/validation", {"identifier": card, "password": pin})
        if answer.status == 400:
            raise InvalidCredentials(NOT_KNOWN)
        if not answer.ok:
            raise ILSProtocolError(f"Koha answered a log-in with neither yes nor no ({answer.status})")
        if isinstance(answer.body, dict):
            return PatronRef(rows.number(answer.body, "patron_id"))
        # The first release that had this said only "yes" (204).
        found = rows.rows((await self._client.read("/patrons", cardnumber=card, _match="exact")).body)
        mine = [each for each in found if str(each.get("cardnumber", "")).casefold() == card.casefold()]
        if len(mine) != 1:
            raise InvalidCredentials(NOT_KNOWN)
        return PatronRef(rows.number(mine[0], "patron_id"))

    async def _patron_row(self, who: PatronRef) -> Mapping[str, Any]:
        number = who.patron_id  # one that is none was linked at a library system of another kind
        answer = await self._client.read(f"/patrons/{number}") if number.isdecimal() else None
        if answer is None or answer.status == 404:
            raise PatronUnknown(GONE)
        told = rows.row(answer.body)
        of_patron(who.patron_id, rows.number(told, "patron_id"))
        return told

    def _as_patron(self, told: Mapping[str, Any], who: PatronRef, owed: Decimal) -> Patron:
        return rows.patron(told, who, owed, limit=self._section.debt_limit_vnd, today=self._clock().date())

    async def _account(self, who: PatronRef) -> Mapping[str, Any]:
        answer = await self._client.read(f"/patrons/{who.patron_id}/account")
        if answer.status == 404:
            raise PatronUnknown(GONE)
        if not answer.ok:  # an error is an object as well, and would read as owing nothing
            raise ILSProtocolError("Koha does not tell of an account")
        return rows.account(rows.row(answer.body), who)

    async def _owed(self, who: PatronRef) -> Decimal:
        """Return the balance. REST fails at an account with a fine that nobody entered; ILS-DI tells it then."""
        try:
            return rows.money((await self._account(who)).get("balance"))
        except ILSUnavailable:
            if (told := await self._info(who)) is None:
                raise
            return rows.money(text(told, "charges") or 0)

    async def _info(self, who: PatronRef, **shown: str) -> ET.Element | None:
        """Return ILS-DI's account of the patron, None where ILS-DI is not used."""
        if not self._uses_ils_di:
            return None
        try:
            told = await self._ils_di.read("GetPatronInfo", patron_id=who.patron_id, **shown)
        except ILSMisconfigured:
            self._rest_ils_di()
            return None
        if (code := text(told, "code")) == "PatronNotFound":
            raise PatronUnknown(GONE)
        if code:
            raise ILSProtocolError(f"ILS-DI does not tell of a patron: {code[:40]}")
        of_patron(who.patron_id, text(told, "borrowernumber"))
        return told

    async def _lent(self, who: PatronRef, *, with_checkouts: bool = False) -> list[Lent]:
        """Return what is on loan: by ILS-DI in one call, titles and all; by REST where that is not used.

        `with_checkouts`: also with REST's own numbers of them.
        """
        info, told = await asyncio.gather(
            self._info(who, show_loans="1"),
            self._own("/checkouts", who) if with_checkouts else _nothing(),
        )
        if info is None and not with_checkouts:
            told = await self._own("/checkouts", who)
        lent = [rows.lent_by_rest(each, who) for each in told]
        if info is not None:
            numbers = {each.item_id: each.checkout_id for each in lent}
            lent = [_lent_by_ils_di(each, who, numbers) for each in info.iterfind("./loans/loan")]
        for each in lent:
            self._titles.learn(each.item_id, each.record_id, each.title)
        named = await self._titles.of_items(await self._spec(), [each.item_id for each in lent])
        return [replace(each, record_id=named[each.item_id][0], title=named[each.item_id][1]) for each in lent]

    async def _titles_of_holds(self, who: PatronRef, told: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
        wanted = [rows.number(each, "biblio_id") for each in told]
        if self._titles.missing(wanted):
            with contextlib.suppress(ILSUnavailable, ILSProtocolError):  # a title less is no reason to tell of no hold
                for each in _holds_in(await self._info(who, show_holds="1")):
                    self._titles.learn("", text(each, "biblionumber"), text(each, "title"))
        return await self._titles.of_records(await self._spec(), wanted)

    async def _with_renewability(self, lent: Lent) -> Loan:
        """Return the loan with whether it can be renewed; where Koha does not say, it may be tried."""
        loan = lent.as_loan()
        if not lent.checkout_id:
            return loan
        try:
            answer = await self._client.read(f"/checkouts/{lent.checkout_id}/allows_renewal")
        except (ILSUnavailable, ILSProtocolError):
            return loan
        if not answer.ok or not isinstance(answer.body, dict) or answer.body.get("allows_renewal") is not False:
            return loan
        why = refusals.of_renewal(str(answer.body.get("error") or ""))
        return replace(loan, renewable=False, refusal=why)

    async def _renewed_by_ils_di(self, who: PatronRef, loan: Loan) -> Outcome:
        told = await self._ils_di.write("RenewLoan", patron_id=who.patron_id, item_id=loan.loan_id)
        success, due_at = text(told, "success"), local_time(text(told, "date_due"))
        if success == "1" and due_at:
            return Outcome(loan.loan_id, loan.title, due_at)
        why = text(told, "error", "code")
        if success == "1" or not (success == "0" or why):
            raise ILSOutcomeUnknown("ILS-DI answered a renewal with neither yes nor no")
        return Outcome(loan.loan_id, loan.title, loan.due_at, refusals.of_renewal(why))

    async def _renewed_by_rest(self, who: PatronRef, loan: Loan) -> Outcome:
        route = (spec := await self._spec()).renewal or "renewal"
        told = [rows.lent_by_rest(each, who) for each in await self._own("/checkouts", who)]
        number = next((each.checkout_id for each in told if each.item_id == loan.loan_id), None)
        if number is None:
            return Outcome(loan.loan_id, loan.title, loan.due_at, Refusal.NOT_FOUND)
        answer = await self._client.write("POST", f"/checkouts/{number}/{route}", **_unseen(spec, route))
        if answer.status == 404:
            return Outcome(loan.loan_id, loan.title, loan.due_at, Refusal.NOT_FOUND)
        if not answer.ok:
            return Outcome(loan.loan_id, loan.title, loan.due_at, refusals.of_renewal(reason(answer.body)))
        try:
            renewed = rows.lent_by_rest(rows.row(answer.body), who)
        except ILSProtocolError as exc:
            raise ILSOutcomeUnknown("Koha answered a renewal with something else") from exc
        if renewed.item_id != loan.loan_id:
            raise ILSOutcomeUnknown("Koha answered a renewal with another loan")
        return Outcome(loan.loan_id, loan.title, renewed.due_at)

    async def _placed(self, body: Any, who: PatronRef, record_id: str) -> Hold:
        try:
            told = rows.row(body)
            title = (await self._titles_of_holds(who, [told]))[record_id]
            return rows.hold(told, who, title)
        except (ILSProtocolError, ILSUnavailable, KeyError) as exc:
            raise ILSOutcomeUnknown("Koha answered a hold with something else") from exc

    async def _why_no_hold(self, code: str, record_id: str) -> Refusal:
        """Return the reason; of a record that is not there Koha says only that none of its copies can be held."""
        why = refusals.of_hold(code)
        if why in (Refusal.UNKNOWN, Refusal.NOT_HOLDABLE) and Capability.LIVE_AVAILABILITY in self.capabilities:
            with contextlib.suppress(ILSUnavailable, ILSProtocolError):
                return why if (await self.availability([record_id]))[record_id] else Refusal.NOT_FOUND
        return why


def _lent_by_ils_di(told: ET.Element, who: PatronRef, numbers: Mapping[str, str]) -> Lent:
    of_patron(who.patron_id, text(told, "borrowernumber") or who.patron_id)
    item_id, due_at = text(told, "itemnumber"), local_time(text(told, "date_due"))
    if not item_id or due_at is None:
        raise ILSProtocolError("ILS-DI told of a loan without its copy or its date")
    renewals = text(told, "renewals_count", "renewals")  # since 22.11 "renewals" is the copy's, of all its loans
    return Lent(
        item_id=item_id,
        due_at=due_at,
        renewals=int(renewals) if renewals.isdecimal() else 0,
        branch=text(told, "branchcode") or None,
        checkout_id=numbers.get(item_id, ""),
        record_id=text(told, "biblionumber"),
        title=text(told, "title"),
    )


def _holds_in(info: ET.Element | None) -> Iterable[ET.Element]:
    return () if info is None else info.iterfind("./holds/hold")


async def _nothing() -> list[Mapping[str, Any]]:
    return []


def _branch(told: Mapping[str, Any]) -> Branch:
    named = rows.shown_title(told.get("name"))
    return Branch(rows.number(told, "library_id"), named, named, pickup=told.get("pickup_location") is not False)


def _unseen(spec: Spec, route: str) -> dict[str, Any]:
    """Return what tells Koha that nobody held the book in hand, where this version asks."""
    kind = spec.parameter("post", f"/checkouts/{{}}/{route}", "seen")
    return {} if kind is None else {"seen": "false" if kind == "boolean" else 0}
