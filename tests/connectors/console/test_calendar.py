"""The calendar's screens: what the assistant would say, a change tried out and saved, two editors at once."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from sqlalchemy import select, update

from connectors.staff.roles import Role
from connectors.store import audit_trail, staff
from tests.connectors.console.conftest import SignIn
from tests.connectors.console.desk import XSS, House, Librarian, hidden, plain

CLOSE = {"do": "close", "from": "2026-11-25", "to": "2026-11-25", "branches": "MT", "vi": "mất điện"}


async def post(who: Librarian, path: str, page: httpx.Response, **fields: str) -> httpx.Response:
    data = {"csrf": hidden(page, "csrf"), **fields}
    return await who.browser.post(f"/console/calendar/{path}", data=data)


async def try_out(who: Librarian, seen: str = "0", **deed: str) -> httpx.Response:
    return await post(who, "try", await who.see("calendar"), seen=seen, **(deed or CLOSE))


async def confirm(who: Librarian, page: httpx.Response, **choices: str) -> httpx.Response:
    """Send the preview's form, with what was chosen at its clashes."""
    form = re.search(r'<form id="confirm".*?</form>', page.text, re.DOTALL)
    assert form
    fields = {
        name: unescape(value) for name, value in re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    }
    return await who.browser.post("/console/calendar/save", data={**fields, **choices})


async def test_the_month_shows_hours_closures_and_what_the_assistant_says_today(house: House, lan: Librarian) -> None:
    page = await lan.see("calendar?month=2026-12&branch=CL")
    text = plain(page)
    assert "Tháng 12/2026, Cao Lãnh" in text
    assert text.count("kiểm kê kho") == 3
    assert "Hôm nay trợ lý trả lời: Hôm nay (thứ Ba 24/11) Cao Lãnh mở 7 giờ 30–11 giờ 30 và 13 giờ 30–17 giờ." in text
    assert "Tết 2027 đang theo quy tắc chung" in text
    assert page.headers["etag"] == '"calendar-0"'


@pytest.mark.parametrize(
    "path", ["calendar?month=xx&branch=../&room=9", "calendar/day/nonsense", "calendar?month=9999-99"]
)
async def test_an_address_that_means_nothing_leads_to_the_calendar(lan: Librarian, path: str) -> None:
    page = await lan.browser.get(f"/console/{path}", follow_redirects=True)
    assert page.status_code == 200
    assert "Tháng 11/2026, Mỹ Tho" in plain(page)


async def test_a_closure_is_previewed_saved_used_and_undone(house: House, lan: Librarian) -> None:
    preview = await try_out(lan)
    text = plain(preview)
    assert "Mỹ Tho mở 7 giờ 30–11 giờ 30 và 13 giờ 30–18 giờ 30." in text
    assert "Mỹ Tho nghỉ (mất điện). Mở lại thứ Năm 26/11, 7 giờ 30." in text
    assert house.calendar_desk.number == 0
    saved = await confirm(lan, preview)
    assert saved.status_code == 303
    page = await lan.browser.get(saved.headers["location"])
    assert "Đã lưu. Trợ lý đang nói theo bản 1." in plain(page)
    link = re.search(r'href="(/console/announcements/new[^"]*)"', page.text)
    assert link
    announcing = await lan.browser.get(unescape(link[1]))
    assert "nghỉ thứ Tư 25/11/2026 (mất điện). Mở lại thứ Năm 26/11/2026, 7:30." in plain(announcing)
    day = await lan.see("calendar/day/2026-11-25?branch=MT")
    assert "nghỉ (mất điện)" in plain(day)
    assert "closed (power cut)" in plain(day)
    await post(lan, "undo", page, saved="1")
    assert "nghỉ (mất điện)" not in plain(await lan.see("calendar/day/2026-11-25?branch=MT"))
    versions = plain(await lan.see("calendar/versions"))
    assert "Hoàn tác bản 1 Trần Lan" in versions


async def test_what_was_done_is_in_the_audit(house: House, lan: Librarian) -> None:
    await confirm(lan, await try_out(lan))
    trail = select(audit_trail.c.who, audit_trail.c.deed, audit_trail.c.about)
    assert ("Trần Lan", "calendar.saved", "calendar:1") in house.read(
        lambda db: [tuple(row) for row in db.execute(trail)]
    )


