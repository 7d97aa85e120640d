"""How patrons ask for an answer: their wordings with scores, and their complaints, for who may read conversations."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Response

from connectors.console.answer_form import key_of
from connectors.console.gate import SignedIn, needs
from connectors.console.places import ANSWERS
from connectors.console.room import Room
from connectors.curation.asked import Wording, asked_for
from connectors.curation.bench import Bench
from connectors.staff import audit
from connectors.staff.roles import Permission
from retrieval.answers import AnswerBook


@dataclass(frozen=True)
class Scored:
    """A wording, how like it the answer's nearest own wording is, and what the assistant makes of it now."""

    wording: Wording
    alike: float | None
    how: Literal["hit", "offered", "missed", "other"]
    other: str  # the question of the answer that it leads to now instead


def add_asked(router: APIRouter, room: Room, book: AnswerBook, bench: Bench) -> None:
    @router.get(f"{ANSWERS}/{{written}}/asked")
    @needs(Permission.READ_ANSWERS, Permission.READ_TALKS)
    async def asked(visitor: SignedIn, written: str) -> Response:
        """Show patrons' words; that they were read is noted."""
        key = key_of(written)
        standing = await asyncio.to_thread(book.standing, key)
        if standing is None:
            return await room.page(visitor, "answer_gone", "answers", 404)
        now = room.clock()
        found = await room.store.read(lambda db: asked_for(db, key, now))
        scored = await _scored(bench, key, found.wordings) if standing.live else []
        if found.times:
            await room.store.write(
                lambda db: audit.note(db, visitor.name, "answer.asked_read", f"answer:{key}", {}, now)
            )
        answer = (standing.live or standing.newest).answer
        live = standing.live is not None
        return await room.page(visitor, "answer_asked", "answers", answer=answer, found=found, scored=scored, live=live)


async def _scored(bench: Bench, key: str, wordings: Sequence[Wording]) -> list[Scored]:
    told = await bench.scored([each.text for each in wordings], key)
    names = bench.questions()
    return [
        Scored(wording, alike, said.how(key), names.get(said.keys[0], "") if said.kind == "sure" else "")
        for wording, (said, alike) in zip(wordings, told, strict=True)
    ]
