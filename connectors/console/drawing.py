"""How a page of the console is drawn and a form of it is read.

No page carries a script, loads anything from elsewhere, can be framed, or is kept by a cache.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.clock import Clock
from connectors.console import wording
from library.text import nfc

PAGES = Path(__file__).with_name("pages")
MAX_BODY = 32 * 1024  # bytes: the longest reply, percent-encoded, with room to spare
SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}


class Turned(Exception):
    """Raised to answer with this response at once: from a check that every route runs."""

    def __init__(self, response: Response) -> None:
        self.response = response


class ConsoleRoute(APIRoute):
    """A route whose every answer carries the safe headers."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                response = await handle(request)
            except Turned as turned:
                response = turned.response
            for name, value in SAFE.items():
                response.headers.setdefault(name, value)
            return response

        return handled


class Drawer:
    """Draws templates, with the clock for "12 phút trước" and the words of `wording`."""

    def __init__(self, clock: Clock, library: str) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

        def moment(at: datetime) -> str:
            return wording.moment(at, clock())

        def waited(since: datetime) -> str:
            return wording.waited(since, clock())

        self._templates.filters.update(moment=moment, waited=waited)
        self._templates.globals.update(
            library=library,
            CHANNELS=wording.CHANNELS,
            REASONS=wording.REASONS,
            KINDS=wording.KINDS,
            ATTACHMENTS=wording.ATTACHMENTS,
        )

    def __call__(self, template: str, code: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(f"{template}.html").render(values), code)


def see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303)


async def form_of(request: Request) -> Mapping[str, str] | None:
    """Return the fields of a posted form, or None when it is longer than any of ours or cannot be read."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    try:
        fields = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict", max_num_fields=8)
    except ValueError:
        return None
    return {name: nfc(value) for name, value in fields}


def page_number(request: Request) -> int:
    """Return the page asked for; the first for anything that is no page."""
    asked = request.query_params.get("page", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1
