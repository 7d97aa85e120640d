"""Tables in: CSV in any character set and shape, Excel as offices make it, columns guessed or mapped."""

from __future__ import annotations

import csv
import io
import resource
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from retrieval.record import Read, Record, SourceError
from retrieval.sources import csv_rows, xlsx_guard
from retrieval.sources.columns import guess, read_map
from retrieval.sources.files import guess_columns, read_file
from retrieval.sources.table import TableOptions

HEADINGS = ["STT", "Tên sách", "TG", "NXB", "Năm XB", "ISBN", "Số ĐKCB", "Giá", "Kho"]
ROW = ["1", "Số đỏ", "Phụng, Vũ Trọng", "Văn học", "1988", "978-604-1-00001-8", "A1", "50.000", "MT"]


def table(tmp_path: Path, rows: list[list[str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    path = tmp_path / "sach.csv"
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def records(path: Path, **options: Any) -> list[Record]:
    return [read.record for read in read_file(path, table_options=TableOptions(**options)) if read.record]


def reads(path: Path, **options: Any) -> list[Read]:
    return list(read_file(path, table_options=TableOptions(**options)))


# --- columns


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Tên sách", "title"), ("NHAN ĐỀ", "title"), ("Ten tai lieu (*)", "title"), ("Title", "title"),
        ("TG", "author"), ("Họ và tên tác giả", "author"), ("Author(s)", "author"), ("Người dịch", "translator"),
        ("NXB", "publisher"), ("Nhà XB", "publisher"), ("Nơi XB", "place"), ("Năm XB", "year"),
        ("Năm xuất bản", "year"),
        ("Số ĐKCB", "barcode"), ("Mã vạch", "barcode"), ("Số đăng ký cá biệt", "barcode"), ("Kho", "branch"),
        ("Ký hiệu phân loại DDC", "classification"), ("KHXG", "call_number"), ("Từ khoá", "subjects"),
        ("Mã ISBN", "isbn"), ("Tóm tắt nội dung", "summary"), ("Ngôn ngữ", "language"), ("Số trang", "extent"),
        ("Khổ (cm)", ""), ("Giá", ""), ("Giá tiền", ""), ("STT", ""), ("Số lượng", ""), ("Ghi chú", ""),
        ("Màu bìa", ""),
    ],
)  # fmt: skip
def test_a_heading_is_understood_in_whatever_place(heading: str, field: str) -> None:
    before = [] if field == "title" else ["Nhan đề khác", "Tên sách"]
    found = guess([[*before, heading], [*before, "1"]])
    assert found
    assert found.columns[-1].field == field


def test_headings_stand_below_title_rows_and_over_two_rows() -> None:
    rows = [["SỞ VĂN HOÁ"], ["DANH MỤC SÁCH"], ["TT", "Tên sách", "Xuất bản", "", ""], ["", "", "NXB", "Năm", "Nơi XB"],
            ["1", "Số đỏ", "Văn học", "1988", "H."]]  # fmt: skip
    found = guess(rows)
    assert found
    assert (found.heading_row, [each.field for each in found.columns]) == (
        4,
        ["", "title", "publisher", "year", "place"],
    )
    assert found.columns[1].samples == ("Số đỏ",)


def test_the_values_tell_what_the_heading_does_not() -> None:
    found = guess([["Tên", "Mã số khác", "Giá"], ["Số đỏ", "9786041000018", "A3"], ["Tắt đèn", "9786041000018", "B1"]])
    assert found
    assert [each.field for each in found.columns] == ["title", "isbn", "room"]  # "giá" is a shelf here, no price


def test_a_map_goes_to_a_file_and_comes_back_as_the_operator_left_it(tmp_path: Path) -> None:
    path, to = table(tmp_path, [HEADINGS, ROW]), tmp_path / "map.toml"
    to.write_text(guess_columns(path).to_toml().replace('field = "branch"', 'field = "room"'), encoding="utf-8")
    (found,) = records(path, columns=read_map(to))
    assert [(item.room, item.branch) for item in found.items] == [("MT", "")]
    other = table(tmp_path, [list(reversed(HEADINGS)), ROW])
    with pytest.raises(SourceError, match="is it this table's map"):
        records(other, columns=read_map(to))


@pytest.mark.parametrize(
    "text", ["", "heading_row = 1", "[[column]]\nnumber=1\nheading='a'\nfield='titel'", "\x00", "= ="]
)
def test_a_map_that_is_none_is_refused_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=r"map\.toml"):
        read_map(tmp_path / "map.toml")


