"""What a door shows of an answer: within its limits, whole, in order, and every choice within reach."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.channels.port import Button, Card, Limits, Part, Reply
from connectors.channels.rendering import chosen, number_said, render
from library.text import nfc

WIDE = Limits(text=2000, buttons=8, button_title=64, per_second=30.0, chat_every_s=1.0)
NARROW = replace(WIDE, buttons=3, button_title=20)
PLAIN = replace(WIDE, buttons=0)

SO_DO = Card(
    "Số đỏ",
    "Vũ Trọng Phụng · 2015",
    ("Mỹ Tho · 895.9 / S450Đ · còn 2 bản",),
    (Button("Xem thêm", "see-1"), Button("Đặt giữ", "hold-1")),
)
MAT_BIEC = Card("Mắt biếc", "Nguyễn Nhật Ánh", (), (Button("Xem thêm", "see-2"),))
ONLINE = Card("Dế Mèn", "", (), (Button("Đọc trực tuyến", url="https://sach.example/de-men"),))


def choices(number: int) -> tuple[Button, ...]:
    return tuple(Button(f"Việc {n}", f"deed-{n}") for n in range(1, number + 1))


def meant(parts: list[Part]) -> dict[int, str | None]:
    return {number: button.payload for part in parts for number, button in part.numbered}


# --- as it reads ------------------------------------------------------------------------------------------------------


def test_a_short_answer_stays_as_it_is() -> None:
    assert render([Reply("Chào bạn.\n\nHôm nay mở cửa.")], WIDE) == [Part("Chào bạn.\n\nHôm nay mở cửa.")]


def test_an_answer_without_words_is_no_message() -> None:
    assert render([], WIDE) == []
    assert render([Reply(), Reply(" \n ")], WIDE) == []


def test_each_bubble_is_a_message_with_its_own_buttons() -> None:
    parts = render([Reply("Một", choices(1)), Reply("Hai", choices(2))], WIDE)
    assert parts == [Part("Một", choices(1)), Part("Hai", choices(2))]


def test_a_door_without_buttons_writes_choices_under_numbers() -> None:
    [part] = render([Reply("Bạn cần gì?", (Button("Giờ mở cửa", "a"), Button("Tìm sách", "b")))], PLAIN)
    assert part.text == "Bạn cần gì?\n\nTrả lời bằng số:\n1. Giờ mở cửa\n2. Tìm sách"
    assert part.buttons == ()
    assert meant([part]) == {1: "a", 2: "b"}


def test_english_patrons_are_told_in_english() -> None:
    [part] = render([Reply("What next?", choices(4))], NARROW, "en")
    assert part.text == "What next?\n\nOr reply with a number:\n1. Việc 4"


def test_more_choices_than_buttons_go_on_under_numbers() -> None:
    [part] = render([Reply("Chọn", choices(5))], NARROW)
    assert part.buttons == choices(3)
    assert part.text == "Chọn\n\nHoặc trả lời bằng số:\n1. Việc 4\n2. Việc 5"
    assert meant([part]) == {1: "deed-4", 2: "deed-5"}


def test_numbers_count_on_from_bubble_to_bubble() -> None:
    parts = render([Reply("Một", choices(2)), Reply("Hai", choices(1))], PLAIN)
    assert parts[1].text == "Hai\n\nTrả lời bằng số:\n3. Việc 1"
    assert meant(parts) == {1: "deed-1", 2: "deed-2", 3: "deed-1"}


def test_an_address_is_written_before_a_choice_loses_its_button() -> None:
    link = Button("Trang của sách", url="https://sach.example/1")
    [part] = render([Reply("Chọn", (link, *choices(3)))], NARROW)
    assert part.buttons == choices(3)
    assert part.text == "Chọn\n\nTrang của sách: https://sach.example/1"
    [part] = render([Reply("Chọn", (link,))], NARROW)
    assert part.buttons == (link,)


def test_buttons_alone_get_a_few_words_to_stand_under() -> None:
    assert render([Reply(buttons=choices(2))], WIDE) == [Part("Bạn chọn nhé:", choices(2))]


def test_a_title_too_long_for_a_button_is_cut_after_a_word() -> None:
    [part] = render([Reply("Đây", (Button("Lịch sử, địa lý và văn hoá vùng sông nước", "a"),))], NARROW)
    assert [button.title for button in part.buttons] == ["Lịch sử, địa lý và…"]


def test_one_card_is_text_with_its_buttons_below() -> None:
    [part] = render([Reply("Đây là cuốn bạn hỏi:", cards=(SO_DO,))], WIDE)
    assert part.text == ("Đây là cuốn bạn hỏi:\n\nSố đỏ — Vũ Trọng Phụng · 2015\nMỹ Tho · 895.9 / S450Đ · còn 2 bản")
    assert part.buttons == SO_DO.buttons
    assert part.numbered == ()


def test_several_cards_are_numbered_and_so_are_their_buttons() -> None:
    [part] = render([Reply("Có 2 cuốn:", (Button("Xem tiếp", "more"),), (SO_DO, MAT_BIEC))], WIDE)
    assert part.text == (
        "Có 2 cuốn:\n\n1. Số đỏ — Vũ Trọng Phụng · 2015\nMỹ Tho · 895.9 / S450Đ · còn 2 bản"
        "\n\n2. Mắt biếc — Nguyễn Nhật Ánh"
    )
    assert [button.title for button in part.buttons] == ["1. Xem thêm", "1. Đặt giữ", "2. Xem thêm", "Xem tiếp"]
    assert meant([part]) == {1: "see-1", 2: "see-2"}


def test_what_cards_offer_besides_gives_way_first() -> None:
    [part] = render([Reply("Có 2 cuốn:", (Button("Xem tiếp", "more"),), (SO_DO, MAT_BIEC))], NARROW)
    assert [button.title for button in part.buttons] == ["1. Xem thêm", "2. Xem thêm", "Xem tiếp"]
    assert part.text.endswith("\n\nHoặc trả lời bằng số:\n3. Đặt giữ · Số đỏ")
    assert meant([part]) == {1: "see-1", 2: "see-2", 3: "hold-1"}


def test_without_buttons_a_cards_number_picks_it() -> None:
    [part] = render([Reply("Có 3 cuốn:", (Button("Xem tiếp", "more"),), (SO_DO, MAT_BIEC, ONLINE))], PLAIN)
    assert part.text.endswith(
        "3. Dế Mèn\nĐọc trực tuyến: https://sach.example/de-men"
        "\n\nTrả lời bằng số:\n1–2. Xem thêm\n4. Đặt giữ · Số đỏ\n5. Xem tiếp"
    )
    assert meant([part]) == {1: "see-1", 2: "see-2", 4: "hold-1", 5: "more"}


def test_cards_go_into_as_few_messages_as_hold_them_whole() -> None:
    cards = tuple(Card(f"Sách {n}", "x" * 600, (), (Button("Xem thêm", f"see-{n}"),)) for n in range(1, 6))
    parts = render([Reply("Năm cuốn:", cards=cards)], WIDE)
    assert [re.findall(r"Sách \d", part.text) for part in parts] == [
        ["Sách 1", "Sách 2", "Sách 3"],
        ["Sách 4", "Sách 5"],
    ]
    assert [len(part.buttons) for part in parts] == [0, 5]
    assert [[number for number, _ in part.numbered] for part in parts] == [[1, 2, 3], [4, 5]]


def test_long_text_is_cut_between_paragraphs_then_sentences_then_words() -> None:
    limits = replace(PLAIN, text=40)
    paragraphs = "Mở cửa cả tuần.\n\nThứ Hai nghỉ để dọn kho sách. Ngày lễ cũng nghỉ nhé. Chào bạn."
    assert [part.text for part in render([Reply(paragraphs)], limits)] == [
        "Mở cửa cả tuần.",
        "Thứ Hai nghỉ để dọn kho sách.",
        "Ngày lễ cũng nghỉ nhé. Chào bạn.",
    ]
    words = "một hai ba bốn năm sáu bảy tám chín mười mười một mười hai"
    assert [part.text for part in render([Reply(words)], limits)] == [
        "một hai ba bốn năm sáu bảy tám chín mười",
        "mười một mười hai",
    ]


@pytest.mark.parametrize("sign", ["👩‍👩‍👧", "👍🏽", "🇻🇳", "x̣̂", "❤️"])
def test_no_sign_is_cut_in_two(sign: str) -> None:
    for limit in range(len(sign), 3 * len(sign) + 1):
        pieces = [part.text for part in render([Reply(sign * 9)], replace(PLAIN, text=limit))]
        assert all(len(piece) % len(nfc(sign)) == 0 for piece in pieces)
        assert "".join(pieces) == nfc(sign) * 9


def test_nothing_in_a_title_passes_for_a_choice_of_ours() -> None:
    [part] = render([Reply("Chọn", (Button("Đồng ý\n2. Xoá hết", "yes"),))], PLAIN)
    assert part.text == "Chọn\n\nTrả lời bằng số:\n1. Đồng ý 2. Xoá hết"


def test_patrons_words_are_shown_as_they_are() -> None:
    markup = "<b>đậm</b> *nghiêng* [x](javascript:alert(1)) {{7*7}}"
    assert render([Reply(markup)], WIDE) == [Part(markup)]


# --- a patron's number ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        "2",
        " 2. ",
        "２",
        "số 2",
        "Số 2.",
        "so 2",
        "so2",
        "chọn 2",
        "Chọn số 2",
        "no. 2",
        "No 2",
        "number 2",
        "#2",
        "(2)",
    ],
)
def test_a_bare_number_is_a_choice(said: str) -> None:
    assert chosen(said, [(1, Button("một", "a")), (2, Button("hai", "b"))]) == Button("hai", "b")


@pytest.mark.parametrize(
    "said",
    ["", "số", "2 cuốn", "có 2", "2/9", "2-3", "2,5", "2h", "lớp 2", "2024", "hai", "-2", "2?", "²", "②", "gia hạn 2"],
)
def test_anything_more_is_not(said: str) -> None:
    assert number_said(said) is None


def test_a_number_that_was_not_offered_is_nothing() -> None:
    assert chosen("3", [(1, Button("một", "a"))]) is None
    assert chosen("0", [(1, Button("một", "a"))]) is None


# --- whatever the answer ----------------------------------------------------------------------------------------------

SIGNS = st.sampled_from([*"aăâeêioôơuưđỏệ.,;:!?… \n\n", "́", "️", "👍", "🏽", "‍", "🇻", "🇳", "ẹ̀", "“", "”", "TP. "])
TEXTS = st.lists(st.one_of(SIGNS, st.text("xyz", min_size=1, max_size=120)), max_size=60).map("".join).map(nfc)
TITLES = st.text(st.sampled_from("abc ờỏ 1.\n"), max_size=40)
LIMITS = st.builds(
    Limits,
    text=st.integers(20, 300),
    buttons=st.integers(0, 8),
    button_title=st.integers(4, 40),
    per_second=st.just(1.0),
    chat_every_s=st.just(0.0),
)


@st.composite
def answers(draw: st.DrawFn) -> list[Reply]:
    """Return an answer in which each button carries a payload or an address of its own."""
    names = itertools.count()

    def buttons() -> tuple[Button, ...]:
        drawn = draw(st.lists(st.tuples(TITLES, st.booleans()), max_size=4))
        marked = [(title, choice, next(names)) for title, choice in drawn]
        return tuple(
            Button(title, f"p{mark}") if choice else Button(title, url=f"https://s.vn/{mark}/")
            for title, choice, mark in marked
        )

    def card() -> Card:
        return Card(draw(TITLES), draw(TITLES), tuple(draw(st.lists(TEXTS, max_size=2))), buttons())

    return [
        Reply(draw(TEXTS), buttons(), tuple(card() for _ in range(draw(st.integers(0, 3)))))
        for _ in range(draw(st.integers(0, 3)))
    ]


def buttons_of(answer: list[Reply]) -> list[Button]:
    return [button for reply in answer for each in (reply, *reply.cards) for button in each.buttons]


def without_blanks(text: str) -> str:
    return re.sub(r"\s", "", text)


def comes_in_order(wanted: str, shown: str) -> bool:
    """Return whether all signs of one text come in the other, in the same order."""
    rest = iter(shown)
    return all(sign in rest for sign in wanted)


@given(answers(), LIMITS)
def test_every_message_is_within_the_limits(answer: list[Reply], limits: Limits) -> None:
    for part in render(answer, limits):
        assert 0 < len(part.text) <= limits.text
        assert part.text == part.text.strip()
        assert len(part.buttons) <= limits.buttons
        assert all(0 < len(button.title) <= limits.button_title for button in part.buttons)


@given(TEXTS, LIMITS)
def test_cutting_loses_nothing_but_blank_space(text: str, limits: Limits) -> None:
    shown = [part.text for part in render([Reply(text)], limits)]
    assert without_blanks("".join(shown)) == without_blanks(text)
    longest = max((len(word) for word in text.split()), default=0)
    if longest <= limits.text:
        assert " ".join(shown).split() == text.split()


@given(answers(), LIMITS)
def test_all_words_are_shown_in_order(answer: list[Reply], limits: Limits) -> None:
    told = [(reply.text, *((card.title, card.subtitle, *card.lines) for card in reply.cards)) for reply in answer]
    wanted = without_blanks("".join(word if isinstance(word, str) else "".join(word) for one in told for word in one))
    assert comes_in_order(wanted, without_blanks("".join(part.text for part in render(answer, limits))))


@given(answers(), LIMITS)
def test_every_button_is_within_reach_and_shown_once(answer: list[Reply], limits: Limits) -> None:
    parts = render(answer, limits)
    text = without_blanks("".join(part.text for part in parts))
    drawn = [button.payload or button.url for part in parts for button in part.buttons]
    numbered = list(meant(parts).values())
    several = sum(len(reply.cards) for reply in answer) > 1
    for button in buttons_of(answer):
        written = text.count(without_blanks(button.url)) if button.url else numbered.count(button.payload)
        by_card = several and not button.url and written == 1 and drawn.count(button.payload) == 1
        assert by_card or drawn.count(button.payload or button.url) + written == 1


@given(answers(), LIMITS)
def test_numbers_are_one_each_and_stand_in_the_text(answer: list[Reply], limits: Limits) -> None:
    parts = render(answer, limits)
    numbers = [number for part in parts for number, _ in part.numbered]
    assert len(numbers) == len(set(numbers))
    cards = sum(len(reply.cards) for reply in answer)
    beyond = sorted(number for number in numbers if number > (cards if cards > 1 else 0))
    assert beyond == list(range(1 + (cards if cards > 1 else 0), 1 + (cards if cards > 1 else 0) + len(beyond)))
    for part in parts:
        assert all(re.search(rf"(?m)^{number}\.", part.text) for number, _ in part.numbered)


@given(answers(), LIMITS)
def test_nfc_stays_nfc(answer: list[Reply], limits: Limits) -> None:
    for part in render(answer, limits):
        assert nfc(part.text) == part.text
        assert all(nfc(button.title) == button.title for button in part.buttons)


@given(answers(), LIMITS)
@example([Reply("Chọn", choices(3))], replace(PLAIN, text=20))
def test_without_buttons_the_same_messages_come_with_more_in_them(answer: list[Reply], limits: Limits) -> None:
    """A bubble whose buttons a door refused halfway goes on where it was."""
    for reply in answer:
        roomy = replace(limits, buttons=100)
        drawn, plain = render([reply], roomy), render([reply], replace(limits, buttons=0))
        if reply.text.strip() or reply.cards:
            assert [part.text for part in drawn[:-1]] == [part.text for part in plain[: len(drawn) - 1]]


@given(TEXTS, LIMITS)
def test_what_was_cut_to_fit_is_not_cut_again(text: str, limits: Limits) -> None:
    parts = render([Reply(text)], limits)
    assert render([Reply(part.text) for part in parts], limits) == parts
