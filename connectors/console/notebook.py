"""The screens of what the assistant noted down."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from connectors.console import notes
from connectors.console.drawing import page_number
from connectors.console.gate import SignedIn, needs
from connectors.console.places import ROOT
from connectors.console.room import Room
from connectors.staff.roles import Permission


def add_notebook(router: APIRouter, room: Room) -> None:
    @router.get(f"{ROOT}/purchases")
    @needs(Permission.READ_TALKS)
    async def purchases(request: Request, visitor: SignedIn) -> Response:
        page = await room.store.read(lambda db: notes.notes(db, "purchases", page_number(request)))
        return await room.page(visitor, "purchases", "purchases", page=page)

    @router.get(f"{ROOT}/feedback")
    @needs(Permission.READ_TALKS)
    async def feedback(request: Request, visitor: SignedIn) -> Response:
        page = await room.store.read(lambda db: notes.notes(db, "feedback", page_number(request)))
        return await room.page(visitor, "feedback", "feedback", page=page)
