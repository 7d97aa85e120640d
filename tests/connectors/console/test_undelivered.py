"""The screen of what could not be sent, and of what came in and could not be understood."""

from __future__ import annotations

import re

import httpx
from sqlalchemy import insert, select

from connectors.channels.port import Reply
from connectors.store import deliveries, parked
from tests.connectors.console.desk import NAME, House, Librarian, hidden, plain


async def press(by: Librarian, page: httpx.Response, path: str) -> httpx.Response:
    """Press a button of the page and return where it leads."""
    assert f'action="/console/{path}"' in page.text
    answer = await by.browser.post(f"/console/{path}", data={"csrf": hidden(page, "csrf")})
    return await by.browser.get(answer.headers["location"])


def state(house: House, reply_id: int) -> str:
    found: str = house.read(lambda db: db.scalar(select(deliveries.c.state).where(deliveries.c.reply_id == reply_id)))
    return found


async def dead_letter(house: House, words: str = "Mai thư viện nghỉ.", reason: str = "blocked") -> int:
    reply_id = await house.answer(await house.open(channel="telegram"), Reply(words))
    await house.bury(reply_id, reason)
    return reply_id


async def test_a_dead_letter_tells_what_to_whom_why_and_when(house: House, lan: Librarian) -> None:
    await dead_letter(house)
    page = plain(await lan.see("undelivered"))
    assert "Lời của trợ lý · Telegram" in page
    assert "Không gửi được: bạn đọc đã chặn hoặc bỏ theo dõi thư viện." in page
    assert "Mai thư viện nghỉ." in page
    assert "Viết lúc 9 giờ, hôm nay" in page


async def test_librarians_words_stand_before_the_assistants(house: House, lan: Librarian) -> None:
    conversation_id = await house.open(channel="zalo")
    await house.handover.say_as_person(conversation_id, NAME, "Lời của Lan.", "k1")
    reply_id = house.read(lambda db: db.scalar(select(deliveries.c.reply_id).order_by(deliveries.c.reply_id.desc())))
    await house.bury(reply_id, "window_7d")
    house.wait(minutes=1)
    await dead_letter(house)
    text = (await lan.see("undelivered")).text
    assert text.index("Lời của Lan.") < text.index("Mai thư viện nghỉ.")


async def test_trying_again_queues_it_and_wakes_the_sending_once(house: House, lan: Librarian) -> None:
    reply_id = await dead_letter(house)
    before = await lan.see("undelivered")
    page = await press(lan, before, f"undelivered/{reply_id}/again")
    assert "Đang thử gửi lại." in page.text
    assert state(house, reply_id) == "waiting"
    await press(lan, before, f"undelivered/{reply_id}/again")
    assert len(house.resent) == 1


async def test_a_dropped_one_is_not_sent_even_when_the_patron_comes_back(house: House, lan: Librarian) -> None:
    reply_id = await dead_letter(house)
    page = await press(lan, await lan.see("undelivered"), f"undelivered/{reply_id}/drop")
    assert "Tin nào cũng đã tới nơi." in page.text
    assert state(house, reply_id) == "dropped"
    conversation_id = house.read(
        lambda db: db.scalar(select(deliveries.c.conversation_id).where(deliveries.c.reply_id == reply_id))
    )
    await house.hear(conversation_id, "mình quay lại đây")
    assert state(house, reply_id) == "dropped"


async def test_a_letter_sent_meanwhile_can_be_neither_dropped_nor_sent_again(house: House, lan: Librarian) -> None:
    reply_id = await dead_letter(house)
    page = await lan.see("undelivered")
    sent = deliveries.update().where(deliveries.c.reply_id == reply_id).values(state="sent")
    await house.store.write(lambda db: db.execute(sent))
    for deed in ("again", "drop"):
        await press(lan, page, f"undelivered/{reply_id}/{deed}")
    assert state(house, reply_id) == "sent"
    assert house.resent == []


async def test_what_could_not_be_read_is_shown_in_part_until_somebody_has_seen_it(house: House, lan: Librarian) -> None:
    row = {"channel": "zalo", "reason": "no_sender", "size": 4_812, "parked_at": house.now.isoformat()}
    await house.store.write(lambda db: db.execute(insert(parked).values(**row, body="{" + "á" * 600)))
    before = await lan.see("undelivered")
    assert "5 kB" in before.text
    assert len(re.findall("á", before.text)) < 450
    assert 'Không gửi được <span class="count">1<' in before.text
    page = await press(lan, before, "parked/1/seen")
    assert "Không có gói nào." in page.text
    seen_at = house.read(lambda db: db.scalar(select(parked.c.seen_at)))
    house.wait(minutes=3)
    await press(lan, before, "parked/1/seen")
    assert house.read(lambda db: db.scalar(select(parked.c.seen_at))) == seen_at


async def test_both_are_counted_beside_the_name_of_the_page(house: House, lan: Librarian) -> None:
    await dead_letter(house)
    row = {"channel": "zalo", "reason": "x", "size": 2, "parked_at": house.now.isoformat(), "body": "{}"}
    await house.store.write(lambda db: db.execute(insert(parked).values(row)))
    assert 'Không gửi được <span class="count">2<' in (await lan.see("inbox")).text
