"""When the demo library is open: tables, seasons, holidays of the sun and the moon, closures and openings."""

from datetime import date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest

from library.calendar import LOCAL, CalendarError, LibraryCalendar, Span

UTC = timezone(timedelta(0))
DEMO = Path(__file__).parents[2] / "demo" / "calendar.yml"


@pytest.fixture(scope="module")
def calendar():
    return LibraryCalendar.load(DEMO)


def spans(calendar, day, branch, room=None):
    hours = calendar.hours_on(date.fromisoformat(day), branch, room)
    return ", ".join(f"{span.start:%H:%M}-{span.end:%H:%M}" for span in hours.spans)


@pytest.mark.parametrize(
    ("day", "branch", "room", "hours"),
    [
        ("2026-11-24", "MT", None, "07:30-11:30, 13:30-18:30"),
        ("2027-04-01", "MT", "doc", "07:30-11:30"),  # first Thursday of the month
        ("2027-04-02", "MT", "doc", "07:30-11:30, 13:30-19:00"),
        ("2026-09-30", "MT", "muon", "07:30-11:30, 13:30-19:00"),
        ("2026-10-02", "MT", "muon", "07:30-11:30, 13:30-18:30"),
        ("2026-11-22", "MT", "thieu_nhi", "08:00-17:00"),
        ("2026-11-22", "MT", "may_tinh", ""),
        ("2026-11-24", "MT", "bao", "08:00-11:00, 14:00-17:00"),
        ("2026-11-22", "CL", None, ""),
        ("2026-11-22", "SD", "muon", "07:30-11:30"),
        ("2026-11-25", "LD", None, "08:00-10:30"),
        ("2026-11-26", "LD", None, ""),
        ("2026-11-14", "LD", None, "08:00-10:30"),
        ("2026-11-21", "LD", None, ""),
        ("2026-11-28", "LD", None, "08:00-10:30"),
    ],
)
def test_a_usual_day_follows_the_table_of_the_room_and_the_season(calendar, day, branch, room, hours):
    assert spans(calendar, day, branch, room) == hours


@pytest.mark.parametrize("branch", ["MT", "CL", "SD", "LD"])
def test_every_branch_is_closed_on_monday_and_says_why(calendar, branch):
    hours = calendar.hours_on(date(2026, 11, 23), branch)
    assert hours.spans == ()
    assert hours.reason is not None
    assert hours.reason.vi
    assert hours.reason.en


@pytest.mark.parametrize(
    ("year", "first", "last", "kings"),
    [
        (2026, "2026-02-15", "2026-02-21", "2026-04-26"),
        (2027, "2027-02-04", "2027-02-10", "2027-04-16"),
        (2028, "2028-01-24", "2028-01-30", "2028-04-04"),
        (2029, "2029-02-11", "2029-02-17", "2029-04-23"),
    ],
)
def test_holidays_of_the_moon_are_reckoned_for_each_year(calendar, year, first, last, kings):
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    closed = [begin + timedelta(days=n) for n in range(-1, (end - begin).days + 2)]
    assert [calendar.holiday_on(day) is not None for day in closed] == [False, *[True] * 7, False]
    named = calendar.holiday_on(date.fromisoformat(kings))
    assert named is not None
    assert named.vi == "Giỗ Tổ Hùng Vương"


@pytest.mark.parametrize("day", ["2027-01-01", "2027-04-30", "2027-05-01", "2027-09-01", "2027-09-02"])
def test_public_holidays_close_every_branch(calendar, day):
    assert all(spans(calendar, day, branch.code) == "" for branch in calendar.branches)


def test_the_first_thursday_afternoon_is_for_work_inside(calendar):
    hours = calendar.hours_on(date(2026, 12, 3), "MT", "doc")
    assert hours.spans == (Span(time(7, 30), time(11, 30)),)
    assert hours.reason is not None
    assert "nội dịch" in hours.reason.vi
    assert calendar.hours_on(date(2026, 12, 10), "MT", "doc").reason is None


def test_dated_closures_touch_only_their_places(calendar):
    closed = calendar.hours_on(date(2026, 12, 22), "CL", "doc")
    assert (closed.spans, closed.reason.vi, closed.reason.en) == ((), "kiểm kê kho", "stocktaking")
    assert spans(calendar, "2026-12-22", "MT") != ""
    assert spans(calendar, "2027-01-13", "MT", "may_tinh") == ""
    assert spans(calendar, "2027-01-13", "MT", "doc") != ""
    assert spans(calendar, "2027-01-13", "MT") != ""


def test_a_dated_opening_stands_above_the_weekly_day_off(calendar):
    assert spans(calendar, "2026-12-28", "MT", "doc") == "07:30-11:30, 13:30-17:00"
    assert spans(calendar, "2026-12-28", "MT", "muon") == ""


