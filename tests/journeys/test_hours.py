"""Giờ mở cửa."""

from __future__ import annotations

from datetime import datetime

import pytest

from library.calendar import LOCAL
from tests.journeys.talk import RESPONSES

ASK = "ask_opening_hours"


async def test_a_lunar_day_is_named_with_its_date_and_the_reopening(reader):
    said = await reader.talk.hear(ASK, "[mùng 3 tết](date) có mở ko")
    assert said.text == (
        "Mùng 3 Tết (thứ Hai 8/2/2027) thư viện nghỉ. Mở lại mùng 6 Tết (thứ Năm 11/2/2027), 7 giờ 30."
    )
    assert not said.buttons  # every branch is closed: there is nowhere else to offer


async def test_in_english_the_same_is_said_in_english(reader):
    reader.talk.slots["locale"] = "en"
    said = await reader.talk.hear(ASK, "are you open on [mùng 3 tết](date)?")
    assert "Monday 8 February 2027" in said.text
    assert "Thursday 11 February 2027" in said.text
    assert "nghỉ" not in said.text


async def test_still_open_is_answered_with_until_when(reader):
    said = await reader.talk.hear(ASK, "thư viện còn mở không")
    assert said.text == "Mỹ Tho đang mở, đến 11 giờ 30. Nghỉ trưa xong mở tiếp 13 giờ 30–18 giờ 30."


@pytest.mark.parametrize(
    ("hour", "reopens"),
    [(6, "hôm nay, 7 giờ 30"), (12, "hôm nay, 13 giờ 30"), (20, "ngày mai (thứ Tư 25/11), 7 giờ 30")],
)
async def test_closed_now_says_when_it_opens_again(reader, hour, reopens):
    reader.talk.now = reader.talk.now.replace(hour=hour)
    said = await reader.talk.hear(ASK, "bây giờ có mở không")
    assert said.text == f"Lúc này Mỹ Tho đang đóng cửa. Mở lại {reopens}."


async def test_closed_now_on_the_weekly_day_off_says_why(reader):
    reader.talk.now = datetime(2026, 11, 23, 9, 0, tzinfo=LOCAL)
    said = await reader.talk.hear(ASK, "bây giờ có mở không")
    assert said.text.startswith("Lúc này thư viện đang đóng cửa (ngày nghỉ hằng tuần). Mở lại ngày mai (thứ Ba 24/11)")


async def test_a_question_in_general_gets_today_and_the_usual_week_with_one_offer(reader):
    said = await reader.talk.hear(ASK, "thư viện mở cửa lúc mấy giờ")
    today, week = said.text.split("\n")
    assert today == "Hôm nay (thứ Ba 24/11) Mỹ Tho mở 7 giờ 30–11 giờ 30 và 13 giờ 30–18 giờ 30."
    assert week.endswith("thứ Hai nghỉ.")
    assert [button["title"] for button in said.buttons] == ["Cao Lãnh", "Sa Đéc", "Xe lưu động"]
    at_sa_dec = await reader.talk.press(said.button("Sa Đéc"))
    assert at_sa_dec.text.startswith("Hôm nay (thứ Ba 24/11) Sa Đéc mở 7 giờ 30–11 giờ 30 và 13 giờ 30–17 giờ.")


async def test_the_branch_and_room_named_are_answered(reader):
    said = await reader.talk.hear(ASK, "[phòng thiếu nhi](room) [thứ 7](date) mấy giờ mở")
    assert said.text == "Thứ Bảy 28/11 phòng thiếu nhi Mỹ Tho mở 8 giờ–17 giờ."
    said = await reader.talk.hear(ASK, "bên [cao lanh](branch) [mai](date) mở ko")
    assert said.text == "Ngày mai (thứ Tư 25/11) Cao Lãnh mở 7 giờ 30–11 giờ 30 và 13 giờ 30–17 giờ."


async def test_a_room_that_the_branch_lacks_is_said_with_where_it_is(reader):
    said = await reader.talk.hear(ASK, "[phòng máy tính](room) [Sa Đéc](branch) mở mấy giờ")
    assert said.text == "Sa Đéc không có phòng máy tính; ở Mỹ Tho và Cao Lãnh thì có."
    there = await reader.talk.press(said.button("Cao Lãnh"))
    assert "phòng máy tính Cao Lãnh" in there.text


async def test_what_was_asked_about_just_before_is_remembered_for_a_while(reader):
    await reader.talk.hear(ASK, "[chủ nhật](date) có mở không")
    assert "Chủ nhật 29/11 Sa Đéc mở 7 giờ 30–11 giờ 30." in (await reader.talk.hear(ASK, "còn [Sa Đéc](branch)")).text
    assert "Sa Đéc" in (await reader.talk.hear(ASK, "thế [thứ sáu](date) thì sao")).text
    reader.talk.wait(minutes=20)
    assert "Mỹ Tho" in (await reader.talk.hear(ASK, "[thứ sáu](date) mở không")).text


