"""Gặp thủ thư."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from connectors.store import tickets
from library.calendar import LOCAL
from tests.journeys.patron import Desk, desk_for


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        yield desk


async def test_in_opening_hours_a_ticket_is_opened_and_its_number_told(desk):
    said = await desk.talk.hear("talk_to_librarian", "cho gặp thủ thư")
    number = desk.rows(tickets)[0]["number"]
    assert said.responses == ("utter_ticket_in_hours",)
    assert f"số {number}" in said.text


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
