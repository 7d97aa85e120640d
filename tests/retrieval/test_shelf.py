"""A shelf of answers: who is nearest, by words and by meaning, in small and odd books."""

import numpy as np
import pytest

from library.text import fold
from retrieval import beliefs
from retrieval.answers import Answer
from retrieval.embedder import Embedder, HashingEmbedder, open_embedder
from retrieval.shelf import Shelf, Sure, Unknown

HOURS = Answer("gio", "Giờ", "Thư viện mở cửa mấy giờ?", "Từ 7 giờ 30.", phrasings=("mấy giờ đóng cửa", "lịch mở cửa"))
CARD = Answer(
    "the", "Thẻ", "Làm thẻ bạn đọc cần gì?", "Căn cước.", phrasings=("đăng ký thẻ thế nào", "thủ tục làm thẻ")
)
FINE = Answer(
    "phat",
    "Phạt",
    "Trả sách trễ bị phạt bao nhiêu?",
    "1.000 đồng.",
    phrasings=("tiền phạt quá hạn", "nộp phạt trễ hạn"),
)
BOOK = [HOURS, CARD, FINE]


@pytest.fixture(params=[None, HashingEmbedder(), open_embedder("fast")], ids=["words", "hashing", "static"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    embedder: Embedder | None = request.param
    return Shelf.embedded(0, BOOK, embedder, None) if embedder else Shelf(0, BOOK)


@pytest.mark.parametrize(
    ("asked", "key"),
    [
        ("thư viện đóng cửa lúc mấy giờ", "gio"),
        ("làm thẻ thì cần giấy tờ gì", "the"),
        ("mượn quá hạn phạt nhiêu", "phat"),
    ],
)
def test_the_nearest_answer_comes_first_with_marks_without_and_with_a_slip(shelf: Shelf, asked: str, key: str) -> None:
    slipped = asked.replace("th", "ht", 1)
    for text in (asked, fold(asked), slipped):
        (match,) = shelf.matches([shelf.understood(text)])
        assert shelf.answers[match.best[0]].key == key, text


def test_together_is_as_one_by_one(shelf: Shelf) -> None:
    asked = ["mấy giờ mở cửa", "phạt", "thời tiết hôm nay"]
    for together, alone in zip(shelf.ask_all(asked), map(shelf.ask, asked), strict=True):
        assert type(together) is type(alone)
        if isinstance(together, Sure) and isinstance(alone, Sure):
            assert together.answer == alone.answer
            assert together.confidence == pytest.approx(alone.confidence, abs=1e-4)


def test_every_kind_of_shelf_has_its_beliefs(shelf: Shelf) -> None:
    (match,) = shelf.matches(["giờ mở cửa"])
    assert 0 < beliefs.known(match.features, shelf.by) < 1
    assert 0 < beliefs.right(match.features, shelf.by) < 1


def test_a_book_of_one_answer_gives_it_when_asked_in_its_words() -> None:
    shelf = Shelf(0, [CARD])
    found = shelf.ask("dang ky the the nao")
    assert isinstance(found, Sure)
    assert found.answer == CARD


def test_a_book_without_a_word_knows_nothing() -> None:
    shelf = Shelf(0, [Answer("x", "?", "???", "!!!"), Answer("y", "-", "...", "---")])
    assert isinstance(shelf.ask("mấy giờ mở cửa"), Unknown)


def test_an_answer_away_is_never_among_the_best(shelf: Shelf) -> None:
    away = np.array([True, False, False])
    (match,) = shelf.matches(["mấy giờ mở cửa"], away)
    assert shelf.answers[match.best[0]].key != "gio"
