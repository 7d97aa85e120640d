"""Days as patrons name them, seen from Sunday 22 November 2026; each with the exact words it was typed with."""

from datetime import date, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from library.dates import find_dates
from library.lunar import from_lunar, tet, to_lunar
from library.text import fold, nfc

TODAY = date(2026, 11, 22)

ONE_DAY = {
    "hôm nay": "2026-11-22", "bữa nay": "2026-11-22", "hnay": "2026-11-22", "mai": "2026-11-23",
    "ngày mai": "2026-11-23",
    "mốt": "2026-11-24", "ngày mốt": "2026-11-24", "ngày kia": "2026-11-24", "hôm qua": "2026-11-21",
    "thứ bảy": "2026-11-28", "t7": "2026-11-28", "thứ 2": "2026-11-23", "cn": "2026-11-22", "chủ nhật": "2026-11-22",
    "chủ nhựt này": "2026-11-22", "thứ ba này": "2026-11-24", "thứ bảy tuần này": "2026-11-21",
    "thứ bảy tuần sau": "2026-11-28", "thứ bảy tuần sau nữa": "2026-12-05", "cn tuần sau": "2026-11-29",
    "thứ năm đầu tháng": "2026-12-03", "hôm thứ tư": "2026-11-18", "thứ bảy 28/11": "2026-11-28",
    "20/11": "2027-11-20", "20/12": "2026-12-20", "20-11-2026": "2026-11-20", "24.12.2026": "2026-12-24",
    "2026-12-24": "2026-12-24", "ngày 2 tháng 9": "2027-09-02", "ngày 14 tháng 2 năm 2028": "2028-02-14",
    "ngày hai mươi mốt tháng mười hai": "2026-12-21", "29/2": "2028-02-29", "ngày 20": "2026-12-20",
    "mùng 3 tết": "2027-02-08", "mồng 3 tết": "2027-02-08", "m3 tết": "2027-02-08", "mùng 1 tết 2030": "2030-02-02",
    "30 tết": "2027-02-05", "29 tết": "2027-02-05", "28 tết": "2027-02-04", "30 tết 2025": "2025-01-28",
    "giao thừa": "2027-02-05", "23 tháng chạp": "2027-01-30", "tết tây": "2027-01-01", "tết dương lịch": "2027-01-01",
    "rằm tháng bảy": "2027-08-16", "rằm tháng giêng": "2027-02-20", "trung thu": "2027-09-15",
    "giỗ tổ": "2027-04-16", "10/3 âm": "2027-04-16", "ngày 10 tháng 3 âm lịch": "2027-04-16",
    "30/4": "2027-04-30", "2/9": "2027-09-02", "quốc khánh": "2027-09-02", "noel": "2026-12-25",
    "giáng sinh": "2026-12-25", "Christmas Day": "2026-12-25", "giỗ tổ Hùng Vương năm nay": "2027-04-16",
    "trung thu ni": "2027-09-15", "thứ bảy ni": "2026-11-28", "thứ ba tuần ni": "2026-11-17", "bựa ni": "2026-11-22",
    "hai tám tết": "2027-02-04", "hăm chín tết": "2027-02-05",
    "14th February": "2027-02-14", "Feb 14": "2027-02-14", "the 14th of February": "2027-02-14",
    "tomorrow": "2026-11-23",
    "next Sunday": "2026-11-29", "Saturday": "2026-11-28", "December 24, 2027": "2027-12-24",
}  # fmt: skip


@pytest.mark.parametrize(("typed", "day"), ONE_DAY.items())
def test_a_day_is_found_with_the_words_it_was_typed_with(typed, day):
    (found,) = find_dates(f"xin hỏi ad, {typed}, thư viện có mở cửa không", TODAY)
    assert (found.kind, found.text, found.first, found.last) == (
        "date",
        typed,
        date.fromisoformat(day),
        date.fromisoformat(day),
    )


# Without diacritics these could be another word, and are taken for that one.
AMBIGUOUS_PLAIN = {"mốt", "rằm"}


@pytest.mark.parametrize("typed", [words for words in ONE_DAY if words not in AMBIGUOUS_PLAIN])
def test_days_typed_without_diacritics_or_in_capitals_are_the_same_days(typed):
    (wanted,) = find_dates(typed, TODAY)
    for form in (fold(typed), typed.upper(), fold(typed).upper()):
        (found,) = find_dates(form, TODAY)
        assert (found.text, found.first) == (form, wanted.first)


