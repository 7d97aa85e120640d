"""Koha's REST interface: its routes by version, strict about parameters and permissions, its four shapes of error."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from tests.simulators.koha.state import Koha

Params = Mapping[str, str]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    kind: str = "application/json;charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()


def said(status: int, body: Any) -> Response:
    return Response(status, json.dumps(body, ensure_ascii=False).encode())


NOT_FOUND = {"errors": [{"message": "Not found.", "path": "/"}], "status": 404}
FAILED = {"errors": [{"message": "Internal server error.", "path": "/"}], "status": 500}


@dataclass(frozen=True)
class Route:
    method: str
    path: str  # below /api/v1, with {names}
    handle: Callable[[Koha, Request, Params], Response]
    query: tuple[str, ...] = ()
    needs: Mapping[str, str] | None = None  # None: nobody is asked for a key
    since: tuple[int, int] = (19, 5)
    until: tuple[int, int] = (99, 0)

    def in_version(self, koha: Koha) -> bool:
        return self.since <= koha.version < self.until

    def match(self, method: str, path: str) -> Params | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path)
        found = re.fullmatch(pattern, path) if method == self.method else None
        return found.groupdict() if found else None

    def takes(self, koha: Koha) -> tuple[str, ...]:
        """Return its query parameters: pages everywhere, later also q."""
        if self.method != "get" or not self.query:
            return self.query
        pages = ("_page", "_per_page", "_order_by", "_match") if self.query else ()
        return (*self.query, *pages, *(("q", "x-koha-query") if koha.since(20, 5) else ()))


def answer(koha: Koha, request: Request) -> Response:
    """Return what Koha says to a request below /api/v1."""
    path = request.path.removeprefix("/api/v1") or "/"
    path = path if path == "/" else path.rstrip("/")
    for route in ROUTES:
        found = route.match(request.method.lower(), path) if route.in_version(koha) else None
        if found is not None:
            return _admitted(koha, request, route, found)
    return said(404, NOT_FOUND)


def _admitted(koha: Koha, request: Request, route: Route, found: Params) -> Response:
    if unknown := [name for name, _ in request.query if name not in route.takes(koha)]:
        return said(400, [{"message": "Malformed query string", "path": f"/query/{unknown[0]}"}])
    if route.needs is not None:
        if refused := _key_refused(koha, request):
            return refused
        missing = {name: part for name, part in route.needs.items() if part not in koha.permissions.get(name, set())}
        if missing:
            error = "Authorization failure. Missing required permission(s)."
            return said(403, {"error": error, "required_permissions": missing})
    return route.handle(koha, request, found)


def _key_refused(koha: Koha, request: Request) -> Response | None:
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind == "Bearer" and key in koha.tokens:
        return None
    if kind == "Basic":
        user, _, password = base64.b64decode(key).decode().partition(":")
        if (user, password) == (koha.user, koha.password):
            return None
        return said(403, {"error": "Invalid password", "required_permissions": None})
    return said(401, {"error": "Authentication failure."})


def _token(koha: Koha, request: Request, _found: Params) -> Response:
    form = request.form()
    if form.get("grant_type") != "client_credentials":
        return said(400, {"error": "Unimplemented grant type"})
    if form.get("client_id") != koha.client_id:
        return said(403, {"error": "unauthorized_client"})
    if form.get("client_secret") != koha.client_secret:
        return said(403, {"error": "access_denied"})
    token = secrets.token_urlsafe(24)
    koha.tokens.add(token)
    return said(200, {"access_token": token, "expires_in": koha.token_lasts_s, "token_type": "Bearer"})


def _spec(koha: Koha, _request: Request, _found: Params) -> Response:
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        if route.in_version(koha) and route.path != "/":
            named = [{"name": name, "in": "query", "required": False, "type": "string"} for name in route.takes(koha)]
            paths.setdefault(route.path, {})[route.method] = {"parameters": named, "responses": {}}
    return said(200, {"swagger": "2.0", "basePath": "/api/v1", "info": {"title": "Koha REST API"}, "paths": paths})


def _checkout(koha: Koha, row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: value for key, value in row.items() if not key.startswith("_")}
    if koha.since(22, 11):
        shown["renewals_count"] = shown.pop("renewals")
        shown["unseen_renewals"] = 0
    return shown


def _checkouts(koha: Koha, request: Request, _found: Params) -> Response:
    wanted = request.param("patron_id")
    mine = [row for row in koha.checkouts.values() if wanted is None or str(row["patron_id"]) == wanted]
    return said(200, _page([_checkout(koha, row) for row in mine], request))


def _page(rows: list[Any], request: Request) -> list[Any]:
    size, page = int(request.param("_per_page") or 20), int(request.param("_page") or 1)
    return rows if size == -1 else rows[(page - 1) * size : page * size]


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
    if why := koha.why_not_renew(row, unseen=request.param("seen") in ("0", "false")):
        error = {"error": f"Renewal not authorized ({why})"}
        return said(403, {**error, "error_code": why} if koha.since(24, 5) else error)
    koha.renew(row)
    return said(201, _checkout(koha, row))


def _holds(koha: Koha, request: Request, _found: Params) -> Response:
    wanted = request.param("patron_id")
    mine = [row for row in koha.holds.values() if wanted is None or str(row["patron_id"]) == wanted]
    return said(200, _page(mine, request))


def _hold(koha: Koha, request: Request, _found: Params) -> Response:
    body = json.loads(request.body)
    patron, biblio = body.get("patron_id"), body.get("biblio_id")
    if not isinstance(patron, int) or not isinstance(body.get("pickup_library_id"), str):
        return said(400, [{"message": "Expected integer - got string.", "path": "/body/patron_id"}])
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
    card = request.param("cardnumber")
    rows = [row for row in koha.patrons.values() if card is None or row["cardnumber"] == card]
    return said(200, _page([_shown(row) for row in rows], request))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def _patron(koha: Koha, _request: Request, found: Params) -> Response:
    row = koha.patrons.get(int(found["patron_id"]))
    return said(200, _shown(row)) if row else said(404, {"error": "Patron not found."})


def _account(koha: Koha, _request: Request, found: Params) -> Response:
    number = int(found["patron_id"])
    if number not in koha.patrons:
        return said(404, {"error": "Patron not found"})
    lines = [_shown(line) for line in koha.lines if line["_patron"] == number]
    debits = {"lines": lines, "total": sum(line["amount_outstanding"] for line in lines)}
    told = {"balance": koha.balance(number), "outstanding_credits": {"lines": [], "total": 0}}
    return said(200, {**told, "outstanding_debits": debits})


def _libraries(koha: Koha, request: Request, _found: Params) -> Response:
    return said(200, _page(koha.libraries, request))


def _validate(koha: Koha, request: Request, _found: Params) -> Response:
    body = json.loads(request.body)
    identifier = body.get("identifier") or body.get("userid") or ""
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
    return said(200, _page([_item_row(koha, row) for row in copies], request))


CIRCULATE = {"circulate": "circulate_remaining_permissions"}
EDIT = {"borrowers": "edit_borrowers"}
LIST = {"borrowers": "list_borrowers"}
HOLDS = {"reserveforothers": "place_holds"}
ACCOUNT = {"borrowers": "edit_borrowers", "updatecharges": "remaining_permissions"}
CATALOGUE = {"catalogue": "staff_login"}
NEWER = (20, 5)

ROUTES = (
    Route("get", "/", _spec),
    Route("post", "/oauth/token", _token),
    Route("get", "/checkouts", _checkouts, ("patron_id",), CIRCULATE),
    Route("get", "/checkouts/{checkout_id}/allows_renewal", _allows_renewal, (), CIRCULATE, since=(19, 11)),
    Route("post", "/checkouts/{checkout_id}/renewal", _renew, (), CIRCULATE, until=(22, 11)),
    Route("post", "/checkouts/{checkout_id}/renewals", _renew, ("seen",), CIRCULATE, since=(22, 11)),
    Route("get", "/holds", _holds, ("patron_id",), EDIT),
    Route("post", "/holds", _hold, (), HOLDS),
    Route("delete", "/holds/{hold_id}", _cancel, (), HOLDS),
    Route("get", "/patrons", _patrons, ("cardnumber", "surname"), LIST),
    Route("get", "/patrons/{patron_id}", _patron, (), EDIT),
    Route("get", "/patrons/{patron_id}/account", _account, (), ACCOUNT),
    Route("get", "/libraries", _libraries, ("name",), CATALOGUE),
    Route("post", "/auth/password/validation", _validate, (), LIST, since=(22, 11)),
    Route("get", "/items/{item_id}", _item, (), CATALOGUE, since=NEWER),
    Route("get", "/biblios/{biblio_id}", _biblio, (), CATALOGUE, since=NEWER),
    Route("get", "/biblios/{biblio_id}/items", _items, ("_match",), CATALOGUE, since=NEWER),
)
