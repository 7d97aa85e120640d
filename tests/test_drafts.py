"""A wording that is not in use reaches no patron, by any of the ways on which patrons get answers."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.curated import tell_if_sure
from connectors.app import _handbook
from retrieval.answer_files import export_answers, read_answers
from retrieval.answer_states import may_approve, may_schedule, may_submit
from retrieval.answering import AnswerSearcher
from retrieval.answers import Answer, AnswerBook
from retrieval.embedder import HashingEmbedder
from retrieval.shelf import Sure, Unknown, Which
from retrieval.vectors import VectorStore

NOW = datetime(2026, 11, 24, 9, 0)
SECRET = "phượng hoàng lửa"
ROOT = Path(__file__).resolve().parents[1]


def hidden(key: str, **more: Any) -> Answer:
    told = {"question": f"Cho mượn {SECRET} loại {key} không?", "answer": f"Có {SECRET}.", "topic": SECRET}
    return Answer(**{"key": key, **told, "phrasings": (f"mượn {SECRET} {key}",), **more})


def shelve(book: AnswerBook) -> list[Answer]:
    """Bring answers into every state but that of being in use; return their hidden wordings."""
    every = {
        key: hidden(key)
        for key in ("draft", "waiting", "returned", "approved", "scheduled", "withdrawn", "archived", "newer")
    }
    due = NOW + timedelta(days=1)
    wifi = Answer("newer", "Wifi", "Có wifi không?", "Có wifi.")
    book.publish("newer", book.draft(wifi, "lan", NOW), "lan", NOW)
    for answer in every.values():
        book.draft(answer, "lan", NOW)
    for key in ("waiting", "returned", "approved"):
        assert book.record("submitted", key, 1, "lan", NOW, lambda told: may_submit(told, 1)) is None
    book.record("returned", "returned", 1, "hoa", NOW, lambda _: None, detail=SECRET)
    assert book.record("approved", "approved", 1, "hoa", NOW, lambda told: may_approve(told, 1, "hoa")) is None
    assert (
        book.record("scheduled", "scheduled", 1, "lan", NOW, lambda t: may_schedule(t, 1, due, NOW), due_at=due) is None
    )
    for key in ("withdrawn", "archived"):
        book.publish(key, 1, "lan", NOW)
        book.withdraw(key, "lan", NOW)
    book.record("archived", "archived", 1, "lan", NOW, lambda _: None)
    return list(every.values())


class Patron:
    """Everything a patron can do to get an answer; each way returns all the text that came of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.book = AnswerBook(folder / "answers.sqlite")
        self.hidden = shelve(self.book)
        self.searcher = AnswerSearcher(self.book, embedder=HashingEmbedder(), vectors=VectorStore(folder / "v.sqlite"))
        self.searcher.warm_up()
        self.questions = [
            text for answer in self.hidden for text in (answer.question, *answer.phrasings, answer.answer)
        ]

    async def asks(self) -> Iterator[str]:
        return (_said(self.searcher.ask(text)) for text in self.questions)

    async def asks_on_the_day_it_is_planned_for(self) -> Iterator[str]:
        return (_said(self.searcher.ask(text, (NOW + timedelta(days=2)).date())) for text in self.questions)

    async def presses_a_button_or_follows_a_link(self) -> Iterator[str]:
        return (repr(self.book.get(answer.key)) for answer in self.hidden)

    async def asks_while_the_dialogue_is_away(self) -> list[str]:
        handbook = _handbook(self.searcher, lambda: NOW)
        return [repr(await handbook(text, "vi")) for text in self.questions]

    async def says_it_in_passing(self) -> list[str]:
        dispatcher = CollectingDispatcher()
        services: Any = SimpleNamespace(answers=lambda: self.searcher, facts={}, calendar=lambda: None)
        for text in self.questions:
            heard: Any = SimpleNamespace(text=text, turn=SimpleNamespace(now=NOW), lang="vi")
            assert not await tell_if_sure(services, dispatcher, heard)
        return [repr(dispatcher.messages)]

    async def sees_the_library_explain_itself(self) -> list[str]:
        return [_said(each) for each in self.searcher.shelf.ask_all(self.questions)]

    async def sees_what_is_near(self) -> list[str]:
        return [repr(self.searcher.shelf.answers), repr(self.book.published())]

    async def reads_an_export(self) -> list[str]:
        export_answers(self.book, self.folder / "out")
        return [repr(read_answers(self.folder / "out"))]


WAYS = [name for name in vars(Patron) if not name.startswith("_")]


def _said(outcome: Sure | Which | Unknown) -> str:
    return repr(outcome)


@pytest.mark.parametrize("way", WAYS)
async def test_no_way_leads_to_a_wording_that_is_not_in_use(tmp_path: Path, way: str) -> None:
    patron = Patron(tmp_path)
    walk: Callable[[], Awaitable[Any]] = getattr(patron, way)
    said = "\n".join(await walk())
    assert said
    assert SECRET not in said


@pytest.mark.parametrize("way", [way for way in WAYS if way != "says_it_in_passing"])
async def test_the_same_ways_lead_to_what_is_in_use(tmp_path: Path, way: str) -> None:
    """So that the test above can fail: once published, each way tells it."""
    patron = Patron(tmp_path)
    patron.book.publish("draft", 1, "lan", NOW)
    patron.searcher.refresh()
    assert SECRET in "\n".join(await getattr(patron, way)())


def test_only_the_desk_reads_what_is_not_in_use() -> None:
    """Nothing on a patron's way even asks the book for revisions, standings or what was imported."""
    desk = ("connectors/console", "connectors/curation", "retrieval/answers.py", "retrieval/answer_files.py")
    telling = {"revisions", "standing", "standings", "imported"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ("bot", "connectors", "retrieval", "library")
        for path in (ROOT / room).rglob("*.py")
        if not str(path.relative_to(ROOT)).startswith(desk)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in telling
    ]
    assert found == []
