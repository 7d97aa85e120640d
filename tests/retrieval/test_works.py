"""Editions of one work are found together; different books are never joined."""

from dataclasses import replace

import pytest

from retrieval.record import Contributor, Identifier, Record
from retrieval.volumes import split_volume, volume
from retrieval.works import clusters, work_key
from tests.retrieval.conftest import book

ISBN = (Identifier("isbn", "9786041000018"),)


def one_work(*records: Record) -> bool:
    return len(set(clusters([replace(record, record_id=str(n)) for n, record in enumerate(records)]))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (book("1", "Số đỏ", "Vũ Trọng Phụng"), book("2", "SỐ ĐỎ: tiểu thuyết", "Phụng, Vũ Trọng")),
        (book("1", "Số đỏ", "Vũ Trọng Phụng"), book("2", "So do", "Vu Trong Phung")),
        (book("1", "Kỹ thuật số", "Lê Văn Hoà"), book("2", "Kĩ thuật số (tái bản lần 3)", "PGS. TS. Lê Văn Hòa")),
        (book("1", "Dế Mèn phiêu lưu ký", "Tô Hoài"), book("2", "Dế Mèn phiêu lưu kí / Tô Hoài", "Tô Hoài, 1920-2014")),
        (book("1", "The Old Man and the Sea", "Ernest Hemingway", language="eng"),
         book("2", "Old man and the sea", "Hemingway, Ernest", language="")),
        (book("1", "Đất rừng", "Đoàn Giỏi", part="T.02"), book("2", "Đất rừng. Tập II", "Đoàn Giỏi")),
        (book("1", "Đất rừng", "Đoàn Giỏi", part="Quyển hai"), book("2", "Đất rừng", "Đoàn Giỏi", part="Tập 2: Mưa")),
        (book("1", "Thần thoại Hy Lạp"), book("2", "Thần thoại Hy Lạp", year=1999)),
    ],
)  # fmt: skip
def test_editions_of_one_work_have_one_key(one: Record, other: Record) -> None:
    assert one_work(one, other)
    assert work_key(replace(one, language="vie")) == work_key(replace(other, language="vie")) or one.language == "eng"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (book("1", "Đất rừng", "Đoàn Giỏi", part="Tập 1"), book("2", "Đất rừng", "Đoàn Giỏi", part="Tập 2")),
        (book("1", "Đất rừng", "Đoàn Giỏi", part="Tập 1"), book("2", "Đất rừng", "Đoàn Giỏi")),
        (book("1", "Toán 6", "Tôn Thân"), book("2", "Toán 7", "Tôn Thân")),
        (book("1", "Kinh tế vi mô", "Lê Bảo Lâm"), book("2", "Kinh tế vi mô", "Nguyễn Văn Dần")),
        (book("1", "Kinh tế vi mô", "Nguyễn Văn Hùng"), book("2", "Kinh tế vi mô", "Nguyễn Văn Hưng")),
        (book("1", "Số đỏ và đời"), book("2", "Sơ đồ và đời")),
        (book("1", "Hóa học", publisher="A"), book("2", "Hóa học", publisher="B")),
        (book("1", "Tiếng Anh 6", "Mai Lan"), book("2", "Tiếng Anh 6", "Mai Lan", subtitle="Sách giáo viên")),
        (book("1", "Bài giảng", "Mai", subtitle="Đại số 1"), book("2", "Bài giảng", "Mai", subtitle="Đại số 2")),
        (book("1", "Emma", "Jane Austen", language="eng"), book("2", "Emma", "Jane Austen", language="vie")),
        (book("1", "Tuổi Trẻ", material="newspaper"), book("2", "Tuổi Trẻ")),
        (book("1", "…"), book("2", "!")),
    ],
)  # fmt: skip
def test_different_books_stay_apart(one: Record, other: Record) -> None:
    assert not one_work(one, other)
    assert not one_work(other, one)


def test_an_isbn_joins_what_is_typed_otherwise_but_never_two_volumes_or_two_books() -> None:
    mine = book("1", "Cho tôi xin một vé đi tuổi thơ", "Nguyễn Nhật Ánh", identifiers=ISBN)
    assert one_work(mine, book("2", "Cho toi xin 1 ve di tuoi tho", identifiers=ISBN)) is False  # a number more
    assert one_work(mine, book("2", "Cho tôi xin một vé đi tuổi thor", identifiers=ISBN))
    assert one_work(mine, book("2", "Ticket to childhood", "Nguyễn Nhật Ánh", identifiers=ISBN))
    assert not one_work(mine, book("2", "Nấu ăn ngày Tết", "Nguyễn Thị Dung", identifiers=ISBN))
    set_isbn = [book(str(n), "Đất rừng", "Đoàn Giỏi", part=f"Tập {n}", identifiers=ISBN) for n in (1, 2)]
    assert not one_work(*set_isbn)
    running = [book(str(n), f"Sách {chr(97 + n) * 5}", "Ban", identifiers=ISBN) for n in range(26)]
    assert len(set(clusters(running))) == 26  # twenty-six titles under one number: it says nothing


def test_year_and_publisher_join_a_record_whose_author_was_left_out_or_misspelt() -> None:
    mine = book("1", "Kết cấu công trình", "Hồ Tấn Chuẩn", year=1996, publisher="Giáo dục")
    bare = replace(mine, record_id="2", contributors=())
    slip = replace(mine, record_id="3", contributors=(Contributor("Hồ Tần Chuẩn"),))
    other = replace(mine, record_id="4", contributors=(Contributor("Lê Văn Cừ"),))
    assert one_work(mine, bare)
    assert one_work(mine, slip)
    assert not one_work(mine, other)
    assert not one_work(mine, other, bare)  # which of the two would it be?
    assert clusters([mine, other, bare]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("said", "number"),
    [("T.02", "2"), ("Tập II", "2"), ("tập hai", "2"), ("Vol. V", "5"), ("Quyển 3, phần 1", "3.1"), ("T.17A", "17a"),
     ("1-2", "1.2"), ("Tập 2: Đất 10", "2"), ("P. Điện", "dien"), ("", "")],
)  # fmt: skip
def test_a_volume_has_one_spelling(said: str, number: str) -> None:
    assert volume(said) == number


@pytest.mark.parametrize(
    ("title", "parted"),
    [
        ("Số đỏ. Tập 2", ("Số đỏ", "2")),
        ("Cơ học (Quyển I): Động học", ("Cơ học: Động học", "1")),
        ("Bài tập 2", ("Bài tập 2", "")),
        ("Bộ sưu tập 100 món ăn", ("Bộ sưu tập 100 món ăn", "")),
    ],
)
def test_a_volume_is_read_from_a_title_only_where_it_is_surely_one(title: str, parted: tuple[str, str]) -> None:
    assert split_volume(title) == parted


def test_a_library_s_record_says_whose_it_is() -> None:
    record = book("7", "Số đỏ").of_library("HN")
    assert (record.record_id, record.library) == ("HN:7", "HN")
    assert Record.from_json(record.to_json()) == record
