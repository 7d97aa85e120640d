"""Đồng ý và thôi nhận nhắc hạn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.actions.reminders import days_before, kinds_in
from connectors.store import consents
from tests.journeys.patron import Desk, desk_for


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        yield desk


async def test_consent_is_stored_by_kind_with_its_days_and_the_wording_seen(desk):
    await desk.link()
    said = await desk.talk.hear("subscribe_reminders", "nhắc em trước hạn 3 ngày nhé")
    assert desk.rows(consents)[0]["options"] == {"kinds": {"due": 3, "hold": 0}, "text": "2026-11"}
    assert "nhắc bạn trước hạn 3 ngày và khi sách bạn đặt đã có" in said.text
    assert "khi bạn mở lại khung trò chuyện" in said.text


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("sách em đặt giữ về thì báo em nhé", {"hold": 0}),
        ("cuốn em đặt có rồi thì nhắn nha", {"hold": 0}),
        ("nhac em khi sap het han the", {"card": 14}),
        ("thẻ sắp hết hạn thì nhắc em trước 1 tuần", {"card": 7}),
        ("có sách quá hạn thì nhắc", {"overdue": 1}),
        ("tell me when my reserved book is in", {"hold": 0}),
        ("bật nhắc", {"due": 2, "hold": 0}),
    ],
)
def test_a_wish_names_its_kind(words, kinds):
    assert kinds_in(words) == kinds


async def test_a_second_wish_is_added_to_the_first(desk):
    await desk.link()
    await desk.talk.hear("subscribe_reminders", "nhắc em trước hạn 3 ngày")
    said = await desk.talk.hear("subscribe_reminders", "nhắc cả khi thẻ hết hạn nữa")
    assert desk.rows(consents)[0]["options"]["kinds"] == {"due": 3, "hold": 0, "card": 14}
    assert "trước khi thẻ hết hạn 14 ngày" in said.text


async def test_without_a_card_consent_is_stored_and_the_card_asked_for(desk):
    said = await desk.talk.hear("subscribe_reminders", "nhắc hạn")
    assert said.responses == ("utter_reminders_noted", "utter_link_first")
    assert len(desk.rows(consents)) == 1


async def test_consent_is_taken_back_at_any_time(desk):
    await desk.talk.hear("subscribe_reminders", "nhắc hạn")
    assert (await desk.talk.hear("unsubscribe_reminders", "đừng nhắn nữa")).responses == ("utter_reminders_stopped",)
    assert desk.rows(consents) == []
    assert (await desk.talk.hear("unsubscribe_reminders", "tắt nhắc")).responses == ("utter_reminders_were_off",)


@pytest.mark.parametrize("words", ["đừng nhắc nữa", "khỏi nhắc nha", "không muốn nhận thông báo nữa"])
async def test_a_no_taken_for_a_wish_stores_no_consent(desk, words):
    await desk.talk.hear("subscribe_reminders", words)
    assert desk.rows(consents) == []


@pytest.mark.parametrize(
    ("words", "days"),
    [
        ("nhắc em trước hạn 2 ngày nhé", 2),
        ("nhắn tau trước hạn ba bữa hí", 3),
        ("nhớ nhắn e trc hạn 1 hôm nka", 1),
        ("cài nhắc trả sách trước một tuần", 7),
        ("nhắc trước 30 ngày", 7),
        ("gửi lời nhắc tối trước ngày hết hạn", 1),
        ("remind me three days before", 3),
        ("bật nhắc hạn trả sách", 2),
    ],
)
def test_the_days_are_read_from_the_words(words, days):
    assert days_before(words) == days
