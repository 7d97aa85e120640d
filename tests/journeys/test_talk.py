"""Chào hỏi, đồng ý hay thôi, thực đơn, ngôn ngữ, khi chưa hiểu, và khi có người gặp nguy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.safety import Danger, danger_in
from bot.actions.talk import misses_in_a_row
from connectors.store import desk_notes, tickets
from library.ports import Turn
from tests.journeys.patron import CONVERSATION, SUNDAY_MORNING, Desk, desk_for
from tests.journeys.talk import RESPONSES


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        yield desk


async def test_the_greeting_names_the_library_and_says_it_is_a_bot(desk):
    said = await desk.talk.hear("greet", "chào bạn")
    assert "trợ lý tự động của Thư viện tỉnh" in said.text
    assert "gặp thủ thư" in said.text


async def test_the_greeting_in_english_uses_the_english_name(desk):
    desk.talk.slots["locale"] = "en"
    assert "Provincial Library" in (await desk.talk.hear("greet", "hello")).text


async def test_the_bot_says_what_it_is_and_offers_a_person(desk):
    said = await desk.talk.hear("bot_challenge", "bạn là người hay máy")
    assert "bot" in said.text
    assert said.button("Gặp thủ thư")["payload"] == "/talk_to_librarian"


async def test_a_no_to_what_may_be_done_already_does_not_say_that_nothing_was_done(desk):
    assert (await desk.talk.hear("deny", "mà thôi đừng huỷ")).responses == ("utter_no_to_what",)


@pytest.mark.parametrize(("intent", "response"), [("affirm", "utter_yes_to_what"), ("deny", "utter_no_to_what")])
async def test_yes_and_no_with_nothing_open_ask_what_is_meant(desk, intent, response):
    assert (await desk.talk.hear(intent, "ok")).responses == (response,)


async def test_cancel_with_nothing_under_way_says_so(desk):
    assert (await desk.talk.hear("cancel", "huỷ đi")).responses == ("utter_nothing_to_cancel",)


@pytest.mark.parametrize("intent", ["deny", "cancel"])
async def test_saying_no_closes_the_form_that_is_open(desk, intent):
    action = desk.talk.actions[f"action_{intent}"]
    desk.talk.turns[CONVERSATION] = Turn(CONVERSATION, "m1", "web", SUNDAY_MORNING)
    latest = {"text": "thôi", "intent": {"name": intent}, "entities": []}
    tracker = Tracker(CONVERSATION, {"locale": "vi"}, latest, [], False, None, {"name": "hold_form"}, "action_listen")
    events = await action.run(CollectingDispatcher(), tracker, {})
    assert {"event": "active_loop", "timestamp": None, "name": None} in events


@pytest.mark.parametrize(
    ("marked", "locale"),
    [
        ("[english](language) please", "en"),
        ("chuyển sang [tiếng Việt](language)", "vi"),
        ("mình không hiểu tiếng Anh, dùng tiếng Việt nha", "vi"),
        ("I don't understand Vietnamese", "en"),
        ("no [Vietnamese](language), thank you", "en"),
        ("noi [tieng viet](language) di", "vi"),
    ],
)
async def test_the_language_asked_for_is_kept(desk, marked, locale):
    said = await desk.talk.hear("change_language", marked)
    assert said.responses == (f"utter_now_in_{locale}",)
    assert desk.talk.slots["locale"] == locale


@pytest.mark.parametrize("words", ["đổi ngôn ngữ", "nói [tiếng Khmer](language) được không"])
async def test_another_language_or_none_is_asked_in_both(desk, words):
    said = await desk.talk.hear("change_language", words)
    assert said.responses == ("utter_which_language",)
    await desk.talk.press(said.button("English"))
    assert desk.talk.slots["locale"] == "en"


async def test_out_of_scope_is_declined_kindly_and_an_insult_is_met_with_a_person(desk):
    assert (await desk.talk.hear("out_of_scope", "giá vàng hôm nay")).responses == ("utter_out_of_scope",)
    assert (await desk.talk.hear("out_of_scope", "mày ngu lắm")).responses == ("utter_offer_after_anger",)
    assert (await desk.talk.hear("affirm", "ừ")).responses == ("utter_ticket_in_hours",)
    assert [row["reason"] for row in desk.rows(tickets)] == ["offered"]


@pytest.mark.parametrize("intent", ["out_of_scope", "nlu_fallback"])
async def test_prying_into_another_persons_loans_is_refused_whatever_it_was_taken_for(desk, intent):
    assert (await desk.talk.hear(intent, "chồng em đang mượn sách gì")).responses == ("utter_private",)


async def test_speaking_of_ones_child_is_not_prying(desk):
    assert (await desk.talk.hear("out_of_scope", "con tôi sốt 39 độ phải làm sao")).responses == ("utter_out_of_scope",)


async def not_understood(desk: Desk, before: list[str], text: str = "ờ cái kia kìa") -> str:
    """Return the response to a message that was not understood, after messages of these intents."""
    intents = [*before, "nlu_fallback"]
    events = [{"event": "user", "parse_data": {"intent": {"name": name}}} for name in intents]
    latest = {"text": text, "intent": {"name": "nlu_fallback"}, "entities": []}
    desk.talk.turns[CONVERSATION] = Turn(CONVERSATION, f"m{len(intents)}", "web", SUNDAY_MORNING)
    tracker = Tracker(CONVERSATION, {"locale": "vi"}, latest, events, False, None, {}, "action_listen")
    dispatcher = CollectingDispatcher()
    await desk.talk.actions["action_not_understood"].run(dispatcher, tracker, {})
    response: str = dispatcher.messages[-1]["response"]
    return response


async def test_each_failure_in_a_row_says_other_words_and_the_third_offers_a_person(desk):
    assert await not_understood(desk, []) == "utter_not_understood"
    assert await not_understood(desk, ["nlu_fallback"]) == "utter_not_understood_again"
    assert await not_understood(desk, ["nlu_fallback"] * 2) == "utter_offer_after_misses"


async def test_a_message_understood_in_between_starts_the_count_again(desk):
    assert await not_understood(desk, ["nlu_fallback", "nlu_fallback", "list_loans"]) == "utter_not_understood"


async def test_the_second_failure_shows_three_ways_on():
    for variation in RESPONSES["utter_not_understood_again"]:
        assert len(variation["buttons"]) == 3


async def test_what_was_not_understood_is_left_with_the_librarians(desk):
    await not_understood(desk, [], "máy scan bản đồ cổ xài sao")
    assert [(row["kind"], row["text"]) for row in desk.rows(desk_notes)] == [("question", "máy scan bản đồ cổ xài sao")]


async def test_a_message_of_signs_alone_is_no_question_for_the_librarians(desk):
    await not_understood(desk, [], "???")
    assert desk.rows(desk_notes) == []


def test_a_fallback_after_an_understood_intent_counts_once():
    events: list[dict[str, Any]] = [{"event": "user", "parse_data": {"intent": {"name": "greet"}}}]
    assert misses_in_a_row(Tracker("x", {}, {}, events, False, None, {}, None)) == 1


SELF_HARM = [
    "em muốn chết",
    "con không muốn sống nữa",
    "toi muon tu tu",
    "mình muốn tự tử",
    "chán sống quá rồi",
    "em rạch tay rồi",
    "I want to kill myself",
    "em bị đánh ở nhà",
]
IN_THE_BUILDING = [
    "phòng đọc đang cháy",
    "có người ngất xỉu ở phòng mượn",
    "cứu với",
    "there's a fire",
    "co nguoi bat tinh",
]
HARMLESS = [
    "từ từ đã",
    "tu tu da ad oi",
    "nóng muốn chết",
    "em mệt muốn chết luôn",
    "sách về tự tử",
    "chờ muốn xỉu",
    "cuốn này đang cháy hàng",
    "không muốn sống xa thư viện",
    "cứu em bài này hihi",
]


@pytest.mark.parametrize("words", SELF_HARM)
def test_words_of_self_harm_are_heard(words):
    assert danger_in(words) is Danger.SELF_HARM


@pytest.mark.parametrize("words", IN_THE_BUILDING)
def test_danger_around_is_heard(words):
    assert danger_in(words) is Danger.BUILDING


@pytest.mark.parametrize("words", HARMLESS)
def test_everyday_exaggeration_is_not_danger(words):
    assert danger_in(words) is None


@pytest.mark.parametrize(
    "intent", ["chitchat", "out_of_scope", "nlu_fallback", "deny", "give_feedback", "talk_to_librarian"]
)
async def test_distress_gets_the_help_lines_and_a_librarian_whatever_it_was_taken_for(desk, intent):
    said = await desk.talk.hear(intent, "em không muốn sống nữa")
    assert said.responses == ("utter_distress",)
    assert "Tổng đài 111, cấp cứu 115" in said.text
    assert [row["reason"] for row in desk.rows(tickets)] == ["distress"]


async def test_distress_in_english_gets_the_countrys_lines(desk):
    desk.talk.slots["locale"] = "en"
    assert "ambulance 115" in (await desk.talk.hear("chitchat", "I want to end my life")).text
