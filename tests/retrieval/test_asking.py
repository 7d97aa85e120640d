import pytest

from retrieval.asking import wanted, without_courtesies


@pytest.mark.parametrize(
    ("asked", "sought"),
    [
        ("ad ơi có cuốn Số đỏ không ạ", "Số đỏ"),
        ("co cuon so do khong", "so do"),
        ("cho em hỏi thư viện có sách về nuôi tôm không vậy", "nuôi tôm"),
        ("em muốn tìm sách về lịch sử Việt Nam", "lịch sử Việt Nam"),
        ("giới thiệu cho em vài cuốn trinh thám hay đi", "trinh thám"),
        ("sách của Nguyễn Nhật Ánh", "Nguyễn Nhật Ánh"),
        ("do you have books about shrimp farming", "shrimp farming"),
        ("Đắc nhân tâm", "Đắc nhân tâm"),
        ("sạch sẽ", "sạch sẽ"),
        ("to hoai", "to hoai"),
        ("sách", "sách"),
    ],
)
def test_the_asking_around_a_query_is_taken_off(asked: str, sought: str) -> None:
    assert wanted(asked) == sought


def test_a_question_keeps_its_words_and_loses_its_courtesies() -> None:
    assert without_courtesies("ad ơi cho em hỏi mượn được mấy cuốn vậy ạ") == "mượn được mấy cuốn"
    assert without_courtesies("thư viện có wifi không ạ") == "thư viện có wifi không"
