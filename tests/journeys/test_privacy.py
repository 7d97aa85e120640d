"""Xoá dữ liệu của bạn đọc, và bản sao cho họ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.actions.answers import TellAnswer
from bot.actions.own_data import asks_for_copy
from connectors.store import erasures, export_pages, forgets
from connectors.tokens import hashed
from tests.journeys.patron import Desk, desk_for


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        anyone = next(iter(desk.talk.actions.values()))
        desk.talk.actions = {**desk.talk.actions, TellAnswer.action_name: TellAnswer(anyone.services)}
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


async def test_the_deletion_comes_with_a_receipt(desk):
    asked = await desk.talk.hear("delete_my_data", "quên tôi đi")
    said = await desk.talk.press(asked.button("Xoá đi"))
    (row,) = desk.rows(erasures)
    assert f"Biên nhận số {row['number']}" in said.text


async def test_words_of_deleting_that_also_speak_of_a_copy_still_ask_first(desk):
    asked = await desk.talk.hear("delete_my_data", "xoá hết tin nhắn của mình đi")
    assert "xuất dữ liệu của tôi" in asked.text
    assert desk.rows(erasures) == []


@pytest.mark.parametrize(
    "words",
    [
        "cho mình xin dữ liệu của mình", "xuất dữ liệu của tôi", "xuat du lieu", "tải lịch sử chat của tôi",
        "tai lich su chat cua toi ve", "xuất dữ liệu giúp mình", "em muốn lấy bản sao dữ liệu của em",
        "gửi cho mình toàn bộ tin nhắn của mình", "cho tôi xin lại các tin nhắn của tôi", "export my data",
        "download my chat history", "can I get a copy of my data", "give me all my messages",
    ],
)  # fmt: skip
@pytest.mark.parametrize("intent", ["delete_my_data", "ask_library_info"])
async def test_a_copy_asked_for_in_words_is_given_as_a_page(desk, words, intent):
    said = await desk.talk.hear(intent, words)
    assert said.responses == ("utter_export",)
    (page,) = desk.rows(export_pages)
    assert hashed(said.buttons[0]["url"].rsplit("/", 1)[1]) == page["token_hash"]


@pytest.mark.parametrize(
    "words",
    [
        "tải tài liệu về máy tính", "xuất bản năm nào", "dữ liệu số của thư viện ở đâu", "lịch sử Tiền Giang",
        "cho mình xin giờ mở cửa", "thư viện lưu gì về tôi", "download ebook", "tải dữ liệu luận văn",
        "lấy giúp mình cuốn lịch sử Việt Nam", "gửi tin nhắn cho thủ thư giúp mình", "export tài liệu sang pdf",
        "cho em xin tài liệu lịch sử của thầy Minh", "xin dữ liệu mở của tỉnh",
    ],
)  # fmt: skip
def test_what_is_no_wish_for_a_copy(words):
    assert not asks_for_copy(words)
