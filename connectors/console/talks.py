"""The screen of all conversations, those that want nobody among them."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from connectors.console import talk_list
from connectors.console.drawing import page_number
from connectors.console.gate import SignedIn, needs
from connectors.console.places import TALKS
from connectors.console.room import Room
from connectors.console.talk_list import MARKS, WHO, Wanted
from connectors.console.wording import CHANNELS
from connectors.staff import audit
from connectors.staff.roles import Permission


def add_talks(router: APIRouter, room: Room) -> None:
    @router.get(TALKS)
    @needs(Permission.READ_TALKS)
    async def talks(request: Request, visitor: SignedIn) -> Response:
        wanted = Wanted.of(request.query_params)
        page = await room.store.read(lambda db: talk_list.listed(db, wanted, page_number(request)))
        if wanted.words:  # shows a line of many conversations at once; the words themselves may be a patron's
            found, now = {"found": page.total}, room.clock()
            await room.store.write(lambda db: audit.note(db, visitor.name, "talk.searched", "talks", found, now))
        kept = urlencode({name: value for name, value in asdict(wanted).items() if value})
        return await room.page(
            visitor, "talks", "talks", page=page, wanted=wanted, kept=kept, channels=CHANNELS, who=WHO, marks=MARKS
        )
