from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from connectors.curation.links import Link
from connectors.curation.remarks import Level, Remark, Surroundings, remarks
from retrieval.answers import Answer

GOOD = Answer(
    "the", "Làm thẻ", "Làm thẻ cần gì?", "Bạn mang căn cước tới quầy. Phí {card_fee}.", "What do I need for a card?",
    "Bring your ID card. It costs {card_fee}.", ("lam the can gi vay",), risk="high",
)  # fmt: skip
AROUND = Surroundings({"card_fee": "20.000 đồng", "phone": "0273 000 0000"})


def told(changes: Mapping[str, Any], around: Surroundings = AROUND, **more: Any) -> list[Remark]:
    """Return the remarks on the good answer with these changes, without those that a good one gets as well."""
    usual = set(remarks(GOOD, AROUND))
    return [each for each in remarks(replace(GOOD, **changes), around, **more) if each not in usual]


def test_a_good_answer_wants_only_a_day_of_review() -> None:
    assert [(each.level, each.field) for each in remarks(GOOD, AROUND)] == [(Level.NOTE, "review_by")]


@pytest.mark.parametrize(
    ("changes", "level", "field", "words"),
    [
        ({"answer": "Phí {card_price}."}, Level.STOP, "answer", "Không có biến {card_price}"),
        ({"answer_en": "It costs {x}."}, Level.STOP, "answer_en", "Không có biến {x}"),
        ({"answer": "Thẻ DT000123 của bạn Hoa."}, Level.STOP, "answer", "số thẻ"),
        ({"answer": "Mật khẩu là 123456 nhé."}, Level.STOP, "answer", "số thẻ, mật khẩu"),
        ({"answer": "Gọi 0912 345 678 nhé bạn."}, Level.DOUBT, "answer", "{phone}"),
        ({"phrasings": ("em là Hoa 0912345678 làm thẻ",)}, Level.STOP, "phrasings", "số điện thoại của một người"),
        ({"phrasings": ("làm thẻ cần gì",)}, Level.NOTE, "phrasings", "giống “Làm thẻ cần gì?” khi bỏ dấu"),
        ({"url": "javascript:alert(1)"}, Level.STOP, "url", "http://"),
        ({"answer": "Mang can cuoc toi quay lam the nhe"}, Level.DOUBT, "answer", "thiếu dấu"),
        ({"answer": "Quý bạn đọc mang căn cước tới quầy."}, Level.NOTE, "answer", "xa cách"),
        ({"answer": "Mở từ 7h30 nhé bạn."}, Level.NOTE, "answer", "“7h30”"),
        ({"answer": "Phí 20k một thẻ nhé bạn."}, Level.NOTE, "answer", "“20k”"),
        ({"answer": "Phí 20000đ một thẻ nhé bạn."}, Level.NOTE, "answer", "“20000đ”"),
        ({"answer": "Làm được ngay nhé!"}, Level.NOTE, "answer", "chấm than"),
        ({"answer": "KHÔNG ĐƯỢC MANG ĐỒ ĂN vào phòng đọc."}, Level.NOTE, "answer", "quát"),
        ({"answer": "Vui lên 😀😀 nhé bạn."}, Level.NOTE, "answer", "biểu tượng"),
        ({"answer_en": ""}, Level.NOTE, "answer_en", "Chưa có bản tiếng Anh"),
        ({"phrasings": ()}, Level.NOTE, "phrasings", "Chưa có cách hỏi khác"),
    ],
)
def test_what_is_wrong_is_told_where_it_is(changes: dict[str, Any], level: Level, field: str, words: str) -> None:
    assert [(each.level, each.field) for each in told(changes) if words in each.text] == [(level, field)]


@pytest.mark.parametrize("answer", ["Mở lúc 7 giờ 30.", "Phí 20.000 đồng.", "Từ thứ Bảy 28/11.", "Ở tỉnh TP HCM."])
def test_what_is_right_is_left_alone(answer: str) -> None:
    assert told({"answer": answer}) == []


def test_the_same_question_elsewhere_is_told_without_marks_too() -> None:
    other = Answer("khac", "Thẻ", "Thẻ mất phí không?", "Có.", phrasings=("LAM THE CAN GI",))
    found = told({}, replace(AROUND, near=(other,)))
    assert [(each.level, each.field) for each in found] == [(Level.DOUBT, "question")]
    assert "Thẻ mất phí không?" in found[0].text


def test_figures_are_compared_as_they_are_said_today() -> None:
    near = replace(AROUND, near=(Answer("k", "Thẻ", "Thẻ giá bao nhiêu?", "Thẻ giá 30.000 đồng."),))
    found = told({}, near)
    assert "câu này nói 20.000; “Thẻ giá bao nhiêu?” nói 30.000" in found[0].text
    assert told({}, replace(AROUND, near=(Answer("k", "Thẻ", "Giá?", "Giá {card_fee}."),))) == []


def test_a_dead_link_is_told_and_a_good_one_is_not() -> None:
    links = {"https://a.test/": Link.DEAD, "https://b.test/": Link.OK}
    found = told({"url": "https://a.test/"}, links=links)
    assert [(each.field, each.text) for each in found] == [("url", "https://a.test/: không còn trang này.")]


def test_the_gravest_comes_first() -> None:
    levels = [each.level for each in told({"answer": "{x}! Gọi 0912 345 678 lúc 7h30"})]
    assert levels == sorted(levels, key=list(Level).index)
