"""The bench on screen, and pinned questions: what is shown to whom, and what a form may do."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import httpx
import pytest
from sqlalchemy import select, update

from connectors.console.bench import bench_at
from connectors.curation import pins
from connectors.curation.pins import Expected
from connectors.staff.roles import Role
from connectors.store import audit_trail, messages
from connectors.store import pins as pinned
from retrieval.answers import Answer
from tests.connectors.console.conftest import SignIn
from tests.connectors.console.desk import XSS, House, Librarian, plain

HOURS = Answer("gio", "Giờ", "Thư viện mở cửa mấy giờ?", "Từ 7 giờ 30.", phrasings=("lịch mở cửa", "giờ làm việc"))
WIFI = Answer("wifi", "Wifi", "Thư viện có wifi không?", "Có.", phrasings=("mật khẩu wifi", "mạng không dây ở đâu"))


def fields(page: httpx.Response, action: str) -> dict[str, str]:
    form = re.search(rf'action="{re.escape(action)}"[^>]*>(.*?)</form>', page.text, re.DOTALL)
    assert form, f"the page has no form for {action}"
    return {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form[1])}


@pytest.fixture
async def wifi(house: House) -> int:
    """Return the number of a draft beside an answer in use, tried out."""
    house.book.publish("gio", house.book.draft(HOURS, "Lan", house.now), "Lan", house.now)
    number = house.book.draft(WIFI, "Trần Lan", house.now)
    await house.publisher.bench.report("wifi", number)
    return number


async def test_a_green_report_is_published_from_its_page(house: House, lan: Librarian, wifi: int) -> None:
    page = await lan.see(bench_at("wifi", wifi).removeprefix("/console/"))
    assert "Bàn thử: xanh" in plain(page)
    done = await lan.browser.post("/console/bench/publish", data=fields(page, "/console/bench/publish"))
    assert done.status_code == 303
    assert "đang dùng trên 1/1 tiến trình" in plain(await lan.browser.get(done.headers["location"]))
    assert {answer.key for answer in house.book.published()} == {"gio", "wifi"}


async def test_a_red_report_is_overridden_with_a_reason_by_who_may(house: House, as_role: SignIn, wifi: int) -> None:
    twin = house.book.draft(replace(WIFI, key="mang", question="lịch mở cửa"), Role.EDITOR.label, house.now)
    await house.publisher.bench.report("mang", twin)
    editor, chief = await as_role(Role.EDITOR), await as_role(Role.CONTENT_ADMIN)
    page = await editor.see(bench_at("mang", twin).removeprefix("/console/"))
    assert "Bàn thử: đỏ" in plain(page)
    assert "/console/bench/publish" not in page.text
    form = {**fields(page, "/console/bench/again"), "reason": "gấp"}
    told = await editor.browser.post("/console/bench/publish", data=form)
    assert "chưa được giao việc này" in plain(await editor.browser.get(told.headers["location"]))
    assert house.book.get("mang") is None

    page = await chief.see(bench_at("mang", twin).removeprefix("/console/"))
    form = {**fields(page, "/console/bench/publish"), "reason": "gộp chiều nay"}
    await chief.browser.post("/console/bench/publish", data=form)
    assert house.book.get("mang") is not None
    assert "answer.overridden" in house.read(lambda db: db.scalars(select(audit_trail.c.deed)).all())


async def asked(house: House, text: str) -> str:
    """Return the message of a patron who asked this, answered as the book answers."""
    message_id = await house.hear(await house.open(), text)
    answered = {"answered_at": house.now.isoformat(), "intent": "ask_library_info"}
    this = messages.c.id == message_id
    await house.store.write(lambda db: db.execute(update(messages).where(this).values(answered)))
    return message_id


async def test_last_weeks_messages_are_shown_old_and_new_and_pinned(house: House, as_role: SignIn, wifi: int) -> None:
    message_id = await asked(house, "mạng không dây ở đâu")
    await house.publisher.bench.report("wifi", wifi, again=True)
    path = bench_at("wifi", wifi).removeprefix("/console/")
    editor, technician = await as_role(Role.EDITOR), await as_role(Role.TECHNICAL_ADMIN)
    page = await editor.see(path)
    assert "1 tin nay sẽ được trả lời khác" in plain(page)
    assert "mạng không dây ở đâu 1 chưa biết trả lời Thư viện có wifi không?" in plain(page)
    forms = [fields_ for fields_ in re.findall(r'action="/console/pins">(.*?)</form>', page.text, re.DOTALL)]
    new = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', forms[-1])}
    assert new["what"] == "wifi"
    await editor.browser.post("/console/pins", data=new)
    row = house.read(lambda db: db.execute(select(pinned)).mappings().one())
    assert (row["text"], row["what"], row["message_id"]) == ("mạng không dây ở đâu", "wifi", message_id)

    words = (await technician.see(path)).text
    assert "1 tin nay sẽ được trả lời khác" in plain(await technician.see(path))
    assert f"/console/conversations/{row['conversation_id']}" not in words


async def test_a_deleted_message_is_gone_from_every_report(house: House, lan: Librarian, wifi: int) -> None:
    message_id = await asked(house, "mật khẩu wifi")
    await house.publisher.bench.report("wifi", wifi, again=True)
    path = bench_at("wifi", wifi).removeprefix("/console/")
    assert "/console/conversations/" in (await lan.see(path)).text
    await house.store.write(lambda db: db.execute(messages.delete().where(messages.c.id == message_id)))
    assert "/console/conversations/" not in (await lan.see(path)).text
    assert "(tin đã xoá)" in plain(await lan.see(path))


async def test_pins_are_typed_run_and_removed(house: House, lan: Librarian, wifi: int) -> None:
    page = await lan.see("pins")
    form = fields(page, "/console/pins")
    await lan.browser.post(
        "/console/pins", data={**form, "text": "lịch mở cửa, thẻ DT123456", "kind": "answer", "what": "gio"}
    )
    await lan.browser.post("/console/pins", data={**form, "text": "giá vàng hôm nay", "kind": "none", "what": ""})
    again = await lan.browser.post(
        "/console/pins", data={**form, "text": "gì đó", "kind": "answer", "what": "không có"}
    )
    assert "Chưa ghim được" in plain(await lan.browser.get(again.headers["location"]))
    assert [pin.text for pin in house.read(pins.pinned)] == ["lịch mở cửa, thẻ ••••", "giá vàng hôm nay"]

    await house.store.write(lambda db: pins.pin(db, "mật khẩu wifi", Expected("answer", "gio"), "Lan", house.now))
    ran = plain(await lan.see("pins?run=1"))
    assert "1 bài không đúng" in ran
    assert ran.index("mật khẩu wifi") < ran.index("giá vàng")
    (third,) = [pin.number for pin in house.read(pins.pinned) if pin.text == "mật khẩu wifi"]
    await lan.browser.post(f"/console/pins/{third}/remove", data={"csrf": form["csrf"]})
    assert "Bài nào cũng đúng." in plain(await lan.see("pins?run=1"))
    deeds = house.read(lambda db: db.scalars(select(audit_trail.c.deed)).all())
    assert [deed for deed in deeds if deed.startswith("pin.")] == ["pin.made"] * 2 + ["pin.removed"]


async def test_nothing_that_anybody_wrote_becomes_part_of_the_page(house: House, lan: Librarian, wifi: int) -> None:
    hostile = replace(WIFI, key=f"x{XSS}", question=f"{XSS} có wifi không", phrasings=(XSS, "mạng dây"))
    number = house.book.draft(hostile, XSS, house.now)
    await asked(house, f"mạng dây {XSS}")
    await house.store.write(lambda db: pins.pin(db, XSS, Expected("none"), XSS, house.now))
    await house.publisher.bench.report(hostile.key, number)
    for path in (bench_at(hostile.key, number, no=XSS).removeprefix("/console/"), "pins?run=1", f"pins?text={XSS}"):
        page = await lan.see(path)
        assert page.status_code == 200
        assert not re.search(r"<script>alert|<img src=x|<b>đậm", page.text), path


async def test_an_unknown_revision_has_no_page(lan: Librarian, wifi: int) -> None:
    assert (await lan.see("bench?key=wifi&revision=9")).status_code == 404
    assert (await lan.see("bench?key=&revision=x")).status_code == 404