# --- records


def test_a_row_says_what_a_record_is(tmp_path: Path) -> None:
    headings = [*HEADINGS, "Ngôn ngữ", "Loại tài liệu", "Đối tượng", "Từ khoá", "Ngày nhập", "URL"]
    row = [*ROW, "Tiếng Việt", "Luận văn", "Thiếu nhi", "Trào phúng; Hà Nội", "5/11/2024", "http://example.org/1"]
    (found,) = records(table(tmp_path, [headings, row]))
    assert (found.title, found.author, found.publisher, found.year, found.isbn) == (
        "Số đỏ", "Vũ Trọng Phụng", "Văn học", 1988, "9786041000018")  # fmt: skip
    assert (found.language, found.material, found.audience) == ("vie", "thesis", "thiếu nhi")
    assert (found.subjects, found.added_on) == (("Trào phúng", "Hà Nội"), date(2024, 11, 5))
    assert [(item.barcode, item.branch) for item in found.items] == [("A1", "MT")]
    assert [link.url for link in found.links] == ["http://example.org/1"]


def test_a_register_of_copies_becomes_titles_with_their_copies(tmp_path: Path) -> None:
    rows = [HEADINGS, ROW, [*ROW[:6], "A2", "50.000", "CL"], ["", "", "", "", "", "", "A3", "", "CL"],
            ["2", "Tắt đèn", "Ngô Tất Tố", "", "", "", "B1", "", "MT"]]  # fmt: skip
    first, second = records(table(tmp_path, rows))
    assert [item.barcode for item in first.items] == ["A1", "A2", "A3"]
    assert [item.barcode for item in second.items] == ["B1"]


def test_numbers_that_a_spreadsheet_spoilt_are_numbers_again_and_the_rest_is_told(tmp_path: Path) -> None:
    rows = [HEADINGS, ["1.0", "Số đỏ", "", "", "1988.0", "9786041000018.0", "123.0", "", ""],
            ["2", "Tắt đèn", "", "", "k.đ.", "9.78604E+12", "", "", ""],
            ["3", "", "Ai đó", "", "", "", "", "", ""]]  # fmt: skip
    found = reads(table(tmp_path, rows))
    assert found[0].record
    assert (found[0].record.isbn, found[0].record.year, found[0].record.items[0].barcode) == (
        "9786041000018",
        1988,
        "123",
    )
    assert [problem.what for read in found for problem in read.problems] == [
        "year cannot be read", "isbn cannot be read", "no title"]  # fmt: skip
    assert found[2].record is None


def test_the_same_table_moved_down_a_row_gives_the_same_ids(tmp_path: Path) -> None:
    rows = [["Tên sách", "Tác giả"], ["Số đỏ", "Vũ Trọng Phụng"], ["Tắt đèn", "Ngô Tất Tố"]]
    before = {each.record_id for each in records(table(tmp_path, rows))}
    assert {each.record_id for each in records(table(tmp_path, [["DANH MỤC"], *rows]))} == before
    assert len(before) == 2


# --- CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_delimiter_and_any_unicode(tmp_path: Path, delimiter: str, encoding: str) -> None:
    (found,) = records(table(tmp_path, [HEADINGS, ROW], delimiter, encoding))
    assert (found.title, found.author) == ("Số đỏ", "Vũ Trọng Phụng")


def test_a_table_of_an_old_office_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cu.csv"
    titles = ["Đất rừng phương nam", "Những ngày thơ ấu", "Vợ nhặt và những truyện ngắn khác", "Chữ người tử tù"]
    text = "title,author\n" + "\n".join(f"{title},Nguyễn Tuân" for title in titles)
    path.write_bytes(_cp1258(text))
    assert [each.title for each in records(path)] == titles


def test_cells_of_an_old_font_are_read(tmp_path: Path) -> None:
    """A sheet typed in .VnTime holds Western letters, whatever program opens it."""
    titles = ["§Êt rõng ph\xad¬ng nam", "Nh÷ng ngµy th¬ Êu"]
    path = table(tmp_path, [["Tªn s¸ch", "T¸c gi¶"], *([title, "NguyÔn Tu©n"] for title in titles)])
    found = reads(path)
    assert [read.record.title for read in found if read.record] == ["Đất rừng phương nam", "Những ngày thơ ấu"]
    assert "TCVN3" in found[0].problems[0].what


