"""The screen of one's own account."""

from __future__ import annotations

from fastapi import APIRouter, Response

from connectors.console.gate import SignedIn, needs
from connectors.console.places import ACCOUNT
from connectors.console.room import Room


def add_account(router: APIRouter, room: Room) -> None:
    @router.get(ACCOUNT)
    @needs()
    async def show(visitor: SignedIn) -> Response:
        return await room.page(visitor, "account", "account")
