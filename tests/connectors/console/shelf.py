"""The editor's desk over a real answer book, with the dialogue's own words, and a publisher that has no bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from bot.actions.curated import utterance
from connectors.clock import Clock
from connectors.curation.editing import Editing
from connectors.curation.links import Links
from connectors.curation.previews import frames_of
from connectors.curation.publishing import Actor, Done, Outcome, Planned, Refusal, Refused
from connectors.curation.serving import Serving
from library.phrasing import Lang
from retrieval import answer_states
from retrieval.answer_states import may_publish
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


@dataclass
class StraightPublishing:
    """Publishes what the book's own rules allow, at once; `red` makes every bench red."""

    book: AnswerBook
    clock: Clock
    red: bool = False
    plans: list[Planned] = field(default_factory=list)

    async def propose(self, answer: Answer, who: Actor, *, expected: int | None = None, override: str = "") -> Outcome:
        raise NotImplementedError

    async def publish(self, key: str, number: int, who: Actor, *, override: str = "") -> Outcome:
        if self.red and not override:
            return Refused(Refusal.RED)
        no = self.book.record("published", key, number, who.name, self.clock(), lambda told: may_publish(told, number))
        return Refused(no) if no else Done(key, number)

    async def roll_back(self, key: str, who: Actor, *, to: int | None = None, reason: str = "") -> Outcome:
        return await self.publish(key, to or 0, who)

    async def withdraw(self, key: str, who: Actor, *, reason: str = "") -> Outcome:
        done = self.book.withdraw(key, who.name, self.clock())
        return Done(key, None) if done else Refused(answer_states.Refusal.NOT_LIVE)

    async def plan(self, key: str, number: int, at: datetime, who: Actor, *, override: str = "") -> Outcome:
        if at <= self.clock():
            return Refused(answer_states.Refusal.PAST_TIME)
        self.plans.append(Planned(key, number, at, who.name))
        return Done(key, number)

    async def unplan(self, key: str, who: Actor) -> bool:
        before = len(self.plans)
        self.plans = [plan for plan in self.plans if plan.key != key]
        return len(self.plans) < before

    async def planned(self) -> Sequence[Planned]:
        return self.plans

    async def serving(self) -> Serving:
        return Serving(1, 1)


def editing_over(folder: Path, clock: Clock, **more: Any) -> Editing:
    """Return a desk over an answer book in this folder; no link of it leads anywhere."""

    async def nowhere(host: str, port: int) -> list[str]:
        return []

    book = AnswerBook(folder / "answers.sqlite")
    domain = yaml.safe_load((ROOT / "bot/domain/answers.yml").read_text(encoding="utf-8"))
    made: dict[str, Any] = {
        "book": book,
        "clock": clock,
        "ask": AnswerSearcher(book).ask,
        "variables": variables,
        "utterance": utterance,
        "frames": frames_of(domain),
        "links": Links(clock, resolve=nowhere, transport=httpx.MockTransport(lambda _: httpx.Response(500))),
        "card_pattern": r"\bDT\d{6}\b",
        "branches": {"MT": "Mỹ Tho", "CL": "Cao Lãnh"},
    }
    return Editing(**{**made, **more})
