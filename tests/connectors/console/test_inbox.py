"""The screen of the conversations that a librarian is asked for, or has."""

from __future__ import annotations

import re

from sqlalchemy import delete, update

from connectors import ownership
from connectors.store import conversations, tickets
from tests.connectors.console.desk import COLLEAGUE, NAME, House, Librarian, plain


def headings(text: str) -> list[str]:
    return re.findall(r'#answer">([^<]*)</a>', text)


async def test_urgent_ones_stand_first_then_who_waits_then_who_is_answered_then_the_rest(
    house: House, lan: Librarian
) -> None:
    with_colleague = await house.waiting("một")
    await house.handover.take_over(with_colleague, COLLEAGUE)
    house.wait(minutes=10)
    later = await house.waiting("hai")
    await house.store.write(lambda db: ownership.give_back(db, later))  # opened after hours: nobody is awaited now
    house.wait(minutes=10)
    await house.waiting("ba", "telegram")
    house.wait(minutes=10)
    await house.waiting("bốn", "zalo")
    house.wait(minutes=10)
    urgent = await house.waiting("năm", reason="distress")
    await house.handover.take_over(urgent, NAME)
    page = await lan.see("inbox")
    assert headings(page.text) == [
        "Phiếu 5 · Trang web",
        "Phiếu 3 · Telegram",
        "Phiếu 4 · Zalo",
        "Phiếu 1 · Trang web",
        "Phiếu 2 · Trang web",
    ]
    assert "Gấp: bạn đọc cần được giúp ngay" in page.text
    assert "Đang chờ thủ thư, 20 phút" in plain(page)
    assert f"{COLLEAGUE} đang trả lời, 40 phút" in plain(page)
    assert "<title>(5) Hộp thư" in page.text


async def test_a_conversation_somebody_took_without_a_ticket_is_listed(house: House, lan: Librarian) -> None:
    conversation_id = await house.open("không gọi ai")
    assert "Không ai đang chờ thủ thư." in (await lan.see("inbox")).text
    await house.store.write(lambda db: ownership.take_over(db, conversation_id, None, house.now, house.handover._idle))
    page = await lan.see("inbox")
    assert headings(page.text) == ["Trò chuyện · Trang web"]
    assert "Có người đang trả lời trong Trang web" in plain(page)


async def test_it_shows_the_patrons_last_words_and_whether_they_are_answered(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    await house.hear(conversation_id, "máy in ở đâu ạ")
    house.wait(minutes=1)
    await house.handover.say_as_person(conversation_id, NAME, "Ở tầng 1 bạn nhé.", "k1")
    page = plain(await lan.see("inbox"))
    assert "máy in ở đâu ạ" in page
    assert "Bạn đang trả lời" in page
    assert "Đã trả lời" in page
    house.wait(minutes=1)
    await house.hear(conversation_id, "photo", "attachment")
    page = plain(await lan.see("inbox"))
    assert "Gửi ảnh" in page
    assert "Có lời mới" in page
    assert "Đã trả lời" not in page


async def test_a_pressed_button_shows_no_token(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    await house.hear(conversation_id, "mã-bí-mật", "payload")
    page = await lan.see("inbox")
    assert "Bấm nút" in page.text
    assert "mã-bí-mật" not in page.text


async def test_a_closed_ticket_and_a_forgotten_conversation_leave_the_list(house: House, lan: Librarian) -> None:
    closed, forgotten = await house.waiting("một"), await house.waiting("hai")
    sheet = await lan.conversation(closed)
    answer = await sheet.press("close")
    assert "Đã đóng phiếu 1." in (await lan.browser.get(answer.headers["location"])).text

    def forget(db: object) -> None:
        db.execute(delete(tickets).where(tickets.c.conversation_id == forgotten))  # type: ignore[attr-defined]
        db.execute(update(conversations).values(owner=None))  # type: ignore[attr-defined]

    await house.store.write(forget)
    assert "Không ai đang chờ thủ thư." in (await lan.see("inbox")).text


async def test_a_ticket_number_leads_to_its_conversation_also_when_closed(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    await (await lan.conversation(conversation_id)).press("close")
    typed = await lan.see("tickets?number=1")
    assert typed.headers["location"] == "/console/tickets/1"
    assert (await lan.see("tickets/1")).headers["location"] == f"/console/conversations/{conversation_id}"
    for nothing in ("tickets?number=<b>", "tickets?number=", "tickets"):
        assert (await lan.see(nothing)).headers["location"] == "/console/inbox"
    missing = await lan.see("tickets/7")
    assert missing.status_code == 404
    assert "Không có phiếu 7" in missing.text


async def test_long_lists_are_cut_into_pages(house: House, lan: Librarian) -> None:
    for number in range(51):
        house.wait(seconds=1)
        await house.waiting(f"lời {number}")
    first, second = await lan.see("inbox"), await lan.see("inbox?page=2")
    assert len(headings(first.text)) == 50
    assert headings(second.text) == ["Phiếu 51 · Trang web"]
    assert "Trang 1 trong 2" in first.text
    assert "<title>(51)" in second.text


async def test_it_comes_anew_by_itself_also_without_a_script(house: House, lan: Librarian) -> None:
    text = (await lan.see("inbox")).text
    assert '<noscript><meta http-equiv="refresh" content="30"></noscript>' in text
