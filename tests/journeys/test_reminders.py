"""Đồng ý và thôi nhận nhắc hạn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.actions.reminders import days_before
from connectors.store import consents
from tests.journeys.patron import Desk, desk_for


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        yield desk


async def test_consent_is_stored_with_its_days_and_promises_no_message_yet(desk):
    await desk.link()
    said = await desk.talk.hear("subscribe_reminders", "nhắc em trước hạn 3 ngày nhé")
    assert desk.rows(consents)[0]["options"] == {"days_before": 3}
    assert "trước hạn 3 ngày" in said.text
    assert "khi thư viện bật" in said.text


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
