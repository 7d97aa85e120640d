"""What a patron has a say over: a copy of everything, once; everything deleted, and a receipt that names nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select, update

from connectors import mailbox
from connectors.channels.port import Arrival, Button, Card, Happening, Message, Reply
from connectors.curation.questions import founded
from connectors.desk import StoredConsents, StoredDesk
from connectors.export import PARTS
from connectors.mailbox import Answer
from connectors.messages import sentence
from connectors.privacy import StoredPrivacy, counted, finish_erasures, forget_now, receipt, still_kept
from connectors.privacy_words import Keeper, PrivacyWords
from connectors.privacypage import SECTIONS, privacy_router
from connectors.store import (
    Store,
    announcement_sends,
    announcements,
    buttons,
    card_events,
    cards,
    conversations,
    deeds,
    deliveries,
    erasures,
    export_pages,
    forgets,
    link_pages,
    links,
    messages,
    metadata,
    pending_links,
    pins,
    questions,
    reminded,
    reminder_jobs,
    ticket_replies,
)
from connectors.tokens import hashed
from library.ports import Turn
from tests.connectors.pushed_door import PushedDoor
from tests.connectors.small_gateway import small_gateway
from tests.connectors.test_linkpage import Page
from tests.virtual_time import START, VirtualLoop, run

KEEPER = Keeper("Thư viện <tỉnh>", "Library & more", "", 180, 365, "https://hoi.example")
SECRET_PATTERN = re.compile(r"[0-9a-f]{64}")


@dataclass
class Clock:
    now: Any = START

    def __call__(self):
        return self.now


@dataclass
class House:
    store: Store
    privacy: StoredPrivacy
    clock: Clock

    def patron(self, address: str, words: str = "Có Số đỏ không?") -> Turn:
        """Return the open turn of a patron at a pushed door who wrote this."""
        arrival = Arrival("telegram", address, words, "text", words)
        chat, accepted = self.store.write_now(lambda db: mailbox.arrive(db, arrival, frozenset(), self.clock()))
        return Turn(chat, accepted.message_id, "telegram", self.clock())

    def answer(self, chat: str, *said: Reply, memory: dict[str, Any] | None = None) -> bool:
        def finish(db):
            message = mailbox.next_unanswered(db, chat)
            return mailbox.finish(db, message, Answer(said, memory, "find_item", 0.9, {"title": "Số đỏ"}), self.clock())

        return self.store.write_now(finish)

    def still_kept(self, chat: str) -> dict[str, int]:
        return self.store.read_now(lambda db: still_kept(db, chat))

    def sent(self, chat: str) -> None:
        this = update(deliveries).where(deliveries.c.conversation_id == chat).values(state="sent")
        self.store.write_now(lambda db: db.execute(this))

    async def full_life(self, address: str) -> Turn:
        """Return the turn of a patron of whom something stands in every table."""
        turn = self.patron(address)
        await StoredDesk(self.store).ticket(turn, "asked")
        await StoredDesk(self.store).feedback(turn, f"hay lắm {address}", "praise")
        await StoredConsents(self.store).give(turn, "reminders", {"days_before": 3})
        card = Card("Số đỏ", "Vũ Trọng Phụng", ("895.922",), (Button("Đặt giữ", payload="/place_hold"),))
        link = Button("Đăng nhập", url="https://hoi.example/link/onetimetoken")
        events = [{"event": "user", "text": "Có Số đỏ không?"}, {"event": "action", "name": "secret_action"}]
        self.answer(
            turn.conversation_id,
            Reply("Còn 2 bản.", (link,), (card,)),
            memory={"slots": {"locale": "vi"}, "events": events},
        )
        common = {"conversation_id": turn.conversation_id}
        soon = (self.clock() + timedelta(minutes=10)).isoformat()
        news = {"kind": "events", "text_vi": "Tin", "text_en": "", "detail": {}, "state": "done", "made_by": "Hoa"}
        made = insert(announcements).values(**news, made_at=soon).returning(announcements.c.number)
        sent = {"number": self.store.write_now(lambda db: db.scalar(made)), "touched": ["opted"], "state": "sent"}
        rows = [
            (announcement_sends, {**sent, "changed_at": soon}),
            (reminder_jobs, {"day": "2026-11-24", "state": "sent", "next_at": soon, "changed_at": soon}),
            (links, {"patron_id": "p-7", "name": "Nguyễn Thị Lan"}),
            (
                cards,
                {
                    "patron_id": "p-7",
                    "name": "Nguyễn Thị Lan",
                    "linked_at": soon,
                    "used_on": "2026-11-23",
                    "child": False,
                },
            ),
            (card_events, {"at": soon, "channel": "telegram", "deed": "linked", "patron_hash": "0123"}),
            (pending_links, {"patron_id": "p-8", "name": "Lê Văn Ba", "expires_at": soon}),
            (link_pages, {"token_hash": hashed(address), "expires_at": soon}),
            (deeds, {"message_id": turn.message_id, "key": "hold:r1", "before": [], "outcome": {"ok": 1}}),
            (ticket_replies, {"key": address, "number": 1, "name": "Thủ thư Hoa", "sent_at": soon}),
            (forgets, {"message_id": address}),
            (pins, {"text": f"ghim {address}", "kind": "none", "what": "", "by": "Hoa", "at": soon}),
        ]  # fmt: skip
        cluster = self.store.write_now(lambda db: founded(db, self.clock()))
        asked = {"cluster": cluster, "reason": "không hiểu", "text": "Gửi xe?", "folded": "gui xe", "hidden": 0}
        asked |= {"message_id": turn.message_id, "channel": "telegram", "locale": "vi", "unaccented": 0, "at": soon}
        rows.append((questions, asked))
        for table, row in rows:
            self.store.write_now(lambda db, table=table, row=row: db.execute(insert(table).values(**common, **row)))
        await self.privacy.export(turn)
        return turn


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    store = Store(tmp_path / "gateway.sqlite")
    yield House(store, StoredPrivacy(store, "https://hoi.example"), Clock())
    store.close()


@pytest.fixture
async def browser(house):
    app = FastAPI()
    app.include_router(privacy_router(KEEPER, house.privacy, house.clock))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://hoi.example") as browser:
        yield browser


# --- the copy ---------------------------------------------------------------------------------------------------------


def test_every_table_of_a_conversation_is_in_the_copy_or_left_out_on_purpose():
    # Of buttons the words stand in the replies; the others are marks of our own, which say nothing.
    left_out = {buttons, forgets, reminded}
    told = {table for table, _, _ in PARTS.values()}
    assert {table for table in metadata.sorted_tables if "conversation_id" in table.c} == (told | left_out) - {
        conversations
    }


async def test_the_copy_holds_what_is_stored_with_labels_in_vietnamese(house, browser):
    turn = await house.full_life("chat-1")
    copy = (await browser.post(await house.privacy.export(turn))).json()
    assert copy["label"].startswith("Bản sao dữ liệu")
    assert copy["conversation"]["items"][0]["address"] == "chat-1"
    (message,) = copy["messages"]["items"]
    assert (message["text"], message["understood_as"]) == ("Có Số đỏ không?", "find_item")
    (reply,) = copy["replies"]["items"]
    assert reply["said"][0]["text"] == "Còn 2 bản."
    assert reply["said"][0]["cards"][0]["buttons"] == ["Đặt giữ"]
    assert copy["card_link"]["items"] == [{"name": "Nguyễn Thị Lan"}]
    assert copy["notes"]["items"][0]["text"] == "hay lắm chat-1"
    assert copy["consents"]["items"][0]["options"] == {"days_before": 3}
    assert copy["tickets"]["items"][0]["number"] == 1
    assert copy["deeds"]["items"][0]["outcome"] == {"ok": 1}
    assert copy["memory"]["items"][0]["latest"] == [{"who": "user", "text": "Có Số đỏ không?"}]
    for part in PARTS:
        assert copy[part]["items"], part
        assert set(copy[part]["items"][0]) <= set(copy[part]["fields"])


async def test_the_copy_opens_no_door_and_tells_of_nobody_else(house, browser):
    turn, other = await house.full_life("chat-1"), await house.full_life("chat-2")
    address = await house.privacy.export(turn)
    text = (await browser.post(address)).text
    assert not SECRET_PATTERN.search(text)
    for secret in ("onetimetoken", address.rsplit("/", 1)[1], "p-7", "/place_hold", "Thủ thư Hoa", "secret_action"):
        assert secret not in text
    for foreign in (other.conversation_id, other.message_id, "chat-2"):
        assert foreign not in text


async def test_a_pressed_button_stands_in_the_copy_by_its_words(house, browser):
    turn = house.patron("chat-1")
    house.answer(turn.conversation_id, Reply("Gì nào?", (Button("Giờ mở cửa", payload="/ask_opening_hours"),)))
    token = (
        house.store.read_now(lambda db: mailbox.sent_after(db, turn.conversation_id, 0))[0]
        .replies[0]
        .buttons[0]
        .payload
    )
    press = Message(turn.conversation_id, "p1", "payload", token)
    house.store.write_now(lambda db: mailbox.accept(db, press, frozenset(), START))
    copy = (await browser.post(await house.privacy.export(turn))).json()
    assert copy["messages"]["items"][1]["text"] == "Giờ mở cửa"
    assert token not in json.dumps(copy)


async def test_looking_uses_nothing_up_and_the_file_is_given_once(house, browser):
    address = await house.privacy.export(house.patron("chat-1"))
    for _ in range(3):
        looked = await browser.get(address)
        assert looked.status_code == 200
        assert "Số đỏ" not in looked.text
    given = await browser.post(address)
    assert given.status_code == 200
    assert given.headers["content-disposition"] == 'attachment; filename="du-lieu-tro-chuyen.json"'
    assert "Số đỏ" in given.content.decode("utf-8")
    assert [(await browser.post(address)).status_code, (await browser.get(address)).status_code] == [410, 410]


async def test_the_page_closes_after_ten_minutes_and_when_another_is_asked_for(house, browser):
    turn = house.patron("chat-1")
    first, second = await house.privacy.export(turn), await house.privacy.export(turn)
    assert (await browser.get(first)).status_code == 410
    house.clock.now = START + timedelta(minutes=9, seconds=59)
    assert (await browser.get(second)).status_code == 200
    house.clock.now = START + timedelta(minutes=10)
    assert (await browser.get(second)).status_code == 410
    assert (await browser.post(second)).status_code == 410


async def test_a_guessed_page_gives_nothing_and_only_the_hash_is_stored(house, browser):
    address = await house.privacy.export(house.patron("chat-1"))
    assert (await browser.post("https://hoi.example/export/guess")).status_code == 410
    (row,) = house.store.read_now(lambda db: db.execute(select(export_pages)).mappings().all())
    assert row["token_hash"] == hashed(address.rsplit("/", 1)[1])
    assert address.rsplit("/", 1)[1] not in str(dict(row))


async def test_no_page_of_a_copy_may_be_framed_stored_or_traced(house, browser):
    address = await house.privacy.export(house.patron("chat-1"))
    for response in (await browser.get(address), await browser.post(address), await browser.post(address)):
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-robots-tag"] == "noindex, nofollow"


# --- the public page --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", ["vi", "en"])
async def test_the_public_page_says_it_all_without_script_and_escaped(house, browser, lang):
    response = await browser.get(f"/privacy?lang={lang}")
    page = Page(response.text)
    assert page.all("html")[0]["lang"] == lang
    assert page.all("script") == page.all("style") == []
    assert len(page.all("h2")) == len(SECTIONS)
    assert KEEPER.name(lang) in page.words
    assert "<tỉnh>" not in response.text
    assert "180" in page.words
    assert "365" in page.words
    assert "91/2025/QH15" in page.words
    assert "{" not in page.words
    sheet = await browser.get(httpx.URL("https://hoi.example/privacy").join(page.all("link")[0]["href"]))
    assert sheet.headers["content-type"].startswith("text/css")
    assert "url(" not in sheet.text


async def test_the_public_page_speaks_the_language_of_the_browser(browser):
    english = await browser.get("/privacy", headers={"accept-language": "en-GB,en"})
    assert 'lang="en"' in english.text
    assert (await browser.get("/privacy?lang=<script>")).text.startswith('<!doctype html>\n<html lang="vi">')


@pytest.mark.parametrize("lang", ["vi", "en"])
async def test_the_notice_of_the_first_contact_is_two_lines_with_the_address(house, lang):
    said = PrivacyWords(KEEPER, house.privacy).first_contact(lang)
    assert len(said.text.splitlines()) == 2
    assert f"https://hoi.example/privacy?lang={lang}" in said.text
    assert "180" in said.text


@pytest.mark.parametrize("lang", ["vi", "en"])
async def test_the_commands_are_answered_with_a_page_that_opens(house, browser, lang):
    words, turn = PrivacyWords(KEEPER, house.privacy), house.patron("chat-1")
    told = await words.privacy(turn, lang)
    assert [button.payload for button in told.buttons[1:]] == ["/news", "/delete_my_data", "/talk_to_librarian"]
    copy = await words.export(turn, lang)
    assert (await browser.get(copy.buttons[0].url)).status_code == 200
    assert sentence("privacy_contact_nobody", lang) in told.text


# --- deletion ---------------------------------------------------------------------------------------------------------


async def test_a_withdrawal_leaves_nothing_but_a_receipt_that_names_nobody(house):
    turn, other = await house.full_life("chat-1"), await house.full_life("chat-2")
    before = house.still_kept(other.conversation_id)
    number = house.store.write_now(lambda db: forget_now(db, turn.conversation_id, house.clock()))
    assert house.still_kept(turn.conversation_id) == {}
    assert house.still_kept(other.conversation_id) == before
    (row,) = house.store.read_now(lambda db: db.execute(select(erasures)).mappings().all())
    assert row["number"] == number
    assert row["counts"]["messages"] == 1
    assert not any(word in str(dict(row)) for word in (turn.conversation_id, turn.message_id, "chat-1", "Lan"))


async def test_a_forgotten_conversation_leaves_no_byte_on_disk(house, tmp_path):
    turn = await house.full_life("chat-1")
    house.store.write_now(lambda db: forget_now(db, turn.conversation_id, house.clock()))
    await house.store.scrub()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for word in ("Có Số đỏ không?", "hay lắm chat-1", "Nguyễn Thị Lan", turn.conversation_id):
        assert word.encode() not in written


async def test_a_turn_that_runs_again_gives_the_same_receipt(house):
    turn = house.patron("chat-1", "xoá dữ liệu của tôi")
    gone = await house.privacy.forget(turn)
    first = await house.privacy.receipt(turn)
    assert await house.privacy.forget(turn) == gone
    assert await house.privacy.receipt(turn) == first
    other = house.patron("chat-2", "xoá dữ liệu của tôi")
    await house.privacy.forget(other)
    assert await house.privacy.receipt(other) == first + 1


async def forgotten(house, address: str = "chat-1") -> Turn:
    await house.full_life(address)
    turn = house.patron(address, "xoá đi")
    await house.privacy.forget(turn)
    assert house.answer(turn.conversation_id, Reply("Đã xoá."))
    return turn


async def test_after_forgetting_only_the_last_reply_and_its_bare_rows_stand(house):
    turn = await forgotten(house)
    assert house.still_kept(turn.conversation_id) == {"messages": 1, "replies": 1, "deliveries": 1, "conversations": 1}
    (left,) = house.store.read_now(lambda db: db.execute(select(messages.c.text)).scalars().all())
    assert left == ""


async def test_the_bare_rows_go_once_the_last_reply_was_sent(house):
    turn = await forgotten(house)
    number = await house.privacy.receipt(turn)
    house.clock.now += timedelta(hours=2)
    assert house.store.write_now(lambda db: finish_erasures(db, house.clock())) == 0  # still on its way
    house.sent(turn.conversation_id)
    assert house.store.write_now(lambda db: finish_erasures(db, house.clock())) == 1
    assert house.still_kept(turn.conversation_id) == {}
    at, gone, kept = house.store.read_now(lambda db: receipt(db, number))
    assert at == START
    assert gone["messages"] == 2
    assert kept == {}


async def test_the_last_reply_can_be_fetched_for_an_hour(house):
    turn = await forgotten(house)
    house.sent(turn.conversation_id)
    house.clock.now += timedelta(minutes=59)
    assert house.store.write_now(lambda db: finish_erasures(db, house.clock())) == 0
    assert house.still_kept(turn.conversation_id)["conversations"] == 1


async def test_who_writes_again_before_that_has_begun_anew(house):
    turn = await forgotten(house)
    house.patron("chat-1", "à còn nữa")
    house.answer(turn.conversation_id, Reply("Dạ?"))
    house.sent(turn.conversation_id)
    house.clock.now += timedelta(hours=2)
    assert house.store.write_now(lambda db: finish_erasures(db, house.clock())) == 0
    assert house.still_kept(turn.conversation_id)["messages"] == 2
    (row,) = house.store.read_now(lambda db: db.execute(select(erasures)).mappings().all())
    assert row["bare"] is None


async def test_a_second_deletion_has_its_own_receipt_and_both_end_with_nothing_kept(house):
    first = await forgotten(house)
    second = house.patron("chat-1", "xoá nữa đi")
    await house.privacy.forget(second)
    house.answer(second.conversation_id, Reply("Đã xoá."))
    house.sent(first.conversation_id)
    house.clock.now += timedelta(hours=2)
    assert house.store.write_now(lambda db: finish_erasures(db, house.clock())) == 1
    assert house.still_kept(first.conversation_id) == {}


async def test_a_receipt_tells_what_is_still_kept(house):
    turn = await forgotten(house)
    number = await house.privacy.receipt(turn)
    _, _, kept = house.store.read_now(lambda db: receipt(db, number))
    assert kept["conversations"] == 1
    assert house.store.read_now(lambda db: receipt(db, number + 1)) is None


async def test_what_is_counted_is_what_is_there(house):
    turn = await house.full_life("chat-1")
    there = house.store.read_now(lambda db: counted(db, turn.conversation_id))
    assert there == dict.fromkeys(("messages", "replies", "links", "consents", "notes", "tickets"), 1)


# --- the whole road ---------------------------------------------------------------------------------------------------

SECRETS = ("DT000101", "135790", "0912345678", "079203012345")


def test_no_secret_reaches_the_disk_by_any_road(tmp_path):
    door = PushedDoor()

    async def main(loop: VirtualLoop) -> None:
        async with small_gateway(loop, tmp_path / "gateway.sqlite", doors={door.name: door}) as gateway:
            told = f"thẻ {SECRETS[0]}, mk {SECRETS[1]}"
            web = await gateway.open()
            await gateway.final(web, f"Họ tên: Lan; điện thoại: {SECRETS[2]}; CCCD: {SECRETS[3]}")  # a form's words
            await gateway.final(web, told)
            for number, words in enumerate((told, f"ảnh cccd {SECRETS[3]}", f"gọi em {SECRETS[2]}")):
                await gateway.reception.receive(Arrival("post", "an", f"m:{number}", "text", words))
            await gateway.reception.park("post", "strange", f'{{"text": "{told}, {SECRETS[2]}"}}'.encode())
            await gateway.reception.note(Happening("post", "an", "e1", "echo", f"mk {SECRETS[1]}", "id-1", staff=True))
            await gateway.switchboard.idle()
            await gateway.deliverer.idle()

    run(main)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert "Họ tên: Lan".encode() in written
    assert [secret for secret in SECRETS if secret.encode() in written] == []


def test_who_withdraws_at_the_channel_is_gone_from_the_disk(tmp_path):
    door = PushedDoor()

    async def main(loop: VirtualLoop) -> None:
        async with small_gateway(loop, tmp_path / "gateway.sqlite", doors={door.name: door}) as gateway:
            await gateway.reception.receive(Arrival("post", "người-số-7", "m:1", "text", "Có Số đỏ không?"))
            await gateway.switchboard.idle()
            await gateway.deliverer.idle()
            await gateway.reception.note(Happening("post", "người-số-7", "w:1", "withdrew"))
            left = [table.name for table in metadata.sorted_tables if rows_of(gateway.store, table)]
            assert left == ["erasures", "receipts"]  # neither names anybody

    run(main)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [word for word in ("người-số-7", "Số đỏ") if word.encode() in written] == []


def rows_of(store: Store, table) -> int:
    return len(store.read_now(lambda db: db.execute(select(table)).all()))
