"""Messages taken for another intent than they were meant as: what is said must still be right, or do no harm."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot.actions.purchases import title_and_author
from connectors.store import consents, tickets
from tests.fakes import loan
from tests.journeys.patron import SUNDAY_MORNING, Desk, desk_for

DUE = SUNDAY_MORNING.date() + timedelta(days=3)


@pytest.fixture
async def desk(holdings: Any, tmp_path: Path) -> Any:
    with desk_for(tmp_path, catalogue=holdings.catalogue, searcher=holdings.searcher) as desk:
        await desk.link()
        yield desk


@pytest.fixture
def borrowed(desk: Desk) -> Desk:
    titles = ("Số đỏ", "Mắt biếc", "Đất rừng phương Nam")
    desk.ils.loans_out = [loan(f"l{n}", title, DUE, SUNDAY_MORNING) for n, title in enumerate(titles)]
    return desk


@pytest.mark.parametrize(
    "intent",
    ["list_loans", "cancel", "renew_loans", "find_item", "ask_charges", "delete_my_data", "place_hold", "greet"],
)
async def test_distress_is_answered_whatever_it_was_taken_for(desk, intent):
    said = await desk.talk.hear(intent, "em không muốn sống nữa")
    assert said.responses == ("utter_distress",)
    assert [row["reason"] for row in desk.rows(tickets)] == ["distress"]


@pytest.mark.parametrize("words", ["toi muon tu tu", "em bị bạn đánh ở trường", "con bị ba đánh"])
async def test_words_of_harm_are_heard(desk, words):
    assert (await desk.talk.hear("out_of_scope", words)).responses == ("utter_distress",)


@pytest.mark.parametrize(
    "marked",
    [
        "có cuốn tôi muốn chết nhưng tôi muốn ăn tteokbokki không",
        "cho em hỏi sách [Tôi muốn chết](title) còn không",
        "em bị đánh dấu quá hạn",
    ],
)
async def test_a_title_is_no_cry_for_help(desk, marked):
    assert "utter_distress" not in (await desk.talk.hear("out_of_scope", marked)).responses


@pytest.mark.parametrize("intent", ["delete_my_data", "nlu_fallback", "out_of_scope", "cancel"])
async def test_a_yes_with_the_deed_says_yes_to_the_question_that_is_open(desk, intent):
    await desk.talk.hear("delete_my_data", "xoá dữ liệu của tôi")
    assert (await desk.talk.hear(intent, "ừ xoá đi")).responses == ("utter_forgotten",)


@pytest.mark.parametrize("words", ["ok thôi", "ừ mà thôi đừng xoá nữa", "ừ gia hạn đi"])
async def test_a_yes_with_a_no_or_another_deed_does_not(desk, words):
    await desk.talk.hear("delete_my_data", "xoá dữ liệu của tôi")
    assert "utter_forgotten" not in (await desk.talk.hear("cancel", words)).responses


async def test_the_words_of_a_button_are_the_button(reader):
    await reader.talk.hear("find_item", "có [Totto-chan bên cửa sổ](title) không")
    said = await reader.talk.hear("nlu_fallback", "ghi giúp mình")
    assert said.responses == ("utter_purchase_stored",)


async def test_a_thumb_up_says_yes_to_what_is_open_and_to_nothing_else(borrowed):
    await borrowed.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    assert (await borrowed.talk.hear("out_of_scope", "👍")).responses == ("utter_renewed_one",)
    assert (await borrowed.talk.hear("out_of_scope", "👍")).responses == ("utter_not_understood",)
    assert borrowed.ils.renewed == ["l0"]


async def test_all_but_one_leaves_that_one_out(borrowed):
    said = await borrowed.talk.hear("renew_loans", "gia hạn [tất cả](loan_scope) trừ cuốn [Mắt biếc](title)")
    assert "“Số đỏ”" in said.text
    assert "“Mắt biếc”" not in said.text


async def test_all_of_them_needs_no_slot(borrowed):
    assert (await borrowed.talk.hear("renew_loans", "renew all of them")).responses == ("utter_renew_these",)


async def test_consent_to_reminders_is_never_taken_by_mistake(desk):
    said = await desk.talk.hear("subscribe_reminders", "đổi chỗ nhận sang [sa đéc](branch)")
    assert said.responses == ("utter_not_understood",)
    assert desk.store.read_now(lambda db: db.execute(select(consents)).all()) == []


@pytest.mark.parametrize("typed", ["Cao Lãnh", "cao lanh nha", "ở chi nhánh Cao Lãnh đi", "at Cao Lanh please"])
async def test_a_branch_typed_alone_is_the_place_to_pick_up(desk, typed):
    desk.talk.slots |= {"requested_slot": "pickup", "pickup": None}
    await desk.talk.run("validate_hold_form", typed)
    assert desk.talk.slots["pickup"] == "CL"


@pytest.mark.parametrize("typed", ["Cao Lãnh mở mấy giờ", "tìm sách ở Cao Lãnh", "Cần Thơ", "không"])
async def test_a_message_that_speaks_of_a_branch_is_not(desk, typed):
    desk.talk.slots |= {"requested_slot": "pickup", "pickup": None}
    await desk.talk.run("validate_hold_form", typed)
    assert desk.talk.slots["pickup"] is None


@pytest.mark.parametrize("words", ["[Số đỏ](title)", "nha gia kim", "Nhà giả kim"])
async def test_a_bare_title_is_looked_for(reader, words):
    for intent in ("nlu_fallback", "out_of_scope"):
        assert "utter_found_title" in (await reader.talk.hear(intent, words)).responses


async def test_books_in_a_language_are_no_change_of_language(reader):
    said = await reader.talk.hear("change_language", "có sách [tiếng Anh](language) không")
    assert not any(name.startswith("utter_now_in") for name in said.responses)
    assert reader.talk.slots["locale"] == "vi"


async def test_a_translation_is_out_of_scope(reader):
    said = await reader.talk.hear("change_language", "dịch giúp câu này sang [tiếng Anh](language)")
    assert said.responses == ("utter_out_of_scope",)


async def test_a_question_after_thanks_is_answered(reader):
    assert "ThuVienDongThap" in (await reader.talk.hear("thank", "cảm ơn bạn, mà cho hỏi thêm mật khẩu wifi")).text


@pytest.mark.parametrize("intent", ["ask_library_info", "out_of_scope", "ask_opening_hours", "thank"])
async def test_marks_alone_are_not_understood(reader, intent):
    assert (await reader.talk.hear(intent, "?..")).responses == ("utter_not_understood",)


@pytest.mark.parametrize("words", ["chồng em đang mượn gì", "bạn Lan lớp 12A nợ bao nhiêu", "địa chỉ của cô Hoa"])
async def test_anothers_data_asked_for_as_information_is_refused(reader, words):
    assert (await reader.talk.hear("ask_library_info", words)).responses == ("utter_private",)


async def test_a_rule_about_others_is_still_told(reader):
    said = await reader.talk.hear("ask_library_info", "Dùng thẻ của người khác hoặc nhờ người khác mượn hộ được không?")
    assert said.responses == ("utter_answer",)


@pytest.mark.parametrize("words", ["sách", "tìm giúp mình sách", "cho em mượn sách"])
async def test_books_alone_ask_which(reader, words):
    assert (await reader.talk.hear("find_item", words)).responses == ("utter_what_to_find",)


async def test_dropping_the_filter_drops_it(reader):
    await reader.talk.hear("find_item", "truyện của [Nguyễn Nhật Ánh](author)")
    before = reader.talk.slots["hits"]["filters"]
    await reader.talk.hear("refine_search", "chỉ ở [Sa Đéc](branch) thôi")
    await reader.talk.hear("refine_search", "bỏ lọc")
    assert reader.talk.slots["hits"]["filters"] == before == {}


async def test_a_search_in_the_purchase_form_is_a_search(reader):
    reader.talk.slots["wanted_title"] = "tìm sách nuôi tôm"
    said = await reader.talk.run("action_store_purchase", "tìm sách nuôi tôm", intent="find_item")
    assert "nuôi tôm" in said.text
    assert reader.notes() == []


def test_an_author_known_already_leaves_the_title():
    assert title_and_author("nexus của yuval noah harari", "yuval noah harari") == ("nexus", "yuval noah harari")


async def test_the_bus_asked_about_does_not_answer_for_the_library(reader):
    await reader.talk.hear("ask_opening_hours", "[xe lưu động](branch) [tuần này](date) chạy ngày nào")
    assert (await reader.talk.hear("ask_opening_hours", "[tuần sau](date) thư viện mở thế nào")).text.startswith(
        "Mỹ Tho"
    )


async def test_a_rule_taken_for_the_patrons_own_loans_is_told_without_a_card(reader):
    said = await reader.talk.hear("list_loans", "trẻ em mượn mấy cuốn")
    assert said.responses == ("utter_answer",)


async def test_the_patrons_own_loans_want_a_card(reader):
    assert (await reader.talk.hear("list_loans", "em đang mượn mấy cuốn")).responses == ("utter_link_first",)


async def test_never_mind_is_no_part_of_a_search(reader):
    await reader.talk.hear("find_item", "thôi, tìm cuốn Mắt biếc")
    assert reader.talk.slots["hits"]["query"] == {"text": "Mắt biếc"}


async def test_audiobooks_are_not_books_twice(reader):
    assert "sách sách" not in (await reader.talk.hear("find_item", "có [sách nói](material) không")).text


@pytest.mark.parametrize("words", ["khong, sai roi bn", "dạ không ạ", "no no", "chưa đâu", "hông chịu"])
async def test_a_no_misheard_as_a_yes_does_nothing(borrowed, words):
    await borrowed.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    assert (await borrowed.talk.hear("affirm", words)).responses == ("utter_left_as_it_was",)
    assert borrowed.ils.renewed == []


@pytest.mark.parametrize("words", ["không sao, ok luôn", "ko vấn đề gì", "no problem"])
async def test_no_trouble_is_a_yes(borrowed, words):
    await borrowed.talk.hear("renew_loans", "gia hạn cuốn [Số đỏ](title)")
    assert (await borrowed.talk.hear("affirm", words)).responses == ("utter_renewed_one",)
