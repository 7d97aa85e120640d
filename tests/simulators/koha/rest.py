"""Koha's REST interface: who is let in, strict about parameters and permissions, and its own description."""

from __future__ import annotations

import base64
import secrets
from datetime import timedelta
from typing import Any

from tests.simulators.koha.calls import CALLS, PAGES, Route
from tests.simulators.koha.state import Koha
from tests.simulators.koha.wire import NOT_FOUND, Params, Request, Response, amiss, said

NUMBERS = {"patron_id", "biblio_id", "_page", "_per_page", "seen"}  # query parameters that are numbers


def answer(koha: Koha, request: Request) -> Response:
    """Return what Koha says to a request below /api/v1."""
    path = request.path.removeprefix("/api/v1") or "/"
    path = path if path == "/" else path.rstrip("/")
    for route in ROUTES:
        found = route.match(request.method.lower(), path) if route.in_version(koha) else None
        if found is not None:
            return _admitted(koha, request, route, found)
    koha.refused.append(f"{request.method} {path}")
    return said(404, NOT_FOUND)


def _admitted(koha: Koha, request: Request, route: Route, found: Params) -> Response:
    if refused := _malformed(koha, request, route, found):
        koha.refused.append(f"{request.method} {request.path}")
        return refused
    needs = route.wants(koha)
    if needs is not None:
        if refused := _key_refused(koha, request):
            return refused
        if any(not _holds_permission(koha, module, part) for module, part in needs.items()):
            error = "Authorization failure. Missing required permission(s)."
            return said(403, {"error": error, "required_permissions": dict(needs)})
    return route.handle(koha, request, found)


def _malformed(koha: Koha, request: Request, route: Route, found: Params) -> Response | None:
    for name, value in request.query:
        if name not in route.takes(koha):
            return amiss("Malformed query string", f"/query/{name}")
        if name in NUMBERS and not value.removeprefix("-").isdecimal():
            return amiss("Expected integer - got string.", f"/{name}")
    wrong = next((name for name, value in found.items() if not value.isdecimal()), None)
    return amiss("Expected integer - got string.", f"/{wrong}") if wrong else None


def _holds_permission(koha: Koha, module: str, part: str) -> bool:
    """Return whether the key's patron may: one part of a module, or all of it ("1")."""
    held = koha.permissions.get(module, set())
    return "1" in held or part in held


def _key_refused(koha: Koha, request: Request) -> Response | None:
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind == "Bearer" and koha.tokens.get(key, koha.clock()) > koha.clock():
        return None
    if kind == "Basic":
        user, _, password = base64.b64decode(key).decode().partition(":")
        if (user, password) == (koha.user, koha.password):
            return None
        return said(403, {"error": "Invalid password", "required_permissions": None})
    return said(401, {"error": "Authentication failure."})


def _token(koha: Koha, request: Request, _found: Params) -> Response:
    form = request.form()
    if not koha.oauth or form.get("grant_type") != "client_credentials":
        return said(400, {"error": "Unimplemented grant type"})
    if form.get("client_id") != koha.client_id:
        return said(403, {"error": "unauthorized_client"})
    if form.get("client_secret") != koha.client_secret:
        return said(403, {"error": "access_denied"})
    token = secrets.token_urlsafe(24)
    koha.tokens[token] = koha.clock() + timedelta(seconds=koha.token_lasts_s)
    return said(200, {"access_token": token, "expires_in": koha.token_lasts_s, "token_type": "Bearer"})


def _spec(koha: Koha, _request: Request, _found: Params) -> Response:
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        if route.in_version(koha) and route.path != "/":
            paths.setdefault(route.path, {})[route.method] = {
                "parameters": [_described(name) for name in route.takes(koha)],
                "responses": {},
                "x-koha-authorization": {"permissions": route.wants(koha)},
            }
    shared = {name.strip("_"): _parameter(name) for name in PAGES}
    told = {"swagger": "2.0", "basePath": "/api/v1", "info": {"title": "Koha REST API"}}
    return said(200, {**told, "parameters": shared, "paths": paths})


def _described(name: str) -> dict[str, Any]:
    return {"$ref": f"#/parameters/{name.strip('_')}"} if name in PAGES else _parameter(name)


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "type": "integer" if name in NUMBERS else "string"}


ROUTES = (Route("get", "/", _spec), Route("post", "/oauth/token", _token), *CALLS)
