"""The screen of one conversation: its transcript, who has it, and a librarian's answer."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from connectors import mailbox, ownership
from connectors.channels.port import Button, Message, Reply
from connectors.console.windows import Window, reach
from connectors.mailbox import Answer, Stored
from connectors.ownership import Owner
from connectors.store import conversations, deliveries, tickets
from connectors.switchboard import Switchboard
from connectors.turns import OpenTurns
from library.ports import Turn
from tests.connectors.console.desk import COLLEAGUE, IDLE, NAME, START, House, Librarian, plain
from tests.connectors.small_gateway import CARD_PATTERN, Asking


def owner(house: House, conversation_id: str) -> Owner:
    found: Owner = house.read(lambda db: ownership.owner_of(db, conversation_id))
    return found


def speakers(text: str) -> list[str]:
    return re.findall(r'<p class="who"><span>([^<]*)</span>', text)


async def test_the_transcript_tells_patron_assistant_and_librarians_apart(house: House, lan: Librarian) -> None:
    conversation_id = await house.open("Cho mình hỏi chút", "zalo")
    house.wait(minutes=1)
    await house.ask_for_person(conversation_id)
    house.wait(minutes=1)
    await house.handover.say_as_person(conversation_id, COLLEAGUE, "Minh đây bạn.", "k1")
    house.wait(minutes=1)
    await house.store.write(
        lambda db: house.handover.overheard(db, conversation_id, "Chị trả lời bên Zalo.", sure=True)
    )
    text = (await lan.conversation(conversation_id)).text
    assert speakers(text) == ["Bạn đọc", "Trợ lý tự động", "Bạn đọc", COLLEAGUE, "Thủ thư, viết trong Zalo"]
    for words in ("Cho mình hỏi chút", "Mình nghe đây.", "Minh đây bạn.", "Chị trả lời bên Zalo."):
        assert words in text


async def test_what_was_pressed_sent_or_commanded_is_told_in_words(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    await house.answer(conversation_id, Reply("Chọn nhé", (Button("Tìm sách", "/find"),)))
    sent = await house.store.read(lambda db: mailbox.sent_after(db, conversation_id, 1))
    token = str(sent[-1].replies[0].buttons[0].payload)
    await house.hear(conversation_id, token, "payload")
    await house.hear(conversation_id, "photo", "attachment")
    await house.hear(conversation_id, "start book:12", "command")
    text = (await lan.conversation(conversation_id)).text
    assert "Bấm nút “Tìm sách”" in text
    assert "Gửi ảnh" in text
    assert "Mở cuộc trò chuyện" in text
    assert token not in text


@pytest.mark.parametrize(
    ("state", "reason", "tries", "told"),
    [
        ("sent", None, 0, "Đã gửi"),
        ("waiting", None, 0, "Đang gửi"),
        ("waiting", "rate_limit", 2, "Đang thử gửi lại: kênh đang bận"),
        ("dead", "window_7d", 1, "Không gửi được: đã quá 7 ngày từ tin cuối của bạn đọc"),
        ("dead", "strange_word", 1, "Không gửi được: kênh không nhận tin này (strange_word)"),
        ("dropped", "gone", 1, "Không gửi được: tài khoản của bạn đọc không còn. Đã bỏ"),
    ],
)
async def test_each_reply_to_a_pushed_door_tells_how_far_it_has_got(
    house: House, lan: Librarian, state: str, reason: str | None, tries: int, told: str
) -> None:
    conversation_id = await house.waiting(channel="zalo")
    reply_id = await house.answer(conversation_id, Reply("Thêm một tin"))
    change = update(deliveries).where(deliveries.c.reply_id == reply_id)
    await house.store.write(lambda db: db.execute(change.values(state=state, reason=reason, tries=tries)))
    text = (await lan.conversation(conversation_id)).text
    bubble = re.search(rf'<li id="r{reply_id}-1".*?</li>', text, re.DOTALL)
    assert bubble
    assert told in bubble[0]


async def test_a_reply_on_the_website_tells_of_no_sending(house: House, lan: Librarian) -> None:
    text = (await lan.conversation(await house.waiting())).text
    assert 'class="sending' not in text


async def test_a_reply_reaches_the_patron_once_however_often_the_form_is_sent(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    sheet = await lan.conversation(conversation_id)
    answers = await asyncio.gather(*(sheet.press("reply", text="Có {sách} nhé.\r\nMời bạn ghé.") for _ in range(3)))
    assert [answer.status_code for answer in answers] == [303, 303, 303]
    assert house.said(conversation_id) == ["Có {sách} nhé.\nMời bạn ghé."]
    assert set(house.announced) == {conversation_id}
    assert "Đã chuyển cho bạn đọc." in (await lan.browser.get(answers[0].headers["location"])).text
    assert owner(house, conversation_id).name == NAME


async def test_the_same_words_may_be_sent_again_from_a_new_page(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    for _ in range(2):
        await (await lan.conversation(conversation_id)).press("reply", text="Bạn chờ chút.")
    assert house.said(conversation_id) == ["Bạn chờ chút."] * 2


async def test_a_form_sent_again_late_is_still_one_reply_though_a_colleague_has_taken_over(
    house: House, lan: Librarian, minh: Librarian
) -> None:
    conversation_id = await house.waiting()
    sheet = await lan.conversation(conversation_id)
    await sheet.press("reply", text="Có nhé bạn.")
    await (await minh.conversation(conversation_id)).press("take")
    assert (await sheet.press("reply", text="Có nhé bạn.")).status_code == 303
    assert house.said(conversation_id) == ["Có nhé bạn."]
    assert owner(house, conversation_id).name == COLLEAGUE


@pytest.mark.parametrize(
    ("text", "says"), [("  \n ", "đang trống"), ("á" * 2001, "dài 2001 ký tự"), ("Có nhé", "thiếu dấu nhận biết")]
)
async def test_a_reply_that_cannot_be_sent_says_why_and_keeps_the_words(
    house: House, lan: Librarian, text: str, says: str
) -> None:
    conversation_id = await house.waiting()
    more = {"form_key": ""} if "dấu" in says else {}
    answer = await (await lan.conversation(conversation_id)).press("reply", text=text, **more)
    assert answer.status_code == 422
    assert says in answer.text
    assert text.strip() in answer.text
    assert house.said(conversation_id) == []
    assert owner(house, conversation_id).who == "waiting"


async def test_a_ticket_closed_meanwhile_does_not_swallow_the_answer(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    sheet = await lan.conversation(conversation_id)
    await (await lan.conversation(conversation_id)).press("close")
    assert (await sheet.press("reply", text="Vẫn trả lời bạn.")).status_code == 303
    assert house.said(conversation_id) == ["Vẫn trả lời bạn."]


async def test_taking_over_is_seen_by_a_colleague(house: House, lan: Librarian, minh: Librarian) -> None:
    conversation_id = await house.waiting()
    taken = await (await lan.conversation(conversation_id)).press("take")
    page = plain(await lan.browser.get(taken.headers["location"]))
    assert "Bạn đã nhận cuộc này." in page
    assert "Trợ lý trả lời lại lúc 9 giờ 30, hôm nay nếu không ai nhắn thêm." in page
    theirs = await minh.conversation(conversation_id)
    assert f"{NAME} đang trả lời" in plain(theirs.page)
    assert f"Trả lời thay {NAME}" in theirs.text
    assert f"Nhận thay {NAME}" in theirs.text


@pytest.mark.parametrize("deed", ["reply", "take", "close"])
async def test_who_acts_on_what_a_colleague_has_changed_is_told_first(
    house: House, lan: Librarian, minh: Librarian, deed: str
) -> None:
    conversation_id = await house.waiting()
    before = await minh.conversation(conversation_id)
    await (await lan.conversation(conversation_id)).press("take")
    answer = await before.press(deed, text="Mình giúp bạn nhé.")
    assert answer.status_code == 409
    assert f"{NAME} vừa nhận cuộc này." in answer.text
    assert "Mình giúp bạn nhé." in answer.text
    assert house.said(conversation_id) == []
    assert owner(house, conversation_id).name == NAME
    again = type(before)(minh, conversation_id, answer)
    assert (await again.press(deed, text="Mình giúp bạn nhé.")).status_code == 303


async def test_of_two_librarians_who_answer_at_once_one_is_asked_first(
    house: House, lan: Librarian, minh: Librarian
) -> None:
    conversation_id = await house.waiting()
    one, other = await lan.conversation(conversation_id), await minh.conversation(conversation_id)
    answers = await asyncio.gather(one.press("reply", text="Lan đây."), other.press("reply", text="Minh đây."))
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    winner = "Lan đây." if answers[0].status_code == 303 else "Minh đây."
    assert house.said(conversation_id) == [winner]


async def test_who_takes_over_while_the_assistant_thinks_is_not_talked_over(house: House, lan: Librarian) -> None:
    asked, thought = asyncio.Event(), asyncio.Event()

    async def think(_message: Stored, _turn: Turn, _payload: str | None) -> Answer:
        asked.set()
        await thought.wait()
        return Answer((Reply("Câu của máy."),), None)

    without: Any = None  # the dialogue is there
    switchboard = Switchboard(
        house.store, Asking(think), OpenTurns(), house.clock, card_pattern=CARD_PATTERN, without_dialogue=without
    )
    conversation_id = await house.waiting()
    await switchboard.receive(Message(conversation_id, "c9", "text", "máy in ở đâu"))
    await asked.wait()
    await (await lan.conversation(conversation_id)).press("take")
    thought.set()
    await switchboard.idle()
    await switchboard.close()
    page = await lan.conversation(conversation_id)
    assert "máy in ở đâu" in page.text
    assert "Câu của máy." not in page.text


async def test_giving_back_tells_the_patron_and_leaves_the_open_ticket_waiting(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    await (await lan.conversation(conversation_id)).press("take")
    back = await (await lan.conversation(conversation_id)).press("give-back")
    assert "Đã trả lại cho trợ lý." in (await lan.browser.get(back.headers["location"])).text
    assert owner(house, conversation_id).who == "waiting"
    assert len(house.said(conversation_id, "notice")) == 2


async def test_closing_ends_the_waiting_in_silence_and_an_answered_one_with_a_word(
    house: House, lan: Librarian
) -> None:
    silent, spoken = await house.waiting("một"), await house.waiting("hai")
    await (await lan.conversation(silent)).press("close")
    await (await lan.conversation(spoken)).press("reply", text="Xong nhé.")
    await (await lan.conversation(spoken)).press("close")
    assert owner(house, silent).who == owner(house, spoken).who == "bot"
    assert [len(house.said(one, "notice")) for one in (silent, spoken)] == [1, 2]
    closed = house.read(lambda db: db.scalars(select(tickets.c.closed_at)).all())
    assert closed == [START.isoformat()] * 2
    assert "Phiếu đã đóng." in (await lan.conversation(silent)).text


async def test_closing_twice_is_closing_once(house: House, lan: Librarian) -> None:
    sheet = await lan.conversation(await house.waiting())
    await sheet.press("close")
    house.wait(minutes=5)
    second = await sheet.press("close")
    assert "Phiếu đã đóng từ trước." in (await lan.browser.get(second.headers["location"])).text
    assert house.read(lambda db: db.scalar(select(tickets.c.closed_at))) == START.isoformat()


async def test_a_conversation_left_alone_is_the_assistants_again(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting()
    await (await lan.conversation(conversation_id)).press("take")
    house.wait(minutes=IDLE.total_seconds() / 60 + 1)
    assert await house.handover.return_the_idle() == 1
    assert "Đang chờ thủ thư" in plain((await lan.conversation(conversation_id)).page)


@pytest.mark.parametrize("deed", ["", "/reply", "/take", "/give-back", "/close"])
async def test_a_conversation_that_is_not_there_is_a_page_that_says_so(house: House, lan: Librarian, deed: str) -> None:
    csrf = re.search(r'name="csrf" value="(\w+)"', (await lan.see("inbox")).text)
    assert csrf
    path = f"/console/conversations/ab12{deed}"
    data = {"csrf": csrf[1], "text": "x", "form_key": "k"}
    answer = await (lan.browser.post(path, data=data) if deed else lan.browser.get(path))
    assert answer.status_code == 404
    assert "Không có cuộc trò chuyện này" in answer.text


async def test_zalo_says_until_when_it_lets_us_write_and_then_the_box_is_gone(house: House, lan: Librarian) -> None:
    house.wait(hours=-47)
    conversation_id = await house.waiting(channel="zalo")
    house.wait(hours=47)
    sheet = await lan.conversation(conversation_id)
    assert "Còn gửi được đến 10 giờ, hôm nay." in plain(sheet.page)
    house.wait(hours=1, seconds=1)
    late = await sheet.press("reply", text="Muộn mất rồi.")
    assert late.status_code == 422
    assert "Lời bạn viết: “Muộn mất rồi.”" in late.text
    assert 'name="text"' not in late.text
    assert "đã quá thời hạn mà Zalo cho gửi" in plain(late)
    assert house.said(conversation_id) == []
    await house.hear(conversation_id, "mình quay lại đây")
    assert 'name="text"' in (await lan.conversation(conversation_id)).text


@pytest.mark.parametrize(
    ("hours", "window", "state"),
    [
        (47, Window(), "open"),
        (49, Window(), "shut"),
        (49, Window(paid=timedelta(days=7)), "costs"),
        (7 * 24 + 1, Window(paid=timedelta(days=7)), "shut"),
    ],
)
def test_a_window_is_free_then_paid_then_shut(hours: int, window: Window, state: str) -> None:
    now = START + timedelta(hours=hours)
    assert reach("zalo", START, None, {"zalo": window}, now).state == state
    assert reach("web", START, None, {"zalo": window}, now).state == "open"
    assert reach("zalo", START, START, {"zalo": window}, now).state == "lost"


async def test_a_patron_who_blocked_us_is_told_to_the_librarian(house: House, lan: Librarian) -> None:
    conversation_id = await house.waiting(channel="telegram")
    await house.store.write(lambda db: db.execute(update(conversations).values(lost_at=house.now.isoformat())))
    sheet = await lan.conversation(conversation_id)
    assert "Bạn đọc đã chặn hoặc rời kênh" in sheet.text
    assert (await sheet.press("reply", text="Khi nào bạn quay lại nhé.")).status_code == 303
