"""Reading MARC: what a record means, and what becomes of a bad one."""

import io
import unicodedata
from datetime import date

import pymarc
import pytest

from retrieval.record import Contributor, Item, Record, SourceError
from retrieval.sources.export import to_marc
from retrieval.sources.files import read_file
from retrieval.sources.marc import read_iso2709, read_xml
from retrieval.sources.marc_fields import isbn13
from tests.shared import shared

Fields = list[tuple[str, str, list[tuple[str, str]]]]
PLAIN: Fields = [("245", "10", [("a", "Số đỏ /"), ("c", "Vũ Trọng Phụng.")])]


def marc(
    fields: Fields, control: dict[str, str] | None = None, leader: str = "     nam a22     2a 4500"
) -> pymarc.Record:
    record = pymarc.Record(leader=leader, force_utf8=True)
    for tag, data in (control or {"001": "42"}).items():
        record.add_field(pymarc.Field(tag, data=data))
    for tag, indicators, subfields in fields:
        record.add_field(pymarc.Field(tag, pymarc.Indicators(*indicators), [pymarc.Subfield(*s) for s in subfields]))
    return record


def read(fields: Fields, control: dict[str, str] | None = None, **more: str) -> Record:
    (found,) = read_iso2709(io.BytesIO(marc(fields, control, **more).as_marc()))
    assert found.record
    return found.record


def test_a_koha_record_is_read_whole() -> None:
    record = read(
        [
            ("020", "  ", [("a", "978-604-1-00001-8"), ("c", "45000đ")]),
            ("082", "04", [("a", "895.922334"), ("2", "23")]),
            ("100", "0 ", [("a", "Tô Hoài,"), ("d", "1920-2014")]),
            ("245", "10", [("a", "Dế Mèn phiêu lưu ký :"), ("b", "truyện dài /"), ("c", "Tô Hoài ; Tạ Huy Long vẽ.")]),
            ("260", "  ", [("a", "H. :"), ("b", "Kim Đồng,"), ("c", "2019.")]),
            ("520", "  ", [("a", "Chú dế đi phiêu lưu.")]),
            ("521", "  ", [("a", "Thiếu nhi")]),
            ("653", "  ", [("a", "Văn học thiếu nhi"), ("a", "Việt Nam")]),
            ("700", "0 ", [("a", "Tạ Huy Long"), ("e", "minh hoạ")]),
            (
                "952",
                "  ",
                [("b", "MT"), ("c", "thieu_nhi"), ("o", "895.922334 / TO-H"), ("p", "MT01"), ("d", "2024-03-05")],
            ),
            ("999", "  ", [("c", "7"), ("d", "7")]),
        ],
        {"001": "abc", "008": "190101s2019    vm     j           vie  "},
    )
    assert (record.record_id, record.title, record.subtitle) == ("7", "Dế Mèn phiêu lưu ký", "truyện dài")
    assert record.contributors == (Contributor("Tô Hoài"), Contributor("Tạ Huy Long", "illustrator"))
    assert (record.place, record.publisher, record.year_text, record.year) == ("H.", "Kim Đồng", "2019", 2019)
    assert (record.audience, record.language, record.isbn) == ("thiếu nhi", "vie", "9786041000018")
    assert record.subjects == ("Văn học thiếu nhi", "Việt Nam")
    assert record.items == (Item("MT01", "MT", "895.922334 / TO-H", "thieu_nhi"),)
    assert record.added_on == date(2024, 3, 5)


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ("Lập trình C++ /", "Lập trình C++"),
        ("C++", "C++"),
        ("Số đỏ.", "Số đỏ"),
        ("Hai đứa trẻ...", "Hai đứa trẻ..."),
        ("Tắt đèn =", "Tắt đèn"),
    ],
)
def test_cataloguing_marks_go_and_the_titles_own_stay(told: str, title: str) -> None:
    assert read([("245", "00", [("a", told)])]).title == title


def test_text_with_loose_marks_is_stored_composed() -> None:
    record = read([("245", "00", [("a", unicodedata.normalize("NFD", "Truyện Kiều"))])])
    assert record.title == "Truyện Kiều"
    assert unicodedata.is_normalized("NFC", record.title)


@pytest.mark.parametrize("flag", ["a", " "])
def test_utf8_is_read_as_such_whatever_the_leader_says(flag: str) -> None:
    chunk = bytearray(marc(PLAIN).as_marc())
    chunk[9:10] = flag.encode()
    (found,) = read_iso2709(io.BytesIO(bytes(chunk)))
    assert found.record
    assert found.record.title == "Số đỏ"


def test_vietnamese_in_marc8_comes_out_composed() -> None:
    body = b"10\x1fa" + b"T\xe3\xe2ong" + b"\x1e"
    leader = b"%05dnam  22%05d2a 4500" % (24 + 13 + len(body) + 1, 24 + 13)
    directory = b"245%04d00000\x1e" % len(body)
    (found,) = read_iso2709(io.BytesIO(leader + directory + body + b"\x1d"))
    assert found.record
    assert found.record.title == "Tống"
    assert any("MARC-8" in problem.what for problem in found.problems)


