from pathlib import Path

import pytest

from retrieval import ngrams
from retrieval.diacritics import Restorer, lacks_marks

TEXTS = [
    "Số đỏ", "Dế Mèn phiêu lưu ký", "Kỹ thuật nuôi tôm", "sách về nuôi tôm", "mượn sách được bao lâu", "số đỏ có không",
    "mất thẻ thì làm sao", "Nguyễn Nhật Ánh", "Lịch sử Việt Nam", "machine learning cơ bản",
    "thư viện mở cửa lúc mấy giờ",
]  # fmt: skip


@pytest.fixture(scope="module")
def restorer() -> Restorer:
    return Restorer.learn(TEXTS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("so do", "số đỏ"),
        ("sach ve nuoi tom", "sách về nuôi tôm"),
        ("muon sach duoc bao lau?", "mượn sách được bao lâu?"),
        ("Nguyen Nhat Anh", "Nguyễn Nhật Ánh"),
        ("machine learning", "machine learning"),
        ("dế men phieu luu ky", "dế mèn phiêu lưu ký"),
        ("thu vien mo cua luc may gio", "thư viện mở cửa lúc mấy giờ"),
    ],
)
def test_marks_come_back_as_the_librarys_own_texts_have_them(restorer: Restorer, typed: str, meant: str) -> None:
    assert restorer.restore(typed)[0].text == meant


def test_marks_that_were_typed_stay(restorer: Restorer) -> None:
    assert restorer.restore("sợ đo")[0].text.startswith("sợ")


def test_a_slip_of_the_keyboard_is_read_as_the_word_it_is_near(restorer: Restorer) -> None:
    assert restorer.restore("lcih su viet nam")[0].text == "lịch sử việt nam"


def test_alternatives_come_in_the_order_of_their_likelihood() -> None:
    readings = Restorer.learn(["số đỏ", "số đỏ", "sơ đồ"], upon=ngrams.count([])).restore("so do")
    assert [reading.text for reading in readings][:2] == ["số đỏ", "sơ đồ"]
    assert readings[0].score > readings[1].score


def test_a_guess_in_the_dark_says_so(restorer: Restorer) -> None:
    assert restorer.restore("nuoi tom")[0].sure
    assert not restorer.restore("xoong nghieng")[0].sure
    assert restorer.restore("quantum computing")[0].sure  # not Vietnamese: nothing to restore


def test_a_saved_model_reads_the_same(restorer: Restorer, tmp_path: Path) -> None:
    restorer.save(tmp_path / "model")
    again = Restorer.open(tmp_path / "model")
    assert [again.restore(text) for text in ("so do", "nuoi tom")] == [
        restorer.restore(t) for t in ("so do", "nuoi tom")
    ]


def test_wordings_typed_without_marks_teach_nothing_wrong() -> None:
    assert (
        Restorer.learn(["nuôi tôm", "nuoi tom", "nuoi tom", "ky thuat nuoi tom"]).restore("nuoi tom")[0].text
        == "nuôi tôm"
    )


@pytest.mark.parametrize(
    ("typed", "bare"),
    [("so do", True), ("số đỏ", False), ("Truyện kieu", False), ("machine learning", True), ("", True)],
)
def test_a_text_without_marks_is_told_from_one_with_some(typed: str, bare: bool) -> None:
    assert lacks_marks(typed) == bare


def test_a_model_of_nothing_leaves_everything_as_it_is() -> None:
    assert Restorer.learn([], upon=ngrams.count([])).restore("so do")[0].text == "so do"


def test_what_no_text_of_the_library_holds_is_restored_by_general_vietnamese() -> None:
    assert Restorer.learn(["Số đỏ"]).restore("dai hoc quoc gia ha noi")[0].text == "đại học quốc gia hà nội"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lịhc sử việt nam", "lịch sử việt nam"), ("kỹ thuật nuôi tomm", "kỹ thuật nuôi tôm"),
        ("lịch xử việt nam", "lịch sử việt nam"), ("nguyeenx nhật ánh", "nguyễn nhật ánh"),
        ("số đỏ", "số đỏ"), ("machine learning cơ bản", "machine learning cơ bản"), ("harry potter", "harry potter"),
    ],
)  # fmt: skip
def test_slips_are_mended_and_nothing_else(restorer: Restorer, typed: str, meant: str) -> None:
    assert restorer.mend(typed)[0].text == meant
