from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from library.text import fold
from retrieval.answer_files import import_answers
from retrieval.answering import AnswerSearcher, Sure, Unknown, Which
from retrieval.answers import Answer, AnswerBook
from retrieval.embedder import HashingEmbedder
from retrieval.passages import wordings, words
from retrieval.vectors import VectorStore

NOW = datetime(2026, 11, 22, 9, 0)
DEMO = Path(__file__).resolve().parents[2] / "demo" / "answers"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> AnswerSearcher:
    book = AnswerBook(tmp_path_factory.mktemp("demo") / "answers.sqlite")
    import_answers(DEMO, book, NOW)
    return AnswerSearcher(book)


@pytest.mark.parametrize("question", ["Một lần được mượn bao nhiêu cuốn?", "mượn tối đa mấy cuốn"])
def test_a_known_wording_is_answered_with_and_without_marks(demo: AnswerSearcher, question: str) -> None:
    for asked in (question, fold(question), f"ad ơi cho em hỏi {question} ạ"):
        found = demo.ask(asked)
        assert isinstance(found, Sure), asked
        assert found.answer.key == "muon-bao-nhieu"


@pytest.mark.parametrize("question", ["giá vàng hôm nay bao nhiêu", "gia vang hom nay", "asdf qwer", "", "???"])
def test_what_the_book_does_not_hold_is_never_answered_surely(demo: AnswerSearcher, question: str) -> None:
    assert not isinstance(demo.ask(question), Sure)


def test_nothing_asked_is_unknown(demo: AnswerSearcher) -> None:
    assert demo.ask("") == Unknown(())


def test_a_choice_is_of_at_most_three_different_answers(demo: AnswerSearcher) -> None:
    asked = ("thẻ", "mượn sách", "phòng máy", "gia hạn", "sách thiếu nhi mượn thế nào", "the", "phi")
    choices = [found.answers for question in asked if isinstance(found := demo.ask(question), Which)]
    assert choices
    assert all(1 <= len({answer.key for answer in answers}) == len(answers) <= 3 for answers in choices)


@pytest.fixture
def book(tmp_path: Path) -> AnswerBook:
    return AnswerBook(tmp_path / "answers.sqlite")


def publish(book: AnswerBook, answer: Answer) -> None:
    book.publish(answer.key, book.draft(answer, "lan", NOW), "hoa", NOW)


def sure(searcher: AnswerSearcher, question: str, on: date | None = None) -> str:
    found = searcher.ask(question, on)
    return found.answer.answer if isinstance(found, Sure) else ""


WIFI = Answer("wifi", "Wifi", "Thư viện có wifi không?", "Có.", phrasings=("mật khẩu wifi là gì", "vào mạng sao vậy"))
PARK = Answer("xe", "Gửi xe", "Gửi xe ở đâu?", "Ở cổng sau.", phrasings=("bãi giữ xe", "giữ xe có mất tiền không"))


def test_what_is_published_counts_from_the_next_question_on(book: AnswerBook) -> None:
    searcher = AnswerSearcher(book)
    assert isinstance(searcher.ask("Thư viện có wifi không?"), Unknown)
    publish(book, WIFI)
    publish(book, PARK)
    assert sure(searcher, "thư viện có wifi không") == "Có."

    book.draft(replace(WIFI, answer="Không."), "lan", NOW)
    assert sure(searcher, "thu vien co wifi khong") == "Có."
    book.withdraw("wifi", "hoa", NOW)
    assert sure(searcher, "thư viện có wifi không") == ""


def test_an_answer_is_given_only_on_the_days_it_holds(book: AnswerBook) -> None:
    publish(book, replace(WIFI, valid_until=date(2026, 11, 22)))
    publish(book, PARK)
    searcher = AnswerSearcher(book)
    assert sure(searcher, "thư viện có wifi không", date(2026, 11, 22)) == "Có."
    assert sure(searcher, "thư viện có wifi không", date(2026, 11, 23)) == ""


def test_an_empty_book_knows_nothing(book: AnswerBook) -> None:
    assert AnswerSearcher(book).ask("thư viện có wifi không") == Unknown(())


def test_meaning_joins_in_once_the_model_is_ready(book: AnswerBook, vectors: VectorStore) -> None:
    class Waking(HashingEmbedder):
        awake = False

        @property
        def ready(self) -> bool:
            return self.awake

    publish(book, WIFI)
    publish(book, PARK)
    model = Waking()
    searcher = AnswerSearcher(book, embedder=model, vectors=vectors)
    assert sure(searcher, "thư viện có wifi không") == "Có."
    assert not searcher.shelf.has_meaning
    model.awake = True
    assert sure(searcher, "thư viện có wifi không") == "Có."
    assert searcher.shelf.has_meaning


def test_no_wording_of_the_demo_book_leads_to_two_answers(demo: AnswerSearcher) -> None:
    asked_by: dict[tuple[str, ...], set[str]] = {}
    for answer in demo.shelf.answers:
        for wording in wordings(answer):
            asked_by.setdefault(tuple(words(wording).folded), set()).add(answer.key)
    assert len(asked_by) > 1000
    assert [asked for asked, keys in asked_by.items() if len(keys) > 1] == []
