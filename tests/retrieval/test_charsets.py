"""Files from before Unicode: found out, read, and told."""

import gzip
import io
import random
from pathlib import Path

import pytest

from retrieval.record import Read, SourceError
from retrieval.sources import charsets
from retrieval.sources.files import read_file
from retrieval.sources.marc import read_iso2709, read_xml
from tests.retrieval.marc_files import ENCODERS, SENTENCES, TCVN3_FONTS, iso2709, titled


def read(data: bytes, charset: str = "") -> list[Read]:
    return list(read_iso2709(io.BytesIO(data), charset))


def titles(reads: list[Read]) -> list[str]:
    return [each.record.title for each in reads if each.record]


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("flag", [b" ", b"a"])
def test_a_file_in_any_set_is_found_out_and_read_and_told(name: str, flag: bytes) -> None:
    found = read(b"".join(titled(ENCODERS[name](text), n, flag) for n, text in enumerate(SENTENCES)))
    assert titles(found) == SENTENCES
    assert {p.what for each in found for p in each.problems} == {f"text is in {name}, converted to Unicode"}


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("text", SENTENCES)
def test_one_record_is_enough_to_find_out(name: str, text: str) -> None:
    assert titles(read(titled(ENCODERS[name](text)))) == [text]


@pytest.mark.parametrize("name", ENCODERS)
def test_the_set_is_found_out_from_few_records_in_nearly_all_draws(name: str) -> None:
    draw = random.Random(7)
    words = " ".join(SENTENCES).split()
    texts = [" ".join(draw.sample(words, 6)) for _ in range(100)]
    hits = sum(charsets.detect([ENCODERS[name](text)]) == name for text in texts)
    assert hits >= 95


@pytest.mark.parametrize("name", ENCODERS)
def test_a_set_that_is_given_is_taken(name: str) -> None:
    found = read(titled(ENCODERS[name]("Ở")) + titled(ENCODERS[name]("Từ điển"), 2), name.lower())
    assert titles(found) == ["Ở", "Từ điển"]


def test_a_set_we_do_not_know_is_refused_with_those_we_do(tmp_path: Path) -> None:
    (tmp_path / "a.mrc").write_bytes(titled(b"x"))
    with pytest.raises(SourceError, match="TCVN3"):
        list(read_file(tmp_path / "a.mrc", charset="klingon"))


def test_capitals_typed_in_a_font_of_capitals_come_out_as_capitals() -> None:
    heading = "LỊCH SỬ VIỆT NAM"
    assert titles(read(titled(TCVN3_FONTS(heading)) + titled(TCVN3_FONTS("Lịch sử Việt Nam"), 2))) == [
        heading,
        "Lịch sử Việt Nam",
    ]


def test_marks_of_windows_between_tcvn3_words_stay_marks() -> None:
    text = ENCODERS["TCVN3"]("Chuyện kể về ") + b"\x93" + ENCODERS["TCVN3"]("đường sách") + b"\x94"
    assert titles(read(titled(text))) == ["Chuyện kể về “đường sách”"]


def test_ascii_is_left_alone_and_utf8_wins_where_a_file_is_mixed() -> None:
    mixed = [b"Plain title", "Đường sách".encode(), ENCODERS["TCVN3"]("Những cánh đồng"), "Sóng biển".encode()]
    found = read(b"".join(titled(text, n) for n, text in enumerate(mixed)))
    assert titles(found) == ["Plain title", "Đường sách", "Những cánh đồng", "Sóng biển"]
    assert [len(each.problems) for each in found] == [0, 0, 1, 0]


def test_a_broken_byte_in_utf8_costs_one_sign() -> None:
    found = read(titled("Những ngọn đồi phủ đầy hoa ".encode() + b"\xff", flag=b"a"))
    assert titles(found) == ["Những ngọn đồi phủ đầy hoa �"]
    assert "not UTF-8" in found[0].problems[0].what


@pytest.mark.parametrize("name", ["VNI", "TCVN3"])
@pytest.mark.parametrize("text", ["Truyện cổ nước Nam", "Đường về quê ngoại", "Sổ tay sửa chữa xe máy"])
def test_vietnamese_that_was_taken_for_western_text_is_made_whole_and_told(name: str, text: str) -> None:
    seeming = ENCODERS[name](text).decode("cp1252").encode()
    found = read(titled(seeming, flag=b"a"))
    assert titles(found) == [text]
    assert found[0].problems[0].what == f"{name} stored as Western letters, converted to Vietnamese"


@pytest.mark.parametrize(
    "text",
    [
        "Schrödinger und Müller",
        "Caïn et Abel",
        "El Niño",
        "Élève à l'école",
        "Đời thừa",
        "Noël",
        "Haïti",
        "A § B",
        "Sön",
    ],
)
def test_names_and_titles_of_other_languages_stay(text: str) -> None:
    assert titles(read(titled(text.encode(), flag=b"a"))) == [text]


def test_a_letter_whose_byte_is_the_field_mark_is_no_end_of_field() -> None:
    found = read(titled(ENCODERS["VISCII"]("BÁC SỸ KỴ MÃ LÊN ĐƯỜNG")))
    assert titles(found) == ["BÁC SỸ KỴ MÃ LÊN ĐƯỜNG"]


def test_xml_in_a_set_it_does_not_name_is_read() -> None:
    body = b"<datafield tag='245' ind1='0' ind2='0'><subfield code='a'>%b</subfield></datafield>"
    records = b"".join(b"<record>" + body % ENCODERS["TCVN3"](text) + b"</record>" for text in SENTENCES)
    assert titles(list(read_xml(io.BytesIO(b"<collection>" + records + b"</collection>")))) == SENTENCES


def test_signs_that_marc8_cannot_hold_are_read_from_their_references() -> None:
    assert titles(read(titled(b"T\xe3\xe2ong &#x1EA1;"))) == ["Tống ạ"]


def test_escapes_of_marc8_are_read_and_one_cut_short_does_no_harm() -> None:
    greek = iso2709([("245", b"00\x1faAlpha \x1b(S\x61\x1bs"), ("500", b"  \x1fa\x1b$1\x21")])
    assert titles(read(greek))[0].startswith("Alpha")


def test_a_zipped_file_is_read_in_its_set(tmp_path: Path) -> None:
    data = b"".join(titled(ENCODERS["VNI"](text), n) for n, text in enumerate(SENTENCES))
    (tmp_path / "a.mrc.gz").write_bytes(gzip.compress(data))
    assert titles(list(read_file(tmp_path / "a.mrc.gz"))) == SENTENCES