async def test_an_afternoon_of_staff_work_is_told_with_the_rest_of_the_day(reader):
    said = await reader.talk.hear(ASK, "[chiều](part_of_day) [3/12](date) có mở không")
    assert said.text == (
        "Buổi chiều thứ Năm 3/12 Mỹ Tho nghỉ (chiều nội dịch hằng tháng). Hôm đó mở 7 giờ 30–11 giờ 30."
    )


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("5h [chiều](part_of_day) [mai](date) còn mở ko", "Có, lúc 17 giờ ngày mai (thứ Tư 25/11) Mỹ Tho còn mở"),
        ("7 giờ [tối](part_of_day) [mai](date) ghé được không", "Lúc 19 giờ ngày mai (thứ Tư 25/11) Mỹ Tho không mở."),
    ],
)
async def test_an_hour_is_answered_for_that_hour(reader, asked, answer):
    assert (await reader.talk.hear(ASK, asked)).text.startswith(answer)


async def test_a_week_is_told_as_a_short_list(reader):
    said = await reader.talk.hear(ASK, "[tuần sau](date) mở những ngày nào")
    assert said.text == (
        "Mỹ Tho, từ thứ Hai 30/11 đến Chủ nhật 6/12:\n"
        "• Thứ Hai 30/11: nghỉ (ngày nghỉ hằng tuần)\n"
        "• Thứ Ba 1/12–thứ Tư 2/12: 7 giờ 30–11 giờ 30 và 13 giờ 30–18 giờ 30\n"
        "• Thứ Năm 3/12: 7 giờ 30–11 giờ 30\n"
        "• Thứ Sáu 4/12–Chủ nhật 6/12: 7 giờ 30–11 giờ 30 và 13 giờ 30–18 giờ 30"
    )


async def test_a_month_is_told_by_its_exceptions(reader):
    said = await reader.talk.hear(ASK, "[tháng 12](date) ở [Cao Lãnh](branch) có gì thay đổi không")
    assert "• Thứ Ba 22/12–thứ Tư 23/12: nghỉ (kiểm kê kho)" in said.text
    assert said.text.count("•") == 2


async def test_a_whole_holiday_is_told_from_its_first_day_to_its_last(reader):
    said = await reader.talk.hear(ASK, "lịch nghỉ [tết](date) của thư viện")
    assert said.text.startswith("Thư viện nghỉ từ thứ Năm 4/2 đến thứ Tư 10/2/2027 (Tết Nguyên đán). Mở lại mùng 6 Tết")
    said = await reader.talk.hear(ASK, "lễ [2/9](date) nghỉ mấy ngày")
    assert "từ thứ Tư 1/9 đến thứ Năm 2/9/2027 (Quốc khánh)" in said.text


async def test_a_doubtful_date_is_asked_back_with_two_buttons(reader):
    said = await reader.talk.hear(ASK, "[mùng 6](date) mở lại chưa")
    assert said.text == "Bạn hỏi thứ Hai 14/12 hay mùng 6 Tết (thứ Năm 11/2/2027)?"
    assert len(said.buttons) == 2
    chosen = await reader.talk.press(said.button("Mùng 6 Tết"))
    assert chosen.text.startswith("Thứ Năm 11/2/2027 Mỹ Tho mở")


async def test_several_places_or_days_are_told_a_line_each(reader):
    said = await reader.talk.hear(ASK, "[trung tâm](branch) với [Sa Đéc](branch), bên nào [chủ nhật](date) mở")
    assert [line.split(",")[0] for line in said.text.split("\n")[1:]] == ["• Mỹ Tho", "• Sa Đéc"]
    said = await reader.talk.hear(ASK, "[t7](date) với [cn](date) có mở k ad")
    assert "• Thứ Bảy 28/11–Chủ nhật 29/11: 7 giờ 30" in said.text


async def test_seasons_asked_of_no_day_are_told_by_the_librarians_answer(reader):
    said = await reader.talk.hear(ASK, "giờ mùa hè")
    assert said.responses == ("utter_answer",)
    assert "1/4 đến 30/9" in said.text


async def test_a_date_inside_a_title_is_no_date(reader):
    said = await reader.talk.hear(ASK, "[mai](date) mấy giờ mở cửa, có cuốn [Ngày mồng một tết](title) không")
    assert said.text.startswith("Ngày mai (thứ Tư 25/11) Mỹ Tho mở")
    assert said.button("Tìm “Ngày mồng một tết”")["payload"].startswith("/find_item")


async def test_the_mobile_library_says_where_it_stops(reader):
    said = await reader.talk.hear(ASK, "[xe sách](branch) [thứ sáu](date) tới lúc mấy giờ")
    assert "8 giờ–10 giờ 30 (chợ phường Gò Công)" in said.text


@pytest.mark.parametrize("locale", ["vi", "en"])
@pytest.mark.parametrize(
    "asked",
    [
        "còn mở không", "mấy giờ mở cửa", "[mai](date)", "[mùng 3 tết](date)", "[hôm qua](date)", "[20/11](date)",
        "[thứ hai tuần trước](date)", "[tuần sau](date)", "[tháng 1](date)", "[tết](date)",
        "3 giờ [chiều](part_of_day)", "[tối](part_of_day) [mai](date)", "[sáng](part_of_day) [mai](date)",
        "[chiều](part_of_day) [3/12](date)", "[phòng gym](room)", "[phòng máy tính](room) [Sa Đéc](branch)",
        "[Mỹ Tho](branch) và [Cao Lãnh](branch)",
    ],
)  # fmt: skip
async def test_every_answer_fills_all_its_words_in_both_languages(reader, locale, asked):
    reader.talk.slots["locale"] = locale
    said = await reader.talk.hear(ASK, asked)
    assert said.text.strip()
    assert "{" not in said.text
    assert set(said.responses) <= set(RESPONSES)
