"""invenio-sip2's server over the seed of the live suite: `python -m tests.simulators.sip2.invenio PORT`.

It runs in an environment of its own, since it brings a whole Invenio along; `make test-invenio` makes it. Its holds are
left out: it tells its library system to hold, and cannot tell it to let go.
"""

from __future__ import annotations

import fnmatch
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import jsonpickle
from flask import Flask
from invenio_sip2.datastore import Datastore
from invenio_sip2.ext import InvenioSIP2
from invenio_sip2.models import (
    PatronStatus,
    PatronStatusTypes,
    SelfcheckItemInformation,
    SelfcheckPatronInformation,
    SelfcheckRenew,
)

from tests.contract.serve_seed import seeded
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, SENTENCES, USER, Desk, stamp

LISTS = ("hold_items", "overdue_items", "charged_items", "fine_items", "recall_items", "unavailable_hold_items")
# The flags of a 64, by their places.
FLAGS = {
    0: PatronStatusTypes.CHARGE_PRIVILEGES_DENIED,
    1: PatronStatusTypes.RENEWAL_PRIVILEGES_DENIED,
    2: PatronStatusTypes.RECALL_PRIVILEGES_DENIED,
    3: PatronStatusTypes.HOLD_PRIVILEGES_DENIED,
    10: PatronStatusTypes.EXCESSIVE_OUTSTANDING_FINES,
    11: PatronStatusTypes.EXCESSIVE_OUTSTANDING_FEES,
}


class Memory(Datastore):  # type: ignore[misc]
    """Its records in memory instead of in Redis."""

    def __init__(self, _app: Flask) -> None:
        self._kept: dict[str, str] = {}

    def get(self, id_: str, record_type: str | None = None) -> Any:
        return next(self._like(f"{record_type}:{id_}*" if record_type else id_), None)

    def add(self, record: Any, **_: Any) -> None:
        self._kept[record.get_key()] = jsonpickle.encode(record.dumps(), keys=True)

    update = add

    def delete(self, record: Any, **_: Any) -> None:
        self._kept.pop(record.get_key(), None)

    def flush(self) -> None:
        self._kept.clear()

    def all(self, record_type: str | None = None) -> Iterator[Any]:
        return self._like(f"{record_type}:*" if record_type else "*")

    def search(self, search_term: str = "*", index_type: str = "*", filter_query: str = "") -> list[Any]:
        return list(self._like(f"{index_type}:{search_term}" + (f"_{filter_query}" if filter_query else "")))

    def _like(self, pattern: str) -> Iterator[Any]:
        for key, value in list(self._kept.items()):
            if fnmatch.fnmatchcase(key, pattern):
                yield jsonpickle.decode(value, keys=True)


class Library:
    """The library system that invenio-sip2 asks."""

    def __init__(self) -> None:
        self.desk = Desk(seeded())
        self.system = self.desk.system

    def log_in(self, user: str, password: str, **_: Any) -> dict[str, Any] | None:
        if (user, password) != (USER, PASSWORD):
            return None
        told = {"authenticated": True, "terminal": "t1", "institution_id": INSTITUTION, "library_name": "Thư viện"}
        return {**told, "transaction_user_id": "1", "user_id": "1"}

    def status(self, _terminal: str, **_: Any) -> dict[str, Any]:
        return {"institution_id": INSTITUTION}

    def knows(self, card: str, **_: Any) -> bool:
        return self.desk.patron(card) is not None

    def authorizes(self, card: str, pin: str, **_: Any) -> bool:
        row = self.desk.patron(card)
        return row is not None and bool(row["_pin"] == pin)

    def account(self, card: str, **_: Any) -> SelfcheckPatronInformation:
        row = self.desk.patron(card)
        if row is None:
            return SelfcheckPatronInformation(card, INSTITUTION)
        owed, flags = self.system.balance(row["patron_id"]), PatronStatus()
        for place, kind in FLAGS.items():
            if self.desk.flags(row)[place] == "Y":
                flags.add_patron_status_type(kind)
        told = SelfcheckPatronInformation(
            card,
            INSTITUTION,
            patron_name=f"{row['surname']} {row['firstname']}",
            patron_status=flags,
            fee_amount=f"{owed}.00" if owed else None,
            currency_type="VND",
        )
        told.update({name: list(entries) for name, entries in zip(LISTS, self.desk.lists(row), strict=True)})
        told["unavailable_items"] = told["unavailable_hold_items"]  # it counts the one and lists the other
        if row["expiry_date"] < self.system.clock().date().isoformat():
            told["screen_messages"].append("Patron card expired")
        return told

    def item(self, barcode: str, **_: Any) -> SelfcheckItemInformation:
        row = self.desk.item(barcode)
        if row is None:
            return SelfcheckItemInformation(barcode)
        lent = self.desk.lent(row)
        return SelfcheckItemInformation(
            barcode,
            title_id=self.system.biblios[row["biblio_id"]]["title"],
            circulation_status="CHARGED" if lent else "AVAILABLE",
            due_date=_due(lent) if lent else None,
            permanent_location=row["home_library_id"],
        )

    def renew(self, _user: str, barcode: str, **_: Any) -> SelfcheckRenew:
        row = self.desk.item(barcode)
        lent = self.desk.lent(row) if row else None
        if row is None or lent is None:
            return SelfcheckRenew("", screen_messages=["Item not checked out"])
        title, why = self.system.biblios[row["biblio_id"]]["title"], self.system.why_not_renew(lent)
        if why:
            return SelfcheckRenew(title, screen_messages=[SENTENCES[why]])
        self.system.renew(lent)
        return SelfcheckRenew(title, success=True, renewal=True, due_date=_due(lent))

    def handlers(self) -> dict[str, Callable[..., Any] | dict[str, Callable[..., Any]]]:
        patrons = {"validate_patron": self.knows, "authorize_patron": self.authorizes, "account": self.account}
        return {
            "login_handler": self.log_in,
            "system_status_handler": self.status,
            "patron_handlers": {**patrons, "enable_patron": self.account, "patron_status": self.account},
            "item_handlers": {"item": self.item},
            "circulation_handlers": {"renew": self.renew},
        }


def _due(lent: dict[str, Any]) -> str:
    return stamp(datetime.fromisoformat(lent["due_date"]))


def main(port: int) -> None:
    app = Flask(__name__)
    app.config.update(
        SIP2_REMOTE_ACTION_HANDLERS={"library": Library().handlers()},
        SIP2_DATASTORE_HANDLER=Memory,
        SIP2_ERROR_DETECTION=True,
        SIP2_LOGGING_CONSOLE=False,
        SIP2_LOGGING_FS_LOGFILE=None,
    )
    InvenioSIP2(app)
    with app.app_context():
        from invenio_sip2.server import SocketServer

        # It listens from here on, and answers once it runs.
        server = SocketServer(name="library", host="127.0.0.1", port=port, remote="library", process_id=os.getpid())
        print("ready", flush=True)
        server.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
