"""The screen of the library's files: taken out with a note, brought back in after a look, both sides' changes kept."""

from __future__ import annotations

import io
import re
import zipfile
from html import unescape

import httpx
from sqlalchemy import select

from connectors.store import audit_trail
from retrieval.answers import Answer, AnswerBook
from tests.connectors.console.desk import START, XSS, House, Librarian, hidden, plain

WIFI = Answer("wifi", "tiện ích", "Có wifi không?", "Có, mật khẩu ở quầy.")


def book(house: House) -> AnswerBook:
    return house.filing._book


def say(house: House, answer: Answer) -> None:
    book(house).publish(answer.key, book(house).draft(answer, "Lan", START), "Lan", START)


async def post(lan: Librarian, path: str, **fields: str) -> httpx.Response:
    key = hidden(await lan.see("files"), "csrf")
    return await lan.browser.post(f"/console/files/{path}", data={"csrf": key, **fields})


async def confirm(lan: Librarian, page: httpx.Response, **choices: str) -> httpx.Response:
    form = re.search(r'<form id="confirm".*?</form>', page.text, re.DOTALL)
    assert form
    kept = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form[0])
    fields = {name: unescape(value) for name, value in kept}
    return await lan.browser.post("/console/files/import", data={**fields, **choices})


async def exported(lan: Librarian, name: str) -> str:
    packed = await post(lan, "export")
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        return archive.read(name).decode()


async def test_taking_files_out_is_noted(house: House, lan: Librarian) -> None:
    say(house, WIFI)
    assert "mật khẩu ở quầy" in await exported(lan, "answers/wifi.yml")
    deeds = select(audit_trail.c.who, audit_trail.c.deed)
    assert ("Trần Lan", "files.exported") in house.read(lambda db: [tuple(row) for row in db.execute(deeds)])


async def test_a_file_comes_in_as_a_draft_after_a_look(house: House, lan: Librarian) -> None:
    say(house, WIFI)
    text = (await exported(lan, "answers/wifi.yml")).replace("ở quầy", "trên bảng")
    look = await post(lan, "look", text=text)
    assert "Câu trả lời › wifi › answer" in plain(look)
    assert len(book(house).revisions("wifi")) == 1
    assert (await confirm(lan, look)).status_code == 303
    assert [revision.answer.answer for revision in book(house).revisions("wifi")][-1] == "Có, mật khẩu trên bảng."
    assert book(house).get("wifi") == WIFI


async def test_both_sides_are_shown_and_one_is_chosen(house: House, lan: Librarian) -> None:
    say(house, WIFI)
    text = (await exported(lan, "answers/wifi.yml")).replace("ở quầy", "trên bảng")
    say(house, Answer("wifi", "tiện ích", "Có wifi không?", "Có, hỏi thủ thư."))
    look = await post(lan, "look", text=text)
    assert "Giữ ở đây: Có, hỏi thủ thư." in plain(look)
    assert "Lấy của tệp: Có, mật khẩu trên bảng." in plain(look)
    assert (await confirm(lan, look)).status_code == 409
    assert (await confirm(lan, look, side0="theirs")).status_code == 303
    assert book(house).revisions("wifi")[-1].answer.answer == "Có, mật khẩu trên bảng."


async def test_the_calendar_comes_in_and_is_in_use(house: House, lan: Librarian) -> None:
    text = (await exported(lan, "calendar.yml")).replace("kiểm kê kho mượn", "kiểm kê lớn")
    assert (await confirm(lan, await post(lan, "look", text=text))).status_code == 303
    assert house.calendar_desk.number == 1
    assert "kiểm kê lớn" in house.calendar_desk.text()


async def test_what_cannot_be_read_is_told_and_shown_as_text(house: House, lan: Librarian) -> None:
    answer = await post(lan, "look", text=f"- key: a\n  topic: {XSS!r}\n")
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    shown = await post(lan, "look", text="- {key: a, topic: t, question: q, answer: '<script>alert(1)</script>'}")
    assert "<script>alert" not in shown.text
    assert "&lt;script&gt;" in shown.text
