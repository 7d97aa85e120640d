"""The editor's desk over a real answer book, with the dialogue's own words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import yaml

from bot.actions.curated import utterance
from connectors.clock import Clock
from connectors.curation.editing import Editing
from connectors.curation.links import Links
from connectors.curation.previews import frames_of
from library.phrasing import Lang
from retrieval.answers import Answer, AnswerBook
from retrieval.searcher import AnswerSearcher

ROOT = Path(__file__).parents[3]
LATE = Answer(
    "phi-tre", "Phí", "Trả trễ bị phạt bao nhiêu?", "Mỗi cuốn 1.000 đồng một ngày.", phrasings=("tra tre phat sao",),
    risk="high",
)  # fmt: skip
HOURS = Answer("gio-mo-cua", "Giờ giấc", "Hôm nay mở cửa mấy giờ?", "Hôm nay thư viện mở {hours_today}.")


def variables(day: date, lang: Lang) -> Mapping[str, str]:
    return {"hours_today": "7 giờ 30–11 giờ 30", "phone": "0273 000 0000"}


def editing_over(book: AnswerBook, searcher: AnswerSearcher, clock: Clock) -> Editing:
    """Return a desk over this book; no link of it leads anywhere."""

    async def nowhere(host: str, port: int) -> list[str]:
        return []

    domain = yaml.safe_load((ROOT / "bot/domain/answers.yml").read_text(encoding="utf-8"))
    return Editing(
        book=book,
        clock=clock,
        ask=searcher.ask,
        variables=variables,
        utterance=utterance,
        frames=frames_of(domain),
        links=Links(clock, resolve=nowhere),
        card_pattern=r"\bDT\d{6}\b",
        branches={"MT": "Mỹ Tho", "CL": "Cao Lãnh"},
    )
