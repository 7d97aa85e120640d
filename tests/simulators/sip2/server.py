"""pysip2's server over the circulation of `Koha`: patrons by card, copies by barcode, refusals in sentences."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any

from pysip2 import SIP2Server
from pysip2.models import (
    EndPatronSessionRequest,
    EndSessionResponse,
    HoldRequest,
    HoldResponse,
    ItemInformationRequest,
    ItemInformationResponse,
    LoginRequest,
    LoginResponse,
    PatronInformationRequest,
    PatronInformationResponse,
    PatronStatusRequest,
    PatronStatusResponse,
    RenewRequest,
    RenewResponse,
)
from pysip2.routes import END_PATRON_SESSION, HOLD, ITEM_INFORMATION, LOGIN, PATRON_INFORMATION, PATRON_STATUS, RENEW

from tests.simulators.koha.state import Koha
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, SENTENCES, USER, Desk, stamp


def sip2_server(system: Koha, *, encoding: str = "utf-8", without: Collection[str] = ()) -> SIP2Server:
    """Return a server that wants a log-in. As Koha's, it renews and holds for whomever it is told.

    `without`: the codes of messages that it does not know, as its BX says.
    """
    server = SIP2Server(encoding=encoding, login_required=True, institution_id=INSTITUTION, max_message_size=65536)
    desk = _Answers(system)
    for route, handler in (
        (LOGIN, desk.log_in),
        (PATRON_STATUS, desk.status),
        (PATRON_INFORMATION, desk.information),
        (ITEM_INFORMATION, desk.item),
        (RENEW, desk.renew),
        (HOLD, desk.hold),
        (END_PATRON_SESSION, desk.end),
    ):
        if route.command_id not in without:
            server.route(route)(handler)  # type: ignore[arg-type]
    return server


@contextlib.asynccontextmanager
async def serving_sip2(system: Koha, *, encoding: str = "utf-8", without: Collection[str] = ()) -> AsyncIterator[int]:
    """Serve over TCP; yields the port. In a task of its own, since a server may end in another than it began in."""
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def serve() -> None:
        async with sip2_server(system, encoding=encoding, without=without).start() as bound:
            port.set_result(bound)
            await stop.wait()

    task = asyncio.create_task(serve())
    try:
        yield await port
    finally:
        stop.set()
        await task


class _Answers:
    def __init__(self, system: Koha) -> None:
        self._system = system
        self._desk = Desk(system)

    async def log_in(self, asked: LoginRequest, _ctx: Any) -> LoginResponse:
        return LoginResponse(ok="1" if (asked.login_user_id, asked.login_password) == (USER, PASSWORD) else "0")

    async def status(self, asked: PatronStatusRequest, _ctx: Any) -> PatronStatusResponse:
        row = self._desk.patron(asked.patron_identifier)
        return PatronStatusResponse(
            patron_status=self._desk.flags(row),
            language="001",
            transaction_date=self._now(),
            **self._known(row, asked.patron_identifier, asked.patron_password),
        )

    async def information(self, asked: PatronInformationRequest, _ctx: Any) -> PatronInformationResponse:
        row = self._desk.patron(asked.patron_identifier)
        self._tried(row, asked.patron_password)
        lists = self._desk.lists(row)
        wanted = asked.summary.find("Y")
        names = ("hold_items", "overdue_items", "charged_items", "fine_items", "recall_items", "unavailable_hold_items")
        start, end = int(asked.start_item or 1), int(asked.end_item or 9999)
        shown = {names[wanted]: lists[wanted][start - 1 : end]} if 0 <= wanted < len(names) else {}
        counts = ("hold_items_count", "overdue_items_count", "charged_items_count", "fine_items_count")
        counts += ("recall_items_count", "unavailable_holds_count")
        return PatronInformationResponse(
            patron_status=self._desk.flags(row),
            language="001",
            transaction_date=self._now(),
            **{name: f"{len(lists[place]):04}" for place, name in enumerate(counts)},
            **self._known(row, asked.patron_identifier, asked.patron_password),
            **shown,
        )

    async def item(self, asked: ItemInformationRequest, _ctx: Any) -> ItemInformationResponse:
        row = self._desk.item(asked.item_identifier)
        usual = {"security_marker": "02", "fee_type": "01", "transaction_date": self._now()}
        if row is None:
            return ItemInformationResponse(
                circulation_status="01", item_identifier=asked.item_identifier, title_identifier="", **usual
            )
        lent = self._desk.lent(row)
        kept = any(hold["item_id"] == row["item_id"] for hold in self._system.holds.values())
        return ItemInformationResponse(
            circulation_status="04" if lent else "08" if kept else "03",  # for reading only: available, as Koha says
            item_identifier=row["external_id"],
            title_identifier=self._system.biblios[row["biblio_id"]]["title"],
            permanent_location=row["home_library_id"],
            due_date=stamp(datetime.fromisoformat(lent["due_date"])) if lent else None,
            **usual,
        )

    async def renew(self, asked: RenewRequest, _ctx: Any) -> RenewResponse:
        row = self._desk.item(asked.item_identifier or "")
        lent = self._desk.lent(row) if row else None
        why = self._system.why_not_renew(lent) if lent else "no_checkout"
        if lent and why is None:
            self._system.renew(lent)
        return RenewResponse(
            ok="0" if why else "1",
            renewal_ok="N" if why else "Y",
            magnetic_media="U" if why else "N",
            desensitize="N",
            transaction_date=self._now(),
            institution_id=INSTITUTION,
            patron_identifier=asked.patron_identifier,
            item_identifier=asked.item_identifier or "",
            title_identifier=self._system.biblios[row["biblio_id"]]["title"] if row else "",
            due_date=stamp(datetime.fromisoformat(lent["due_date"])) if lent and not why else "",
            screen_message=(SENTENCES.get(why, "Item not checked out"),) if why else (),
        )

    async def hold(self, asked: HoldRequest, _ctx: Any) -> HoldResponse:
        patron, row = self._desk.patron(asked.patron_identifier), self._desk.item(asked.item_identifier or "")
        if patron is None or not self._tried(patron, asked.patron_password):
            return self._hold(asked, "Invalid Patron.")
        if row is None:
            return self._hold(asked, "No such item.")
        mine = [each for each in self._system.holds.values() if each["patron_id"] == patron["patron_id"]]
        if asked.hold_mode == "-":
            gone = next((each for each in mine if each["biblio_id"] == row["biblio_id"]), None)
            if gone is None:
                return self._hold(asked, "Error with transaction drop_hold: ")
            self._system.cancel(gone["hold_id"])
            return self._hold(asked)
        if why := self._system.why_not_hold(patron["patron_id"], row["biblio_id"]):
            return self._hold(asked, SENTENCES[why])
        where = asked.pickup_location or patron["library_id"]
        placed = self._system.hold(patron["patron_id"], row["biblio_id"], where)
        placed["_barcode"] = asked.item_identifier
        return self._hold(asked, place=placed["priority"], where=where)

    async def end(self, asked: EndPatronSessionRequest, _ctx: Any) -> EndSessionResponse:
        return EndSessionResponse(
            end_session="Y",
            transaction_date=self._now(),
            institution_id=INSTITUTION,
            patron_identifier=asked.patron_identifier,
        )

    def _hold(self, asked: HoldRequest, why: str = "", *, place: int | None = None, where: str = "") -> HoldResponse:
        return HoldResponse(
            ok="0" if why else "1",
            available="N",
            transaction_date=self._now(),
            queue_position=str(place) if place else None,
            pickup_location=where or None,
            institution_id=INSTITUTION,
            patron_identifier=asked.patron_identifier,
            item_identifier=asked.item_identifier,
            screen_message=(why,) if why else (),
        )

    def _tried(self, row: dict[str, Any] | None, pin: str | None) -> bool:
        """Return whether a PIN that was sent is right. One that is not, an empty one too, counts as a failed log-in."""
        if row is None or pin is None or pin == row["_pin"]:
            return True
        self._system.failed_log_ins[row["cardnumber"]] += 1
        return False

    def _known(self, row: dict[str, Any] | None, card: str, pin: str | None) -> dict[str, Any]:
        told: dict[str, Any] = {"institution_id": INSTITUTION, "patron_identifier": card}
        if row is None:
            return told | {"personal_name": "", "valid_patron": "N", "screen_message": ("Invalid cardnumber",)}
        owed = self._system.balance(row["patron_id"])
        expired = row["expiry_date"] < self._system.clock().date().isoformat()
        notes = ["PATRON EXPIRED"] * expired + [f"Patron owes {owed}.00"] * bool(owed)
        return told | {
            "patron_identifier": row["cardnumber"],
            "personal_name": f"{row['firstname']} {row['surname']}",  # given name first, as Koha sends it
            "valid_patron": "Y",
            "valid_patron_password": None if pin is None else "Y" if pin == row["_pin"] else "N",
            "fee_amount": str(owed) if owed else None,
            "screen_message": tuple(notes),
        }

    def _now(self) -> str:
        return stamp(self._system.clock())
