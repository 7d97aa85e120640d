"""The calendar as librarians edit it: tried out, saved, merged with a colleague's change, taken back, in use."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.actions.hours_preview import said_of_day
from connectors.clock import VIETNAM
from connectors.timetable.checks import doubts
from connectors.timetable.desk import CalendarDesk
from connectors.timetable.document import calendar_of, document_of, parse, tree_of, write
from connectors.timetable.edits import EditRefused, apply
from connectors.timetable.live import LiveCalendar
from connectors.timetable.versions import TakenMeanwhile, Versions
from library.calendar import CalendarError

DEMO = Path(__file__).parents[3] / "demo" / "calendar.yml"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
CLOSE = {"do": "close", "from": "2026-11-25", "branches": ["MT"], "vi": "mất điện"}


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "calendar", DEMO)


@pytest.fixture
def desk(versions: Versions) -> CalendarDesk:
    return CalendarDesk(versions, LiveCalendar(versions), said_of_day, lambda: NOW)


def save(desk: CalendarDesk, deed: dict[str, Any], by: str = "Lan") -> int:
    return desk.save(desk.try_out(deed, desk.number), by)


def hours(desk: CalendarDesk, day: str, branch: str = "MT", room: str | None = None) -> str:
    spans = desk.live().hours_on(date.fromisoformat(day), branch, room).spans
    return ", ".join(f"{span.start:%H:%M}-{span.end:%H:%M}" for span in spans)


def test_the_configured_file_comes_back_word_for_word_from_yaml_and_from_the_tree() -> None:
    document = parse(DEMO.read_text(encoding="utf-8"), "demo")
    assert parse(write(document), "again") == document
    assert document_of(tree_of(document)) == document
    assert write(parse(write(document), "again")) == write(document)


def test_a_closure_is_shown_in_the_assistants_own_words_before_it_is_saved(desk: CalendarDesk) -> None:
    proposal = desk.try_out(CLOSE, 0)
    [difference] = proposal.differences
    assert difference.before == "Ngày mai (thứ Tư 25/11) Mỹ Tho mở 7 giờ 30–11 giờ 30 và 13 giờ 30–18 giờ 30."
    assert difference.after == "Ngày mai (thứ Tư 25/11) Mỹ Tho nghỉ (mất điện). Mở lại thứ Năm 26/11, 7 giờ 30."
    assert desk.number == 0
    assert hours(desk, "2026-11-25") == "07:30-11:30, 13:30-18:30"


def test_what_is_saved_is_in_use_at_once_and_the_configured_file_stays(desk: CalendarDesk) -> None:
    before = DEMO.read_bytes()
    save(desk, CLOSE)
    assert hours(desk, "2026-11-25") == ""
    assert hours(desk, "2026-11-25", "CL") == "07:30-11:30, 13:30-17:00"
    assert DEMO.read_bytes() == before
    newest = desk.versions()[0]
    assert (newest.number, newest.by, newest.at) == (1, "Lan", NOW)
    assert "mất điện" in newest.what


def test_another_process_follows_within_its_next_look(versions: Versions, desk: CalendarDesk) -> None:
    ticks = [0.0]
    elsewhere = LiveCalendar(versions, ticking=lambda: ticks[0])
    save(desk, CLOSE)
    ticks[0] = 1.1
    assert elsewhere().hours_on(date(2026, 11, 25), "MT").spans == ()


def test_undo_brings_the_day_back_and_only_the_last_change_can_be_undone(desk: CalendarDesk) -> None:
    first = save(desk, CLOSE)
    second = save(desk, {**CLOSE, "from": "2026-12-02"})
    with pytest.raises(TakenMeanwhile):
        desk.undo("Minh", first)
    desk.undo("Minh", second)
    assert hours(desk, "2026-12-02") != ""
    assert hours(desk, "2026-11-25") == ""


def test_an_earlier_version_can_be_put_back_whole(desk: CalendarDesk) -> None:
    save(desk, CLOSE)
    save(desk, {**CLOSE, "from": "2026-12-02"})
    save(desk, {"do": "restore", "number": 0})
    assert desk.document() == parse(DEMO.read_text(encoding="utf-8"), "demo")


def test_changes_in_different_places_by_two_people_are_both_kept(desk: CalendarDesk) -> None:
    save(desk, CLOSE, "Minh")
    proposal = desk.try_out({**CLOSE, "from": "2026-12-02"}, 0)
    assert [version.by for version in proposal.overtaken] == ["Minh"]
    assert proposal.clashes == ()
    desk.save(proposal, "Lan")
    assert hours(desk, "2026-11-25") == hours(desk, "2026-12-02") == ""


def test_two_changes_of_the_same_entry_wait_for_somebody_to_choose(desk: CalendarDesk) -> None:
    save(desk, {**CLOSE, "vi": "mưa bão"}, "Minh")
    proposal = desk.try_out(CLOSE, 0)
    assert not proposal.may_be_saved
    assert {(clash.ours, clash.theirs) for clash in proposal.clashes} >= {("mất điện", "mưa bão")}
    with pytest.raises(EditRefused):
        desk.save(proposal, "Lan")
    chosen = desk.try_out(CLOSE, 0, {clash.path: "theirs" for clash in proposal.clashes})
    desk.save(chosen, "Lan")
    reason = desk.live().hours_on(date(2026, 11, 25), "MT").reason
    assert reason
    assert reason.vi == "mưa bão"


def test_of_two_who_save_the_same_proposal_number_one_is_told(desk: CalendarDesk) -> None:
    mine, theirs = desk.try_out(CLOSE, 0), desk.try_out({**CLOSE, "vi": "mưa bão"}, 0)
    desk.save(theirs, "Minh")
    with pytest.raises(TakenMeanwhile):
        desk.save(mine, "Lan")


@pytest.mark.parametrize(
    "typed", ["8:00-11:30, 13:00-17:00", "8h - 11h30; 13h-17h", "8g–11g30 và 13 giờ-17 giờ", "8-11:30,13-17"]
)
def test_hours_may_be_typed_as_people_write_them(desk: CalendarDesk, typed: str) -> None:
    save(desk, {"do": "open", "from": "2026-11-30", "branches": ["MT"], "vi": "sự kiện", "hours": typed})
    assert hours(desk, "2026-11-30") == "08:00-11:30, 13:00-17:00"


@pytest.mark.parametrize(
    "deed",
    [
        {**CLOSE, "from": ""},
        {**CLOSE, "to": "2026-11-20"},
        {**CLOSE, "vi": " "},
        {**CLOSE, "vi": "x" * 121},
        {**CLOSE, "branches": ["XX"]},
        {**CLOSE, "branches": ["LD"], "rooms": ["doc"]},
        {"do": "open", "from": "2026-11-25", "vi": "sự kiện", "hours": "17:00-8:00"},
        {"do": "open", "from": "2026-11-25", "vi": "sự kiện", "hours": "cả ngày"},
        {"do": "weekly", "branch": "MT", "lines": []},
        {"do": "weekly", "branch": "MT", "lines": [{"days": "", "hours": "8-11"}]},
        {"do": "weekly", "branch": "MT", "lines": [{"days": "tue", "hours": "8-11", "season": "xuân"}]},
        {"do": "holiday", "kind": "solar", "on": "40/1", "vi": "lễ"},
        {"do": "holiday", "kind": "tet", "before": "x", "after": "3", "vi": "Tết"},
        {"do": "drop", "part": "branches", "key": "MT"},
        {"do": "drop", "part": "closures", "key": "nothing"},
        {"do": "burn"},
    ],
)
def test_what_cannot_be_meant_is_refused_in_vietnamese_and_changes_nothing(
    desk: CalendarDesk, deed: dict[str, Any]
) -> None:
    with pytest.raises(EditRefused) as refused:
        desk.try_out(deed, 0)
    assert any(letter in str(refused.value) for letter in "ảãạđêôơưịồếọấ")
    assert desk.number == 0


def test_weekly_hours_of_a_room_and_back_to_those_of_its_branch(desk: CalendarDesk) -> None:
    line = {"days": "tue-sat", "hours": "9-11"}
    save(desk, {"do": "weekly", "branch": "MT", "room": "doc", "lines": [line]})
    assert hours(desk, "2026-11-25", "MT", "doc") == "09:00-11:00"
    save(desk, {"do": "weekly", "branch": "MT", "room": "doc", "lines": []})
    assert hours(desk, "2026-11-25", "MT", "doc") == hours(desk, "2026-11-25", "MT")


def test_tet_holidays_seasons_and_taking_entries_out(desk: CalendarDesk) -> None:
    save(desk, {"do": "holiday", "kind": "tet", "before": "3", "after": "6", "vi": "Tết Nguyên đán"})
    assert hours(desk, "2027-02-12") == ""
    save(desk, {"do": "holiday", "kind": "solar", "on": "24/12", "vi": "ngày thử"})
    assert hours(desk, "2026-12-24") == ""
    save(desk, {"do": "drop", "part": "holidays", "key": "solar 24/12"})
    assert hours(desk, "2026-12-24") != ""
    save(desk, {"do": "season", "name": "winter", "from": "1/11", "to": "31/3"})
    save(desk, {"do": "season", "name": "summer", "from": "1/4", "to": "31/10"})
    assert hours(desk, "2027-10-15") == "07:30-11:30, 13:30-19:00"


def test_two_hours_for_the_same_day_stop_the_saving(desk: CalendarDesk) -> None:
    lines = [{"days": "tue-sun", "hours": "8-11"}, {"days": "sat", "hours": "9-11"}]
    proposal = desk.try_out({"do": "weekly", "branch": "MT", "lines": lines}, 0)
    assert not proposal.may_be_saved
    assert any("thứ Bảy có hai giờ khác nhau" in doubt.text for doubt in proposal.doubts)


def test_doubtful_changes_are_told_and_may_be_saved(desk: CalendarDesk) -> None:
    past = desk.try_out({**CLOSE, "from": "2026-11-20"}, 0)
    assert [doubt.weight for doubt in past.doubts] == ["warn"]
    assert "đã qua" in past.doubts[0].text
    gap = desk.try_out({"do": "season", "name": "winter", "from": "1/11", "to": "31/3"}, 0)
    assert any("không mùa nào nói tới" in doubt.text for doubt in gap.doubts)
    assert gap.may_be_saved
    hidden = desk.try_out({**CLOSE, "from": "2027-04-21"}, 0)
    assert any("theo giờ mở riêng" in doubt.text for doubt in hidden.doubts)


def test_the_next_tet_is_reminded_of_until_it_is_entered() -> None:
    document = parse(DEMO.read_text(encoding="utf-8"), "demo")
    [note] = doubts(calendar_of(document), NOW.date())
    assert note.weight == "note"
    assert "Tết 2027" in note.text
    assert doubts(calendar_of(document), NOW.date() - timedelta(days=80)) == []
    without = apply(document, {"do": "drop", "part": "holidays", "key": "tet"})
    [missing] = doubts(calendar_of(without), NOW.date())
    assert missing.weight == "warn"
    assert "Chưa có lịch nghỉ Tết 2027" in missing.text
    entered = apply(without, {"do": "close", "from": "2027-02-04", "to": "2027-02-11", "vi": "Tết Đinh Mùi"})
    assert doubts(calendar_of(entered), NOW.date()) == []


def test_a_version_that_cannot_be_read_is_passed_over(desk: CalendarDesk, versions: Versions, tmp_path: Path) -> None:
    save(desk, CLOSE)
    (tmp_path / "calendar" / "0002.yml").write_text("branches: nothing\n", encoding="utf-8")
    desk.live.look()
    assert hours(desk, "2026-11-25") == ""
    assert LiveCalendar(versions)().hours_on(date(2026, 11, 25), "MT").spans == ()


def test_a_configured_file_that_is_not_there_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(CalendarError, match=r"none\.yml"):
        LiveCalendar(Versions(tmp_path / "calendar", tmp_path / "none.yml"))


def test_the_preview_speaks_english_too(desk: CalendarDesk) -> None:
    said = desk.say(desk.live(), date(2026, 12, 21), "CL", None, "en")
    assert said == "Monday 21 December: Cao Lanh is closed (stocktaking). Open again Thursday 24 December, 7:30 am."
