"""Liên kết và gỡ thẻ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.actions.talk import SIGN_IN_QUESTION
from connectors.store import links
from tests.journeys.patron import Desk, desk_for


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_for(tmp_path) as desk:
        yield desk


async def test_linking_gives_a_page_address_and_asks_for_nothing_in_the_chat(desk):
    said = await desk.talk.hear("link_account", "liên kết thẻ bạn đọc")
    assert said.buttons[0]["url"].startswith("https://hoi.example/link/")
    assert "đừng gõ vào đây" in said.text


async def test_a_finished_log_in_waits_for_its_owners_yes(desk):
    page = await desk.talk.hear("link_account", "đăng nhập")
    await desk.log_in(page.buttons[0]["url"])
    assert desk.rows(links) == []
    said = await desk.talk.hear("affirm", "đúng rồi")
    assert said.responses == ("utter_linked",)
    assert "Nguyễn Thị Lan" in said.text
    assert len(desk.rows(links)) == 1


async def test_a_log_in_that_is_not_the_patrons_is_thrown_away(desk):
    page = await desk.talk.hear("list_loans", "em đang mượn gì")
    await desk.log_in(page.buttons[0]["url"])
    said = await desk.talk.press({"payload": f'/deny{{"question": "{SIGN_IN_QUESTION}"}}'})
    assert said.responses == ("utter_link_refused",)
    assert desk.rows(links) == []
    assert desk.talk.slots["after_link"] is None
    assert (await desk.talk.hear("affirm", "ừ")).responses == ("utter_yes_to_what",)


async def test_the_log_in_button_answers_no_other_question(desk):
    page = await desk.talk.hear("link_account", "đăng nhập")
    await desk.log_in(page.buttons[0]["url"])
    desk.talk.wait(minutes=20)  # the log-in is forgotten by now
    await desk.talk.hear("delete_my_data", "xoá dữ liệu của tôi")
    said = await desk.talk.press({"payload": f'/affirm{{"question": "{SIGN_IN_QUESTION}"}}'})
    assert said.responses == ("utter_question_is_over",)


async def test_a_bare_yes_is_not_taken_for_a_log_in_while_a_question_is_open(desk):
    page = await desk.talk.hear("link_account", "đăng nhập")
    await desk.talk.hear("delete_my_data", "xoá dữ liệu của tôi")
    await desk.log_in(page.buttons[0]["url"])
    asked = await desk.talk.hear("affirm", "ừ")
    assert asked.responses == ("utter_yes_to_which",)
    assert desk.rows(links) == []
    assert (await desk.talk.press(asked.button("Làm việc"))).responses == ("utter_forgotten",)
    assert (await desk.talk.press(asked.button("của mình"))).responses == ("utter_linked",)


async def test_a_linked_card_is_told_and_another_can_be_used(desk):
    await desk.link()
    said = await desk.talk.hear("link_account", "đăng nhập")
    assert said.responses == ("utter_already_linked",)
    assert said.button("Đăng nhập thẻ khác")["url"].startswith("https://hoi.example/link/")


async def test_unlinking_removes_the_link_at_once(desk):
    await desk.link()
    assert (await desk.talk.hear("unlink_account", "gỡ thẻ của tôi")).responses == ("utter_unlinked",)
    assert desk.rows(links) == []
    assert (await desk.talk.hear("unlink_account", "đăng xuất")).responses == ("utter_not_linked",)


@pytest.mark.parametrize(
    ("intent", "words"), [("unlink_account", "đừng gỡ thẻ của mình"), ("link_account", "không muốn đăng nhập")]
)
async def test_a_no_changes_nothing(desk, intent, words):
    await desk.link()
    assert (await desk.talk.hear(intent, words)).responses == ("utter_left_as_it_was",)
    assert len(desk.rows(links)) == 1


@pytest.mark.parametrize("words", ["thêm thẻ của con mình nữa", "them the cua con minh nua", "gắn thêm thẻ của bố nữa"])
async def test_one_more_card_is_never_taken_for_a_card_to_let_go(desk, words):
    await desk.link()
    said = await desk.talk.hear("unlink_account", words)
    assert said.responses == ("utter_link_page",)
    assert len(desk.rows(links)) == 1


async def test_asking_to_link_forgets_what_waited_for_an_earlier_card(desk):
    await desk.talk.hear("renew_loans", "gia hạn")
    page = await desk.talk.hear("link_account", "liên kết thẻ")
    await desk.log_in(page.buttons[0]["url"])
    assert (await desk.talk.hear("affirm", "đúng")).responses == ("utter_linked",)
