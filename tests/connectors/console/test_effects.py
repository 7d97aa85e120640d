"""The screen of what publications changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import quote

from sqlalchemy import insert

from connectors.staff.roles import Role
from connectors.store import numbers_daily
from retrieval.answers import Answer
from tests.connectors.console.conftest import SignIn
from tests.connectors.console.desk import START, XSS, House, Librarian, plain

HOURS = Answer("gio", "Giờ", "Mấy giờ mở cửa?", "7 giờ 30.")
DAY = START.date() - timedelta(days=20)


def publish(house: House, answer: Answer = HOURS, days_ago: int = 20) -> int:
    then = house.now - timedelta(days=days_ago)
    number = house.book.draft(answer, "Lan", then)
    house.book.publish(answer.key, number, "Lan", then)
    return number


def count(house: House, day: date, key: str = "gio", **measures: int) -> None:
    told = [(f"{name}_with_answer".removeprefix("used_"), key, n) for name, n in measures.items()]
    rows = [
        {"day": day.isoformat(), "channel": "web", "locale": "vi", "measure": measure, "what": what, "count": n}
        for measure, what, n in [("counted", "", 1), *told]
    ]
    house.store.write_now(lambda db: db.execute(insert(numbers_daily).prefix_with("OR IGNORE"), rows))


def fill(house: House, key: str = "gio") -> None:
    """Let the hand-overs have grown, and two days say nothing of complaints."""
    count(house, DAY - timedelta(days=2), key, used=100, resolved=60, handed=5)
    count(house, DAY + timedelta(days=2), key, used=150, resolved=96, handed=60)
    count(house, START.date() - timedelta(days=1))


async def test_every_publication_stands_with_both_fortnights_and_what_may_be_said(house: House, lan: Librarian) -> None:
    publish(house)
    fill(house)
    page = await lan.see("numbers/effects")
    said = plain(page)
    assert f"Bản 1, {DAY:%d/%m/%Y} , Lan" in said
    assert "Xong việc trong các lượt có câu trả lời này 60,0 % (60/100) 64,0 % (96/150) chưa chắc có đổi" in said
    assert "5,0 % (5/100) 40,0 % (60/150) tăng 35,0 điểm" in said
    assert "👎 bạn đọc bấm 👎 câu này, hoặc phàn nàn trong cùng lượt chưa đủ số liệu" in said
    assert "kém đi: chuyển thủ thư" in said
    assert page.text.count("<rect ") == 29
    assert page.text.count('class="before"') == 14
    assert "style=" not in page.text


async def test_the_answers_own_publications_are_seen_alone(house: House, lan: Librarian) -> None:
    publish(house)
    publish(house, replace(HOURS, key="the", question="Làm thẻ cần gì?"))
    assert "Làm thẻ cần gì?" in plain(await lan.see("numbers/effects"))
    alone = plain(await lan.see("numbers/effects?key=gio"))
    assert "Hiệu quả của “Mấy giờ mở cửa?”" in alone
    assert "Làm thẻ cần gì?" not in alone
    assert "Chưa có lần phát hành nào" in plain(await lan.see("numbers/effects?key=no"))


async def test_what_was_published_today_has_no_effect_yet(house: House, lan: Librarian) -> None:
    publish(house, days_ago=0)
    assert "Chưa có lần phát hành nào" in plain(await lan.see("numbers/effects"))


async def test_ten_stand_on_a_page(house: House, lan: Librarian) -> None:
    for n in range(12):
        publish(house, replace(HOURS, key=f"cau-{n}", question=f"Câu hỏi số {n}?"), days_ago=20 + n)
    first, second = await lan.see("numbers/effects"), await lan.see("numbers/effects?page=2")
    assert (first.text.count("Câu hỏi số"), second.text.count("Câu hỏi số")) == (10, 2)
    assert "Câu hỏi số 11?" in second.text


async def test_all_who_read_numbers_and_answers_read_it(house: House, as_role: SignIn) -> None:
    publish(house)
    for role in (Role.READER, Role.TECHNICAL_ADMIN):
        assert (await (await as_role(role)).see("numbers/effects")).status_code == 200


async def test_words_are_shown_as_words(house: House, lan: Librarian) -> None:
    key = f"x{XSS}"
    publish(house, replace(HOURS, key=key, question=f"{XSS} không?"))
    fill(house, key)
    for path in ("numbers/effects", f"numbers/effects?key={quote(key)}", f"numbers/effects?key={quote(XSS)}&page=x"):
        page = await lan.see(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
