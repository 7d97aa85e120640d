"""Reading MARC: what a record means, and what becomes of a bad one."""

import io
import time
import unicodedata
from datetime import date

import pymarc
import pytest

from retrieval.record import Contributor, Item, Record
from retrieval.sources.export import to_marc
from retrieval.sources.files import read_file
from retrieval.sources.isbn import isbn13
from retrieval.sources.marc import read_iso2709, read_xml
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
    assert [each.record and each.record.title for each in found] == ["Số đỏ", "Số đỏ", None, None]
    assert [(each.number, each.problems[0].taken) for each in found[2:]] == [(3, False), (0, False)]


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


@pytest.mark.parametrize(
    ("told", "indicator", "names"),
    [
        ("Nguyễn, Nhật Ánh", "1", ["Nguyễn Nhật Ánh"]),
        ("Nguyễn, Nhật Ánh", "0", ["Nguyễn Nhật Ánh"]),
        ("Nhật Ánh, Nguyễn", "0", ["Nguyễn Nhật Ánh"]),
        ("Ánh, Nguyễn Nhật", "1", ["Nguyễn Nhật Ánh"]),
        ("Mai, Nguyễn Thị", "1", ["Nguyễn Thị Mai"]),
        ("Nguyen, Van Hung", "1", ["Nguyen Van Hung"]),
        ("Vũ Trọng Phụng,1912-1939", "0", ["Vũ Trọng Phụng"]),
        ("Hồ, Chí Minh, 1890-1969", "1", ["Hồ Chí Minh"]),
        ("Knuth, Donald E.", "1", ["Donald E. Knuth"]),
        ("Ho, David", "1", ["David Ho"]),
        ("Homer, 800 TCN", "0", ["Homer"]),
        ("Nguyễn Văn An, Trần Thị Bình", "1", ["Nguyễn Văn An", "Trần Thị Bình"]),
        ("Xuân Diệu, Huy Cận", "0", ["Xuân Diệu", "Huy Cận"]),
        ("PGS.TS. Lê Văn Sáu; ThS Trần Mười", "0", ["Lê Văn Sáu", "Trần Mười"]),
        ("Lê Văn Sáu, PGS.TS", "0", ["Lê Văn Sáu"]),
        ("Tô Hoài...", "0", ["Tô Hoài"]),
        ("Tô Hoài và những người khác", "0", ["Tô Hoài"]),
        ("Không rõ", "0", []),
    ],
)
def test_names_come_out_in_direct_order(told: str, indicator: str, names: list[str]) -> None:
    record = read([("100", f"{indicator} ", [("a", told)]), *PLAIN])
    assert [who.name for who in record.contributors] == names


@pytest.mark.parametrize(
    ("told", "role"),
    [
        ("dịch", "translator"),
        ("ch.b., b.s.", "editor"),
        ("Minh hoạ", "illustrator"),
        ("h.đ.", "editor"),
        ("?", "other"),
    ],
)
def test_roles_are_read_as_catalogues_write_them(told: str, role: str) -> None:
    record = read([*PLAIN, ("700", "0 ", [("a", "Lê Văn Sáu"), ("e", told)])])
    assert record.contributors == (Contributor("Lê Văn Sáu", role),)


def test_a_body_goes_by_its_name_and_unit() -> None:
    record = read([*PLAIN, ("710", "2 ", [("a", "Trường Đại học Rừng Xanh."), ("b", "Khoa Chim.")])])
    assert record.contributors == (Contributor("Trường Đại học Rừng Xanh. Khoa Chim", "corporate"),)


@pytest.mark.parametrize(
    ("told", "coded", "language"),
    [
        ("vie", "eng", "vie"),
        ("vi", "   ", "vie"),
        ("Viet", "   ", "vie"),
        ("Tiếng Việt", "   ", "vie"),
        ("tiếng Anh", "   ", "eng"),
        ("engfre", "   ", "eng"),
        ("", "fra", "fre"),
        ("", "vi ", "vie"),
        ("und", "|||", ""),
        ("12", "   ", ""),
    ],
)
def test_languages_are_read_in_codes_old_and_new_and_in_words(told: str, coded: str, language: str) -> None:
    fixed = f"200101s2019    vm                  {coded}  "
    assert read([("041", "0 ", [("a", told)]), ("245", "00", [("a", "Test")])], {"008": fixed}).language == language


