"""Koha's calls below /api/v1: what each needs and takes, since when there is one, and what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulators.koha.state import Koha
from tests.simulators.koha.wire import FAILED, Params, Request, Response, amiss, said

PAGES = ("_match", "_order_by", "_page", "_per_page")  # described once, for all lists
NEWER = (20, 5)


@dataclass(frozen=True)
class Route:
    method: str
    path: str  # below /api/v1, with {names}
    handle: Callable[[Koha, Request, Params], Response]
    query: tuple[str, ...] = ()
    needs: Mapping[str, str] | None = None  # None: nobody is asked for a key
    once: Mapping[str, str] | None = None  # what it needed before 20.05: "1" is a whole module
    since: tuple[int, int] = (19, 5)
    until: tuple[int, int] = (99, 0)

    def in_version(self, koha: Koha) -> bool:
        return self.since <= koha.version < self.until

    def match(self, method: str, path: str) -> Params | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path) if method == self.method else None
        return found.groupdict() if found else None

    def takes(self, koha: Koha) -> tuple[str, ...]:
        """Return its query parameters; lists come in pages everywhere, later they are also asked by q."""
        if self.method != "get" or not self.query:
            return self.query
        pages = PAGES if koha.since(*NEWER) or self.path != "/checkouts" else ("_page", "_per_page")
        return (*self.query, *pages, *(("q",) if koha.since(*NEWER) else ()))

    def wants(self, koha: Koha) -> Mapping[str, str] | None:
        return self.needs if koha.since(*NEWER) or self.once is None else self.once


def _checkout(koha: Koha, row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in row.items() if not key.startswith("_")}
    if koha.since(22, 11):
        shown["renewals_count"] = shown.pop("renewals")
        shown["unseen_renewals"] = 0
    return shown


def _checkouts(koha: Koha, request: Request, _found: Params) -> Response:
    mine = _of(koha.checkouts.values(), request)
    return _page([_checkout(koha, row) for row in mine], request)


def _of(rows: Iterable[dict[str, Any]], request: Request) -> list[dict[str, Any]]:
    """Return whose patron matches: by a part of the number unless `_match=exact` is asked, as Koha does."""
    wanted = request.param("patron_id") or ""
    exact = wanted and request.param("_match") == "exact"
    return [row for row in rows if (str(row["patron_id"]) == wanted if exact else wanted in str(row["patron_id"]))]


def _page(rows: list[dict[str, Any]], request: Request) -> Response:
    """Return the page that is asked for of the rows that q wants: its keys with equal values, or one of a list."""
    try:
        wanted = json.loads(request.param("q") or "{}")
    except ValueError:
        return amiss("Malformed query string", "/query/q")
    one_of = {key: set(map(str, value if isinstance(value, list) else [value])) for key, value in wanted.items()}
    found = [row for row in rows if all(str(row.get(key)) in values for key, values in one_of.items())]
    size, page = int(request.param("_per_page") or 20), int(request.param("_page") or 1)
    return said(200, found if size == -1 else found[(page - 1) * size : page * size])


def _allows_renewal(koha: Koha, _request: Request, found: Params) -> Response:
    row = koha.checkouts.get(int(found["checkout_id"]))
    if row is None:
        return said(404, {"error": "Checkout doesn't exist"})
    why = koha.why_not_renew(row)
    told = {"allows_renewal": why is None, "current_renewals": row["renewals"], "error": why}
    return said(200, {**told, "max_renewals": koha.max_renewals})


def _renew(koha: Koha, request: Request, found: Params) -> Response:
    row = koha.checkouts.get(int(found["checkout_id"]))
    if row is None:
        return said(404, {"error": "Checkout doesn't exist"})
    unseen = request.param("seen") == "0" and not koha.seen_is_always_one
    if why := koha.why_not_renew(row, unseen=unseen):
        error = {"error": f"Renewal not authorized ({why})"}
        return said(403, {**error, "error_code": why} if koha.since(24, 5) else error)
    koha.renew(row)
    return said(201, _checkout(koha, row))


def _holds(koha: Koha, request: Request, _found: Params) -> Response:
    record, mine = request.param("biblio_id"), _of(koha.holds.values(), request)
    mine = [row for row in mine if record is None or str(row["biblio_id"]) == record]
    return _page([_shown(row) for row in mine], request)


def _object(request: Request) -> dict[str, Any] | None:
    try:
        body = json.loads(request.body)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _hold(koha: Koha, request: Request, _found: Params) -> Response:
    body = _object(request)
    if body is None:
        return amiss("Expected object - got null.", "/body")
    for name, kind in (("patron_id", int), ("pickup_library_id", str)):
        if name not in body:
            return amiss("Missing property.", f"/body/{name}")
        if not isinstance(body[name], kind):
            return amiss("Expected integer - got string." if kind is int else "Expected string.", f"/body/{name}")
    patron, biblio = body["patron_id"], body.get("biblio_id")
    if biblio is None and body.get("item_id") is None:
        return said(400, {"error": "At least one of biblio_id, item_id should be given"})
    if patron not in koha.patrons:
        return said(500, FAILED)
    if biblio not in koha.biblios:
        return said(404, {"error": "Biblio not found."})
    if body["pickup_library_id"] not in [row["library_id"] for row in koha.libraries if row["pickup_location"]]:
        return said(403, {"error": "Hold cannot be placed. Reason: libraryNotPickupLocation"})
    if why := koha.why_not_hold(patron, biblio):
        return said(403, {"error": f"Hold cannot be placed. Reason: {why}"})
    return said(201, koha.hold(patron, biblio, body["pickup_library_id"]))


def _cancel(koha: Koha, _request: Request, found: Params) -> Response:
    number = int(found["hold_id"])
    if number not in koha.holds:
        return said(404, {"error": "Hold not found"})
    koha.cancel(number)
    return Response(204) if koha.since(20, 5) else said(200, {})


def _patrons(koha: Koha, request: Request, _found: Params) -> Response:
    """Return who matches: by a part of the number unless `_match=exact` is asked, as Koha does."""
    card, exact = (request.param("cardnumber") or "").casefold(), request.param("_match") == "exact"
    numbers = {number: row["cardnumber"].casefold() for number, row in koha.patrons.items()}
    found = [number for number, each in numbers.items() if (each == card if exact and card else card in each)]
    return _page([_shown(koha.patrons[number]) for number in found], request)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def _patron(koha: Koha, _request: Request, found: Params) -> Response:
    row = koha.patrons.get(int(found["patron_id"]))
    return said(200, _shown(row)) if row else said(404, {"error": "Patron not found."})


def _account(koha: Koha, _request: Request, found: Params) -> Response:
    number = int(found["patron_id"])
    if number not in koha.patrons:
        return said(404, {"error": "Patron not found"})
    mine = [line for line in koha.lines if line["_patron"] == number]
    if any(line["_manager"] is None for line in mine) and not koha.since(*NEWER):
        return said(500, FAILED)  # "Expected integer - got null": the row breaks the description of the answer
    lines = [_shown(line) for line in mine]
    debits = {"lines": lines, "total": sum(line["amount_outstanding"] for line in lines)}
    told = {"balance": koha.balance(number), "outstanding_credits": {"lines": [], "total": 0}}
    return said(200, {**told, "outstanding_debits": debits})


def _libraries(koha: Koha, request: Request, _found: Params) -> Response:
    return _page(koha.libraries, request)


def _validate(koha: Koha, request: Request, _found: Params) -> Response:
    body = _object(request)
    if body is None or ("identifier" in body) == ("userid" in body):  # the one or the other, never both
        return said(400, {"error": "Bad request"}) if body else amiss("Expected object - got null.", "/body")
    identifier = str(body.get("identifier") or body.get("userid") or "")
    row = koha.right_pin(identifier, str(body.get("password", "")))
    if row is None:
        return said(400, {"error": "Validation failed"})
    if not koha.since(23, 5):
        return Response(204)
    return said(201, {"cardnumber": row["cardnumber"], "patron_id": row["patron_id"], "userid": row.get("userid")})


def _item(koha: Koha, _request: Request, found: Params) -> Response:
    row = koha.items.get(int(found["item_id"]))
    return said(200, _item_row(koha, row)) if row else said(404, {"error": "Item not found"})


def _item_row(koha: Koha, row: Mapping[str, Any]) -> dict[str, Any]:
    lent = next((each for each in koha.checkouts.values() if each["item_id"] == row["item_id"]), None)
    more = {"checked_out_date": lent["due_date"][:10] if lent else None, "lost_status": 0, "withdrawn": 0}
    return {**_shown(row), **more, "not_for_loan_status": row.get("not_for_loan_status", 0)}


def _biblio(koha: Koha, request: Request, found: Params) -> Response:
    row = koha.biblios.get(int(found["biblio_id"]))
    if row is None:
        return said(404, {"error": "Object not found."})
    if "application/json" not in request.headers.get("accept", ""):
        return said(406, ["application/json", "application/marcxml+xml", "application/marc-in-json"])
    return said(200, row)


def _items(koha: Koha, request: Request, found: Params) -> Response:
    if int(found["biblio_id"]) not in koha.biblios:
        return said(404, {"error": "Biblio not found"})
    copies = [row for row in koha.items.values() if row["biblio_id"] == int(found["biblio_id"])]
    return _page([_item_row(koha, row) for row in copies], request)


CIRCULATE = {"circulate": "circulate_remaining_permissions"}
EDIT = {"borrowers": "edit_borrowers"}
LIST = {"borrowers": "list_borrowers"}
HOLDS = {"reserveforothers": "place_holds"}
ACCOUNT = {"borrowers": "edit_borrowers", "updatecharges": "remaining_permissions"}
CATALOGUE = {"catalogue": "staff_login"}
WHOLE = "1"

CALLS = (
    Route("get", "/checkouts", _checkouts, ("patron_id",), CIRCULATE),
    Route("get", "/checkouts/{checkout_id}/allows_renewal", _allows_renewal, (), CIRCULATE, since=(19, 11)),
    Route("post", "/checkouts/{checkout_id}/renewal", _renew, (), CIRCULATE, until=(22, 11)),
    Route("post", "/checkouts/{checkout_id}/renewals", _renew, ("seen",), CIRCULATE, since=(22, 11)),
    Route("get", "/holds", _holds, ("patron_id", "biblio_id"), EDIT),
    Route("post", "/holds", _hold, (), HOLDS, once={"reserveforothers": WHOLE}),
    Route("delete", "/holds/{hold_id}", _cancel, (), HOLDS, once={"reserveforothers": WHOLE}),
    Route("get", "/patrons", _patrons, ("cardnumber", "surname"), LIST, once={"borrowers": WHOLE}),
    Route("get", "/patrons/{patron_id}", _patron, (), EDIT),
    Route("get", "/patrons/{patron_id}/account", _account, (), ACCOUNT),
    Route("get", "/libraries", _libraries, ("name",), CATALOGUE, once={"catalogue": WHOLE}),
    Route("post", "/auth/password/validation", _validate, (), LIST, since=(22, 11)),
    Route("get", "/items/{item_id}", _item, (), CATALOGUE, since=NEWER),
    Route("get", "/biblios/{biblio_id}", _biblio, (), CATALOGUE, since=NEWER),
    Route("get", "/biblios/{biblio_id}/items", _items, ("_match",), CATALOGUE, since=NEWER),
)
