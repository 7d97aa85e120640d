"""The screen of the conversations that a librarian is asked for, or has."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from connectors.console import menu, waiting
from connectors.console.drawing import page_number, see_other
from connectors.console.gate import SignedIn, needs
from connectors.console.places import ACCOUNT, INBOX, ROOT, conversation_at
from connectors.console.room import Room
from connectors.staff.roles import Permission


def add_inbox(router: APIRouter, room: Room) -> None:
    @router.get(ROOT)
    @needs()
    async def start(visitor: SignedIn) -> Response:
        """Lead to the first screen that is theirs to see, or to their own account."""
        return see_other(next((entry.path for entry in menu.open_to(visitor)), ACCOUNT))

    @router.get(INBOX)
    @needs(Permission.READ_TALKS)
    async def inbox(request: Request, visitor: SignedIn) -> Response:
        page = await room.store.read(lambda db: waiting.inbox(db, page_number(request)))
        done, ticket = request.query_params.get("done", ""), request.query_params.get("ticket", "")
        return await room.page(visitor, "inbox", "inbox", page=page, done=done, ticket=_number(ticket))

    @router.get(f"{ROOT}/tickets")
    @needs(Permission.READ_TALKS)
    async def find_ticket(request: Request, _visitor: SignedIn) -> Response:
        """Lead to the ticket whose number was typed."""
        number = _number(request.query_params.get("number", "").strip())
        return see_other(f"{ROOT}/tickets/{number}" if number else INBOX)

    @router.get(f"{ROOT}/tickets/{{number:int}}")
    @needs(Permission.READ_TALKS)
    async def ticket(number: int, visitor: SignedIn) -> Response:
        """Lead from the number that a patron was told to the conversation."""
        conversation_id = await room.store.read(lambda db: waiting.with_ticket(db, number))
        if conversation_id is None:
            return await room.page(visitor, "gone", "inbox", 404, number=number)
        return see_other(conversation_at(conversation_id))


def _number(typed: str) -> str:
    return typed if typed.isascii() and typed.isdigit() and len(typed) < 12 else ""