async def test_two_who_close_different_days_both_get_their_day(house: House, lan: Librarian, minh: Librarian) -> None:
    mine = await try_out(lan)
    await confirm(minh, await try_out(minh, **{**CLOSE, "from": "2026-12-02", "to": ""}))
    told = await confirm(lan, mine)
    assert told.status_code == 409
    assert "bản 1 của Lê Minh" in plain(told)
    assert house.calendar_desk.number == 1
    assert (await confirm(lan, told)).status_code == 303
    months = [await lan.see(f"calendar?month={month}&branch=MT") for month in ("2026-11", "2026-12")]
    assert all("mất điện" in page.text for page in months)


async def test_two_who_change_the_same_day_choose_and_nothing_is_lost(
    house: House, lan: Librarian, minh: Librarian
) -> None:
    mine = await try_out(lan)
    await confirm(minh, await try_out(minh, **{**CLOSE, "vi": "mưa bão"}))
    clash = await confirm(lan, mine)
    assert clash.status_code == 409
    assert "Của tôi: mất điện" in plain(clash)
    assert "Của đồng nghiệp: mưa bão" in plain(clash)
    unsettled = await confirm(lan, clash)
    assert unsettled.status_code == 409
    assert (await confirm(lan, clash, side0="theirs", side1="theirs")).status_code in (303, 409)
    assert "mưa bão" in plain(await lan.see("calendar/day/2026-11-25?branch=MT"))


async def test_weekly_hours_come_back_from_their_form_as_they_were(house: House, lan: Librarian) -> None:
    for branch, room in (("MT", ""), ("MT", "thieu_nhi"), ("CL", "muon"), ("SD", ""), ("LD", "")):
        page = await lan.see(f"calendar/hours?branch={branch}&room={room}")
        fields: dict[str, list[str]] = {}
        for name, value in re.findall(r'<input[^>]*name="(\w+)"[^>]*value="([^"]*)"[^>]*checked', page.text):
            fields.setdefault(name, []).append(value)
        for row in re.findall(r"<tr>.*?</tr>", page.text, re.DOTALL):
            for name, options in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', row, re.DOTALL):
                fields[name] = re.findall(r'value="(\w*)" selected', options)
            for name, value in re.findall(r'name="((?:hours|place|place_en)\d+)" [^>]*value="([^"]*)"', row):
                fields[name] = [unescape(value)]
        data = {
            "csrf": [hidden(page, "csrf")],
            "seen": ["0"],
            "do": ["weekly"],
            "branch": [branch],
            "room": [room],
            **fields,
        }
        preview = await lan.browser.post("/console/calendar/try", data=data)
        assert "trợ lý không nói gì khác đi" in preview.text, (branch, room)


async def test_a_wrong_entry_is_told_kindly_and_changes_nothing(house: House, lan: Librarian) -> None:
    answer = await try_out(lan, **{**CLOSE, "do": "open", "hours": "cả ngày"})
    assert answer.status_code == 422
    assert "Hãy viết như 7:30-11:30" in plain(answer)
    assert house.calendar_desk.number == 0


@pytest.mark.parametrize(
    "deed", ["", "[]", "{}", '{"do":"close","branches":5}', '{"do":"weekly","lines":[1]}', '{"do":"restore"}']
)
async def test_a_form_that_is_none_of_ours_does_nothing(house: House, lan: Librarian, deed: str) -> None:
    answer = await post(lan, "save", await lan.see("calendar"), deed=deed, seen="0", checked="0")
    assert answer.status_code == 422
    assert house.calendar_desk.number == 0


async def test_reasons_are_text_wherever_they_show(house: House, lan: Librarian) -> None:
    preview = await try_out(lan, **{**CLOSE, "vi": XSS})
    saved = await confirm(lan, preview)
    pages = [preview, await lan.browser.get(saved.headers["location"])]
    pages += [await lan.see(path) for path in ("calendar/day/2026-11-25?branch=MT", "calendar/versions", "calendar")]
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
    assert "&lt;script&gt;" in pages[2].text


async def test_readers_see_the_calendar_and_change_nothing(house: House, as_role: SignIn) -> None:
    reader = await as_role(Role.READER)
    page = await reader.see("calendar/day/2026-11-25")
    assert page.status_code == 200
    assert "Xem trước" not in page.text
    assert (await try_out(reader)).status_code == 403


async def test_who_has_one_branch_changes_only_that(house: House, lan: Librarian) -> None:
    only = update(staff).where(staff.c.name == "Trần Lan").values(branches=["CL"])
    house.store.write_now(lambda db: db.execute(only))
    assert (await try_out(lan)).status_code == 422
    assert (await try_out(lan, **{**CLOSE, "branches": "CL"})).status_code == 200
    assert (await try_out(lan, do="season", name="winter", **{"from": "1/11", "to": "31/3"})).status_code == 422