def _cp1258(text: str) -> bytes:
    """Return the text as Windows wrote it: letters it has whole, the other marks after their letter."""
    import unicodedata

    out = bytearray()
    for char in text:
        try:
            out += char.encode("cp1258")
        except UnicodeEncodeError:
            letter, mark = unicodedata.normalize("NFD", char)[:-1], unicodedata.normalize("NFD", char)[-1]
            if unicodedata.combining(letter[-1]) == 220:  # a dot below stands before the other mark
                letter, mark = letter[:-1] + mark, letter[-1]
            out += unicodedata.normalize("NFC", letter).encode("cp1258") + mark.encode("cp1258")
    return bytes(out)


def test_a_quote_that_never_closes_costs_no_other_row(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    rows = ["title,author", '"Số ""đỏ""\n(tiểu thuyết)",Vũ Trọng Phụng', '"Tắt đèn,Ngô Tất Tố']
    rows += [f"Cuốn thứ {n},Ai đó" for n in range(500)]
    path.write_text("\n".join(rows), encoding="utf-8")
    found = reads(path)
    assert len(found) == 502
    assert [read.number for read in found if read.problems] == [4]
    assert found[0].record
    assert found[0].record.title == 'Số "đỏ" (tiểu thuyết)'
    assert found[1].record
    assert found[1].record.title == "Tắt đèn"


def test_lines_end_as_any_system_ends_them(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        (tmp_path / "end.csv").write_bytes(end.join(["title,author", "A,B", '"C\rD",E']).encode())
        assert [each.title for each in records(tmp_path / "end.csv")] == ["A", "C D"]


def test_a_line_of_two_gigabytes_is_refused_with_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b'title,author\n"')
        file.write(b"a" * 5_000_000)
        file.seek((2 << 30) - 1)
        file.write(b"a")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="longer than"):
        reads(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.parametrize(
    "content", [b"", b"just a letter", b"a,b\n1,2\n", b"\x00\x01,\x02", b"\xff\xfe\x00", b"\n\n\n"]
)
def test_what_is_no_table_of_titles_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.csv").write_bytes(content)
    with pytest.raises(SourceError, match=r"file\.csv"):
        reads(tmp_path / "file.csv")


# --- Excel


@pytest.fixture
def workbook(tmp_path: Path) -> Any:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Bìa"
    book.active["A1"] = "Báo cáo"
    sheet = book.create_sheet("Sách")
    sheet.append(["DANH MỤC SÁCH BỔ SUNG"])
    sheet.merge_cells("A1:I1")
    sheet.append([])
    sheet.append([*HEADINGS, "Ngày nhập"])
    sheet.append(
        [1, "Số đỏ", "Vũ Trọng Phụng", "Văn học", 1988, 9786041000018, 123, 50000, "MT", datetime(2024, 11, 5)]
    )
    sheet["G4"].number_format = "00000"
    sheet.append(["", "", "", "", "", "", "A2", "", "CL"])
    sheet.append([])
    sheet.append([2, "Tắt đèn", "Ngô Tất Tố", "#N/A", 1939.0, None, None, None, True])
    for column in "ABCDE":
        sheet.merge_cells(f"{column}4:{column}5")
    path = tmp_path / "sach.xlsx"
    book.save(path)
    return path


def test_an_office_s_workbook_is_read(workbook: Path) -> None:
    found = reads(workbook)
    assert [(p.what, p.value) for p in found[0].problems] == [
        ("another sheet was not read; import it with --sheet", "Bìa")
    ]
    first, second = (read.record for read in found[1:])
    assert first
    assert second
    assert (first.title, first.year, first.isbn, first.added_on) == ("Số đỏ", 1988, "9786041000018", date(2024, 11, 5))
    assert [(item.barcode, item.branch) for item in first.items] == [("00123", "MT"), ("A2", "CL")]
    assert (second.title, second.year, second.year_text, second.publisher) == ("Tắt đèn", 1939, "1939", "")
    with pytest.raises(SourceError, match="no sheet Sach; there are Bìa, Sách"):
        reads(workbook, sheet="Sach")
    with pytest.raises(SourceError, match="names a column title"):
        reads(workbook, sheet="Bìa")


def test_shared_and_inline_strings_runs_and_a_stray_cell_far_away(tmp_path: Path) -> None:
    strings = "<si><t>Tên sách</t></si><si><r><t>Số </t></r><r><t>đỏ</t></r><rPh><t>x</t></rPh></si>"
    rows = """<row r="1"><c r="A1" t="s"><v>0</v></c><c r="XFD1"><v>7</v></c></row>
    <row r="2"><c r="A2" t="s"><v>1</v></c></row>
    <row><c t="inlineStr"><is><t>Tắt đèn</t></is></c></row>
    <row r="1048576"><c r="A1048576" t="str"><v>Bước đường cùng</v></c></row>"""
    found = records(_package(tmp_path, rows, strings))
    assert [each.title for each in found] == ["Số đỏ", "Tắt đèn", "Bước đường cùng"]


def _package(tmp_path: Path, rows: str, strings: str = "", head: str = "") -> Path:
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    path = tmp_path / "made.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", f'<workbook {main} xmlns:r="{rel}"><sheets><sheet name="Một" r:id="r1"/>'
                         "</sheets></workbook>")  # fmt: skip
        related = '<Relationships><Relationship Id="r1" Target="worksheets/sheet1.xml"/></Relationships>'
        archive.writestr("xl/_rels/workbook.xml.rels", related)
        archive.writestr("xl/sharedStrings.xml", f"<sst {main}>{strings}</sst>")
        archive.writestr(
            "xl/worksheets/sheet1.xml", f"{head}<worksheet {main}><sheetData>{rows}</sheetData></worksheet>"
        )
    return path


