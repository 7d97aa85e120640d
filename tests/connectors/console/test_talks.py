"""All conversations as one list, and what a librarian does at a turn of one: sees, pins, corrects, answers for good."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys
from sqlalchemy import select, update

from connectors.console import talk_list
from connectors.console.talk_list import Wanted
from connectors.curation import pins
from connectors.staff import audit
from connectors.store import audit_trail, messages
from tests.connectors.console.desk import NAME, XSS, House, Librarian, hidden, plain
from tests.connectors.console.seat import Seat


async def turn(house: House, words: str, intent: str, outcome: dict[str, Any], channel: str = "web") -> tuple[str, str]:
    """Return the conversation and the message of a turn that was understood and dealt with like this."""
    house.wait(seconds=1)
    conversation_id = await house.open(words, channel)
    understood = {"intent": intent, "confidence": 0.42, "slots": {"title": ["Số đỏ"]}, "outcome": outcome}
    mine = messages.c.conversation_id == conversation_id
    await house.store.write(lambda db: db.execute(update(messages).where(mine).values(understood)))
    return conversation_id, house.read(lambda db: db.scalar(select(messages.c.id).where(mine)))


def shown(house: House, **asked: str) -> list[str]:
    wanted = Wanted.of(asked)
    return [chat.last_text for chat in house.read(lambda db: talk_list.listed(db, wanted, 1)).items]


async def test_all_of_them_the_latest_first(house: House, lan: Librarian) -> None:
    first = await house.open("câu thứ nhất")
    house.wait(minutes=1)
    await house.waiting("câu thứ hai", "zalo")
    house.wait(minutes=1)
    await house.hear(first, "thêm một câu")
    assert [text[:4] for text in shown(house)] == ["thêm", "cho "]
    said = plain(await lan.see("conversations"))
    assert "2 cuộc" in said
    assert said.index("thêm một câu") < said.index("cho mình gặp thủ thư")


async def test_every_filter_leaves_what_it_names(house: House) -> None:
    await turn(house, "có cho thuê phòng cưới không", "out_of_scope", {"kind": "unknown"})
    await turn(house, "có cuốn Không Có Thật không", "find_item", {"kind": "search", "hits": 0}, "telegram")
    await turn(house, "có cuốn Số đỏ không", "find_item", {"kind": "search", "hits": 2}, "zalo")
    house.wait(days=3)
    await house.handover.take_over(await house.waiting("gặp người với"), NAME)
    assert shown(house, mark="unknown") == ["có cho thuê phòng cưới không"]
    assert shown(house, mark="nothing") == ["có cuốn Không Có Thật không"]
    assert shown(house, channel="zalo") == ["có cuốn Số đỏ không"]
    assert [text[:8] for text in shown(house, mark="handed")] == ["cho mình"]
    assert [text[:8] for text in shown(house, who="person")] == ["cho mình"]
    assert len(shown(house, who="bot")) == 3
    assert shown(house, words="phòng cưới") == ["có cho thuê phòng cưới không"]
    assert shown(house, words="%") == []
    day = house.now.date()
    assert len(shown(house, until=(day - timedelta(days=1)).isoformat())) == 3
    assert len(shown(house, since=day.isoformat())) == 1
    assert len(shown(house, since="hôm qua", who="ai đó", mark="x", channel="fax")) == 4


async def test_opening_one_is_noted_once_an_hour_without_naming_it(
    house: House, lan: Librarian, minh: Librarian
) -> None:
    conversation_id = await house.open("chuyện riêng của em")

    def readings() -> list[tuple[str, str]]:
        mine = select(audit_trail.c.who, audit_trail.c.about).where(audit_trail.c.deed == "talk.read")
        return [tuple(row) for row in house.read(lambda db: db.execute(mine).all())]

    for _ in range(3):
        await lan.conversation(conversation_id)
    await minh.conversation(conversation_id)
    assert [who for who, _ in readings()] == [NAME, "Lê Minh"]
    assert {about for _, about in readings()} == {audit.talk(conversation_id)}
    house.wait(minutes=61)
    await lan.conversation(conversation_id)
    assert len(readings()) == 3


async def test_a_search_in_all_of_them_is_noted_without_its_words(house: House, lan: Librarian) -> None:
    await house.open("chuyện riêng của em")
    await lan.see("conversations")
    await lan.see("conversations?words=chuyện riêng")
    noted = select(audit_trail.c.detail).where(audit_trail.c.deed == "talk.searched")
    assert house.read(lambda db: list(db.scalars(noted))) == ['{"found":1}']


async def test_a_turn_tells_how_it_was_understood(house: House, lan: Librarian) -> None:
    conversation_id, message = await turn(
        house, "lam the het nhiu tien", "ask_library_info", {"kind": "answer", "answer": "the-phi", "revision": 1}
    )
    page = (await lan.conversation(conversation_id)).page
    said = plain(page)
    assert "Hỏi quy định, dịch vụ, phí, chỗ, chắc 42 %. Tên sách: Số đỏ . Dẫn tới: Câu trả lời soạn sẵn the-phi" in said
    assert f'href="/console/teaching/correct?message={message}"' in page.text
    assert f'href="/console/answers/new?from={message}"' in page.text


async def test_a_turn_without_an_answer_is_pinned_as_such_and_one_comes_back_to_it(
    house: House, lan: Librarian
) -> None:
    conversation_id, message = await turn(house, "có bán vé số không", "out_of_scope", {"kind": "unknown"})
    page = (await lan.conversation(conversation_id)).page
    form = re.search(r'action="/console/pins">(.*?)</form>', page.text, re.DOTALL)
    assert form
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[1]))
    pinned = await lan.browser.post("/console/pins", data=fields)
    assert pinned.headers["location"] == f"/console/conversations/{conversation_id}?done=pinned#m{message}"
    (pin,) = house.read(pins.pinned)
    assert (pin.text, pin.expected.kind, pin.by) == ("có bán vé số không", "none", NAME)


async def test_a_search_is_pinned_to_what_it_means(house: House, lan: Librarian) -> None:
    _, message = await turn(house, "có cuốn Số đỏ không", "find_item", {"kind": "search", "hits": 2})
    csrf = hidden(await lan.see("pins"), "csrf")
    wrong = {"csrf": csrf, "message": message, "kind": "intent", "what": "no_such_intent"}
    assert "done=unknown" in (await lan.browser.post("/console/pins", data=wrong)).headers["location"]
    await lan.browser.post("/console/pins", data={**wrong, "what": "find_item"})
    assert [pin.expected.what for pin in house.read(pins.pinned)] == ["find_item"]


async def test_what_patrons_wrote_is_text(house: House, lan: Librarian) -> None:
    conversation_id, _ = await turn(house, XSS, "find_item", {"kind": "search", "hits": 0, "sought": {"title": XSS}})
    for page in (await lan.see("conversations"), (await lan.conversation(conversation_id)).page):
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert" in page.text


@pytest.mark.browser
def test_a_turn_is_pinned_with_one_key_and_answered_for_good_with_another(house: House, seat: Seat) -> None:
    conversation_id, message = asyncio.run(
        turn(house, "có cho gửi xe qua đêm không", "nlu_fallback", {"kind": "unknown"})
    )
    seat.go(f"conversations/{conversation_id}")
    for key in ("j", "p"):
        seat.browser.switch_to.active_element.send_keys(key)
    seat.until(lambda: "Đã ghim câu đó" in seat.says("main"))
    assert [pin.text for pin in house.read(pins.pinned)] == ["có cho gửi xe qua đêm không"]
    for key in ("j", "n"):
        seat.browser.switch_to.active_element.send_keys(key)
    seat.until(lambda: seat.browser.current_url.endswith(f"/console/answers/new?from={message}"))
    assert seat.one("#question").get_property("value") == "có cho gửi xe qua đêm không"
    seat.browser.switch_to.active_element.send_keys(Keys.ESCAPE)
