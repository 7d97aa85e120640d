"""A fortnight before a publication beside the one after: what is counted, what is said of it, and who is marked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from connectors.clock import VIETNAM
from connectors.numbers.effects import Effect, Watch, effects, publications, uses
from connectors.numbers.overview import Period
from connectors.store import Store, audit_trail, clusters, conversations, messages, numbers_daily, questions
from retrieval.answer_states import State
from retrieval.answers import Answer, AnswerBook

DAY = date(2026, 11, 2)
HOURS = Answer("gio", "Giờ", "Mấy giờ mở cửa?", "7 giờ 30.")


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=VIETNAM)


class Library:
    """An answer published on `DAY`; its clock stands `days` later."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "gateway.sqlite")
        self.book = AnswerBook(folder / "answers.sqlite")
        self.today = DAY + timedelta(days=20)
        self.number = self.book.draft(HOURS, "Lan", at(DAY))
        self.book.publish("gio", self.number, "Lan", at(DAY))

    def count(self, day: date, **measures: int) -> None:
        cells = [
            (f"{name}_with_answer" if name != "visits" else "with_answer", "gio", n) for name, n in measures.items()
        ]
        rows = [
            {"day": day.isoformat(), "channel": "web", "locale": "vi", "measure": measure, "what": what, "count": n}
            for measure, what, n in [*cells, ("counted", "", 1)]
        ]
        self.store.write_now(lambda db: db.execute(insert(numbers_daily).prefix_with("OR IGNORE"), rows))

    def whole(self) -> None:
        """Let the days be counted up to yesterday."""
        self.count(self.today - timedelta(days=1))

    def effect(self) -> Effect:
        [one] = publications(self.book.standings().values(), DAY, self.today)
        [found] = self.store.read_now(lambda db: effects(db, [one], self.today))
        return found

    def watch(self) -> Watch:
        return Watch(self.store, self.book, lambda: at(self.today))

    @property
    def state(self) -> State:
        standing = self.book.standing("gio")
        assert standing
        return standing.state(self.number)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    made = Library(tmp_path)
    yield made
    made.store.close()
    made.book.close()


def test_the_day_itself_and_what_lies_farther_off_count_for_neither_side(library: Library) -> None:
    for shift, visits in ((-15, 1000), (-14, 1), (-1, 2), (0, 1000), (1, 4), (14, 8), (15, 1000)):
        library.count(DAY + timedelta(days=shift), visits=visits)
    library.whole()
    found = library.effect()
    assert (found.asked.before, found.asked.now) == (3, 12)
    assert found.whole
    assert len(found.days) == 29


def test_a_span_that_is_not_over_is_compared_by_the_day(library: Library) -> None:
    library.today = DAY + timedelta(days=8)
    for shift in range(-14, 8):
        library.count(DAY + timedelta(days=shift), visits=10)
    found = library.effect()
    assert (found.asked.before, found.asked.now, found.after.days) == (140, 70, 7)
    assert found.asked.change is not None
    assert found.asked.change.value == 0


def test_days_that_are_not_counted_yet_are_no_days_without_visits(library: Library) -> None:
    library.count(DAY + timedelta(days=3), visits=10)
    assert library.effect().after == Period(DAY + timedelta(days=1), DAY + timedelta(days=4))


def test_the_span_ends_where_another_wording_took_its_place(library: Library) -> None:
    later = DAY + timedelta(days=5)
    library.book.withdraw("gio", "Lan", at(later))
    library.whole()
    found = library.effect()
    assert found.publication.until == later
    assert found.after.days == 4
    assert not found.whole


def test_of_several_publications_of_one_day_the_last_counts(library: Library) -> None:
    other = library.book.draft(Answer("gio", "Giờ", "Mấy giờ mở cửa?", "8 giờ."), "Minh", at(DAY, 10))
    library.book.publish("gio", other, "Minh", at(DAY, 10))
    [one] = publications(library.book.standings().values(), DAY, library.today)
    assert (one.number, one.by, one.until) == (other, "Minh", None)


def test_what_was_withdrawn_on_its_day_is_no_publication(library: Library) -> None:
    library.book.withdraw("gio", "Lan", at(DAY, 20))
    assert publications(library.book.standings().values(), DAY, library.today) == []


def test_surely_better_surely_worse_and_too_little(library: Library) -> None:
    library.count(DAY - timedelta(days=3), visits=200, resolved=100, asked_again=20, handed=5, content=10)
    library.count(DAY + timedelta(days=3), visits=200, resolved=160, asked_again=60, handed=6, content=8, displeased=2)
    library.whole()
    found = library.effect()
    assert found.resolved.change is not None
    assert found.resolved.change.low > 0.15
    assert found.displeased.change is None  # ten visits a side say nothing
    assert found.worse == ["hỏi lại trong 10 phút"]


