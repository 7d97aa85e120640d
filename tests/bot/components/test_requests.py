"""Where a message may be cut, and which pieces are requests: a stand-in reads the pieces."""

import asyncio
from typing import Any

import pytest

from bot.components.requests import cuts, requests_in, understood
from library.text import fold

# A folded word or two that the stand-in knows a piece by, and what it takes it for.
KNOWN = {
    "gia han": "renew_loans",
    "mo cua": "ask_opening_hours",
    "mo may gio": "ask_opening_hours",
    "con khong": "check_availability",
    "gui xe": "ask_library_info",
    "wifi": "ask_library_info",
    "tim": "find_item",
    "no tien": "ask_charges",
    "chao": "greet",
    "u": "affirm",
    "ban qua": "chitchat",
}
TITLES = ("Số đỏ", "Mắt biếc", "Kiêu hãnh và định kiến")


async def parse(text: str) -> dict[str, Any]:
    plain = fold(text)
    intent = next((name for word, name in KNOWN.items() if f" {word} " in f" {plain.strip('?!. ')} "), "chitchat")
    entities = [
        {"entity": "title", "value": title, "start": text.index(title), "end": text.index(title) + len(title)}
        for title in TITLES
        if title in text
    ]
    return {"text": text, "intent": {"name": intent, "confidence": 0.9}, "entities": entities}


def asked(text: str, may_answer: bool = False) -> list[tuple[str, str]]:
    _, found = asyncio.run(requests_in(text, parse, may_answer))
    return [(request.intent, request.text) for request in found]


@pytest.mark.parametrize(
    ("text", "intents"),
    [
        ("gia hạn Số đỏ với lại mai mấy giờ mở cửa", ["renew_loans", "ask_opening_hours"]),
        ("gia hạn Số đỏ, tiện thể cho hỏi mai mấy giờ mở cửa", ["renew_loans", "ask_opening_hours"]),
        ("gia han het giup em roi xem giup em con no tien khong", ["renew_loans", "ask_charges"]),
        ("có wifi không? gửi xe ở đâu?", ["ask_library_info", "ask_library_info"]),
        ("Số đỏ còn không, Mắt biếc còn không", ["check_availability", "check_availability"]),
    ],
)
def test_requests_of_their_own_are_told_apart(text: str, intents: list[str]) -> None:
    assert [intent for intent, _ in asked(text)] == intents


@pytest.mark.parametrize(
    "text",
    [
        "gia hạn Số đỏ giúp em, em bận quá",
        "chào bạn, cho hỏi mai mấy giờ mở cửa",
        "tìm Kiêu hãnh và định kiến",
        "gia hạn Số đỏ, gia hạn Mắt biếc nữa",
        "mai mấy giờ mở cửa",
        "1.000 cuốn, 7.30 mở cửa",
    ],
)
def test_what_only_goes_with_a_request_is_none(text: str) -> None:
    assert asked(text) == []


def test_a_yes_before_a_question_counts_only_while_something_is_asked() -> None:
    assert asked("ừ, mà mai mấy giờ mở cửa") == []
    assert [intent for intent, _ in asked("ừ, mà mai mấy giờ mở cửa", True)] == ["affirm", "ask_opening_hours"]


def test_the_first_request_names_the_intent_and_the_slots_are_those_of_the_whole() -> None:
    reading = asyncio.run(understood("gia hạn Số đỏ với lại Mắt biếc còn không", parse))
    assert reading["intent"]["name"] == "renew_loans"
    assert [each["value"] for each in reading["entities"]] == ["Số đỏ", "Mắt biếc"]


@pytest.mark.parametrize("text", ["", "?", "a" * 5000, "x, " * 2000, "İ, mai mở cửa? gia hạn", "ừ. ok. và. rồi"])
def test_any_text_can_be_read(text: str) -> None:
    reading = asyncio.run(understood(text, parse))
    assert reading["intent"]["name"]


def test_a_message_without_a_cut_is_read_once() -> None:
    read: list[str] = []

    async def counting(text: str) -> dict[str, Any]:
        read.append(text)
        return await parse(text)

    asyncio.run(understood("gia hạn cuốn Số đỏ giúp em", counting))
    assert len(read) == 1


def test_numbers_and_dates_hold_no_cut() -> None:
    assert cuts("ngày 2.9 mở 7,5 tiếng") == []
