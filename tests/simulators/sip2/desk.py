"""What a SIP2 server over the circulation of `Koha` knows, whoever puts it into messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.simulators.koha.state import Koha

USER, PASSWORD, INSTITUTION = "term1", "terminal-password", "TVTW"
SENTENCES = {
    "on_reserve": "Item unavailable due to outstanding holds",
    "too_many": "Item has reached maximum renewals",
    "overdue": "Item is overdue",
    "tooManyHoldsForThisRecord": "Patron already has hold on this title",
    "tooManyReserves": "Too many holds",
    "notReservable": "Item cannot be held",
}


@dataclass(frozen=True)
class Desk:
    """Patrons by card, copies by barcode."""

    system: Koha

    def flags(self, row: dict[str, Any] | None) -> str:
        if row is None:
            return "YYYY" + " " * 10
        debt = self.system.balance(row["patron_id"]) > self.system.fine_limit
        expired = row["expiry_date"] < self.system.clock().date().isoformat()
        denied = "YYYY" if debt or expired or row["restricted"] else "    "
        return denied + " " * 6 + ("YY" if debt else "  ") + "  "

    def lists(self, row: dict[str, Any] | None) -> list[tuple[str, ...]]:
        if row is None:
            return [()] * 6
        mine = row["patron_id"]
        lent = [each for each in self.system.checkouts.values() if each["patron_id"] == mine]
        held = [each for each in self.system.holds.values() if each["patron_id"] == mine]
        fines = tuple(line["description"] for line in self.system.lines if line["_patron"] == mine)
        return [
            tuple(self.barcode(each) for each in held if each["status"] == "W"),
            (),
            tuple(self.system.items[each["item_id"]]["external_id"] for each in lent),
            fines,
            (),
            tuple(self.barcode(each) for each in held if each["status"] is None),
        ]

    def barcode(self, hold: dict[str, Any]) -> str:
        """Return the copy kept, or the one by which the title was asked for."""
        if hold["item_id"]:
            return str(self.system.items[hold["item_id"]]["external_id"])
        copies = (row for row in self.system.items.values() if row["biblio_id"] == hold["biblio_id"])
        return str(hold.get("_barcode") or next(copies)["external_id"])

    def patron(self, card: str) -> dict[str, Any] | None:
        return next((row for row in self.system.patrons.values() if row["cardnumber"] == card), None)

    def item(self, barcode: str) -> dict[str, Any] | None:
        return next((row for row in self.system.items.values() if row["external_id"] == barcode), None)

    def lent(self, item: dict[str, Any]) -> dict[str, Any] | None:
        return next((row for row in self.system.checkouts.values() if row["item_id"] == item["item_id"]), None)


def stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d}    {moment:%H%M%S}"
