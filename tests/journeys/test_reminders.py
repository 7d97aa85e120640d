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
    agreed = {"at": "2026-11-22T09:00:00+07:00", "text": "2026-11"}
    assert desk.rows(consents)[0]["options"] == {"kinds": {"due": 3}, "given": {"due": agreed}}
    assert "nhắc bạn trước hạn 3 ngày." in said.text
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
        ("bật nhắc", {"due": 2, "overdue": 1, "hold": 0}),
        ("nhắc em trước hạn 2 ngày nhé", {"due": 2}),
        ("tới hạn nhớ nhắn tui nghen", {"due": 2}),
        ("nhắc hạn trả trước 1 ngày, sách quá hạn cũng báo", {"due": 1, "overdue": 1}),
        ("remind me 3 days before", {"due": 3}),
        ("sách đến hạn hay quá hạn đều nhắc giúp", {"due": 2, "overdue": 1}),
        ("bạn có thể nhắc mình khi sách sắp hết hạn được không", {"due": 2}),
        ("thế thì nhắc khi sắp hết hạn nhé", {"due": 2}),
        ("sách em đặt trước có thì báo, với nhắc hạn trả luôn", {"due": 2, "hold": 0}),
    ],
)
def test_a_wish_names_its_kind(words, kinds):
    assert kinds_in(words) == kinds


async def test_a_second_wish_is_added_to_the_first(desk):
    await desk.link()
    await desk.talk.hear("subscribe_reminders", "nhắc em trước hạn 3 ngày")
    said = await desk.talk.hear("subscribe_reminders", "nhắc cả khi thẻ hết hạn nữa")
    assert desk.rows(consents)[0]["options"]["kinds"] == {"due": 3, "card": 14}
    assert "trước khi thẻ hết hạn 14 ngày" in said.text


async def test_a_plain_wish_says_what_it_is_taken_for_and_offers_to_change_it(desk):
    await desk.link()
    said = await desk.talk.hear("subscribe_reminders", "bật nhắc")
    assert "nhắc bạn trước hạn 2 ngày, khi có sách quá hạn và khi sách bạn đặt đã có." in said.text
    assert [each["title"] for each in said.buttons][-3:] == [
        "Nhắc cả hạn thẻ",
        "Thôi nhắc quá hạn",
        "Thôi nhắc sách đặt",
    ]


async def test_one_kind_is_taken_back_and_the_others_stay(desk):
    await desk.link()
    await desk.talk.hear("subscribe_reminders", "bật nhắc")
    said = await desk.talk.hear("unsubscribe_reminders", "thôi nhắc sách quá hạn")
    assert desk.rows(consents)[0]["options"]["kinds"] == {"due": 2, "hold": 0}
    assert set(desk.rows(consents)[0]["options"]["given"]) == {"due", "hold"}
    assert "Mình vẫn nhắc bạn trước hạn 2 ngày và khi sách bạn đặt đã có." in said.text


async def test_the_last_kind_taken_back_ends_the_consent(desk):
    await desk.link()
    await desk.talk.hear("subscribe_reminders", "nhắc khi sách đặt đã có")
    await desk.talk.hear("unsubscribe_reminders", "thôi nhắc sách đặt")
    assert desk.rows(consents) == []


@pytest.mark.parametrize(
    "words",
    [
        *("mình đang bật nhắc gì", "em có bật nhắc chưa", "bạn đang nhắc mình những gì vậy", "what reminders are on?"),
        *("đang nhắc những gì rồi", "hiện em được nhắc mấy loại rồi", "bạn đang nhắc tôi trước mấy ngày"),
    ],
)
async def test_what_is_reminded_of_is_told_and_nothing_is_agreed_to_by_asking(desk, words):
    await desk.link()
    said = await desk.talk.hear("subscribe_reminders", words)
    assert said.responses == ("utter_reminders_none",)
    assert desk.rows(consents) == []
    await desk.talk.hear("subscribe_reminders", "nhắc trước hạn 3 ngày")
    before = desk.rows(consents)
    said = await desk.talk.hear("subscribe_reminders", words)
    assert said.responses == ("utter_reminders_on",)
    assert desk.rows(consents) == before


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