def test_open_at_counts_the_first_minute_and_not_the_last(calendar):
    assert calendar.open_at(datetime(2026, 11, 24, 7, 30), "MT")
    assert not calendar.open_at(datetime(2026, 11, 24, 11, 30), "MT")
    assert not calendar.open_at(datetime(2026, 11, 24, 7, 29), "MT")


def test_another_zone_is_moved_to_vietnams(calendar):
    assert calendar.open_at(datetime(2026, 11, 24, 1, 0, tzinfo=UTC), "MT")
    assert calendar.open_at(datetime(2026, 11, 24, 23, 0, tzinfo=UTC), "MT") is False


def test_the_next_opening_after_tết_is_mùng_6_in_the_morning(calendar):
    assert calendar.next_opening(datetime(2027, 2, 8, 9), "MT") == datetime(2027, 2, 11, 7, 30, tzinfo=LOCAL)


def test_the_next_opening_may_be_later_the_same_day(calendar):
    assert calendar.next_opening(datetime(2026, 11, 24, 12), "CL") == datetime(2026, 11, 24, 13, 30, tzinfo=LOCAL)
    assert calendar.next_opening(datetime(2026, 11, 24, 13, 30), "CL") == datetime(2026, 11, 25, 7, 30, tzinfo=LOCAL)


def test_the_usual_week_leaves_exceptions_out(calendar):
    week = calendar.usual_week(date(2027, 2, 8), "MT")
    assert [bool(day.spans) for day in week] == [False, *[True] * 6]
    assert week[0].day == date(2027, 2, 8)


def test_the_mobile_library_says_where_it_stops(calendar):
    stop = calendar.hours_on(date(2026, 11, 27), "LD").place
    assert stop is not None
    assert "Gò Công" in stop.vi


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Mỹ Tho", "MT"), ("my tho", "MT"), ("tp my tho", "MT"), ("trung tâm", "MT"), ("MT", "MT"),
        ("chi nhánh cao lanh", "CL"), ("sa đéc", "SD"), ("thu vien sa dec", "SD"), ("xe thư viện", "LD"),
        ("xe luu dong", "LD"),
        ("quận 3", None), ("", None),
    ],
)  # fmt: skip
def test_branches_are_known_by_their_many_names(calendar, text, code):
    branch = calendar.find_branch(text)
    assert (branch.code if branch else None) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("phòng đọc", "doc"), ("phong doc", "doc"), ("đọc", "doc"), ("phòng thiếu nhi", "thieu_nhi"),
        ("phong may", "may_tinh"),
        ("phòng báo", "bao"), ("báo", "bao"), ("bao nhiêu", None), ("địa chí", "dia_chi"),
        ("children's room", "thieu_nhi"),
        ("phòng họp", None),
    ],
)  # fmt: skip
def test_rooms_are_known_by_their_many_names(calendar, text, code):
    room = calendar.find_room(text)
    assert (room.code if room else None) == code


def test_a_room_is_looked_for_in_its_branch(calendar):
    assert calendar.find_room("phòng địa chí", "CL") is None
    assert calendar.find_room("phòng đọc", "SD").code == "muon"


def test_asking_for_an_unknown_place_names_the_known_ones(calendar):
    with pytest.raises(CalendarError, match=r"'XX'.*MT, CL, SD, LD"):
        calendar.hours_on(date(2026, 11, 24), "XX")
    with pytest.raises(CalendarError, match=r"'bao' of branch CL.*muon"):
        calendar.hours_on(date(2026, 11, 24), "CL", "bao")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("days: tue-sat, hours", "days: teu-sat, hours", r"days is 'teu-sat'; write days as in"),
        ('"8:00-10:30", place', '"10:30-8:00", place', r"must end after it starts"),
        ('"8:00-10:30", place', '"8-10", place', r"write hours as in"),
        ("season: winter", "season: wintr", r"season 'wintr'; write one of summer, winter"),
        ("weekly_off: {vi: ngày", "weekly_of: {vi: ngày", r"has no `weekly_off`"),
        ("monthly:", "montly:", r"unknown keys montly"),
        ("solar: 2/9,", "solar: 2-9,", r"solar is '2-9'; write day/month"),
        ("solar: 2/9,", "", r"does not say when"),
        ("branches: [CL]", "branches: [XX]", r"names branches XX"),
        ("rooms: [may_tinh]", "rooms: [bep]", r"names rooms bep"),
        ("to: 2026-12-23", "to: 2026-12-20", r"before it starts"),
        ("from: 2026-12-21", 'from: "mai"', r"from is 'mai'; write a date"),
        ("  - code: CL", "  - code: MT", r"a code of its own"),
        ("seasons:", "seasons: [", r"not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_remedy(tmp_path, old, new, complaint):
    text = DEMO.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "calendar.yml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(CalendarError, match=complaint):
        LibraryCalendar.load(path)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(CalendarError, match=r"none\.yml.*library\.toml"):
        LibraryCalendar.load(tmp_path / "none.yml")
