"""Xoá dữ liệu của bạn đọc."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.store import forgets
from tests.journeys.patron import Desk, desk_for


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        yield desk


async def test_nothing_is_deleted_before_a_yes(desk):
    asked = await desk.talk.hear("delete_my_data", "xoá dữ liệu của tôi")
    assert "hệ thống thư viện" in asked.text
    assert desk.rows(forgets) == []
    await desk.talk.hear("deny", "thôi")
    assert desk.rows(forgets) == []


async def test_a_yes_deletes_and_says_what_and_what_the_library_keeps(desk):
    await desk.link()
    await desk.talk.hear("talk_to_librarian", "gặp thủ thư")
    asked = await desk.talk.hear("delete_my_data", "quên tôi đi")
    said = await desk.talk.press(asked.button("Xoá đi"))
    assert "1 liên kết thẻ và 1 phiếu hỏi thủ thư" in said.text
    assert "Hệ thống thư viện vẫn giữ" in said.text
    assert len(desk.rows(forgets)) == 1


async def test_a_no_asks_nothing(desk):
    assert (await desk.talk.hear("delete_my_data", "đừng xoá dữ liệu của tôi")).responses == ("utter_left_as_it_was",)


async def test_the_language_outlives_the_forgetting(desk):
    desk.talk.slots["locale"] = "en"
    asked = await desk.talk.hear("delete_my_data", "delete my data")
    await desk.talk.press(asked.buttons[0])
    assert desk.talk.slots["locale"] == "en"
