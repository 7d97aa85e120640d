"""The screen of what could not be sent, and of what came in and could not be understood."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request, Response

from connectors.console import undelivered
from connectors.console.drawing import page_number, see_other
from connectors.console.gate import SignedIn, needs
from connectors.console.places import ROOT, UNDELIVERED
from connectors.console.room import Room
from connectors.staff.roles import Permission

logger = logging.getLogger(__name__)

REPLY = f"{UNDELIVERED}/{{reply_id:int}}"


def add_outbox(router: APIRouter, room: Room) -> None:
    @router.get(UNDELIVERED)
    @needs(Permission.READ_TALKS)
    async def show(request: Request, visitor: SignedIn) -> Response:
        page = await room.store.read(lambda db: undelivered.dead_letters(db, page_number(request)))
        parked = await room.store.read(undelivered.parked_ones)
        done = request.query_params.get("done", "")
        return await room.page(visitor, "undelivered", "undelivered", page=page, parked=parked, done=done)

    @router.post(f"{REPLY}/again")
    @needs(Permission.ANSWER_TALKS)
    async def again(reply_id: int, _visitor: SignedIn) -> Response:
        now = room.clock()
        if conversation_id := await room.store.write(lambda db: undelivered.try_again(db, reply_id, now)):
            logger.info("dead letter tried again reply=%s", reply_id)
            room.resend(conversation_id)
        return see_other(f"{UNDELIVERED}?done=again")

    @router.post(f"{REPLY}/drop")
    @needs(Permission.ANSWER_TALKS)
    async def drop(reply_id: int, _visitor: SignedIn) -> Response:
        now = room.clock()
        await room.store.write(lambda db: undelivered.drop(db, reply_id, now))
        return see_other(f"{UNDELIVERED}?done=dropped")

    @router.post(f"{ROOT}/parked/{{number:int}}/seen")
    @needs(Permission.ANSWER_TALKS)
    async def seen(number: int, _visitor: SignedIn) -> Response:
        now = room.clock()
        await room.store.write(lambda db: undelivered.mark_seen(db, number, now))
        return see_other(f"{UNDELIVERED}?done=seen")
