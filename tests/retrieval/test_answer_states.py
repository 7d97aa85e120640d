"""The life of an answer, played by several people in any order: what must hold after every step."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from retrieval.answer_states import (
    Refusal,
    Standing,
    State,
    may_approve,
    may_mark,
    may_publish,
    may_return,
    may_schedule,
    may_submit,
)
from retrieval.answers import Answer, AnswerBook, AnswerChanged

NOW = datetime(2026, 11, 24, 9, 0)
FEE = Answer("phi", "Phí", "Phí trễ?", "1.000 đồng.", risk="high")
PEOPLE = st.sampled_from(("lan", "minh", "hoa"))


class Life(RuleBasedStateMachine):
    """Everything the desk can do to one answer; `_allowed` keeps who may have put each wording in use."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.book = AnswerBook(self.folder / "answers.sqlite")
        self.now = NOW
        self.book.draft(FEE, "lan", self.now)
        self.events = 1

    def teardown(self) -> None:
        if hasattr(self, "book"):
            self.book.close()
            shutil.rmtree(self.folder)

    @property
    def standing(self) -> Standing:
        standing = self.book.standing("phi")
        assert standing
        return standing

    def number(self, back: int) -> int:
        return max(1, self.standing.newest.number - back)

    @rule(by=PEOPLE, words=st.sampled_from("abcde"), risk=st.sampled_from(("low", "high")))
    def write(self, by: str, words: str, risk: str) -> None:
        self.book.draft(replace(FEE, answer=words, risk=risk), by, self.now)

    @rule(by=PEOPLE, back=st.integers(0, 2))
    def submit(self, by: str, back: int) -> None:
        n = self.number(back)
        self.book.record("submitted", "phi", n, by, self.now, lambda told: may_submit(told, n))

    @rule(by=PEOPLE, back=st.integers(0, 2))
    def send_back(self, by: str, back: int) -> None:
        n = self.number(back)
        self.book.record("returned", "phi", n, by, self.now, lambda told: may_return(told, n, "sai"))

    @rule(by=PEOPLE, back=st.integers(0, 2))
    def approve(self, by: str, back: int) -> None:
        n, before = self.number(back), self.standing
        refused = self.book.record("approved", "phi", n, by, self.now, lambda told: may_approve(told, n, by))
        if refused is None and before.is_high_risk(n):
            assert by not in before.authors(n)

    @rule(by=PEOPLE, back=st.integers(0, 4))
    def publish(self, by: str, back: int) -> None:
        n, before = self.number(back), self.standing
        refused = self.book.record("published", "phi", n, by, self.now, lambda told: may_publish(told, n))
        if refused is None and before.is_high_risk(n) and not before.was_live(n):
            approver = before.approver(n)
            assert approver
            assert approver not in before.authors(n)
            assert self.standing.live
            assert self.standing.live.number == n

    @rule(by=PEOPLE)
    def withdraw(self, by: str) -> None:
        self.book.withdraw("phi", by, self.now)

    @rule(by=PEOPLE)
    def archive(self, by: str) -> None:
        n = self.standing.newest.number
        self.book.record("archived", "phi", n, by, self.now, lambda told: Refusal.LIVE if told.live else None)

    @invariant()
    def what_patrons_get_was_published_last(self) -> None:
        if not hasattr(self, "book"):
            return
        told = [event for event in self.book.history("phi") if event.deed in ("published", "withdrawn")]
        live = self.book.get("phi")
        if told and told[-1].deed == "published":
            assert live == self.book.revisions("phi")[told[-1].number - 1].answer
        else:
            assert live is None

    @invariant()
    def deeds_are_only_added(self) -> None:
        if hasattr(self, "book"):
            events = len(self.book.history("phi"))
            assert events >= self.events
            self.events = events

    @invariant()
    def an_unpublished_wording_is_never_live(self) -> None:
        if hasattr(self, "book"):
            standing = self.standing
            live = [r.number for r in standing.revisions if standing.state(r.number) in (State.LIVE, State.REVIEW)]
            assert len(live) <= 1
            assert all(standing.was_live(number) for number in live)


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase


