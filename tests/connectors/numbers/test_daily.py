"""Days counted from stored messages: by hand, across midnight, twice over, and without anybody's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from connectors.clock import VIETNAM
from connectors.numbers.daily import DailyNumbers
from connectors.numbers.intervals import Share
from connectors.numbers.overview import Period, not_held, overview, wait_within
from connectors.store import (
    Store,
    conversations,
    desk_notes,
    messages,
    numbers_daily,
    numbers_not_held,
    replies,
    tickets,
)

FRIDAY = date(2026, 11, 20)
GOOD = {"kind": "answer", "answer": "gio", "revision": 1}


def at(text: str, day: date = FRIDAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=VIETNAM)


class Desk:
    def __init__(self, path: Path) -> None:
        self.store = Store(path / "gateway.sqlite")
        self.now = at("23:00", FRIDAY)
        self.numbers = DailyNumbers(self.store, lambda: self.now, lambda moment: 8 <= moment.hour < 17)
        self._last = 0

    def hear(self, who: str, when: datetime, words: str, outcome: Any = None, channel: str = "web") -> str:
        """Store a message answered after a second and a half."""
        self._last += 1
        chat = {"id": who, "channel": channel, "created_at": when.isoformat(), "locale": "vi"}
        row: dict[str, Any] = {
            "id": f"m{self._last}",
            "conversation_id": who,
            "client_id": str(self._last),
            "kind": "text",
            "text": words,
            "masked": [],
            "received_at": when.isoformat(),
            "answered_at": (when + timedelta(seconds=1.5)).isoformat(),
            "outcome": GOOD if outcome is None else outcome,
        }
        self.store.write_now(lambda db: db.execute(insert(conversations).prefix_with("OR IGNORE").values(chat)))
        self.store.write_now(lambda db: db.execute(insert(messages).values(row)))
        return str(row["id"])

    def rows(self) -> list[tuple[Any, ...]]:
        order = [numbers_daily.c[name] for name in ("day", "channel", "measure", "what")]
        return [
            tuple(row)
            for row in self.store.read_now(lambda db: db.execute(select(numbers_daily).order_by(*order)).all())
        ]

    def of(self, measure: str) -> dict[tuple[str, str], int]:
        return {(row[0], row[4]): row[5] for row in self.rows() if row[3] == measure}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.store.close()


async def test_a_day_counted_by_hand(desk: Desk) -> None:
    desk.hear("a", at("09:00"), "mấy giờ mở cửa")
    desk.hear("a", at("09:02"), "mấy giờ mở cửa vậy")  # asked again
    desk.hear("a", at("10:00"), "làm thẻ cần gì", {"kind": "unknown"})  # another visit
    called = desk.hear("b", at("20:00"), "cho gặp thủ thư", {"kind": "handoff", "reason": "asked"}, "zalo")
    ticket = {"conversation_id": "b", "message_id": called, "reason": "asked", "opened_at": at("20:00").isoformat()}
    reply = {"conversation_id": "b", "kind": "person", "body": [], "created_at": at("20:10").isoformat()}
    desk.store.write_now(
        lambda db: (db.execute(insert(tickets).values(ticket)), db.execute(insert(replies).values(reply)))
    )
    await desk.numbers.count_new()
    seen = desk.store.read_now(lambda db: overview(db, Period(FRIDAY, FRIDAY + timedelta(days=1))))
    assert (seen.visits.now, seen.messages.now) == (3, 4)
    assert seen.by_channel == {"web": 2, "zalo": 1}
    assert (seen.resolved.now.part, seen.resolved.now.whole) == (0, 3)  # type: ignore[union-attr]
    assert (seen.asked_again.now.part, seen.handed.now.part, seen.while_closed.now.part) == (1, 1, 1)  # type: ignore[union-attr]
    assert seen.outcomes == {"answer": 2, "handoff": 1, "unknown": 1}
    assert seen.answers == [("gio", 1)]
    assert seen.called == {"asked": 1}
    assert seen.when == {(4, 9): 1, (4, 10): 1, (4, 20): 1}
    assert wait_within(seen.answer_wait, 0.5) == 2
    assert wait_within(seen.person_wait, 0.5) == 900
    assert seen.resolved.change is None


async def test_each_visit_with_an_answer_is_content_or_displeased(desk: Desk) -> None:
    for who in ("a", "b", "c"):
        heard = desk.hear(who, at("09:00"), "mấy giờ mở cửa")
        if who == "a":
            disliked = messages.update().where(messages.c.id == heard).values(rated=0)
            desk.store.write_now(lambda db, this=disliked: db.execute(this))  # type: ignore[misc]
    chased = desk.hear("b", at("09:05"), "trả lời chán quá", {"kind": "other"})
    note = {"message_id": chased, "kind": "complaint", "text": "x", "detail": {}, "noted_at": at("09:05").isoformat()}
    desk.store.write_now(lambda db: db.execute(insert(desk_notes).values(conversation_id="b", **note)))
    await desk.numbers.count_new()
    assert desk.of("displeased_with_answer") == {("2026-11-20", "gio"): 2}
    assert desk.of("content_with_answer") == {("2026-11-20", "gio"): 1}


async def test_a_visit_across_midnight_belongs_to_the_day_it_began(desk: Desk) -> None:
    desk.hear("a", at("23:50"), "một")
    desk.hear("a", at("00:05", FRIDAY + timedelta(days=1)), "hai")
    desk.now = at("09:00", FRIDAY + timedelta(days=1))
    await desk.numbers.count_new()
    assert desk.of("visits") == {("2026-11-20", ""): 1}
    assert desk.of("messages") == {("2026-11-20", ""): 2}


async def test_the_day_is_vietnams_whatever_the_zone_it_was_written_in(desk: Desk) -> None:
    desk.hear("a", at("00:30"), "một")  # 17:30 of the day before in UTC
    await desk.numbers.count_new()
    assert desk.of("visits") == {("2026-11-20", ""): 1}


async def test_counting_twice_is_counting_once(desk: Desk) -> None:
    for n in range(5):
        desk.hear(f"p{n}", at(f"1{n}:00"), "tìm sách", {"kind": "search", "hits": 0, "sought": {"title": "Mắt biếc"}})
    await desk.numbers.count_new()
    once = desk.rows()
    await desk.numbers.count_new()
    assert desk.rows() == once
    assert len(once) > 5


async def test_days_missed_are_counted_later_and_older_ones_outlive_their_messages(desk: Desk) -> None:
    desk.hear("a", at("09:00"), "một")
    await desk.numbers.count_new()
    desk.hear("b", at("09:00", date(2026, 11, 24)), "hai")
    desk.now = at("12:00", date(2026, 11, 30))
    await desk.numbers.count_new()
    assert desk.of("visits") == {("2026-11-20", ""): 1, ("2026-11-24", ""): 1}
    desk.store.write_now(lambda db: db.execute(delete(messages)))
    await desk.numbers.count_new()
    assert desk.of("visits") == {("2026-11-20", ""): 1, ("2026-11-24", ""): 1}


async def test_a_title_is_kept_only_when_two_conversations_asked_for_it(desk: Desk) -> None:
    def ask(who: str, hour: int, title: str) -> None:
        outcome = {"kind": "search", "hits": 0, "sought": {"title": title}}
        desk.hear(who, at(f"{hour}:00"), f"có cuốn {title} không", outcome)

    ask("a", 10, "Mắt biếc")
    ask("b", 11, "mat biec")
    ask("a", 12, "Nhật ký của tôi")
    ask("a", 13, "Nhật ký của tôi")
    await desk.numbers.count_new()
    assert desk.store.read_now(lambda db: not_held(db, Period(FRIDAY, FRIDAY + timedelta(days=1)))) == [("mat biec", 2)]
    kept = desk.store.read_now(lambda db: db.execute(select(numbers_not_held)).all())
    assert "nhat ky" not in json.dumps([list(map(str, row)) for row in kept])


async def test_what_is_kept_holds_nobodys_words_and_names_no_conversation(desk: Desk) -> None:
    desk.hear(
        "chat-of-an", at("09:00"), "tôi tên An, tìm Số đỏ", {"kind": "search", "hits": 0, "sought": {"title": "Số đỏ"}}
    )
    await desk.numbers.count_new()
    everything = json.dumps(desk.rows(), ensure_ascii=False)
    for word in ("An", "đỏ", "tên", "chat-of-an"):
        assert word not in everything


async def test_ratings_are_a_share_of_what_was_rated(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    for n, rated in enumerate((1, 1, 0, None)):
        message = desk.hear(f"chat-{n}", at("09:00"), "mấy giờ mở cửa")
        rating = update(messages).where(messages.c.id == message).values(rated=rated)
        desk.store.write_now(lambda db, rating=rating: db.execute(rating))
    await desk.numbers.count_new()
    helped = desk.store.read_now(lambda db: overview(db, Period(FRIDAY, FRIDAY + timedelta(days=1)))).helped
    assert helped.now == Share(2, 3)