@pytest.mark.parametrize(
    ("tag", "told", "classification"),
    [
        ("082", "895.922334", "895.922334"),
        ("082", "005.133 DA-S", "005.133"),
        ("082", "621.381 532 2 LU-F", "621.3815322"),
        ("082", "895.92/2134", "895.922134"),
        ("082", "639 / NG-A", "639"),
        ("082", "[Fic]", "[Fic]"),
        ("084", "84(1)7-44", "84(1)7-44"),
        ("080", "821.162.3", "821.162.3"),
        ("060", "WB 100", "WB 100"),
    ],
)
def test_a_class_number_is_told_apart_from_an_author_mark(tag: str, told: str, classification: str) -> None:
    assert read([*PLAIN, (tag, "  ", [("a", told)])]).classification == classification


@pytest.mark.parametrize(
    ("told", "year"),
    [
        ("2005-2007", 2005),
        ("PL. 2549 - DL. 2005", 2005),
        ("PL. 2050", None),
        ("©2011", 2011),
        ("[199-?]", None),
        ("Tháng 5/1975", 1975),
    ],
)
def test_years_of_another_era_and_gaps_are_not_guessed_at(told: str, year: int | None) -> None:
    assert read([*PLAIN, ("260", "  ", [("c", told)])]).year == year


def test_subjects_keep_their_subdivisions_and_free_words_stand_alone() -> None:
    record = read(
        [
            *PLAIN,
            ("600", "14", [("a", "Hồ, Xuân Hương,"), ("d", "1772-1822"), ("x", "Tiểu sử.")]),
            ("650", " 4", [("a", "Cà phê"), ("x", "Trồng trọt"), ("z", "Đắk Lắk.")]),
            ("651", " 4", [("a", "Huế -- Lịch sử")]),
            ("653", "  ", [("a", "Cà phê; Ong"), ("a", "ong")]),
            ("655", " 7", [("a", "Sổ tay"), ("2", "lcgft")]),
        ]
    )
    assert record.subjects == (
        "Hồ Xuân Hương - Tiểu sử",
        "Cà phê - Trồng trọt - Đắk Lắk",
        "Huế - Lịch sử",
        "Cà phê",
        "Ong",
        "Sổ tay",
    )


@pytest.mark.parametrize(
    ("fields", "audience"),
    [
        ([("653", "  ", [("a", "Văn học thiếu nhi")])], "thiếu nhi"),
        ([("653", "  ", [("a", "Giáo dục thiếu nhi")])], ""),
        ([("650", " 4", [("a", "Ong"), ("v", "Juvenile fiction")])], "thiếu nhi"),
        ([("521", "  ", [("a", "Dành cho học sinh lớp 5")])], "học sinh"),
        ([("952", "  ", [("p", "1"), ("c", "Phòng thiếu nhi")])], "thiếu nhi"),
        ([("952", "  ", [("p", "1"), ("c", "Phòng thiếu nhi")]), ("952", "  ", [("p", "2"), ("c", "Kho A")])], ""),
    ],
)
def test_whom_a_book_is_for_is_read_where_it_is_said(fields: Fields, audience: str) -> None:
    assert read([*PLAIN, *fields]).audience == audience


