"""The demo library's invented month: the same each time, whole in every table, and gone when it is taken away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import Connection, Select, func, select

from connectors import mailbox, month, retention
from connectors.clock import VIETNAM
from connectors.curation import questions as clustered
from connectors.curation.inbox import Inbox
from connectors.numbers.daily import DailyNumbers
from connectors.numbers.overview import Period, overview
from connectors.privacy import forget_now, still_kept
from connectors.settings import Settings
from connectors.store import (
    Store,
    conversations,
    deliveries,
    desk_notes,
    messages,
    metadata,
    numbers_daily,
    questions,
    replies,
    ticket_replies,
    tickets,
)
from library.calendar import LibraryCalendar
from retrieval.answer_files import read_answers
from retrieval.answering import AnswerSearcher
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue
from retrieval.commands import Places, import_catalogue

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
KNOWN = month.Known(read_answers(Path("demo/answers")), {"the-phi": 3}, {"card_fee": "20.000 đồng"})
CALENDAR = LibraryCalendar.load("demo/calendar.yml")
TOLD = yaml.safe_load(month.SOURCE.read_text(encoding="utf-8"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "gateway.sqlite")
    yield store
    store.close()


def load(store: Store, now: datetime = NOW) -> int:
    return store.write_now(lambda db: month.load(db, KNOWN, CALENDAR, now))


def clear(store: Store) -> int:
    return store.write_now(lambda db: month.clear(db, NOW))


def rows(store: Store, query: Select[Any]) -> list[Any]:
    return list(store.read_now(lambda db: db.execute(query).mappings().all()))


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    def read(db: Connection) -> dict[str, list[tuple[object, ...]]]:
        return {table.name: [tuple(row) for row in db.execute(select(table))] for table in metadata.sorted_tables}

    return store.read_now(read)


def test_the_same_day_gives_the_same_month_and_only_an_empty_store_takes_it(store: Store, tmp_path: Path) -> None:
    assert 600 <= load(store) <= 1000
    assert load(store) == 0
    other = Store(tmp_path / "other.sqlite")
    load(other)
    assert everything(store) == everything(other)
    other.close()


@pytest.mark.parametrize("hour", [0, 9, 22])
def test_every_message_is_answered_once_and_nothing_lies_in_the_future(store: Store, hour: int) -> None:
    now = NOW.replace(hour=hour, minute=40)
    load(store, now)
    said = rows(store, select(messages))
    finals = Counter(row["message_id"] for row in rows(store, select(replies).where(replies.c.kind == "final")))
    assert finals == Counter(row["id"] for row in said)
    assert all((row["intent"] is None) == (row["outcome"] is None) for row in said)
    assert all(row["received_at"] < row["answered_at"] < now.isoformat() for row in said)
    assert min(row["received_at"] for row in said) > (now - timedelta(days=31)).isoformat()
    written = (row["created_at"] for row in rows(store, select(replies)))
    closed = (row["closed_at"] or "" for row in rows(store, select(tickets)))
    assert max(*written, *closed) < now.isoformat()


def test_tickets_are_answered_by_a_librarian_or_wait_for_one(store: Store) -> None:
    load(store)
    waiting = {row["id"] for row in rows(store, select(conversations).where(conversations.c.owner == "waiting"))}
    opened = rows(store, select(tickets))
    assert {row["conversation_id"] for row in opened if row["closed_at"] is None} == waiting
    assert len(waiting) >= 2
    by_number = {row["number"]: row for row in rows(store, select(ticket_replies))}
    assert by_number.keys() == {row["number"] for row in opened if row["closed_at"]}
    assert len(by_number) > 20
    main = CALENDAR.branches[0].code
    opened_at = {row["number"]: datetime.fromisoformat(row["opened_at"]) for row in opened if row["closed_at"]}
    late = [number for number, at in opened_at.items() if not CALENDAR.open_at(at, main)]
    assert late
    for number in late:  # who asked after hours heard from somebody when the library was open again
        opens = CALENDAR.next_opening(opened_at[number], main)
        assert opens
        assert opens.isoformat() < by_number[number]["sent_at"]


def test_nothing_of_it_is_ever_sent_to_anybody(store: Store) -> None:
    load(store)
    assert rows(store, select(deliveries)) == []


def test_answers_are_told_as_they_were_said(store: Store) -> None:
    load(store)
    fee = [row for row in rows(store, select(messages)) if (row["outcome"] or {}).get("answer") == "the-phi"]
    assert {row["outcome"]["revision"] for row in fee} == {3}
    told = rows(store, select(replies).where(replies.c.message_id.in_([row["id"] for row in fee])))
    assert any("20.000 đồng" in row["body"][0]["text"] for row in told)
    assert not [row for row in rows(store, select(replies)) if any("{" in part["text"] for part in row["body"])]


def test_every_answer_named_is_in_the_demos_book() -> None:
    scripted = {turn["answer"] for talk in TOLD["talks"] for turn in talk["turns"] if "answer" in turn}
    assert TOLD["told"].keys() | scripted <= {answer.key for answer in KNOWN.answers}


def test_what_it_says_of_books_is_true_of_the_demos_catalogue(tmp_path: Path) -> None:
    places = Places(
        tmp_path / "catalogue.sqlite", tmp_path / "index", tmp_path / "answers.sqlite", tmp_path / "vectors"
    )
    import_catalogue(Path("demo/catalogue.mrc"), places)
    titles = {record.full_title.casefold() for record in Catalogue(places.catalogue)}
    assert {title for title in TOLD["held"]["titles"] if title.casefold() not in titles} == set()
    wanted = [title.casefold() for title in TOLD["missing"]["titles"]]
    assert [title for title in titles if any(one in title for one in wanted)] == []


def test_it_goes_again_and_real_talks_stay(store: Store) -> None:
    load(store)
    real, _ = store.write_now(lambda db: mailbox.open_conversation(db, "web", NOW))
    assert clear(store) > 300
    assert [row["id"] for row in rows(store, select(conversations))] == [real]
    left = {name: number for name, found in everything(store).items() if (number := len(found))}
    assert left == {"conversations": 1}
    assert clear(store) == 0


async def test_its_counts_and_clusters_go_with_it(store: Store, tmp_path: Path) -> None:
    load(store)
    await inbox(store, tmp_path).collect()
    await DailyNumbers(store, lambda: NOW, lambda _: True).count_new()
    assert rows(store, select(numbers_daily))
    clear(store)
    assert rows(store, select(numbers_daily)) == []
    assert rows(store, clustered.clusters.select()) == []


async def test_the_numbers_tell_of_a_whole_month(store: Store) -> None:
    load(store)
    main = CALENDAR.branches[0].code
    await DailyNumbers(store, lambda: NOW, lambda moment: CALENDAR.open_at(moment, main)).count_new()
    seen = store.read_now(lambda db: overview(db, Period(NOW.date() - timedelta(days=30), NOW.date())))
    assert sum(number > 0 for _, number in seen.by_day) == 30
    assert seen.not_held[0][0] in TOLD["missing"]["titles"][:3]
    assert seen.answers[0][0] in ("the-dang-ky", "the-phi")
    assert seen.outcomes.keys() == {
        "answer", "search", "nothing_found", "other", "which", "unknown", "handoff", "ils", "refused",
    }  # fmt: skip
    assert seen.called.keys() == {"asked", "offered"}
    assert seen.person_wait
    at_work = sum(number for (_, hour), number in seen.when.items() if hour in (9, 10))
    at_noon = sum(number for (_, hour), number in seen.when.items() if hour in (12, 13))
    assert at_work > 1.5 * at_noon


def inbox(store: Store, folder: Path) -> Inbox:
    """Return an inbox that takes only the same words for the same question: no model is loaded here."""
    book = AnswerBook(folder / "answers.sqlite")
    return Inbox(store, book, AnswerSearcher(book), None, lambda: NOW)  # type: ignore[arg-type]


async def test_the_inbox_is_full_of_what_has_no_answer(store: Store, tmp_path: Path) -> None:
    load(store)
    taken = await inbox(store, tmp_path).collect()
    asked = {text.casefold() for kind in TOLD["unknown"] for text in kind["asks"]}
    found = rows(store, select(questions))
    assert taken == len(found) > 150
    assert {row["text"].casefold() for row in found} >= asked
    reasons = Counter(row["reason"] for row in found)
    assert {"thiếu kiến thức", "không hiểu", "chuyển thủ thư", "bạn đọc bấm 👎"} <= reasons.keys()
    heads = [
        row["number"] for row in rows(store, clustered.clusters.select().order_by(clustered.clusters.c.rank.desc()))
    ]
    first = TOLD["unknown"][0]
    helped = next(row for row in found if row["text"] == first["asks"][0])
    assert helped["cluster"] in heads
    replied = store.read_now(lambda db: [said for number in heads for said in clustered.said_by_people(db, number, 3)])
    assert first["reply"] in replied


def test_it_is_kept_as_long_as_any_talk(store: Store) -> None:
    load(store)
    policy = retention.policy_of(Settings().privacy)
    before = store.read_now(lambda db: db.scalar(select(func.count()).select_from(messages)))
    store.write_now(lambda db: retention.sweep(db, NOW, policy))
    assert store.read_now(lambda db: db.scalar(select(func.count()).select_from(messages))) == before
    later = NOW + timedelta(days=500)
    assert store.read_now(lambda db: retention.due(db, later, policy))["conversations"] > 300


def test_one_of_its_patrons_can_have_all_of_it_deleted(store: Store) -> None:
    load(store)
    asked = rows(store, select(desk_notes).where(desk_notes.c.kind == "question"))[0]["conversation_id"]
    store.write_now(lambda db: forget_now(db, asked, NOW))
    assert store.read_now(lambda db: still_kept(db, asked)) == {}
