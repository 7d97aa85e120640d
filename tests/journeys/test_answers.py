"""Câu hỏi về nội quy, dịch vụ, phí, thủ tục."""

from __future__ import annotations

from types import SimpleNamespace

from retrieval.answering import Which
from tests.journeys.conftest import TUESDAY

ASK = "ask_library_info"


async def test_a_sure_answer_comes_with_its_source_and_date(reader):
    said = await reader.talk.hear(ASK, "ngày nghỉ hằng tuần của thư viện")
    assert said.responses == ("utter_answer",)
    answer, source = said.text.split("\n\n")
    assert answer.startswith("Không, thứ Hai cả ba cơ sở nghỉ")
    assert source.startswith("Nguồn: ")
    assert "cập nhật 1/1/2026" in source


async def test_variables_are_filled_in(reader):
    said = await reader.talk.press({"payload": '/ask_library_info{"answer_key": "gio-mo-cua-chung"}'})
    assert "Hôm nay: Mỹ Tho 7 giờ 30–11 giờ 30 và 13 giờ 30–18 giờ 30; Cao Lãnh và Sa Đéc 7 giờ 30" in said.text
    assert "{" not in said.text


async def test_an_english_talk_gets_the_english_answer(reader):
    reader.talk.slots["locale"] = "en"
    said = await reader.talk.press({"payload": '/ask_library_info{"answer_key": "gio-mo-cua-chung"}'})
    assert said.text.startswith("Today: My Tho 7:30 am–11:30 am and 1:30 pm–6:30 pm;")
    assert "\n\nSource: " in said.text


async def test_when_several_fit_it_asks_which_with_at_most_three_buttons(reader, holdings):
    fitting = Which(tuple(holdings.book.published(TUESDAY.date())[:4]))
    reader.answers = SimpleNamespace(ask=lambda text, on: fitting)
    said = await reader.talk.hear(ASK, "làm thẻ")
    assert said.responses == ("utter_which_answer",)
    assert [button["title"] for button in said.buttons] == [each.question for each in fitting.answers[:3]]
    chosen = await reader.talk.press(said.buttons[1])
    assert fitting.answers[1].source in chosen.text
    assert reader.notes() == []


async def test_an_unknown_question_is_left_with_the_librarians_and_a_person_is_offered(reader):
    said = await reader.talk.hear(ASK, "thư viện có cho thuê khinh khí cầu không")
    assert said.responses == ("utter_answer_unknown",)
    assert said.button("Gặp thủ thư")["payload"] == "/talk_to_librarian"
    [note] = reader.notes()
    assert (note["kind"], note["text"]) == ("question", "thư viện có cho thuê khinh khí cầu không")
    assert note["detail"] == {"reason": "thiếu kiến thức"}


async def test_a_draft_is_never_shown(reader):
    assert "Bản nháp" not in (await reader.talk.hear(ASK, "mượn robot lắp ráp")).text
    said = await reader.talk.press({"payload": '/ask_library_info{"answer_key": "robot"}'})
    assert said.responses == ("utter_answer_gone",)


async def test_an_answer_past_its_last_day_is_not_shown(reader):
    assert "Đăng ký ở quầy" not in (await reader.talk.hear(ASK, "thi vẽ tranh")).text
    said = await reader.talk.press({"payload": '/ask_library_info{"answer_key": "thi-ve"}'})
    assert said.responses == ("utter_answer_gone",)


async def test_an_answer_with_a_hole_in_it_is_not_shown(reader):
    said = await reader.talk.hear(ASK, "thuê áo dài chụp ảnh tốn nhiêu")
    assert said.responses == ("utter_answer_unknown",)
    assert "{" not in said.text