@pytest.mark.parametrize(
    ("leader", "control", "fields", "material"),
    [
        ("     nam a22     2a 4500", {}, [("942", "  ", [("c", "CR")])], "periodical"),
        ("     nam a22     2a 4500", {}, [("942", "  ", [("c", "BK")])], "book"),
        ("     nas a22     2a 4500", {"008": "200101c2019    vm wr n             vie  "}, [], "newspaper"),
        ("     nem a22     2a 4500", {}, [], "map"),
        ("     n|m a22     2a 4500", {"007": "vf cbahos"}, [], "video"),
        ("     nam a22     2a 4500", {}, [("502", "  ", [("a", "Luận án")])], "thesis"),
    ],
)
def test_the_kind_of_material(leader: str, control: dict[str, str], fields: Fields, material: str) -> None:
    assert read([*PLAIN, *fields], control, leader=leader).material == material


def test_copies_come_from_952_or_852_or_949() -> None:
    shelf = ("082", "04", [("a", "895.9"), ("b", "LE-S")])
    holding = ("852", "  ", [("a", "TV"), ("b", "Kho A"), ("j", "VN.001; VN.002"), ("h", "895.9"), ("i", "LE-S")])
    assert read([*PLAIN, shelf, holding]).items == (
        Item("VN.001", "Kho A", "895.9 LE-S"),
        Item("VN.002", "Kho A", "895.9 LE-S"),
    )
    local = ("949", "  ", [("i", "30012345"), ("l", "CS1")])
    assert read([*PLAIN, shelf, local]).items == (Item("30012345", "CS1", "895.9 LE-S"),)
    assert read([*PLAIN, ("949", "  ", [("a", "một ghi chú")])]).items == ()
    koha = ("952", "  ", [("p", "K1"), ("a", "TT")])
    assert [item.barcode for item in read([*PLAIN, holding, local, koha]).items] == ["K1"]


def test_links_are_told_as_digital_copies_when_they_are_the_work_itself() -> None:
    url = "https://thuvien.example.vn/so/1.pdf"
    fields: Fields = [
        ("856", "40", [("u", url)]),
        ("856", "42", [("u", "www.example.vn"), ("3", "Mục lục")]),
        ("856", "40", [("u", "https://example.vn/bia.jpg")]),
        ("856", "40", [("u", "javascript:alert(1)")]),
    ]
    (found,) = read_iso2709(io.BytesIO(marc([*PLAIN, *fields]).as_marc()))
    assert found.record
    assert [(link.url, link.label) for link in found.record.links] == [
        (url, "Bản số"),
        ("http://www.example.vn", "Mục lục"),
        ("https://example.vn/bia.jpg", ""),
    ]
    assert [problem.what for problem in found.problems] == ["a link that is no web address, left out"]


def test_a_title_in_its_own_script_is_kept_and_serves_where_there_is_no_other() -> None:
    linked = ("880", "10", [("6", "245-01/$1"), ("a", "傳翹")])
    assert read([("245", "10", [("6", "880-01"), ("a", "Truyện Kiều")]), linked]).original_title == "傳翹"
    assert read([linked]).title == "傳翹"


def test_running_numbers_in_020_are_no_isbn() -> None:
    record = read([*PLAIN, ("020", "  ", [("a", "4570")]), ("020", "  ", [("a", "604-1-00001-9 (bìa mềm)")])])
    assert [(each.kind, each.value) for each in record.identifiers] == [("other", "4570"), ("isbn", "9786041000018")]


def test_what_cannot_be_seen_goes_from_text() -> None:
    record = read([("245", "00", [("a", "\x98The\x9c  old\u200b man\t\u202eand\u00a0the sea /")])])
    assert record.title == "The old man and the sea"


def test_brackets_of_the_cataloguer_go_from_place_and_publisher() -> None:
    record = read([*PLAIN, ("260", "  ", [("a", "[Hà Nội] :"), ("b", "[Nxb. Rừng Xanh],")])])
    assert (record.place, record.publisher) == ("Hà Nội", "Nxb. Rừng Xanh")


def test_ten_thousand_records_a_second_are_read() -> None:
    path = shared("data/marc/book3part0final.mrc")
    begun = time.process_time()
    assert sum(1 for _ in read_file(path)) == 10_000
    assert time.process_time() - begun < 3  # twice as fast on a quiet machine; slow ones are busy with other tests
