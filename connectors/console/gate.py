"""Who comes in by the librarians' door, and for what: every route says what it needs, and every form has its key.

The router runs `Gate.check` before any of its routes. A route that says nothing is refused to everybody, so one added
later is shut until it declares who may come in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Depends, Request, Response

from connectors.console.drawing import Drawer, Turned, see_other
from connectors.console.places import ROOT, SIGN_IN, page_or_root
from connectors.console.staff import StaffDoor, Visitor, csrf_of, same_key
from connectors.staff.roles import Permission
from library.text import nfc

SESSION_COOKIE = "console_session"
FORM_COOKIE = "console_form"  # what the sign-in form is bound to, while there is no session
MAX_BODY = 256 * 1024  # bytes: a long answer with its phrasings, percent-encoded, with room to spare
MAX_STRANGERS_BODY = 8 * 1024  # bytes: a name and a password
MAX_FIELDS = 200

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])


@dataclass(frozen=True)
class Needs:
    """Who may come in: anybody, or a signed-in person with all of these rights; none is anybody signed in."""

    permissions: frozenset[Permission] = frozenset()
    open_to_all: bool = False

    def allow(self, visitor: Visitor) -> bool:
        return all(visitor.may(permission) for permission in self.permissions)


def needs(*permissions: Permission) -> Callable[[Endpoint], Endpoint]:
    """Mark a route's endpoint with the rights it wants, all of them; with none, with a signed-in person."""
    return _marking(Needs(frozenset(permissions)))


def open_to_all(endpoint: Endpoint) -> Endpoint:
    """Mark a route's endpoint as open to strangers."""
    return _marking(Needs(open_to_all=True))(endpoint)


def _marking(needed: Needs) -> Callable[[Endpoint], Endpoint]:
    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.__dict__["needs"] = needed
        return endpoint

    return mark


def needed_by(endpoint: object) -> Needs | None:
    """Return what this endpoint declares, or None when it declares nothing."""
    found = getattr(endpoint, "needs", None)
    return found if isinstance(found, Needs) else None


class Form:
    """The fields of a posted form, in the order sent; a name may come more than once."""

    def __init__(self, fields: list[tuple[str, str]] | None = None) -> None:
        self._fields = fields or []

    def get(self, name: str, default: str = "") -> str:
        """Return the last value under this name."""
        return next((value for key, value in reversed(self._fields) if key == name), default)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self._fields if key == name]

    def __contains__(self, name: object) -> bool:
        return any(key == name for key, _ in self._fields)


class Gate:
    def __init__(self, staff: StaffDoor, draw: Drawer) -> None:
        self._staff = staff
        self._draw = draw

    async def check(self, request: Request) -> None:
        """Leave the visitor and the form's fields with the request, or turn it away."""
        needed = needed_by(request.scope.get("endpoint"))
        visitor = None if needed and needed.open_to_all else await self._visitor(request)
        if visitor and not (needed and needed.allow(visitor)):
            raise Turned(self._draw("refused", 403, reason="role", typed="", visitor=visitor))
        request.state.visitor = visitor
        request.state.form = await self._form(request) if request.method == "POST" else Form()

    async def _visitor(self, request: Request) -> Visitor:
        """Return who is signed in. Everybody else is sent to the sign-in page."""
        token = request.cookies.get(SESSION_COOKIE, "")
        if visitor := await self._staff.visitor(token) if token else None:
            return visitor
        raise Turned(see_other(f"{SIGN_IN}?next={quote(_page_of(request))}"))

    async def _form(self, request: Request) -> Form:
        """Return the fields of a posted form; a form without the key of its session is refused."""
        visitor: Visitor | None = request.state.visitor
        form = await _fields(request, MAX_BODY if visitor else MAX_STRANGERS_BODY)
        if form is None:
            raise Turned(self._draw("refused", 413, reason="too_long", typed=""))
        bound_to = request.cookies.get(FORM_COOKIE, "")
        key = visitor.csrf if visitor else csrf_of(bound_to) if bound_to else ""
        if not key or not same_key(form.get("csrf"), key):
            raise Turned(self._draw("refused", 403, reason="csrf", typed=form.get("text") if visitor else ""))
        return form


def _signed_in(request: Request) -> Visitor:
    visitor: Visitor | None = request.state.visitor
    if visitor is None:
        raise Turned(see_other(SIGN_IN))
    return visitor


def _posted(request: Request) -> Form:
    form: Form = request.state.form
    return form


SignedIn = Annotated[Visitor, Depends(_signed_in)]
Posted = Annotated[Form, Depends(_posted)]


def set_cookie(response: Response, request: Request, name: str, value: str, path: str, lasts_s: int | None) -> None:
    """Set a cookie that neither scripts nor other sites get."""
    secure = request.url.scheme == "https"
    response.set_cookie(name, value, lasts_s, path=path, secure=secure, httponly=True, samesite="strict")


def _page_of(request: Request) -> str:
    """Return the page to come back to after signing in: of a form, the page that showed it."""
    if request.method == "GET":
        return page_or_root(request.url.path)
    shown_on = urlsplit(request.headers.get("referer", ""))
    return page_or_root(shown_on.path) if shown_on.netloc == request.url.netloc else ROOT


async def _fields(request: Request, most: int) -> Form | None:
    """Return the fields of a posted form, or None when it is longer than any of ours or cannot be read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    try:
        fields = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        return None
    return Form([(name, nfc(value)) for name, value in fields])
