import pytest

from retrieval.diacritics import Restorer
from retrieval.spacing import respaced


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return Restorer.learn(["Số đỏ", "Đắc nhân tâm", "Kỹ thuật nuôi tôm", "Lập trình python", "Tắt đèn", "Plan B"])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("sodo", "so do"), ("đắcnhântâm", "đắc nhân tâm"), ("đ ắc nhân tâm", "đắc nhân tâm"),
        ("kythuat nuoitom", "ky thuat nuoi tom"), ("Tắtđèn", "Tắt đèn"),
        ("python", "python"), ("marketing", "marketing"), ("plan b", "plan b"), ("", ""), ("x" * 5000, "x" * 5000),
    ],
)  # fmt: skip
def test_words_stand_apart_as_the_librarys_texts_have_them(restorer: Restorer, typed: str, meant: str) -> None:
    assert respaced(typed, restorer) == meant
