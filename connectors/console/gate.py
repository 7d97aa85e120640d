"""Who comes in by the librarians' door: every route but the open ones wants a session, and every form its key.

The router runs `Gate.check` before any of its routes, so a route added later is shut until it is let in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request, Response

from connectors.console.drawing import ASSETS, Drawer, Turned, see_other
from connectors.console.places import ASSETS as ASSETS_AT
from connectors.console.places import SIGN_IN, page_in
from connectors.console.staff import StaffDoor, Visitor, csrf_of, same_key
from library.text import nfc

OPEN_TO_ALL = frozenset({SIGN_IN, *(f"{ASSETS_AT}/{name}" for name in ASSETS)})
SESSION_COOKIE = "console_session"
FORM_COOKIE = "console_form"  # what the sign-in form is bound to, while there is no session
MAX_BODY = 32 * 1024  # bytes: the longest reply, percent-encoded, with room to spare
MAX_FIELDS = 8

Form = Mapping[str, str]


class Gate:
    def __init__(self, staff: StaffDoor, draw: Drawer) -> None:
        self._staff = staff
        self._draw = draw

    async def check(self, request: Request) -> None:
        """Leave the visitor and the form's fields with the request, or turn it away."""
        request.state.visitor = await self._visitor(request)
        request.state.form = await self._form(request) if request.method == "POST" else {}

    async def _visitor(self, request: Request) -> Visitor | None:
        """Return who is signed in; None on the pages open to all. Everybody else is sent to the sign-in page."""
        if request.url.path in OPEN_TO_ALL:
            return None
        token = request.cookies.get(SESSION_COOKIE, "")
        if visitor := await self._staff.visitor(token) if token else None:
            return visitor
        raise Turned(see_other(f"{SIGN_IN}?next={quote(page_in(request.url.path))}"))

    async def _form(self, request: Request) -> Form:
        """Return the fields of a posted form; a form without the key of its session is refused."""
        form = await _fields(request)
        if form is None:
            raise Turned(self._draw("refused", 413, reason="too_long", typed=""))
        visitor, bound_to = request.state.visitor, request.cookies.get(FORM_COOKIE, "")
        key = visitor.csrf if visitor else csrf_of(bound_to) if bound_to else ""
        if not key or not same_key(form.get("csrf", ""), key):
            raise Turned(self._draw("refused", 403, reason="csrf", typed=form.get("text", "") if visitor else ""))
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


async def _fields(request: Request) -> Form | None:
    """Return the fields of a posted form, or None when it is longer than any of ours or cannot be read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    try:
        fields = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        return None
    return {name: nfc(value) for name, value in fields}