@pytest.fixture
def book(tmp_path: Path) -> AnswerBook:
    return AnswerBook(tmp_path / "answers.sqlite")


def test_drafts_and_approvals_cost_patrons_no_new_shelf(book: AnswerBook) -> None:
    book.publish("phi", book.draft(FEE, "lan", NOW), "hoa", NOW)
    mark = book.mark
    book.draft(replace(FEE, answer="2.000 đồng."), "lan", NOW)
    book.record("submitted", "phi", 2, "lan", NOW, lambda told: may_submit(told, 2))
    assert book.mark == mark


def test_a_draft_over_an_older_wording_is_refused(book: AnswerBook) -> None:
    book.draft(FEE, "lan", NOW, expected=0)
    book.draft(replace(FEE, answer="2"), "lan", NOW, expected=1)
    with pytest.raises(AnswerChanged):
        book.draft(replace(FEE, answer="3"), "minh", NOW, expected=1)
    with pytest.raises(AnswerChanged):
        book.draft(replace(FEE, answer="3"), "minh", NOW, expected=0)
    assert book.draft(replace(FEE, answer="2"), "minh", NOW, expected=1) == 2  # the same words: nothing to lose


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.LIVE),
        ({"review_by": date(2026, 11, 24)}, State.REVIEW),
        ({"review_by": date(2026, 11, 25)}, State.LIVE),
        ({"valid_until": date(2026, 11, 23)}, State.REVIEW),
        ({"valid_from": date(2026, 12, 1)}, State.LIVE),
    ],
)
def test_an_answer_in_use_is_for_review_when_its_day_has_come(book: AnswerBook, changes: dict, state: State) -> None:
    book.publish("phi", book.draft(replace(FEE, **changes), "lan", NOW), "hoa", NOW)
    standing = book.standing("phi")
    assert standing
    assert standing.state(1, NOW.date()) is state


def test_a_mark_for_review_lasts_until_it_is_published_anew(book: AnswerBook) -> None:
    book.publish("phi", book.draft(FEE, "lan", NOW), "hoa", NOW)
    book.record("marked", "phi", 1, "minh", NOW, lambda told: may_mark(told, "cũ"), detail="cũ")
    assert book.standing("phi").state(1) is State.REVIEW
    book.publish("phi", book.draft(replace(FEE, answer="2"), "lan", NOW), "hoa", NOW)
    assert book.standing("phi").state(2) is State.LIVE


def test_a_publication_is_to_come_until_it_is_called_off(book: AnswerBook) -> None:
    low = replace(FEE, risk="low")
    book.draft(low, "lan", NOW)
    due = NOW + timedelta(days=1)
    assert may_schedule(book.standing("phi"), 1, NOW, NOW) is Refusal.PAST_TIME
    book.record("scheduled", "phi", 1, "lan", NOW, lambda told: may_schedule(told, 1, due, NOW), due_at=due)
    assert book.standing("phi").scheduled().due_at == due
    book.record("unscheduled", "phi", 1, "lan", NOW, lambda _: None)
    assert book.standing("phi").scheduled() is None


def test_a_book_of_an_older_release_is_read_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    old = sqlite3.connect(path)
    old.execute("CREATE TABLE events (event INTEGER PRIMARY KEY, key TEXT NOT NULL, number INTEGER NOT NULL,"
                " deed TEXT NOT NULL, by TEXT NOT NULL, at TEXT NOT NULL)")  # fmt: skip
    old.execute("INSERT INTO events VALUES (1, 'phi', 1, 'drafted', 'lan', '2026-01-01T00:00:00')")
    old.commit()
    old.close()
    book = AnswerBook(path)
    assert book.history("phi")[0].detail == ""
    book.draft(FEE, "lan", NOW)
    assert len(book.history("phi")) == 2


def test_all_standings_are_those_of_now(book: AnswerBook, tmp_path: Path) -> None:
    book.draft(FEE, "lan", NOW)
    assert book.standings()["phi"].live is None
    AnswerBook(tmp_path / "answers.sqlite").publish("phi", 1, "hoa", NOW)  # another process
    assert book.standings() == {"phi": book.standing("phi")}
    assert book.standings()["phi"].live
