"""Người đến từ một đường dẫn chia sẻ: cuốn sách hay câu trả lời mở ra ngay, không cần hỏi gì trước."""

from __future__ import annotations

from connectors.sharing import payload_of_command, start_argument, start_target
from tests.journeys.shelves import DRAFT, RECORDS
from tests.journeys.talk import Talk

BOOK = RECORDS[0]


async def arrive(talk: Talk, what: str, target: str):
    """Return what is said to somebody who opens the chat by a link of ours."""
    argument = start_argument(what, target)
    command = f"start {start_target(argument)}"
    return await talk.press({"payload": payload_of_command(command)})


async def test_a_shared_book_opens_without_any_search_before_it(reader):
    said = await arrive(reader.talk, "book", BOOK.record_id)
    assert said.responses == ("utter_record",)
    assert BOOK.title in said.titles[0]
    assert reader.talk.slots["record"]["record_id"] == BOOK.record_id


async def test_the_talk_goes_on_about_a_shared_book(reader):
    await arrive(reader.talk, "book", BOOK.record_id)
    said = await reader.talk.hear("check_availability", "còn không bạn")
    assert BOOK.title in said.text


async def test_a_shared_book_that_is_gone_gets_a_kind_answer(reader):
    said = await arrive(reader.talk, "book", "no-such-record")
    assert said.responses == ("utter_record_gone",)
    assert said.text


async def test_a_shared_question_is_answered_at_once(reader):
    said = await arrive(reader.talk, "ask", "dia-chi")
    assert "phòng địa chí" in said.text


async def test_a_shared_question_that_is_gone_or_not_yet_published_gets_a_kind_answer(reader):
    for answer_id in ("no-such-answer", DRAFT.key):
        said = await arrive(reader.talk, "ask", answer_id)
        assert said.responses == ("utter_answer_gone",)
        assert said.buttons


async def test_a_link_opens_in_the_patrons_own_language(reader):
    reader.talk.slots["locale"] = "en"
    said = await arrive(reader.talk, "ask", "dia-chi")
    assert "local history" in said.text.lower()
