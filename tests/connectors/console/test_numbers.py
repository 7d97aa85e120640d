"""The screen of the numbers, its files and the month's report."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import Connection, insert, select

from connectors import mailbox
from connectors.console.numbers import period_of
from connectors.numbers.overview import Period
from connectors.staff.roles import Role
from connectors.store import audit_trail, numbers_daily, numbers_not_held, reminder_jobs
from tests.connectors.console.desk import START, XSS, House, Librarian, hidden, plain

TODAY = START.date()
NOTHING = dict.fromkeys(("span", "month", "begin", "end", "channel", "locale"), "")
FORMULA = '=HYPERLINK("http://x.example","Tải")'


def count(house: House, day: date, channel: str = "web", **measures: int) -> None:
    rows = [
        {"day": day.isoformat(), "channel": channel, "locale": "vi", "measure": measure, "what": "", "count": number}
        for measure, number in measures.items()
    ]
    house.store.write_now(lambda db: db.execute(insert(numbers_daily), rows))


def not_held(house: House, title: str, number: int = 3) -> None:
    row = {"month": TODAY.replace(day=1).isoformat(), "folded": title, "title": title, "count": number}
    house.store.write_now(lambda db: db.execute(insert(numbers_not_held).values(row)))


async def exported(house: House, lan: Librarian, kind: str, **asked: str) -> Any:
    page = await lan.see("numbers")
    form = {"csrf": hidden(page, "csrf"), "kind": kind, **asked}
    return await lan.browser.post("/console/numbers/export", data=form)


async def test_figures_stand_beside_those_of_the_period_before(house: House, lan: Librarian) -> None:
    count(house, TODAY - timedelta(days=3), visits=1500, dealt_with=1000, resolved=800)
    count(house, TODAY - timedelta(days=10), visits=1000, dealt_with=1000, resolved=600)
    said = plain(await lan.see("numbers?span=7"))
    assert "Lượt trò chuyện 1.500 Kỳ trước: 1.000. Thay đổi: tăng 50 % (từ 38 % đến 62 %)." in said
    assert "Xong việc 80,0 % (800/1000) Kỳ trước: 60,0 % (600/1000). Thay đổi: tăng 20,0 điểm (từ 16,0 điểm" in said


async def test_too_little_is_said_so(house: House, lan: Librarian) -> None:
    count(house, TODAY - timedelta(days=3), visits=3, dealt_with=3, resolved=3)
    said = plain(await lan.see("numbers?span=7"))
    assert "Lượt trò chuyện 3 Kỳ trước: 0. Thay đổi: chưa đủ số liệu." in said
    assert "Chuyển thủ thư 0,0 % (0/3)" in said


async def test_a_library_without_any_number_sees_an_empty_page(lan: Librarian) -> None:
    said = plain(await lan.see("numbers"))
    assert "Chưa đếm ngày nào." in said
    assert "Chưa có lượt nào trong kỳ này." in said


async def test_what_became_of_reminders_is_told_in_words(house: House, lan: Librarian) -> None:
    day = (TODAY - timedelta(days=1)).isoformat()
    skipped = [("skipped", why) for why in ("nothing", "shut", "costs")]
    found = [("sent", None), ("sent", None), *skipped, ("failed", "blocked")]
    shared = {"day": day, "tries": 0, "next_at": day, "changed_at": day}
    rows = [{"state": state, "reason": why, **shared} for state, why in found]

    def note(db: Connection) -> None:
        for row in rows:
            conversation_id, _ = mailbox.open_conversation(db, "web", START)
            db.execute(insert(reminder_jobs).values(conversation_id=conversation_id, **row))

    house.store.write_now(note)
    said = plain(await lan.see("numbers"))
    assert "Không gửi: kênh chưa cho thư viện nhắn 2 Đã gửi 2 " in said
    assert "Không gửi: không có gì mới để nhắc 1" in said
    assert "Đang bật nhắc: 0 cuộc trò chuyện." in said


async def test_a_channel_is_looked_at_alone(house: House, lan: Librarian) -> None:
    count(house, TODAY - timedelta(days=3), visits=11)
    count(house, TODAY - timedelta(days=3), channel="zalo", visits=22)
    assert "Lượt trò chuyện 33 " in plain(await lan.see("numbers"))
    assert "Lượt trò chuyện 22 " in plain(await lan.see("numbers?channel=zalo"))
    assert "Lượt trò chuyện 0 " in plain(await lan.see("numbers?locale=en"))


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ({}, TODAY - timedelta(days=30), TODAY),
        ({"span": "7"}, TODAY - timedelta(days=7), TODAY),
        ({"span": "<b>"}, TODAY - timedelta(days=30), TODAY),
        ({"month": "2026-02"}, date(2026, 2, 1), date(2026, 3, 1)),
        ({"month": "2026-11"}, date(2026, 11, 1), TODAY),
        ({"month": "2027-01"}, TODAY - timedelta(days=30), TODAY),
        ({"begin": "2026-11-01", "end": "2026-11-03"}, date(2026, 11, 1), date(2026, 11, 4)),
        ({"begin": "2026-11-03", "end": "2026-11-01"}, TODAY - timedelta(days=30), TODAY),
        ({"begin": "2001-01-01", "end": "2026-11-01"}, date(2001, 1, 1), date(2002, 1, 2)),
    ],
)
def test_the_period_ends_with_yesterday_at_the_latest(asked: dict[str, str], begin: date, end: date) -> None:
    assert period_of({**NOTHING, **asked}, TODAY) == Period(begin, end)


async def test_words_of_patrons_are_shown_as_words(house: House, lan: Librarian) -> None:
    not_held(house, XSS)
    for path in ("numbers", f"numbers/report?month={TODAY:%Y-%m}"):
        page = await lan.see(path)
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text


async def test_the_chart_needs_no_style_of_its_own(house: House, lan: Librarian) -> None:
    count(house, TODAY - timedelta(days=1), visits=5)
    page = await lan.see("numbers?span=7")
    assert page.text.count("<rect ") == 7
    assert "style=" not in page.text
    assert f"{TODAY - timedelta(days=1):%Y-%m-%d}" in page.text


async def test_csv_opens_in_excel_and_runs_no_formula(house: House, lan: Librarian) -> None:
    not_held(house, FORMULA)
    file = await exported(house, lan, "csv")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [f"'{FORMULA}", "3"] in rows
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "@", "+", "-"))]


async def test_a_workbook_has_a_sheet_for_each_table_and_no_formula(house: House, lan: Librarian) -> None:
    not_held(house, FORMULA)
    count(house, TODAY - timedelta(days=1), visits=5)
    book = load_workbook(io.BytesIO((await exported(house, lan, "xlsx", span="7")).content))
    assert book.sheetnames[:2] == ["tong-quan", "channels"]
    assert [cell.value for cell in book["channels"][2]] == ["Trang web", 5]
    assert not [cell for sheet in book for row in sheet for cell in row if cell.data_type == "f"]


async def test_what_is_taken_is_noted(house: House, lan: Librarian) -> None:
    await exported(house, lan, "csv", month="2026-10")
    deeds = house.read(lambda db: db.execute(select(audit_trail.c.deed, audit_trail.c.detail)).all())
    assert ("export.numbers", '{"begin":"2026-10-01","kind":"csv","last":"2026-10-31"}') in [
        (row.deed, row.detail.replace(" ", "")) for row in deeds
    ]


async def test_who_may_only_look_takes_nothing(house: House, as_role: Any) -> None:
    who = await as_role(Role.READER)
    page = await who.see("numbers")
    assert page.status_code == 200
    assert "Tải CSV" not in page.text
    assert (await exported(house, who, "csv")).status_code == 403


async def test_the_report_is_of_the_last_whole_month(house: House, lan: Librarian) -> None:
    count(house, date(2026, 10, 31), visits=7)
    count(house, date(2026, 11, 1), visits=100)
    said = plain(await lan.see("numbers/report"))
    assert "Từ 01/10/2026 đến hết 31/10/2026." in said
    assert "Lượt trò chuyện 7 " in said
