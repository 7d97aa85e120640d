"""The screen of what publications changed: each with the fortnight before and after."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from connectors.clock import VIETNAM
from connectors.console.charts import Bar, bars
from connectors.console.drawing import page_number
from connectors.console.gate import SignedIn, needs
from connectors.console.numbers_tables import Line, line
from connectors.console.paging import Page, place
from connectors.console.places import EFFECTS
from connectors.console.room import Room
from connectors.numbers.effects import Effect, effects, publications
from connectors.staff.roles import Permission
from retrieval.answers import AnswerBook

LOOKED_BACK = timedelta(days=120)
CHART_HEIGHT = 48
ON_A_PAGE = 10


@dataclass(frozen=True)
class Shown:
    effect: Effect
    question: str
    lines: Sequence[Line]
    bars: Sequence[Bar]


def add_effects(router: APIRouter, room: Room, book: AnswerBook) -> None:
    @router.get(EFFECTS)
    @needs(Permission.READ_NUMBERS, Permission.READ_ANSWERS)
    async def show(request: Request, visitor: SignedIn) -> Response:
        """Show the publications of the last months, of one answer if its key is asked for."""
        key = request.query_params.get("key", "")
        today = room.clock().astimezone(VIETNAM).date()
        standings = await asyncio.to_thread(book.standings)
        wanted = [standings[key]] if key in standings else [] if key else list(standings.values())
        found = publications(wanted, today - LOOKED_BACK, today)
        number, last, total = place(page_number(request), len(found), ON_A_PAGE)
        those = found[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
        counted = await room.store.read(lambda db: effects(db, those, today))
        shown = [_shown(each, standings[each.publication.key].newest.answer.question) for each in counted]
        page = Page(shown, number, last, total)
        of = standings[key].newest.answer if key in standings else None
        kept = urlencode({"key": key}) if key else ""
        return await room.page(visitor, "effects", "effects", page=page, of=of, kept=kept, height=CHART_HEIGHT)


def _shown(effect: Effect, question: str) -> Shown:
    return Shown(effect, question, lines(effect), bars(effect.days, CHART_HEIGHT))


def lines(effect: Effect) -> list[Line]:
    """Return the figures in words."""
    told = [
        line("Xong việc", effect.resolved, "trong các lượt có câu trả lời này"),
        line("Hỏi lại trong 10 phút", effect.asked_again, "hỏi gần như cùng một câu"),
        line("Chuyển thủ thư", effect.handed, "có phiếu gọi thủ thư"),
        line("👎", effect.displeased, "bạn đọc bấm 👎 câu này, hoặc phàn nàn trong cùng lượt"),
        line("Lượt dùng", effect.asked, "lượt trò chuyện có câu trả lời này"),
    ]
    if effect.volume is not None:
        told.append(line("Câu hỏi chưa trả lời được", effect.volume, "trong các nhóm đã gắn vào câu này"))
    return told
