"""Dates, times, sums, counts and lists as the patron reads them."""

from datetime import date, time
from decimal import Decimal

import pytest

from library.phrasing import (
    BOOK,
    Words,
    bullets,
    capitalised,
    clock,
    clock_span,
    count,
    date_range,
    full_date,
    listing,
    money,
    relative_name,
    short_date,
)

MONDAY = date(2027, 2, 8)
TET_3 = Words("mùng 3 Tết", "day 3 of Tet")


def test_dates_are_said_with_their_weekday():
    assert full_date(MONDAY) == "thứ Hai 8/2/2027"
    assert full_date(MONDAY, "en") == "Monday 8 February 2027"
    assert full_date(date(2026, 11, 29)) == "Chủ nhật 29/11/2026"


def test_the_year_of_today_goes_without_saying():
    assert full_date(date(2026, 11, 28), today=date(2026, 11, 22)) == "thứ Bảy 28/11"
    assert short_date(date(2026, 11, 28), "en", today=date(2026, 11, 22)) == "28 November"
    assert full_date(MONDAY, today=date(2026, 11, 22)) == "thứ Hai 8/2/2027"


def test_a_named_day_comes_with_its_name_first():
    assert full_date(MONDAY, name=TET_3) == "mùng 3 Tết (thứ Hai 8/2/2027)"
    assert full_date(MONDAY, "en", name=TET_3) == "day 3 of Tet (Monday 8 February 2027)"
    assert capitalised(full_date(MONDAY, name=TET_3)).startswith("Mùng 3 Tết (")


def test_a_range_says_its_year_once():
    assert date_range(date(2027, 2, 4), date(2027, 2, 10)) == "từ thứ Năm 4/2 đến thứ Tư 10/2/2027"
    across = date_range(date(2026, 12, 30), date(2027, 1, 2), "en")
    assert across == "from Wednesday 30 December 2026 to Saturday 2 January 2027"
    assert date_range(MONDAY, MONDAY) == "thứ Hai 8/2/2027"


def test_the_days_around_today_have_names():
    assert relative_name(date(2026, 11, 23), date(2026, 11, 22)) == Words("ngày mai", "tomorrow")
    assert relative_name(date(2026, 11, 25), date(2026, 11, 22)) is None


@pytest.mark.parametrize(
    ("at", "vi", "en"),
    [
        (time(7, 30), "7 giờ 30", "7:30 am"),
        (time(8), "8 giờ", "8:00 am"),
        (time(12, 5), "12 giờ 05", "12:05 pm"),
        (time(19), "19 giờ", "7:00 pm"),
        (time(0), "0 giờ", "12:00 am"),
    ],
)
def test_hours_are_said_as_people_say_them(at, vi, en):
    assert (clock(at), clock(at, "en")) == (vi, en)


def test_spans_join_two_hours():
    assert clock_span(time(7, 30), time(11, 30)) == "7 giờ 30–11 giờ 30"


def test_money_is_grouped_in_the_way_of_each_language():
    assert money(20000) == "20.000 đồng"
    assert money(Decimal("1234567"), "en") == "1,234,567 VND"
    assert money(0) == "0 đồng"


def test_counts_know_the_english_plural():
    assert (count(1, BOOK), count(3, BOOK)) == ("1 cuốn", "3 cuốn")
    assert (count(1, BOOK, "en"), count(3, BOOK, "en")) == ("1 book", "3 books")


def test_lists_end_with_and_or_or():
    assert listing(["a", "b", "c"]) == "a, b và c"
    assert listing(["a", "b"], "en", either=True) == "a or b"
    assert (listing(["a"]), listing([])) == ("a", "")
    assert bullets(["a", "b"]) == "• a\n• b"