TITLE = '<row><c t="inlineStr"><is><t>Tên sách</t></is></c></row>'


def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_guard, "LARGEST_SHEET", 20 << 20)
    bomb = _package(tmp_path, TITLE + "<row></row>" * 3_000_000)
    assert bomb.stat().st_size < 200_000
    with pytest.raises(SourceError, match="unpacks to more than"):
        reads(bomb)


@pytest.mark.parametrize("piece", ["<a>" * 4_000_000, "x" * 10_000_000, f'<b c="{"x" * 10_000_000}"/>'])
def test_a_cell_without_end_is_refused(tmp_path: Path, piece: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="a piece of more than"):
        reads(_package(tmp_path, TITLE + f"<row><c>{piece}</c></row>"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_an_archive_of_too_many_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_guard, "MOST_PARTS", 3)
    with pytest.raises(SourceError, match="parts"):
        reads(_package(tmp_path, TITLE))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(tmp_path: Path, encoding: str) -> None:
    path = _package(tmp_path, TITLE, head="")
    with zipfile.ZipFile(path, "a") as archive:
        text = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'
        archive.writestr("xl/styles.xml", text.encode(encoding))
    with pytest.raises(SourceError, match="declares entities"):
        reads(path)


@pytest.mark.parametrize("damage", ["cut", "crc", "no sheet", "other zip", "old excel", "bad number"])
def test_a_damaged_workbook_is_told(tmp_path: Path, damage: str) -> None:
    path = _package(tmp_path, TITLE + ("<row><c><v>x1</v></c></row>" if damage == "bad number" else ""))
    data = path.read_bytes()
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "crc":
        at = data.index(b"xl/worksheets/sheet1.xml") + 40
        data = data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]
    elif damage == "old excel":
        data = b"\xd0\xcf\x11\xe0" + bytes(1000)
    elif damage in ("no sheet", "other zip"):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            if damage == "no sheet":
                archive.writestr("xl/workbook.xml", "<workbook/>")
            archive.writestr("readme.txt", "x")
        data = buffer.getvalue()
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"made\.xlsx"):
        reads(path)


def test_a_row_limit_is_not_needed_for_a_long_field() -> None:
    body = f'title,summary\nSố đỏ,"{"a" * 200_000}"\nTắt đèn,b\n'.encode()
    found = list(csv_rows.csv_rows(io.BytesIO(body)))
    assert [row.number for row in found] == [1, 2, 3]
    assert found[1].wrong
    assert not found[2].wrong
