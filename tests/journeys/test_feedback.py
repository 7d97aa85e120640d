"""Khen, chê, góp ý."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.actions.feedback import COMPLAINT, PRAISE, SUGGESTION, kind_of, only_announces
from connectors.store import desk_notes, tickets
from tests.journeys.patron import Desk, desk_for


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        yield desk


async def test_praise_is_stored_word_for_word_and_thanked(desk):
    said = await desk.talk.hear("give_feedback", "thư viện tuyệt vời")
    assert said.responses == ("utter_praise_stored",)
    assert [(row["kind"], row["text"]) for row in desk.rows(desk_notes)] == [("praise", "thư viện tuyệt vời")]


async def test_a_complaint_is_stored_and_offers_a_person(desk):
    said = await desk.talk.hear("give_feedback", "phục vụ chậm quá")
    assert said.responses == ("utter_complaint_stored",)
    await desk.talk.press(said.button("Gặp thủ thư"))
    assert len(desk.rows(tickets)) == 1


async def test_anger_is_offered_a_person_at_once_and_kept_all_the_same(desk):
    said = await desk.talk.hear("give_feedback", "bực mình ghê, chạy xe 20 cây số tới nơi thì đóng cửa")
    assert said.responses == ("utter_offer_after_anger",)
    assert desk.rows(desk_notes)[0]["kind"] == "complaint"


@pytest.mark.parametrize(
    "words", ["góp ý", "tôi muốn góp ý", "I want to make a complaint", "cho mình gửi lời khen nha"]
)
async def test_a_message_that_only_announces_feedback_opens_the_form(desk, words):
    assert (await desk.talk.hear("give_feedback", words)).left_to == "feedback_form"
    assert desk.rows(desk_notes) == []


@pytest.mark.parametrize("words", ["em muốn phàn nàn về chỗ gửi xe", "góp ý là nên mở cửa cả buổi tối", "cho 1 sao"])
def test_a_message_with_something_to_say_is_taken_as_it_is(words):
    assert not only_announces(words)


async def test_a_form_that_was_dropped_says_nothing(desk):
    desk.talk.slots["feedback_text"] = None
    assert (await desk.talk.run("action_store_feedback")).responses == ()


async def test_a_button_pressed_instead_is_no_feedback(desk):
    desk.talk.slots["feedback_text"] = '/ask_library_info{"answer_key": "wifi"}'
    assert (await desk.talk.run("action_store_feedback")).responses == ("utter_left_as_it_was",)
    assert desk.rows(desk_notes) == []


async def test_the_forms_text_is_stored(desk):
    desk.talk.slots["feedback_text"] = "ghế phòng đọc gãy"
    assert (await desk.talk.run("action_store_feedback", "ghế phòng đọc gãy")).responses == ("utter_complaint_stored",)
    assert desk.rows(desk_notes)[0]["text"] == "ghế phòng đọc gãy"
    assert desk.talk.slots["feedback_text"] is None


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("cô thủ thư dễ thương lắm, em cảm ơn nhiều", PRAISE),
        ("great service, I love this library", PRAISE),
        ("chi nhánh Sa Đéc sạch đẹp, chỗ ngồi thoáng", PRAISE),
        ("con thích đọc sách ở đây lắm ạ", PRAISE),
        ("không hài lòng chút nào", COMPLAINT),
        ("nhà vệ sinh dơ quá trời", COMPLAINT),
        ("the wifi here is terrible", COMPLAINT),
        ("bot chẳng giúp được gì cả", COMPLAINT),
        ("mong thư viện có thêm chỗ để xe cho người già", SUGGESTION),
        ("góp ý là nên mở cửa cả buổi tối", SUGGESTION),
    ],
)
def test_praise_suggestions_and_complaints_are_told_apart(words, kind):
    assert kind_of(words) == kind
