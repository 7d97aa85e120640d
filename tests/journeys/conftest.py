"""The journeys that need no card, over a real index, a real answer book and the demo library's calendar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.actions import account, answers, holds, hours, loans, purchases, search, talk
from bot.actions.base import Services
from connectors.account import StoredLinks
from connectors.desk import StoredDesk
from connectors.store import Store, conversations, desk_notes
from library.calendar import LOCAL, LibraryCalendar
from library.ports import Turn
from retrieval.answer_files import import_answers
from retrieval.answering import AnswerSearcher
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from retrieval.embedder import HashingEmbedder
from retrieval.index import build
from retrieval.searcher import Searcher
from retrieval.vectors import VectorStore
from tests.fakes import FakeILS
from tests.journeys.shelves import DRAFT, HOLE, OVER, RECORDS, copies
from tests.journeys.talk import CONVERSATION, Talk

DEMO = Path(__file__).resolve().parents[2] / "demo"
CALENDAR = LibraryCalendar.load(DEMO / "calendar.yml")
TUESDAY = datetime(2026, 11, 24, 9, 0, tzinfo=LOCAL)  # winter; every branch is open
FACTS = {
    "card_fee": "20.000 đồng",
    "card_fee_en": "20,000 VND",
    "late_fee": "1.000 đồng mỗi cuốn mỗi ngày",
    "phone": "0273 000 0000",
    "email": "hoi@thuvien.example",
    "site": "https://thuvien.example",
}


@dataclass(frozen=True)
class Holdings:
    """What can be found: built once, never changed by a test."""

    catalogue: Catalogue
    searcher: Searcher
    book: AnswerBook
    answers: AnswerSearcher


@pytest.fixture(scope="session")
def holdings(tmp_path_factory: pytest.TempPathFactory) -> Holdings:
    folder = tmp_path_factory.mktemp("holdings")
    catalogue, embedder, vectors = Catalogue(folder / "catalogue.sqlite"), HashingEmbedder(), VectorStore(folder / "v")
    catalogue.upsert(RECORDS)
    build(folder / "index", catalogue, embedder=embedder, vectors=vectors)
    book = AnswerBook(folder / "answers.sqlite")
    import_answers(DEMO / "answers", book, TUESDAY)
    for answer in (HOLE, OVER):
        book.publish(answer.key, book.draft(answer, "Lan", TUESDAY), "Lan", TUESDAY)
    book.draft(DRAFT, "Lan", TUESDAY)
    searcher = Searcher(folder / "index", catalogue, embedder)
    return Holdings(catalogue, searcher, book, AnswerSearcher(book))


@dataclass
class Reader:
    """A patron without a card in the chat, and what the library knows of it."""

    talk: Talk
    ils: FakeILS
    store: Store
    answers: Any  # the searcher of the answer book; a test may put another in its place

    def notes(self) -> list[dict[str, Any]]:
        """Return what was left with the librarians, in order."""
        rows = self.store.read_now(lambda db: db.execute(select(desk_notes)).mappings().all())
        return [dict(row) for row in rows]


@pytest.fixture
def reader(holdings: Holdings, tmp_path: Path) -> Iterator[Reader]:
    store, ils, turns = Store(tmp_path / "gateway.sqlite"), FakeILS(copies=copies()), dict[str, Turn]()
    row = {"id": CONVERSATION, "channel": "web", "created_at": TUESDAY.isoformat()}
    store.write_now(lambda db: db.execute(insert(conversations).values(row)))
    nothing: Any = SimpleNamespace()
    services = Services(
        turn=turns.__getitem__,
        calendar=lambda: CALENDAR,
        ils=ils,
        catalogue=holdings.catalogue,
        searcher=holdings.searcher,
        answers=lambda: patron.answers,
        answer_book=holdings.book,
        links=StoredLinks(store, ils, lambda: patron.talk.now, "https://hoi.example", login_takes_s=0),
        deeds=nothing,
        desk=StoredDesk(store),
        consents=nothing,
        privacy=nothing,
        facts=FACTS,
        library_name="Thư viện tỉnh",
        library_name_en="Provincial Library",
    )
    journeys = (hours, answers, search, purchases, talk, holds, account, loans)
    built = [action(services) for journey in journeys for action in journey.ACTIONS]
    patron = Reader(Talk({action.name(): action for action in built}, turns, TUESDAY), ils, store, holdings.answers)
    yield patron
    store.close()