@pytest.mark.parametrize(
    ("told", "year"),
    [
        ("2013.", 2013),
        ("[1992?].", 1992),
        ("c2005", 2005),
        ("1998, in lại 2003", 2003),
        ("199", None),
        ("k.đ.", None),
        ("20011", None),
        ("", None),
    ],
)
def test_a_year_is_read_only_when_it_is_certain(told: str, year: int | None) -> None:
    (found,) = read_iso2709(io.BytesIO(marc([*PLAIN, ("260", "  ", [("c", told)])]).as_marc()))
    assert found.record
    assert found.record.year == year
    assert any(problem.what == "the year cannot be read" for problem in found.problems) == bool(told and not year)


@pytest.mark.parametrize(
    ("told", "isbn"),
    [
        ("978-604-1-00001-8", "9786041000018"),
        ("6041000019", "9786041000018"),
        ("9786041000018 (bìa cứng)", "9786041000018"),
        ("080442957X", "9780804429573"),
        ("9786041000019", ""),
        ("4570", ""),
        ("45000đ", ""),
    ],
)
def test_an_isbn_is_taken_when_its_check_digit_is_right(told: str, isbn: str) -> None:
    assert isbn13(told) == isbn


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ("Phụng, Vũ Trọng", ["Vũ Trọng Phụng"]),
        ("Peter Norvig;  Stuart J. Russell", ["Peter Norvig", "Stuart J. Russell"]),
        ("Guanrong Chen, Trung Tat Pham", ["Guanrong Chen", "Trung Tat Pham"]),
        ("Lê Khắc Nhiên Ân biên soạn, Hoàng Kiếm hiệu đính", ["Lê Khắc Nhiên Ân", "Hoàng Kiếm"]),
        ("Võ Xuân Đàn sưu tầm và giới thiệu", ["Võ Xuân Đàn"]),
        ("Nguyễn Du", ["Nguyễn Du"]),
    ],
)
def test_names_crowded_into_one_field_are_told_apart(told: str, names: list[str]) -> None:
    record = read([("100", "0 ", [("a", told)]), *PLAIN])
    assert [who.name for who in record.contributors] == names


def test_a_wrong_length_or_directory_costs_no_record() -> None:
    good = marc(PLAIN).as_marc()
    spoiled = b"09999" + good[5:24] + b"999999999999" + good[36:]
    found = list(read_iso2709(io.BytesIO(good + spoiled + good)))
    assert [each.record and each.record.title for each in found] == ["Số đỏ"] * 3
    assert [bool(each.problems) for each in found] == [False, True, False]


def test_a_record_that_cannot_be_read_is_reported_and_the_next_is_read() -> None:
    good = marc(PLAIN).as_marc()
    found = list(read_iso2709(io.BytesIO(good + b"00030garbage\x1e in the middle\x1d" + good)))
    assert [each.record is None for each in found] == [False, True, False]
    assert not found[1].problems[0].taken


def test_a_file_that_ends_in_the_middle_keeps_what_came_before() -> None:
    good = marc(PLAIN).as_marc()
    found = list(read_iso2709(io.BytesIO(good + good[:50])))
    assert found[0].record
    assert [each.number for each in found] == [1, 2, 0], "0: the file broke off, so it is not the whole catalogue"
    assert all(each.problems for each in found[1:])


def test_xml_that_breaks_off_says_where_and_keeps_what_came_before() -> None:
    whole = b"<collection>" + pymarc.record_to_xml(marc(PLAIN)) * 2 + b"<record><leader>&nonsense</record>"
    found = list(read_xml(io.BytesIO(whole)))
    assert [each.record and each.record.title for each in found] == ["Số đỏ", "Số đỏ", None]
    assert "after record 2" in found[2].problems[0].what


def test_what_is_written_as_marc_is_read_back_equal() -> None:
    record = Record(
        "9", "Nhà giả kim", "tiểu thuyết", original_title="O Alquimista", year_text="2013", year=2013,
        contributors=(Contributor("Paulo Coelho"), Contributor("Lê Chu Cầu", "translator")), language="vie",
        publisher="Hội Nhà văn", place="H.", classification="869.3", subjects=("Tiểu thuyết",), summary="Một chuyến.",
        items=(Item("CL01", "CL", "869.3 / CO-P", "muon", reading_only=True),), added_on=date(2025, 1, 2),
    )  # fmt: skip
    (from_mrc,) = read_iso2709(io.BytesIO(to_marc(record).as_marc()))
    (from_xml,) = read_xml(io.BytesIO(pymarc.record_to_xml(to_marc(record), namespace=True)))
    assert from_mrc.record == from_xml.record == record


def test_every_hostile_file_is_read_or_refused_in_words() -> None:
    read_records, refused = 0, set()
    for path in sorted(shared("data/torture").rglob("*")):
        if path.is_file():
            try:
                found = list(read_file(path))
            except SourceError:
                refused.add(path.suffix)
            else:
                read_records += sum(each.record is not None for each in found)
                assert all(each.record is not None or each.problems for each in found)
    assert read_records > 300
    assert refused <= {".json", ".ndj", ".lif", ".txt", ".marc", ""}
