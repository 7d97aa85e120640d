"""The page of an answer says how often it was told; beside it, for who may read talks, how patrons asked for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import delete, insert, select, update

from connectors.console.answer_form import answer_at
from connectors.desk import StoredDesk
from connectors.staff.roles import Role
from connectors.store import audit_trail, messages, numbers_daily
from library.ports import Turn
from retrieval.answers import Answer
from tests.connectors.console.conftest import SignIn
from tests.connectors.console.desk import NAME, START, XSS, House, Librarian, plain

HOURS = Answer("gio", "Giờ", "Thư viện mở cửa mấy giờ?", "Từ 7 giờ 30.", phrasings=("lịch mở cửa", "giờ làm việc"))
WIFI = Answer("wifi", "Wifi", "Thư viện có wifi không?", "Có.", phrasings=("mật khẩu wifi", "mạng không dây ở đâu"))


def live(house: House, *answers: Answer) -> None:
    for answer in answers:
        house.book.publish(answer.key, house.book.draft(answer, "Lan", house.now), "Lan", house.now)


async def told(house: House, words: str, key: str = "gio", talk: str = "") -> tuple[str, str]:
    """Let a patron have been told this answer; return the conversation and the message."""
    conversation_id = talk or await house.open()
    house.wait(seconds=1)
    message_id = await house.hear(conversation_id, words)
    outcome: dict[str, Any] = {"kind": "answer", "answer": key, "revision": 1}
    this = update(messages).where(messages.c.id == message_id).values(outcome=outcome, intent="ask_library_info")
    await house.store.write(lambda db: db.execute(this))
    return conversation_id, message_id


async def complain(house: House, conversation_id: str, words: str) -> None:
    message_id = await house.hear(conversation_id, words)
    await StoredDesk(house.store).feedback(Turn(conversation_id, message_id, "web", house.now), words, "complaint")


async def test_the_answers_page_shows_how_often_it_was_told(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    for days_ago, number in ((1, 3), (5, 4), (90, 1), (91, 100), (0, 100)):
        day = (START.date() - timedelta(days=days_ago)).isoformat()
        row = {"day": day, "channel": "web", "locale": "vi", "measure": "with_answer", "what": "gio", "count": number}
        house.store.write_now(lambda db, row=row: db.execute(insert(numbers_daily).values(row)))  # type: ignore[misc]
    page = await lan.see("answers/gio")
    assert "8 lượt trong 90 ngày qua, đến hết hôm qua; ngày nhiều nhất 4 lượt." in plain(page)
    assert page.text.count("<rect ") == 90
    assert 'href="/console/numbers/effects?key=gio"' in page.text


async def test_wordings_stand_by_how_often_they_were_asked_with_what_they_lead_to_now(
    house: House, lan: Librarian
) -> None:
    live(house, HOURS, WIFI)
    for words in ("lịch mở cửa", "LICH MO CUA", "mật khẩu wifi"):
        talk, message_id = await told(house, words)
    await told(house, "không phải câu này", key="wifi")
    page = await lan.see("answers/gio/asked")
    said = plain(page)
    assert "3 tin được trả lời bằng câu này" in said
    assert "LICH MO CUA 2 100 % vẫn câu này" in said
    assert "mật khẩu wifi 1" in said
    assert "sang câu khác: Thư viện có wifi không?" in said
    assert "không phải câu này" not in said
    assert f'href="/console/conversations/{talk}#m{message_id}"' in page.text


async def test_what_lies_longer_back_or_was_deleted_is_not_there(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    _, old = await told(house, "câu cũ lắm rồi")
    back = update(messages).where(messages.c.id == old).values(received_at=(START - timedelta(days=31)).isoformat())
    await house.store.write(lambda db: db.execute(back))
    _, message_id = await told(house, "câu đã xoá")
    await house.store.write(lambda db: db.execute(delete(messages).where(messages.c.id == message_id)))
    said = plain(await lan.see("answers/gio/asked"))
    assert "30 ngày qua chưa ai được trả lời bằng câu này." in said
    assert "câu cũ" not in said


async def test_complaints_soon_after_lead_to_the_turn(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    talk, message_id = await told(house, "lịch mở cửa")
    house.wait(minutes=5)
    await complain(house, talk, "trả lời chẳng đúng gì cả")
    house.wait(minutes=60)
    await complain(house, talk, "nhà vệ sinh bẩn quá")
    other, _ = await told(house, "mật khẩu wifi", key="wifi")
    await complain(house, other, "wifi chậm")
    page = await lan.see("answers/gio/asked")
    assert "Bạn đọc chưa hài lòng (1)" in plain(page)
    assert "Phàn nàn: trả lời chẳng đúng gì cả" in plain(page)
    assert "nhà vệ sinh" not in plain(page)
    assert page.text.count(f"/console/conversations/{talk}#m{message_id}") == 2


async def test_a_thumb_down_leads_to_its_turn(house: House, lan: Librarian) -> None:
    live(house, HOURS)
    for words, rated in (("lịch mở cửa", 0), ("giờ làm việc", 1), ("mở cửa chưa", None)):
        _, message_id = await told(house, words)
        this = update(messages).where(messages.c.id == message_id).values(rated=rated)
        await house.store.write(lambda db, this=this: db.execute(this))  # type: ignore[misc]
    said = plain(await lan.see("answers/gio/asked"))
    assert "Bạn đọc chưa hài lòng (1) Bấm 👎 khi hỏi: lịch mở cửa" in said


async def test_a_draft_is_not_scored_and_an_unknown_answer_has_no_page(house: House, lan: Librarian) -> None:
    house.book.draft(HOURS, "Lan", house.now)
    await told(house, "lịch mở cửa")
    said = plain(await lan.see("answers/gio/asked"))
    assert "lịch mở cửa 1" in said
    assert "Hỏi lại bây giờ" not in said
    assert (await lan.see("answers/khong-co/asked")).status_code == 404


async def test_only_who_may_read_talks_reads_them_and_that_is_noted(house: House, as_role: SignIn) -> None:
    live(house, HOURS)
    await told(house, "lịch mở cửa")
    technician, reader = await as_role(Role.TECHNICAL_ADMIN), await as_role(Role.READER)
    assert (await technician.see("answers/gio/asked")).status_code == 403
    assert "/asked" not in (await technician.see("answers/gio")).text
    assert "/asked" in (await reader.see("answers/gio")).text
    assert (await reader.see("answers/gio/asked")).status_code == 200
    read = select(audit_trail.c.who, audit_trail.c.about).where(audit_trail.c.deed == "answer.asked_read")
    assert [tuple(row) for row in house.read(lambda db: db.execute(read).all())] == [(Role.READER.label, "answer:gio")]


async def test_words_of_patrons_are_shown_as_words(house: House, lan: Librarian) -> None:
    hostile = Answer(f"x{XSS}", XSS, XSS, "Được.", phrasings=(XSS,))
    live(house, hostile, HOURS)
    talk, _ = await told(house, XSS, key=hostile.key)
    await told(house, f"lịch mở cửa {XSS}", key=hostile.key)
    await complain(house, talk, XSS)
    at = answer_at(hostile.key).removeprefix("/console/")
    for path in (at, f"{at}/asked", f"answers/{quote(XSS, safe='')}/asked"):
        page = await lan.see(path)
        assert page.status_code in (200, 404)
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
    assert NAME in plain(await lan.see(at))