def test_days_before_displeasure_was_counted_are_no_days_without_it(library: Library) -> None:
    library.count(DAY - timedelta(days=3), visits=500)
    library.count(DAY + timedelta(days=3), visits=500, content=400, displeased=100)
    library.whole()
    assert library.effect().displeased.change is None


def ask(library: Library, day: date, n: int, cluster: int = 1) -> None:
    rows = [
        {
            "conversation_id": "c", "message_id": f"{day}-{i}", "cluster": cluster, "reason": "thiếu kiến thức",
            "text": "x", "folded": "x", "hidden": 0, "channel": "web", "locale": "vi", "unaccented": 0,
            "at": at(day).isoformat(),
        }
        for i in range(n)
    ]  # fmt: skip
    library.store.write_now(lambda db: db.execute(insert(questions), rows))


def message(library: Library, day: date) -> None:
    row = {
        "id": f"m{day}", "conversation_id": "c", "client_id": f"{day}", "kind": "text", "text": "x", "masked": [],
        "received_at": at(day).isoformat(),
    }  # fmt: skip
    chat = {"id": "c", "channel": "web", "created_at": at(day).isoformat(), "locale": "vi"}
    library.store.write_now(lambda db: db.execute(insert(conversations).prefix_with("OR IGNORE").values(chat)))
    library.store.write_now(lambda db: db.execute(insert(messages).values(row)))


@pytest.mark.parametrize(("kept_since", "known"), [(-20, True), (-14, False)])
def test_the_volume_of_its_clusters_is_told_where_all_of_it_is_kept(
    library: Library, kept_since: int, known: bool
) -> None:
    message(library, DAY + timedelta(days=kept_since))
    row = {"state": "solved", "answer": "gio", "founded_at": "", "last_at": ""}
    library.store.write_now(lambda db: db.execute(insert(clusters).values(number=1, **row)))
    library.store.write_now(lambda db: db.execute(insert(clusters).values(number=2, **{**row, "answer": "the"})))
    ask(library, DAY - timedelta(days=2), 40)
    ask(library, DAY - timedelta(days=3), 9, cluster=2)
    ask(library, DAY + timedelta(days=2), 10)
    library.whole()
    volume = library.effect().volume
    if not known:
        assert volume is None
        return
    assert volume is not None
    assert (volume.before, volume.now) == (40, 10)
    assert volume.change is not None
    assert volume.change.high < 0


def worse(library: Library) -> None:
    library.count(DAY - timedelta(days=3), visits=200, handed=5)
    library.count(DAY + timedelta(days=3), visits=200, handed=60)


async def test_what_is_surely_worse_is_marked_once_with_the_reason_and_in_the_trail(library: Library) -> None:
    worse(library)
    library.whole()
    assert await library.watch().mark_worse() == 1
    assert library.state is State.REVIEW
    [event] = [each for each in library.book.history("gio") if each.deed == "marked"]
    assert (event.by, event.number) == ("auto", library.number)
    assert "chuyển thủ thư" in event.detail
    deeds = library.store.read_now(lambda db: db.execute(select(audit_trail.c.who, audit_trail.c.deed)).all())
    assert [tuple(row) for row in deeds] == [("auto", "answer.marked")]
    assert await library.watch().mark_worse() == 0


async def test_nothing_is_judged_before_the_fortnight_is_over_and_counted(library: Library) -> None:
    worse(library)
    library.today = DAY + timedelta(days=14)
    library.whole()
    assert await library.watch().mark_worse() == 0
    library.today = DAY + timedelta(days=15)
    assert await library.watch().mark_worse() == 0  # its last day is not counted
    library.whole()
    assert await library.watch().mark_worse() == 1


async def test_what_is_not_in_use_any_more_is_not_marked(library: Library) -> None:
    worse(library)
    library.whole()
    library.book.withdraw("gio", "Lan", at(library.today))
    assert await library.watch().mark_worse() == 0


async def test_what_is_as_good_as_before_stays_in_use(library: Library) -> None:
    library.count(DAY - timedelta(days=3), visits=200, handed=20)
    library.count(DAY + timedelta(days=3), visits=200, handed=24)
    library.whole()
    assert await library.watch().mark_worse() == 0
    assert library.state is State.LIVE


def test_uses_are_told_for_every_day(library: Library) -> None:
    library.count(DAY, visits=3)
    period = Period(DAY - timedelta(days=1), DAY + timedelta(days=2))
    told = library.store.read_now(lambda db: uses(db, "gio", period))
    assert [n for _, n in told] == [0, 3, 0]
