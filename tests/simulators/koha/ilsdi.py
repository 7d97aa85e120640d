"""ILS-DI: XML, HTTP 200 always, an error in `<code>`, local times without a zone, no key but the caller's address."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from tests.simulators.koha.state import Koha
from tests.simulators.koha.wire import Request, Response

PAGE = "/cgi-bin/koha/ilsdi.pl"
DLF = 'xmlns:dlf="http://diglib.org/ilsdi/1.1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def answer(koha: Koha, request: Request) -> Response:
    if koha.ils_di == "off":
        return Response(302, b"", "text/html", (("location", "/cgi-bin/koha/errors/404.pl"),))
    if koha.ils_di == "shut":
        return Response(302, b"", "text/html", (("location", "/cgi-bin/koha/errors/403.pl"),))
    if koha.ils_di == "not_allowed":
        return _xml("ILS-DI", {"code": "NotAllowed"})
    if request.method == "POST" and koha.since(24, 5):
        return Response(403, b"<html>Wrong CSRF token</html>", "text/html")
    asked = request.form() if request.method == "POST" else dict(request.query)
    service = SERVICES.get(asked.get("service", ""))
    if service is None:
        return _xml("ILS-DI", {"code": "UnknownService"})
    return service(koha, asked)


def _xml(root: str, told: dict[str, Any]) -> Response:
    body = f'<?xml version="1.0" encoding="UTF-8" ?>\n<{root}>\n{_parts(told)}</{root}>\n'
    return Response(200, body.encode(), "text/xml; charset=UTF-8")


def _parts(told: dict[str, Any]) -> str:
    out = ""
    for name, value in told.items():
        for each in value if isinstance(value, list) else [value]:
            inner = f"\n{_parts(each)}" if isinstance(each, dict) else escape("" if each is None else str(each))
            out += f"<{name}>{inner}</{name}>\n"
    return out


def _authenticate(koha: Koha, asked: dict[str, str]) -> Response:
    row = koha.right_pin(asked.get("username", ""), asked.get("password", ""))
    return _xml("AuthenticatePatron", {"id": row["patron_id"]} if row else {"code": "PatronNotFound"})


def _lookup(koha: Koha, asked: dict[str, str]) -> Response:
    found = next((row for row in koha.patrons.values() if row["cardnumber"] == asked.get("id")), None)
    return _xml("LookupPatron", {"id": found["patron_id"]} if found else {"message": "PatronNotFound"})


def _local(moment: str) -> str:
    return datetime.fromisoformat(moment).strftime("%Y-%m-%d %H:%M")


def _info(koha: Koha, asked: dict[str, str]) -> Response:
    number = int(asked.get("patron_id", "0"))
    row = koha.patrons.get(number)
    if row is None:
        return _xml("GetPatronInfo", {"code": "PatronNotFound"})
    told: dict[str, Any] = {
        "category_type": "A",
        "categorycode": row["category_id"],
        "borrowernumber": number,
        "cardnumber": row["cardnumber"],
        "firstname": row["firstname"],
        "surname": row["surname"],
        "dateexpiry": row["expiry_date"],
        "charges": f"{koha.balance(number):.2f}",
    }
    if asked.get("show_fines") == "1":
        lines = [line for line in koha.lines if line["_patron"] == number]
        told["fines"] = {"fine": [{"amountoutstanding": f"{line['amount']:.6f}", **_fine(line)} for line in lines]}
    if asked.get("show_loans") == "1":
        told["loans"] = {"loan": [_loan(koha, each) for each in koha.checkouts.values() if each["patron_id"] == number]}
    if asked.get("show_holds") == "1":
        told["holds"] = {"hold": [_hold(koha, each) for each in koha.holds.values() if each["patron_id"] == number]}
    return _xml("GetPatronInfo", told)


def _fine(line: dict[str, Any]) -> dict[str, Any]:
    return {"description": line["description"], "amount": f"{line['amount']:.6f}"}


def _loan(koha: Koha, checkout: dict[str, Any]) -> dict[str, Any]:
    item = koha.items[checkout["item_id"]]
    biblio = koha.biblios[item["biblio_id"]]
    return {
        "borrowernumber": checkout["patron_id"],
        "itemnumber": item["item_id"],
        "biblionumber": item["biblio_id"],
        "barcode": item["external_id"],
        "title": biblio["title"],
        "author": biblio["author"],
        "itemcallnumber": item["callnumber"],
        "date_due": _local(checkout["due_date"]),
        "renewals": checkout["renewals"],
    }


def _hold(koha: Koha, hold: dict[str, Any]) -> dict[str, Any]:
    names = {"reserve_id": "hold_id", "biblionumber": "biblio_id", "branchcode": "pickup_library_id"}
    told = {name: hold[key] for name, key in names.items()}
    title = koha.biblios[hold["biblio_id"]]["title"]
    return {**told, "title": title, "priority": hold["priority"], "found": hold["status"]}


def _availability(koha: Koha, asked: dict[str, str]) -> Response:
    names = {row["library_id"]: row["name"] for row in koha.libraries}
    lent = {row["item_id"] for row in koha.checkouts.values()}
    out = f'<?xml version="1.0" encoding="utf-8"?>\n<dlf:collection {DLF}>\n'
    for wanted in asked.get("id", "").split(" "):
        out += f'<dlf:record>\n<dlf:bibliographic id="{escape(wanted)}" />\n<dlf:items>\n'
        copies = [row for row in koha.items.values() if str(row["biblio_id"]) == wanted]
        if not wanted.isdecimal() or int(wanted) not in koha.biblios:
            msg = "Error: could not retrieve availability for this item"
            out += _copy("", "unknown", msg, "")
        for row in copies:
            where = names[row["home_library_id"]]
            if row["item_id"] in lent:
                out += _copy(row["item_id"], "not available", "Checked out", where)
            elif row.get("not_for_loan_status"):
                out += _copy(row["item_id"], "not available", "Not for loan", where)
            else:
                out += _copy(row["item_id"], "available", "", where)
        out += "</dlf:items>\n</dlf:record>\n"
    return Response(200, (out + "</dlf:collection>\n").encode(), "text/xml; charset=UTF-8")


def _copy(number: Any, status: str, message: str, where: str) -> str:
    told = f"<dlf:availabilitymsg>{message}</dlf:availabilitymsg>\n" if message else ""
    place = f"<dlf:location>{escape(where)}</dlf:location>\n" if where else ""
    return (
        f'<dlf:item id="{number}">\n<dlf:simpleavailability>\n<dlf:identifier>{number}</dlf:identifier>\n'
        f"<dlf:availabilitystatus>{status}</dlf:availabilitystatus>\n{told}{place}"
        "</dlf:simpleavailability>\n</dlf:item>\n"
    )


def _renew(koha: Koha, asked: dict[str, str]) -> Response:
    patron, item = asked.get("patron_id", ""), asked.get("item_id", "")
    if not patron.isdecimal() or int(patron) not in koha.patrons:
        return _xml("RenewLoan", {"code": "PatronNotFound"})
    row = next((each for each in koha.checkouts.values() if str(each["item_id"]) == item), None)
    if row is None or not item.isdecimal():
        return _xml("RenewLoan", {"code": "RecordNotFound"})
    why = koha.why_not_renew(row)  # whose loan it is, Koha does not ask
    if why is None:
        koha.renew(row)
    told = {"success": 0 if why else 1, "renewals": row["renewals"], "date_due": _local(row["due_date"])}
    return _xml("RenewLoan", {**told, "error": why} if why else told)


def _services(_koha: Koha, _asked: dict[str, str]) -> Response:
    return _xml("GetServices", {"AvailableFor": ["title level hold"]})


SERVICES = {
    "AuthenticatePatron": _authenticate,
    "LookupPatron": _lookup,
    "GetPatronInfo": _info,
    "GetAvailability": _availability,
    "RenewLoan": _renew,
    "GetServices": _services,
}
