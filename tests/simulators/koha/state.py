"""What a Koha knows, and its own rules of circulation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

PERMISSIONS = {
    "circulate": {"circulate_remaining_permissions"},
    "borrowers": {"1"},  # all of it
    "reserveforothers": {"1"},
    "updatecharges": {"remaining_permissions"},
    "catalogue": {"1"},
}
HOLD_SHELF_DAYS = 7


@dataclass
class Koha:
    """One Koha. `version` is (year, month); tables are dictionaries by Koha's own numbers."""

    clock: Callable[[], datetime]
    version: tuple[int, int] = (19, 11)
    ils_di: str = "on"  # on | off | shut: the address is not let in | not_allowed: the same, said in a code
    oauth: bool = True
    client_id: str = "client"
    client_secret: str = "secret"
    user: str = "thuthu"
    password: str = "api-password"
    token_lasts_s: int = 3600
    permissions: dict[str, set[str]] = field(default_factory=lambda: {k: set(v) for k, v in PERMISSIONS.items()})
    fine_limit: int = 50_000
    fine_blocks_renewal: bool = False  # FineNoRenewals of recent versions
    restriction_blocks_renewal: bool = False  # RestrictionBlockRenewing, off as shipped
    seen_is_always_one: bool = False  # as in some versions: `seen=0` is taken for 1
    overdue_blocks_renewal: str = "allow"  # allow | block | blockitem
    max_renewals: int = 2
    renewal_days: int = 14
    max_holds: int = 5
    patrons: dict[int, dict[str, Any]] = field(default_factory=dict)
    checkouts: dict[int, dict[str, Any]] = field(default_factory=dict)
    holds: dict[int, dict[str, Any]] = field(default_factory=dict)
    items: dict[int, dict[str, Any]] = field(default_factory=dict)
    biblios: dict[int, dict[str, Any]] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    libraries: list[dict[str, Any]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)  # what was changed, in order: "renew 1", "hold 51 3", "cancel 4"
    asked: list[str] = field(default_factory=list)  # "GET /checkouts", in order
    refused: list[str] = field(default_factory=list)  # of these, what this version does not know or take
    tokens: dict[str, datetime] = field(default_factory=dict)  # and when each ends
    failed_log_ins: Counter[str] = field(default_factory=Counter)  # by card; a few of them lock it

    def since(self, year: int, month: int) -> bool:
        return self.version >= (year, month)

    # --- setting the scene ---

    def add_library(self, code: str, name: str, pickup: bool = True) -> None:
        self.libraries.append({"library_id": code, "name": name, "pickup_location": pickup})

    def add_patron(self, number: int, card: str, pin: str, surname: str, firstname: str, **more: Any) -> int:
        row = {
            "patron_id": number,
            "cardnumber": card,
            "surname": surname,
            "firstname": firstname,
            "expiry_date": "2028-12-31",
            "restricted": False,
            "library_id": self.libraries[0]["library_id"],
            "category_id": "BD",
            "email": None,
            "date_of_birth": "1990-02-03",
        }
        self.patrons[number] = {**row, **more, "_pin": pin}
        return number

    def add_biblio(self, number: int, title: str, author: str = "") -> int:
        self.biblios[number] = {"biblio_id": number, "title": title, "author": author}
        return number

    def add_item(self, number: int, biblio: int, barcode: str, library: str, call_number: str = "", **more: Any) -> int:
        row = {"item_id": number, "biblio_id": biblio, "external_id": barcode, "home_library_id": library}
        self.items[number] = {**row, "holding_library_id": library, "callnumber": call_number, **more}
        return number

    def lend(self, patron: int, item: int, due: datetime, renewals: int = 0) -> int:
        number = len(self.checkouts) + 1
        self.checkouts[number] = {
            "checkout_id": number,
            "patron_id": patron,
            "item_id": item,
            "library_id": self.items[item]["home_library_id"],
            "checkout_date": (self.clock() - timedelta(days=7)).isoformat(),
            "due_date": due.isoformat(),
            "last_renewed_date": None,
            "renewals": renewals,
            "auto_renew": False,
            "auto_renew_error": None,
            "checkin_date": None,
            "onsite_checkout": False,
            "note": None,
            "timestamp": self.clock().isoformat(),
        }
        return number

    def keep(self, patron: int, biblio: int, library: str, status: str | None = None, item: int | None = None) -> int:
        number = max(self.holds, default=0) + 1
        today = self.clock().date()
        queued = [row for row in self.holds.values() if row["biblio_id"] == biblio and row["status"] is None]
        self.holds[number] = {
            "hold_id": number,
            "patron_id": patron,
            "biblio_id": biblio,
            "item_id": item,
            "item_level": False,
            "priority": 0 if status else len(queued) + 1,
            "status": status,
            "pickup_library_id": library,
            "hold_date": today.isoformat(),
            "expiration_date": (today + timedelta(days=HOLD_SHELF_DAYS)).isoformat() if status == "W" else None,
            "waiting_date": today.isoformat() if status == "W" else None,
            "suspended": False,
        }
        return number

    def fine(self, patron: int, amount: int, description: str = "Phí phạt quá hạn", manager: int | None = 1) -> None:
        """Let the patron owe. `manager` None: nobody entered it, at which REST's account fails in old versions."""
        line = {"account_line_id": len(self.lines) + 1, "amount": amount, "amount_outstanding": amount}
        private = {"_patron": patron, "_manager": manager}
        self.lines.append({**line, "description": description, "patron_id": patron, **private})

    # --- what is asked ---

    def balance(self, patron: int) -> int:
        return sum(line["amount_outstanding"] for line in self.lines if line["_patron"] == patron)

    def free(self, biblio: int) -> list[dict[str, Any]]:
        lent = {row["item_id"] for row in self.checkouts.values()}
        kept = {row["item_id"] for row in self.holds.values() if row["item_id"]}
        copies = [
            row for row in self.items.values() if row["biblio_id"] == biblio and not row.get("not_for_loan_status")
        ]
        return [row for row in copies if row["item_id"] not in lent | kept]

    def why_not_renew(self, checkout: dict[str, Any], *, unseen: bool = False) -> str | None:
        """Return Koha's reason, or None. A restricted or indebted card is none unless a preference says so."""
        patron = self.patrons[checkout["patron_id"]]
        biblio = self.items[checkout["item_id"]]["biblio_id"]
        mine = [row for row in self.checkouts.values() if row["patron_id"] == checkout["patron_id"]]
        late = [row for row in mine if datetime.fromisoformat(row["due_date"]) < self.clock()]
        others = [row for row in self.holds.values() if row["biblio_id"] == biblio and row["status"] is None]
        waiting = [row for row in others if row["patron_id"] != checkout["patron_id"]]
        if checkout.get("_too_soon"):
            return "too_soon"
        if len(waiting) > len(self.free(biblio)):
            return "on_reserve"
        if checkout["renewals"] >= self.max_renewals:
            return "too_many"
        if unseen and checkout.get("_unseen_used_up"):
            return "too_unseen"
        if patron["restricted"] and self.restriction_blocks_renewal:
            return "restriction"
        if self.overdue_blocks_renewal == "block" and late:
            return "overdue"
        if self.overdue_blocks_renewal == "blockitem" and checkout in late:
            return "overdue"
        if self.fine_blocks_renewal and self.balance(checkout["patron_id"]) > self.fine_limit:
            return "auto_too_much_oweing" if checkout["auto_renew"] else "debt"
        return None

    def renew(self, checkout: dict[str, Any]) -> None:
        due = datetime.fromisoformat(checkout["due_date"]) + timedelta(days=self.renewal_days)
        checkout.update(due_date=due.isoformat(), renewals=checkout["renewals"] + 1)
        checkout["last_renewed_date"] = self.clock().isoformat()
        self.writes.append(f"renew {checkout['checkout_id']}")

    def why_not_hold(self, patron: int, biblio: int) -> str | None:
        mine = [row for row in self.holds.values() if row["patron_id"] == patron]
        if any(row["biblio_id"] == biblio for row in mine):
            return "tooManyHoldsForThisRecord"
        if len(mine) >= self.max_holds:
            return "tooManyReserves"
        copies = [row for row in self.items.values() if row["biblio_id"] == biblio]
        return None if any(not row.get("not_for_loan_status") for row in copies) else "notReservable"

    def hold(self, patron: int, biblio: int, library: str) -> dict[str, Any]:
        number = self.keep(patron, biblio, library)
        self.writes.append(f"hold {patron} {biblio}")
        return self.holds[number]

    def cancel(self, number: int) -> None:
        gone = self.holds.pop(number)
        queue = [row for row in self.holds.values() if row["biblio_id"] == gone["biblio_id"] and not row["status"]]
        for place, row in enumerate(sorted(queue, key=lambda each: each["priority"]), 1):
            row["priority"] = place
        self.writes.append(f"cancel {number}")

    def right_pin(self, identifier: str, pin: str) -> dict[str, Any] | None:
        for row in self.patrons.values():
            if identifier.casefold() in (row["cardnumber"].casefold(), str(row.get("userid", "")).casefold()):
                return row if row["_pin"] == pin and not row.get("_locked") else None
        return None
