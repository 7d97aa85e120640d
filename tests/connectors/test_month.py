"""The demo library's invented month: the same each time, whole in every table, and gone when it is taken away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import func, select

from connectors import mailbox, month
from connectors.clock import VIETNAM
from connectors.numbers.daily import DailyNumbers
from connectors.numbers.overview import Period, overview
from connectors.store import Store, conversations, desk_notes, messages, metadata, replies, tickets
from retrieval.answer_files import read_answers
from retrieval.answers import Answer

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
ANSWERS = read_answers(Path("demo/answers"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "gateway.sqlite")
    yield store
    store.close()


def load(store: Store, answers: list[Answer] = ANSWERS) -> int:
    return store.write_now(lambda db: month.load(db, answers, NOW))


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    def read(db: object) -> dict[str, list[tuple[object, ...]]]:
        return {
            table.name: [tuple(row) for row in db.execute(select(table))]  # type: ignore[attr-defined]
            for table in metadata.sorted_tables
        }

    return store.read_now(read)


def test_the_same_day_gives_the_same_month_and_only_an_empty_store_takes_it(store: Store, tmp_path: Path) -> None:
    assert 600 <= load(store) <= 1000
    assert load(store) == 0
    other = Store(tmp_path / "other.sqlite")
    load(other)
    assert rows(store) == rows(other)
    other.close()


def test_every_message_is_understood_and_answered_once_within_the_month(store: Store) -> None:
    load(store)
    unanswered = select(func.count()).where(
        messages.c.answered_at.is_(None) | messages.c.intent.is_(None) | messages.c.outcome.is_(None)
    )
    finals = select(replies.c.message_id).where(replies.c.kind == "final")
    when = select(func.min(messages.c.received_at), func.max(messages.c.received_at))
    assert store.read_now(lambda db: db.scalar(unanswered)) == 0
    said = store.read_now(lambda db: list(db.scalars(finals)))
    assert sorted(said) == sorted(store.read_now(lambda db: list(db.scalars(select(messages.c.id)))))
    first, last = store.read_now(lambda db: db.execute(when).one())
    assert (NOW - timedelta(days=31)).isoformat() < first < last < NOW.isoformat()


def test_every_answer_named_is_in_the_demos_book() -> None:
    told = yaml.safe_load(month.SOURCE.read_text(encoding="utf-8"))["told"]
    assert told.keys() <= {answer.key for answer in ANSWERS}


def test_it_goes_again_and_real_talks_stay(store: Store) -> None:
    load(store)
    real, _ = store.write_now(lambda db: mailbox.open_conversation(db, "web", NOW))
    gone = store.write_now(month.clear)
    assert gone > 200
    assert store.read_now(lambda db: list(db.scalars(select(conversations.c.id)))) == [real]
    for table in (messages, replies, tickets, desk_notes):
        assert store.read_now(lambda db, table=table: db.scalar(select(func.count()).select_from(table))) == 0


async def test_the_numbers_tell_of_a_whole_month(store: Store) -> None:
    load(store)
    await DailyNumbers(store, lambda: NOW, lambda moment: 7 <= moment.hour < 17).count_new()
    begin = NOW.date() - timedelta(days=30)
    seen = store.read_now(lambda db: overview(db, Period(begin, NOW.date())))
    assert sum(number > 0 for _, number in seen.by_day) == 30
    assert seen.not_held[0][0] == "Muôn kiếp nhân sinh"
    assert seen.answers[0][0] in ("the-dang-ky", "the-phi")
    assert {"unknown", "answer", "search", "nothing_found"} <= seen.outcomes.keys()
