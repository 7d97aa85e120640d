"""The librarians' door under /console: sign in, answer tickets, read what patrons asked, suggested and said.

Drawn on the server; no script. Every route but the sign-in page and the style sheet wants a session, and every form
the key that belongs to it.
"""

# No `from __future__ import annotations` here: FastAPI must see the dependencies that live inside `console_router`.

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse
from sqlalchemy import Connection, delete

from connectors.channels.port import Reply
from connectors.clock import Clock
from connectors.console import queues
from connectors.console.drawing import ConsoleRoute, Drawer, Turned, form_of, page_number, see_other
from connectors.console.queues import Ticket
from connectors.console.staff import SIGN_IN_TAKES_S, StaffDoor, Visitor, csrf_of, same_key
from connectors.messages import say
from connectors.store import Store, ticket_replies
from connectors.tokens import new_token

logger = logging.getLogger(__name__)

ROOT = "/console"
SIGN_IN = f"{ROOT}/sign-in"
STYLE = f"{ROOT}/console.css"
STYLE_SHEET = Path(__file__).with_name("console.css")
OPEN_TO_ALL = frozenset({SIGN_IN, STYLE})
SESSION_COOKIE = "console_session"
FORM_COOKIE = "console_form"  # what the sign-in form is bound to, while there is no session
LONGEST_REPLY = 2000  # characters; with the words around it, within every channel's limit
_PLACE = re.compile(rf"{ROOT}(?:/(?:tickets(?:/\d+)?|questions|purchases|feedback)(?=/|$))?")

Notify = Callable[[str, Reply], Awaitable[None]]
Form = Mapping[str, str]