@pytest.mark.parametrize(
    ("typed", "first", "last"),
    [
        ("cuối tuần", "2026-11-21", "2026-11-22"),
        ("cuối tuần sau", "2026-11-28", "2026-11-29"),
        ("this weekend", "2026-11-21", "2026-11-22"),
        ("tuần sau", "2026-11-23", "2026-11-29"),
        ("đầu tháng sau", "2026-12-01", "2026-12-10"),
        ("đầu tháng", "2026-12-01", "2026-12-10"),
        ("cuối tháng 12", "2026-12-21", "2026-12-31"),
        ("tháng 2", "2027-02-01", "2027-02-28"),
        ("tết", "2027-02-05", "2027-02-10"),
        ("tết âm lịch", "2027-02-05", "2027-02-10"),
        ("tết 2028", "2028-01-25", "2028-01-30"),
        ("ba ngày tết", "2027-02-06", "2027-02-08"),
    ],
)
def test_a_stretch_of_days_has_both_ends(typed, first, last):
    (found,) = find_dates(typed, TODAY)
    assert (found.kind, found.text, str(found.first), str(found.last)) == ("range", typed, first, last)


@pytest.mark.parametrize(
    ("typed", "spans", "day", "part", "at"),
    [
        ("chiều mai", ["chiều", "mai"], "2026-11-23", "afternoon", None),
        ("sáng nay", ["sáng", "nay"], "2026-11-22", "morning", None),
        ("tối t7", ["tối", "t7"], "2026-11-28", "evening", None),
        ("toi mai", ["toi", "mai"], "2026-11-23", "evening", None),
        ("sáng thứ bảy 28/11", ["sáng", "thứ bảy 28/11"], "2026-11-28", "morning", None),
        ("lúc 7 giờ tối mai", ["7 giờ", "tối", "mai"], "2026-11-23", "evening", time(19)),
        ("trưa mai 12 giờ", ["trưa", "mai", "12 giờ"], "2026-11-23", "noon", time(12)),
        ("3pm tomorrow", ["3pm", "tomorrow"], "2026-11-23", None, time(15)),
        ("7h30 sáng mốt", ["7h30", "sáng", "mốt"], "2026-11-24", "morning", time(7, 30)),
    ],
)
def test_parts_of_day_and_hours_know_their_day(typed, spans, day, part, at):
    founds = find_dates(typed, TODAY)
    assert [found.text for found in founds] == spans
    for found in founds:
        assert (str(found.first), found.part_of_day, found.at) == (day, part, at)


@pytest.mark.parametrize(
    ("typed", "kind", "text", "at"),
    [
        ("buổi tối có mở không", "part_of_day", "tối", None),
        ("giờ trưa có nghỉ không", "part_of_day", "trưa", None),
        ("19h còn mở không", "clock", "19h", time(19)),
        ("8 giờ kém 15", "clock", "8 giờ kém 15", time(7, 45)),
        ("khoảng 9:30 được không", "clock", "9:30", time(9, 30)),
    ],
)
def test_a_time_said_of_no_day_has_no_day(typed, kind, text, at):
    (found,) = find_dates(typed, TODAY)
    assert (found.kind, found.text, found.first, found.at) == (kind, text, None, at)


@pytest.mark.parametrize("typed", ["bây giờ", "bay gio", "bây h", "lúc này", "right now"])
def test_now_is_now(typed):
    (found,) = find_dates(f"{typed} thư viện mở không", TODAY)
    assert (found.kind, found.text, found.first) == ("now", typed, TODAY)


