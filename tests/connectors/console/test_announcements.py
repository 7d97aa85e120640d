"""What the library tells many: who hears it and who does not, a second yes, stop, and the word "dừng"."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select, update

from connectors.announcing import book
from connectors.announcing.announcer import message, quiet_until
from connectors.announcing.audience import Closed
from connectors.announcing.book import Draft
from connectors.announcing.wishes import REFUSED, STOP, Wishes
from connectors.clock import VIETNAM
from connectors.console.windows import Window
from connectors.store import announcement_sends, audit_trail, consents, conversations, links
from library.ils import ILSUnavailable, PatronRef
from library.model import Hold, HoldStatus, Loan
from library.ports import Turn
from tests.connectors.console.desk import XSS, House, Librarian, hidden, plain

DAY = datetime(2026, 11, 26, 23, 59, tzinfo=VIETNAM)


class Shelf:
    """A library system that knows only loans and holds."""

    def __init__(self) -> None:
        self.lent: dict[str, list[Loan]] = {}
        self.held: dict[str, list[Hold]] = {}
        self.silent_about: set[str] = set()

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> Sequence[Loan]:
        if who.patron_id in self.silent_about:
            raise ILSUnavailable("no answer")
        return self.lent.get(who.patron_id, [])

    async def holds(self, who: PatronRef) -> Sequence[Hold]:
        return self.held.get(who.patron_id, [])

    def lend(self, patron_id: str, due_at: datetime = DAY, branch: str = "MT") -> None:
        self.lent[patron_id] = [Loan("1", "r1", "Số đỏ", due_at, branch=branch)]

    def set_aside(self, patron_id: str, status: HoldStatus = HoldStatus.READY, pickup: str = "MT") -> None:
        self.held[patron_id] = [Hold("1", "r1", "Số đỏ", status, pickup)]


@pytest.fixture
def shelf(house: House) -> Shelf:
    house.announcer._ils = house.ils = Shelf()  # type: ignore[assignment]
    return house.ils  # type: ignore[no-any-return]


async def person(house: House, patron: str = "", channel: str = "telegram", *wishes: str, heard: float = 1) -> str:
    """Return the conversation of somebody who wrote `heard` hours ago."""
    house.wait(seconds=1)  # an address of their own
    conversation_id = await house.open(channel=channel)
    heard_at = (house.now - timedelta(hours=heard)).isoformat()

    def note(db: Any) -> None:
        this = conversations.c.id == conversation_id
        db.execute(update(conversations).where(this).values(heard_at=heard_at, lost_at=None))
        if patron:
            db.execute(insert(links).values(conversation_id=conversation_id, patron_id=patron, name="Hoa"))
        for wish in wishes:
            row = {"conversation_id": conversation_id, "purpose": wish, "options": {}, "given_at": heard_at}
            db.execute(insert(consents).values(row))

    house.store.write_now(note)
    return conversation_id


def closure(*branches: str, paid: bool = False) -> Draft:
    return Draft("closure", "Mỹ Tho nghỉ thứ Năm 26/11.", "", Closed(DAY.date(), DAY.date(), frozenset(branches)), paid)


async def hearing(house: House, draft: Draft) -> dict[str, tuple[str, ...]]:
    audience = await house.announcer.audience(draft)
    return {each.chat.conversation_id: each.touched for each in audience.reached}


async def start(house: House, draft: Draft) -> int:
    number = house.store.write_now(lambda db: book.add(db, draft, "Lan", house.now))
    found = house.read(lambda db: book.get(db, number))
    assert await house.announcer.start(found, "Lan")
    return number


def told(house: House, conversation_id: str) -> list[str]:
    return house.said(conversation_id, "notice")[1:]  # after the "Mình nghe đây." of the beginning


async def test_a_closure_is_told_to_whom_it_touches_and_to_nobody_else(house: House, shelf: Shelf) -> None:
    due, held, opted = await person(house, "p1"), await person(house, "p2"), await person(house, "", "web", "closures")
    for patron in ("p3", "p4", "p5", "p6"):
        await person(house, patron)
    await person(house, "", "telegram", "events", "books", "reminders")
    shelf.lend("p1")
    shelf.set_aside("p2")
    shelf.lend("p3", DAY + timedelta(days=1))
    shelf.lend("p4", branch="CL")
    shelf.set_aside("p5", HoldStatus.WAITING)
    shelf.set_aside("p6", pickup="SD")
    assert await hearing(house, closure("MT")) == {due: ("due",), held: ("hold",), opted: ("opted",)}
    assert len(await hearing(house, closure())) == 5


@pytest.mark.parametrize(("kind", "wish"), [("events", "events"), ("books", "books")])
async def test_news_go_only_to_who_said_yes_to_that_kind(house: House, shelf: Shelf, kind: Any, wish: str) -> None:
    yes = await person(house, "", "telegram", wish)
    await person(house, "p1", "telegram", "reminders", "closures")
    await person(house, "", "telegram", "books" if wish == "events" else "events")
    shelf.lend("p1")
    assert await hearing(house, Draft(kind, "Tin", "")) == {yes: ("opted",)}


async def test_one_person_gets_one_message_where_they_were_heard_last(house: House, shelf: Shelf) -> None:
    await person(house, "p1", "web", heard=9)
    latest = await person(house, "p1", "telegram", heard=2)
    await person(house, "p1", "zalo", heard=60)
    shelf.lend("p1")
    assert list(await hearing(house, closure("MT"))) == [latest]


async def test_a_channels_time_and_its_price_leave_people_out_by_name_of_the_reason(house: House, shelf: Shelf) -> None:
    house.windows["zalo"] = Window(paid=timedelta(days=7))
    await person(house, "p1", "zalo", heard=47)
    await person(house, "p2", "zalo", heard=49)
    await person(house, "p3", "zalo", heard=24 * 8)
    lost = await person(house, "p4", "telegram")
    gone = update(conversations).where(conversations.c.id == lost).values(lost_at=house.now.isoformat())
    house.store.write_now(lambda db: db.execute(gone))
    await person(house, "p5", "telegram", REFUSED)
    await person(house, "p6")
    for patron in ("p1", "p2", "p3", "p4", "p5"):
        shelf.lend(patron)
    shelf.silent_about.add("p6")
    audience = await house.announcer.audience(closure("MT"))
    assert audience.channels == {"zalo": 1}
    assert audience.reasons == {"costs": 1, "shut": 1, "lost": 1, "refused": 1}
    assert audience.unknown == 1
    assert len((await house.announcer.audience(closure("MT", paid=True))).reached) == 2


async def test_each_is_told_once_with_what_is_theirs_and_how_to_stop(house: House, shelf: Shelf) -> None:
    due, held = await person(house, "p1"), await person(house, "p2", "web")
    shelf.lend("p1")
    shelf.set_aside("p2")
    number = await start(house, closure("MT"))
    assert await house.announcer.send_waiting() == 2
    assert await house.announcer.send_waiting() == 0
    [of_due], [of_hold] = told(house, due), told(house, held)
    assert of_due.splitlines()[1:] == [
        "Bạn có sách đến hạn trả trong những ngày này.",
        "Không muốn nhận thông báo, bạn nhắn “dừng”.",
    ]
    assert "đặt giữ" in of_hold
    assert set(house.announced) == {due, held}
    progress = house.read(lambda db: book.progress(db, number))
    assert (progress.waiting, progress.told, progress.total) == (0, 2, 2)
    assert house.read(lambda db: book.get(db, number)).state == "done"


async def test_two_who_press_send_send_it_once(house: House, shelf: Shelf) -> None:
    chat = await person(house, "p1")
    shelf.lend("p1")
    number = house.store.write_now(lambda db: book.add(db, closure("MT"), "Lan", house.now))
    found = house.read(lambda db: book.get(db, number))
    assert [await house.announcer.start(found, name) for name in ("Lan", "Minh")] == [True, False]
    await asyncio.gather(house.announcer.send_waiting(), house.announcer.send_waiting())
    assert len(told(house, chat)) == 1


async def test_at_night_nothing_goes_out_and_in_the_morning_it_does(house: House, shelf: Shelf) -> None:
    house.now = datetime(2026, 11, 24, 21, 30, tzinfo=VIETNAM)
    chat = await person(house, "p1")
    shelf.lend("p1")
    await start(house, closure("MT"))
    assert await house.announcer.send_waiting() == 0
    assert quiet_until(house.now) == datetime(2026, 11, 25, 7, 0, tzinfo=VIETNAM)
    house.now = datetime(2026, 11, 25, 7, 0, tzinfo=VIETNAM)
    assert await house.announcer.send_waiting() == 1
    assert len(told(house, chat)) == 1


async def test_stop_spares_who_was_not_written_to_and_what_the_channel_has_not_taken(
    house: House, shelf: Shelf
) -> None:
    first, second = await person(house, "p1"), await person(house, "p2")
    for patron in ("p1", "p2"):
        shelf.lend(patron)
    number = await start(house, closure("MT"))
    assert await house.announcer._send_one(house.read(lambda db: book.get(db, number)), first, ("due",)) == 1
    assert await house.announcer.stop(number, "Lan") == 2
    assert await house.announcer.send_waiting() == 0
    assert told(house, second) == []
    progress = house.read(lambda db: book.progress(db, number))
    assert (progress.dead, progress.skipped) == (1, {"stopped": 1})


async def test_who_says_stop_between_the_press_and_the_sending_is_left_in_peace(house: House, shelf: Shelf) -> None:
    chat = await person(house, "p1")
    shelf.lend("p1")
    number = await start(house, closure("MT"))
    turn = Turn(chat, "m1", "telegram", house.now)
    await Wishes(house.store).own_words[STOP](turn, "vi")
    assert await house.announcer.send_waiting() == 0
    assert house.read(lambda db: book.progress(db, number)).skipped == {"refused": 1}


async def test_stop_words_stop_and_yes_begins_again(house: House, shelf: Shelf) -> None:
    wishes = Wishes(house.store)
    chat = await person(house, "p1", "telegram", "events", "books")
    turn = Turn(chat, "m1", "telegram", house.now)
    assert await wishes.own_text(turn, "dừng") is None  # of something else: no announcement came
    assert await wishes.own_text(turn, "Dừng nhận tin!") == STOP
    await start(house, Draft("events", "Kể chuyện sáng thứ Bảy.", ""))
    await house.announcer.send_waiting()
    assert [await wishes.own_text(turn, said) for said in ("Dừng", "dung", "stop", "đúng", "dừng gia hạn")] == [
        *[STOP] * 3, None, None,
    ]  # fmt: skip
    said = await wishes.own_words[STOP](turn, "vi")
    assert "không nhận thông báo nữa" in said.text
    purposes = select(consents.c.purpose).where(consents.c.conversation_id == chat)
    assert house.read(lambda db: set(db.scalars(purposes))) == {REFUSED}
    await wishes.own_words["/news_yes_books"](turn, "vi")
    assert house.read(lambda db: set(db.scalars(purposes))) == {"books"}


def test_who_writes_english_reads_english_where_there_is_some() -> None:
    draft = Draft("events", "Kể chuyện.", "Story time.")
    assert message(draft, (), "en").text.startswith("Story time.\nTo get no more")
    assert message(Draft("events", "Kể chuyện.", ""), (), "en").text.startswith("Kể chuyện.")


async def write(lan: Librarian, **fields: str) -> httpx.Response:
    page = await lan.see("announcements/new?kind=closure&from=2026-11-26&branches=MT")
    asked = {"kind": "closure", "from": "2026-11-26", "to": "", "branches": "MT", "text": "Mỹ Tho nghỉ.", **fields}
    return await lan.browser.post("/console/announcements/new", data={"csrf": hidden(page, "csrf"), **asked})


async def send(lan: Librarian, at: str, **fields: str) -> httpx.Response:
    page = await lan.browser.get(at)
    form = {"csrf": hidden(page, "csrf"), "people": hidden(page, "people"), "sure": "yes", **fields}
    return await lan.browser.post(f"{at}/send", data=form)


async def test_a_librarian_writes_looks_says_yes_twice_and_sees_it_go(
    house: House, shelf: Shelf, lan: Librarian
) -> None:
    chat = await person(house, "p1")
    await person(house, "p2", "telegram", REFUSED)
    for patron in ("p1", "p2"):
        shelf.lend(patron)
    at = (await write(lan)).headers["location"]
    preview = plain(await lan.browser.get(at))
    assert "1 người nhận, mỗi người một tin: 1 có sách đến hạn" in preview
    assert "1 người: đã nhắn dừng, nên không gửi" in preview
    assert "Bạn có sách đến hạn trả trong những ngày này." in preview
    assert (await send(lan, at, sure="")).status_code == 422
    assert (await send(lan, at, people="7")).status_code == 409
    assert told(house, chat) == []
    assert (await send(lan, at)).status_code == 303
    await house.announcer.send_waiting()
    assert len(told(house, chat)) == 1
    assert "Đã gửi xong: 1 trên 1 người" in plain(await lan.browser.get(at))
    deeds = select(audit_trail.c.deed).where(audit_trail.c.about == "announcement:1")
    assert house.read(lambda db: list(db.scalars(deeds))) == ["announcement.sent"]
    assert (await lan.browser.post(f"{at}/send", data={"csrf": hidden(await lan.see("calendar"), "csrf")})).status_code
    assert len(told(house, chat)) == 1


async def test_the_words_of_a_closure_are_suggested_from_the_calendar(house: House, lan: Librarian) -> None:
    page = await lan.see("announcements/new?kind=closure&from=2026-12-21&to=2026-12-23&branches=CL")
    text = plain(page)
    assert (
        "Chi nhánh Cao Lãnh nghỉ từ thứ Hai 21/12 đến thứ Tư 23/12/2026 (kiểm kê kho). "
        "Mở lại thứ Năm 24/12/2026, 7:30." in text
    )
    assert "(stocktaking). Open again Thursday 24 December 2026, 7:30." in text


@pytest.mark.parametrize(
    ("fields", "told_why"),
    [
        ({"text": " "}, "Hãy viết lời"),
        ({"text": "x" * 901}, "dài quá"),
        ({"from": "2026-11-20"}, "đã qua"),
        ({"from": ""}, "chọn đúng ngày"),
        ({"kind": "spam"}, "chọn loại"),
        ({"branches": "XX"}, "không có trong lịch"),
    ],
)
async def test_what_cannot_be_sent_is_told_why(lan: Librarian, fields: dict[str, str], told_why: str) -> None:
    answer = await write(lan, **fields)
    assert answer.status_code == 422
    assert told_why in plain(answer)


async def test_words_are_text_wherever_they_show(house: House, shelf: Shelf, lan: Librarian) -> None:
    await person(house, "p1")
    shelf.lend("p1")
    at = (await write(lan, text=XSS)).headers["location"]
    for path in (at, "/console/announcements"):
        page = await lan.browser.get(path)
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text
    await send(lan, at)
    assert "<script>alert" not in (await lan.browser.get(at)).text


async def test_a_draft_can_be_dropped_and_is_gone(house: House, shelf: Shelf, lan: Librarian) -> None:
    at = (await write(lan)).headers["location"]
    await lan.browser.post(f"{at}/drop", data={"csrf": hidden(await lan.browser.get(at), "csrf")})
    assert not re.search(r"announcements/\d", (await lan.see("announcements")).text)


async def test_deletion_takes_the_traces_of_announcements(house: House, shelf: Shelf) -> None:
    from connectors.privacy import forget_now, still_kept

    chat = await person(house, "p1")
    shelf.lend("p1")
    await start(house, closure("MT"))
    await house.announcer.send_waiting()
    assert house.read(lambda db: db.scalars(select(announcement_sends.c.conversation_id)).all()) == [chat]
    house.store.write_now(lambda db: forget_now(db, chat, house.now))
    assert house.read(lambda db: still_kept(db, chat)) == {}
