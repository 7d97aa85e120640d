"""How a page of the console is drawn.

A page runs only the console's own script, which may not turn text into HTML; it loads nothing from elsewhere, cannot be
framed, and is not kept by any cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from connectors.clock import Clock
from connectors.console import answer_form, places, wording

PAGES = Path(__file__).with_name("pages")
_SCRIPTS = ("keys.js", "console.js", "editor.js")
ASSETS = {"console.css": "text/css", **dict.fromkeys(_SCRIPTS, "text/javascript")}
SAFE = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
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

        self._templates.filters.update(
            moment=moment,
            waited=waited,
            channel=wording.channel,
            reason=wording.ticket_reason,
            unsent=wording.unsent,
            parked=wording.parked,
            gesture=wording.gesture,
            size=wording.size,
            percent=wording.percent,
            model=wording.model,
            writer=wording.writer,
            answer_at=answer_form.answer_at,
            editor_at=answer_form.editor_at,
        )
        self._templates.globals.update(
            library=library,
            KINDS=wording.KINDS,
            stages=wording.TRAINING_STAGES,
            ends=wording.TRAINING_ENDS,
            said=wording.TAUGHT,
            review_at=answer_form.review_at,
            outcomes=wording.OUTCOMES,
            DEEDS=wording.ANSWER_DEEDS,
            assets={name: f"{places.ASSETS}/{name}?v={_version(name)}" for name in ASSETS},
        )

    def __call__(self, template: str, code: int = 200, **values: object) -> HTMLResponse:
        return HTMLResponse(self._templates.get_template(f"{template}.html").render(values), code)


def see_other(path: str) -> RedirectResponse:
    return RedirectResponse(path, 303)


def page_number(request: Request) -> int:
    """Return the page asked for; the first for anything that is no page."""
    asked = request.query_params.get("page", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1


def _version(name: str) -> str:
    """Return what changes with the file, so that a browser never keeps the one of an older release."""
    return hashlib.sha256(PAGES.with_name(name).read_bytes()).hexdigest()[:12]