@pytest.mark.parametrize(
    "typed",
    [
        "có cuốn Mai không", "chị Mai mượn rồi", "thơ Mai Văn Phấn", "hoa mai vàng", "mai mốt em trả", "nguyen thi mai",
        "Tháng Ba gãy súng", "truyện Nghìn lẻ một đêm", "tìm cuốn “Sáng mai”", "sách về tết", "ánh sáng", "tối ưu hoá",
        "toi muon muon sach", "cuốn thứ 2", "cai thu hai", "cuốn sách thứ ba", "conan tập t7 bộ cuốn", "cuốn này",
        "gia hạn thêm 3 ngày nữa", "ba tháng sau khi mượn", "mượn 1 tháng 2 cuốn", "trong 2 giờ", "mở 24/7", "31/4",
        "doanh thu năm 2025", "phòng máy 2", "sa dec 2", "cam on thu vien", "một chiều cao", "chào buổi sáng",
        "chính sách", "895.9221", "khoa cn thông tin", "mấy tháng nay", "good morning", "cơm trưa", "học qua đêm",
        "model mốt", "có một cuốn", "sách mới nhất", "từ trước đến nay",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_time_is_left_alone(typed):
    assert find_dates(typed, TODAY) == []


def test_a_book_may_be_returned_on_a_day_that_could_also_be_an_ordinal():
    assert [f.text for f in find_dates("trả sách thứ bảy được không", TODAY)] == ["thứ bảy"]
    assert [f.text for f in find_dates("từ t2 đến t6", TODAY)] == ["t2", "t6"]


def test_other_readings_are_kept_when_the_words_have_two():
    assert find_dates("ngày kia", TODAY)[0].others == (date(2026, 11, 25),)
    assert find_dates("20/11", TODAY)[0].others == (date(2026, 11, 20),)
    assert find_dates("mùng 5 tháng 5", TODAY)[0].first == from_lunar(5, 5, 2027)
    assert find_dates("mùng 2 tháng 9", TODAY)[0].first == date(2027, 9, 2)
    assert find_dates("next Friday", date(2026, 11, 23))[0].others == (date(2026, 11, 27),)


def test_named_days_bring_their_names():
    (found,) = find_dates("mung 3 tet", TODAY)
    assert found.name is not None
    assert (found.name.vi, found.name.en) == ("mùng 3 Tết", "day 3 of Tet")


def test_a_tết_that_is_going_on_is_this_years():
    (found,) = find_dates("tết này có mở không", date(2027, 2, 9))
    assert found.first == date(2027, 2, 5)
    assert find_dates("mùng 6", date(2027, 2, 9))[0].first == date(2027, 2, 11)
    assert find_dates("tết tới", date(2027, 1, 9))[0].last == date(2027, 2, 10)
    assert find_dates("tết năm sau", date(2027, 1, 9))[0].first == date(2028, 1, 25)


TET = "2024-02-10 2025-01-29 2026-02-17 2027-02-06 2028-01-26 2029-02-13 2030-02-02 2031-01-23 2032-02-11 2033-01-31"


def test_tết_falls_on_vietnams_day_even_where_chinas_differs():
    assert [tet(year).isoformat() for year in range(2024, 2034)] == TET.split()


def test_the_30th_of_a_short_lunar_month_is_its_last_day():
    for year in range(2024, 2036):
        eve = from_lunar(30, 12, year)
        assert eve + timedelta(days=1) == tet(year + 1)
        assert to_lunar(eve).month == 12


PIECES = st.lists(
    st.sampled_from(
        [*ONE_DAY, "sáng", "tối", "7h", "tháng 13", "ngày 99", "tết 9999", "mùng", "cuốn", "và", "năm", "”", "“"]
    ),
    max_size=8,
).map(" ".join)


@given(st.one_of(st.text(max_size=60), PIECES), st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_finding_dates_never_raises_and_spans_are_exact_and_apart(text, today):
    founds = find_dates(text, today)
    typed, end = nfc(text), 0
    for found in founds:
        assert typed[found.start : found.end] == found.text
        assert found.text.strip() == found.text != ""
        assert found.start >= end
        assert (found.first is None) == (found.last is None)
        end = found.end


@given(PIECES, st.dates(date(2000, 1, 1), date(2080, 1, 1)))
def test_where_a_time_stands_does_not_depend_on_today(text, today):
    assert [(f.start, f.end) for f in find_dates(text, today)] == [(f.start, f.end) for f in find_dates(text, TODAY)]


@pytest.mark.parametrize(
    ("typed", "words", "day"),
    [
        ("chiều mơi có mở không", "mơi", date(2026, 11, 24)),
        ("bữa tê mở cửa không", "bữa tê", date(2026, 11, 25)),
        ("3 ngày nữa có mở không", "3 ngày nữa", date(2026, 11, 26)),
        ("hai tuần nữa", "hai tuần nữa", date(2026, 12, 7)),
        ("ngày 15 tây", "ngày 15 tây", date(2026, 12, 15)),
        ("lễ phật đản", "lễ phật đản", date(2027, 5, 20)),
    ],
)
def test_days_are_named_as_in_each_region(typed: str, words: str, day: date) -> None:
    found = find_dates(typed, date(2026, 11, 23))[-1]
    assert (found.text, found.first) == (words, day)


@pytest.mark.parametrize(
    "typed", ["gia hạn thêm 3 ngày nữa", "bài 2/9", "điểm 9/10", "sách mới", "co sach moi ko", "chương 2/9"]
)
def test_lengths_of_time_shares_and_new_books_are_no_days(typed: str) -> None:
    assert find_dates(typed, date(2026, 11, 23)) == []


@pytest.mark.parametrize(
    "typed", ["nhắc tôi qua Zalo", "nhac toi qua zalo nhe", "tỉ lệ 2/9", "đặt vé máy bay", "ni sư"]
)
def test_words_that_only_look_like_days_are_none(typed):
    assert [found.text for found in find_dates(typed, TODAY) if found.kind == "date"] == []


def test_a_holiday_before_the_word_for_closed_is_a_day():
    assert [found.text for found in find_dates("le 2/9 dong cua may ngay", TODAY)] == ["2/9"]
