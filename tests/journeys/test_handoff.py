"""Gặp thủ thư."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from rasa_sdk import Tracker
from rasa_sdk.events import ActiveLoop, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from connectors.store import conversations, tickets
from library.calendar import LOCAL
from library.ports import Turn
from tests.journeys.patron import Desk, desk_for
from tests.journeys.talk import CONVERSATION


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        yield desk


async def test_in_opening_hours_a_ticket_is_opened_and_its_number_told(desk):
    said = await desk.talk.hear("talk_to_librarian", "cho gặp thủ thư")
    number = desk.rows(tickets)[0]["number"]
    assert said.responses == ("utter_ticket_in_hours",)
    assert f"số {number}" in said.text
    assert "Thường trả lời trong 5 phút; bạn cứ để lại tin nhắn" in said.text
    assert desk.rows(conversations)[0]["owner"] == "waiting"


async def test_a_button_and_a_command_call_a_librarian_as_words_do(desk):
    assert (await desk.talk.press({"payload": "/talk_to_librarian"})).responses == ("utter_ticket_in_hours",)
    assert desk.rows(tickets)[0]["reason"] == "asked"


async def in_a_form(desk: Desk, text: str) -> list[EventType]:
    """Return what a message brings about while the form for feedback is open."""
    desk.talk.turns[CONVERSATION] = Turn(CONVERSATION, "m1", "web", desk.talk.now)
    heard = {"text": text, "intent": {"name": "talk_to_librarian"}, "entities": []}
    form = {"name": "feedback_form"}
    tracker = Tracker(CONVERSATION, {"locale": "vi"}, heard, [], False, None, form, "action_listen")
    return await desk.talk.actions["action_call_librarian"].run(CollectingDispatcher(), tracker, {})


@pytest.mark.parametrize("text", ["gặp thủ thư", "/talk_to_librarian", "librarian please"])
async def test_in_a_form_the_librarian_is_called_at_once_and_the_form_is_over(desk, text):
    events = await in_a_form(desk, text)
    assert ActiveLoop(None) in events
    assert SlotSet("requested_slot", None) in events
    assert len(desk.rows(tickets)) == 1


async def test_in_a_form_a_no_to_the_librarian_leaves_the_form_open(desk):
    assert ActiveLoop(None) not in await in_a_form(desk, "không cần gặp thủ thư")
    assert desk.rows(tickets) == []


@pytest.mark.parametrize(
    ("at", "back"),
    [
        (datetime(2026, 11, 21, 21, 0, tzinfo=LOCAL), "lúc 7 giờ 30 ngày mai"),  # Saturday night
        (datetime(2026, 11, 22, 12, 0, tzinfo=LOCAL), "lúc 13 giờ 30 hôm nay"),  # Sunday noon
        (datetime(2026, 11, 22, 21, 0, tzinfo=LOCAL), "lúc 7 giờ 30 thứ Ba 24/11"),  # Monday is closed
    ],
)
async def test_after_hours_it_tells_when_the_librarians_are_back(desk, at, back):
    desk.talk.now = at
    said = await desk.talk.hear("talk_to_librarian", "gặp thủ thư")
    assert f"Thủ thư làm việc lại {back}." in said.text


async def test_asking_again_points_to_the_open_ticket(desk):
    await desk.talk.hear("talk_to_librarian", "gặp thủ thư")
    said = await desk.talk.hear("talk_to_librarian", "gọi thủ thư ra giùm")
    assert said.responses == ("utter_ticket_is_open_in_hours",)
    assert len(desk.rows(tickets)) == 1


async def test_a_no_calls_nobody(desk):
    assert (await desk.talk.hear("talk_to_librarian", "không cần gặp thủ thư nữa")).responses == (
        "utter_left_as_it_was",
    )
    assert desk.rows(tickets) == []


async def test_the_english_words_name_the_day_too(desk):
    desk.talk.slots["locale"] = "en"
    desk.talk.now = datetime(2026, 11, 22, 21, 0, tzinfo=LOCAL)
    assert "back Tuesday 24 November at 7:30 am" in (await desk.talk.hear("talk_to_librarian", "human please")).text