def console_router(
    store: Store,
    clock: Clock,
    notify: Notify,
    session_hours: float,
    *,
    library: str = "",
    sign_in_takes_s: float = SIGN_IN_TAKES_S,
) -> APIRouter:
    """Return the routes of the console.

    `notify` says a reply in a patron's conversation; `library` is the name shown.
    """
    door = StaffDoor(store, clock, session_hours, sign_in_takes_s)
    draw = Drawer(clock, library)

    async def visitor_at(request: Request) -> Visitor | None:
        """Return who is signed in; None on the pages open to all. Everybody else is sent to the sign-in page."""
        if request.url.path in OPEN_TO_ALL:
            return None
        token = request.cookies.get(SESSION_COOKIE, "")
        if visitor := await door.visitor(token) if token else None:
            return visitor
        place = _PLACE.match(request.url.path)
        raise Turned(see_other(f"{SIGN_IN}?next={quote(place[0] if place else ROOT)}"))

    async def checked_form(request: Request, visitor: Annotated[Visitor | None, Depends(visitor_at)]) -> Form:
        """Return the fields of a posted form; a form without the key of its session is refused."""
        if request.method != "POST":
            return {}
        form = await form_of(request)
        if form is None:
            raise Turned(draw("refused", 413, reason="too_long"))
        bound_to = request.cookies.get(FORM_COOKIE, "")
        key = visitor.csrf if visitor else csrf_of(bound_to) if bound_to else ""
        if not key or not same_key(form.get("csrf", ""), key):
            raise Turned(draw("refused", 403, reason="csrf"))
        return form

    async def signed_in(visitor: Annotated[Visitor | None, Depends(visitor_at)]) -> Visitor:
        if visitor is None:
            raise Turned(see_other(SIGN_IN))
        return visitor

    SignedIn = Annotated[Visitor, Depends(signed_in)]
    Posted = Annotated[Form, Depends(checked_form)]

    # A flat router whose checks hang on the router itself: a route added later is shut until it is let in.
    router = APIRouter(
        prefix=ROOT, route_class=ConsoleRoute, include_in_schema=False, dependencies=[Depends(checked_form)]
    )

    def cookie(response: Response, request: Request, name: str, value: str, path: str, lasts_s: int | None) -> None:
        secure = request.url.scheme == "https"
        response.set_cookie(name, value, lasts_s, path=path, secure=secure, httponly=True, samesite="strict")

    def sign_in_form(request: Request, wanted: str, failed: bool) -> Response:
        bound_to = request.cookies.get(FORM_COOKIE) or new_token()
        shown = draw("sign_in", 403 if failed else 200, csrf=csrf_of(bound_to), wanted=wanted, failed=failed)
        cookie(shown, request, FORM_COOKIE, bound_to, SIGN_IN, None)
        return shown

    async def drawn(visitor: Visitor, template: str, here: str, code: int = 200, **values: object) -> Response:
        counted = await store.read(queues.counts)
        return draw(template, code, visitor=visitor, here=here, counts=counted, **values)

    async def ticket_of(visitor: Visitor, number: int) -> Ticket:
        if found := await store.read(lambda db: queues.ticket(db, number)):
            return found
        raise Turned(await drawn(visitor, "gone", "tickets", 404, number=number))

    async def ticket_page(visitor: Visitor, found: Ticket, code: int, problem: str, text: str, done: str) -> Response:
        said = await store.read(lambda db: queues.transcript(db, found.conversation_id))
        shown = {"ticket": found, "said": said, "problem": problem, "text": text, "done": done}
        return await drawn(visitor, "ticket", "tickets", code, form_key=new_token(), longest=LONGEST_REPLY, **shown)

    @router.get("/console.css")
    async def style() -> Response:
        return FileResponse(STYLE_SHEET, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    @router.get("/sign-in")
    async def show_sign_in(request: Request) -> Response:
        return sign_in_form(request, _place(request.query_params.get("next", "")), failed=False)

    @router.post("/sign-in")
    async def sign_in(request: Request, form: Posted) -> Response:
        wanted = _place(form.get("next", ""))
        token = await door.sign_in(form.get("name", ""), form.get("password", ""))
        if token is None:
            return sign_in_form(request, wanted, failed=True)
        opened = see_other(wanted)
        cookie(opened, request, SESSION_COOKIE, token, ROOT, int(door.session_lasts.total_seconds()))
        opened.delete_cookie(FORM_COOKIE, path=SIGN_IN)
        return opened

    @router.post("/sign-out")
    async def sign_out(request: Request, _visitor: SignedIn) -> Response:
        await door.sign_out(request.cookies[SESSION_COOKIE])
        left = see_other(SIGN_IN)
        left.delete_cookie(SESSION_COOKIE, path=ROOT)
        return left

    @router.get("")
    async def start(_visitor: SignedIn) -> Response:
        return see_other(f"{ROOT}/tickets")

    @router.get("/tickets")
    async def tickets(request: Request, visitor: SignedIn) -> Response:
        page = await store.read(lambda db: queues.open_tickets(db, page_number(request)))
        closed = request.query_params.get("closed", "")
        return await drawn(visitor, "tickets", "tickets", page=page, closed=closed if closed.isdecimal() else "")

    @router.get("/tickets/{number:int}")
    async def show_ticket(number: int, request: Request, visitor: SignedIn) -> Response:
        done = request.query_params.get("done", "")
        return await ticket_page(visitor, await ticket_of(visitor, number), 200, "", "", done)

    @router.post("/tickets/{number:int}/reply")
    async def reply(number: int, visitor: SignedIn, form: Posted) -> Response:
        found = await ticket_of(visitor, number)
        text, key, at = form.get("text", "").replace("\r\n", "\n").strip(), form.get("form_key", ""), clock()
        if problem := _problem(found, text, key):
            return await ticket_page(visitor, found, 422, problem, text, "")
        if await store.write(lambda db: queues.claim_reply(db, key, found, visitor.name, at)):
            try:
                await notify(found.conversation_id, say("ticket_reply", found.locale, number=number, text=text))
            except BaseException:
                await store.write(lambda db: _unclaim(db, key))
                raise
            logger.info("ticket answered number=%s", number)
        return see_other(f"{ROOT}/tickets/{number}?done=replied#done")

    @router.post("/tickets/{number:int}/close")
    async def close(number: int, visitor: SignedIn) -> Response:
        found, at = await ticket_of(visitor, number), clock()
        if await store.write(lambda db: queues.close(db, found.number, at)):
            logger.info("ticket closed number=%s", number)
        return see_other(f"{ROOT}/tickets?closed={number}")

    @router.get("/questions")
    async def questions(request: Request, visitor: SignedIn) -> Response:
        page = await store.read(lambda db: queues.questions(db, page_number(request)))
        return await drawn(visitor, "questions", "questions", page=page)

    @router.get("/purchases")
    async def purchases(request: Request, visitor: SignedIn) -> Response:
        page = await store.read(lambda db: queues.notes(db, "purchases", page_number(request)))
        return await drawn(visitor, "purchases", "purchases", page=page)

    @router.get("/feedback")
    async def feedback(request: Request, visitor: SignedIn) -> Response:
        page = await store.read(lambda db: queues.notes(db, "feedback", page_number(request)))
        return await drawn(visitor, "feedback", "feedback", page=page)

    return router


def _place(wanted: str) -> str:
    """Return the page of ours to go to after signing in; never an address that leads elsewhere."""
    return wanted if _PLACE.fullmatch(wanted) else ROOT


def _problem(found: Ticket, text: str, key: str) -> str:
    """Return why this reply cannot be sent, or nothing."""
    if found.closed_at:
        return "closed"
    if not text:
        return "empty"
    if not key:
        return "no_key"
    return "too_long" if len(text) > LONGEST_REPLY else ""


def _unclaim(db: Connection, key: str) -> None:
    db.execute(delete(ticket_replies).where(ticket_replies.c.key == key))
