"""Nói nhầm, nói tắt, đổi ý: câu chỉ hiểu được nhờ câu trước, bất kể bị nghe ra ý định nào."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.actions.repair import said_again, takes_back
from bot.actions.widening import filters_taken_back
from tests.journeys.patron import SUNDAY_MORNING, Desk, desk_for


@pytest_asyncio.fixture
async def lan(tmp_path: Path) -> AsyncIterator[Desk]:
    with desk_for(tmp_path) as desk:
        await desk.link()
        yield desk


@pytest.mark.parametrize("heard_as", ["nlu_fallback", "deny", "find_item", "affirm"])
async def test_a_correction_is_the_request_said_again_whatever_it_was_taken_for(reader, heard_as):
    await reader.talk.hear("find_item", "có cuốn [Số đỏ](title) không")
    said = await reader.talk.hear(heard_as, "à nhầm, cuốn [Mắt biếc](title) cơ")
    assert said.titles == ["Mắt biếc"]


async def test_of_two_titles_the_one_under_the_no_is_left_out(reader):
    await reader.talk.hear("find_item", "có cuốn [Giông tố](title) không")
    said = await reader.talk.hear("deny", "không phải [Giông tố](title), [Số đỏ](title) cơ")
    assert said.titles == ["Số đỏ"]


async def test_another_author_puts_the_title_away(reader):
    await reader.talk.hear("find_item", "có cuốn [Số đỏ](title) không")
    said = await reader.talk.hear("ask_opening_hours", "của [Paulo Coelho](author) thì sao")
    assert said.titles == ["Nhà giả kim"]


async def test_a_word_of_its_own_makes_it_a_request_of_its_own(reader):
    await reader.talk.hear("find_item", "có cuốn [Số đỏ](title) không")
    said = await reader.talk.hear("locate_item", "còn [Giông tố](title) nằm ở kệ nào")
    assert said.responses == ("utter_located",)


async def test_after_a_quarter_of_an_hour_nothing_is_leaned_on(reader):
    await reader.talk.hear("find_item", "có cuốn [Số đỏ](title) không")
    reader.talk.wait(minutes=16)
    assert (await reader.talk.hear("deny", "à nhầm, [Mắt biếc](title)")).responses == ("utter_no_to_what",)


async def test_the_other_one_is_the_one_talked_about_before(reader):
    await reader.talk.hear("check_availability", "[Số đỏ](title) còn không")
    await reader.talk.hear("check_availability", "[Giông tố](title) còn không")
    assert "Số đỏ" in (await reader.talk.hear("check_availability", "còn cuốn kia thì sao")).text


async def test_a_volume_picks_among_its_series(reader):
    said = await reader.talk.hear("check_availability", "[kính vạn hoa](title) tập 2")
    assert said.titles == ["Kính vạn hoa. Tập 2"]


async def test_a_bare_title_is_looked_for_whatever_deed_it_was_taken_for(reader):
    for intent in ("place_hold", "locate_item", "check_availability"):
        assert (await reader.talk.hear(intent, "[Nhà giả kim](title)")).titles == ["Nhà giả kim"]


async def test_a_colour_is_politely_not_known(reader):
    await reader.talk.hear("find_item", "truyện của [Nguyễn Nhật Ánh](author)")
    said = await reader.talk.hear("find_item", "quyển [màu đỏ](topic)")
    assert said.responses == ("utter_not_by_colour",)
    assert len(said.buttons) == 3


async def test_one_filter_is_taken_back_and_the_other_stays(reader):
    await reader.talk.hear("find_item", "sách [nuôi tôm](topic)")
    await reader.talk.hear("refine_search", "sau [2005](year_from) ở [Mỹ Tho](branch)")
    assert set(reader.talk.slots["hits"]["filters"]) == {"year_from", "branch"}
    await reader.talk.hear("change_language", "năm nào cũng được")
    assert set(reader.talk.slots["hits"]["filters"]) == {"branch"}


async def test_which_of_them_is_asked_of_what_was_found(reader):
    await reader.talk.hear("find_item", "sách [nuôi tôm](topic)")
    await reader.talk.hear("find_item", "có cuốn nào [tiếng Việt](language) không")
    assert reader.talk.slots["hits"]["query"]["topic"] == "nuôi tôm"


@pytest.mark.parametrize("words", ["khoan đã", "thôi đừng", "để em xem lại đã", "thôi để sau", "dung xoa nua", "wait"])
async def test_second_thoughts_leave_the_deed_undone_whatever_they_were_taken_for(lan, words):
    await lan.talk.hear("delete_my_data", "xoá dữ liệu của tôi")
    assert (await lan.talk.hear("affirm", words)).responses == ("utter_left_as_it_was",)
    assert "utter_forgotten" not in (await lan.talk.hear("affirm", "ừ")).responses


@pytest.mark.parametrize("words", ["đúng rồi", "dung roi", "đúng, gia hạn đi", "ừ", "không gia hạn được à"])
def test_a_yes_or_a_question_takes_nothing_back(words):
    assert not takes_back(words, "renew")


@pytest.mark.parametrize("words", ["mình không muốn gia hạn nữa", "đừng gia hạn", "thôi khỏi gia hạn"])
def test_a_no_to_the_deed_takes_it_back(words):
    assert takes_back(words, "renew")


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        ("bỏ lọc", set()),
        ("bỏ lọc năm đi", {"year_from", "year_to"}),
        ("ngon ngu nao cung duoc", {"language"}),
        ("tìm ở tất cả chi nhánh", {"branch"}),
        ("không cần tiếng Anh nữa", {"language"}),
    ],
)
def test_a_filter_taken_back_is_named(words, fields):
    assert filters_taken_back(words) == fields


@pytest.mark.parametrize(
    "words", ["có sách tiếng Anh không", "chỗ nào gửi xe", "sách nào hay", "không có tiếng Việt à"]
)
def test_a_question_takes_no_filter_back(words):
    assert filters_taken_back(words) is None


@pytest.mark.parametrize("text", ["thẻ của em mất rồi", "con tôi mượn được mấy cuốn", "con toi muon duoc khong"])
def test_a_new_question_about_rules_does_not_lean_on_the_one_before(text):
    last = {
        "action": "action_tell_answer",
        "entities": [],
        "asks": False,
        "text": "có wifi không",
        "at": SUNDAY_MORNING.isoformat(),
    }
    assert said_again({"text": text, "entities": []}, last, SUNDAY_MORNING) is None
