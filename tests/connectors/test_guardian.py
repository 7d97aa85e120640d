"""A child's card: a guardian consents on the page first, and every failure looks and lasts the same."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import Table, select

from connectors import mailbox, retention
from connectors.account import Login, LoginResult, PageState, StoredLinks
from connectors.guardian import LONGEST, TEXT, Childhood, Guardian, age
from connectors.limits import Allowance
from connectors.linkpage import link_router
from connectors.settings import PrivacySection
from connectors.store import Store, card_events, cards, consents, link_pages, pending_links
from library.ils import ILS, ILSUnavailable, InvalidCredentials, PatronRef
from library.model import Patron
from library.ports import Turn
from tests.connectors.ils.sample import PIN, Library, open_library, reader
from tests.fakes import FakeILS
from tests.virtual_time import VirtualLoop, run

NHI, LAN = "DT000002", "DT000001"
AGREES = {"guardian": "Nguyễn Thị Lan", "relation": "mẹ", "agree": "yes"}


@dataclass
class House:
    store: Store
    links: StoredLinks
    library: Library
    browser: httpx.AsyncClient
    told: list[Login] = field(default_factory=list)
    asked: int = 0

    def turn(self, chat: str) -> Turn:
        self.asked += 1
        return Turn(chat, f"m{self.asked}", "web", self.library.clock())

    async def chat(self) -> str:
        now = self.library.clock()
        return (await self.store.write(lambda db: mailbox.open_conversation(db, "web", now)))[0]

    async def log_in(self, chat: str, card: str = NHI, pin: str = PIN) -> httpx.Response:
        address = await self.links.start(self.turn(chat))
        return await self.browser.post(address, data={"card": card, "pin": pin})

    async def consent_page(self, chat: str) -> str:
        """Return the address of the page on which the guardian consents."""
        page = await self.log_in(chat)
        found = re.search(r'action="([\w-]+)"', page.text)
        assert found, page.text
        return f"https://hoi.example/link/{found[1]}"

    def rows(self, table: Table) -> list[dict[str, object]]:
        return [dict(row) for row in self.store.read_now(lambda db: db.execute(select(table)).mappings().all())]

    def deeds(self) -> list[object]:
        return [row["deed"] for row in self.rows(card_events)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    people = [reader(1, name="Nguyễn Thị Lan"), reader(2, name="Trần Bảo Nhi", category="thiếu nhi")]
    library, store = open_library(tmp_path, *people), Store(tmp_path / "gateway.sqlite")
    childhood = Childhood(categories=["Thiếu Nhi", "TE"])
    links = StoredLinks(store, library.ils, library.clock, "https://hoi.example", login_takes_s=0, childhood=childhood)
    told: list[Login] = []

    async def on_login(login: Login) -> None:
        told.append(login)

    tries = Allowance(library.clock, per_hour=20)
    app = FastAPI()
    app.include_router(link_router(links, on_login, lambda request: tries.take(request.client.host), library="<b>"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://hoi.example") as browser:
        yield House(store, links, library, browser, told)
    store.close()


def test_the_birth_date_or_the_category_makes_a_child() -> None:
    today = date(2026, 11, 24)
    assert age(date(2010, 11, 24), today) == 16
    assert age(date(2010, 11, 25), today) == 15
    kinds = Childhood(categories=["thiếu nhi"])
    assert kinds.is_child(Patron("p", "Nhi", "người lớn", born_on=date(2010, 11, 25)), today)
    assert not kinds.is_child(Patron("p", "Nhi", "người lớn", born_on=date(2010, 11, 24)), today)
    assert kinds.is_child(Patron("p", "Nhi", "Thiếu nhi"), today)
    assert not kinds.is_child(Patron("p", "Lan", "người lớn"), today)


async def test_a_childs_card_is_linked_only_after_a_guardian_agreed_and_the_chat_said_yes(house: House) -> None:
    chat = await house.chat()
    address = await house.consent_page(chat)
    assert house.told == []
    assert not await house.links.confirm(house.turn(chat))
    done = await house.browser.post(address, data=AGREES)
    assert done.status_code == 200
    assert [login.name for login in house.told] == ["Trần Bảo Nhi"]
    assert house.rows(cards) == []
    assert await house.links.confirm(house.turn(chat))
    (card,) = await house.links.cards(house.turn(chat))
    assert card.child
    (given,) = house.rows(consents)
    assert given["options"]["text"] == TEXT
    assert given["options"]["guardian"] == "Nguyễn Thị Lan"
    assert given["options"]["relation"] == "mẹ"
    assert house.deeds() == ["linked", "consented"]


@pytest.mark.parametrize(
    "typed",
    [
        {**AGREES, "agree": ""},
        {"guardian": "Nguyễn Thị Lan", "relation": "mẹ"},
        {**AGREES, "guardian": " "},
        {**AGREES, "relation": ""},
        {**AGREES, "guardian": "x" * (LONGEST + 1)},
        {**AGREES, "relation": "mẹ\r\nx"},
    ],
)
async def test_a_form_that_is_not_whole_links_nothing_and_may_be_sent_again(house: House, typed) -> None:
    chat = await house.chat()
    address = await house.consent_page(chat)
    refused = await house.browser.post(address, data=typed)
    assert refused.status_code == 422
    assert 'role="alert"' in refused.text
    assert house.rows(pending_links) == []
    assert (await house.browser.post(address, data=AGREES)).status_code == 200


async def test_the_guardians_page_is_unticked_has_no_script_and_shows_names_escaped(house: House) -> None:
    address = await house.consent_page(await house.chat())
    page = await house.browser.get(address)
    assert "checked" not in page.text
    assert "<script" not in page.text
    assert "&lt;b&gt;" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for field_id in ("guardian", "relation", "agree"):
        assert f'for="{field_id}"' in page.text
        assert f'id="{field_id}"' in page.text


async def test_the_guardians_page_takes_no_card_and_is_good_once_and_for_ten_minutes(house: House) -> None:
    chat = await house.chat()
    address = await house.consent_page(chat)
    token = address.rsplit("/", 1)[1]
    assert (await house.links.log_in(token, LAN, PIN)).result is LoginResult.GONE
    assert await house.links.page(token) is PageState.GUARDIAN
    assert (await house.browser.post(address, data=AGREES)).status_code == 200
    assert (await house.browser.post(address, data=AGREES)).status_code == 410
    late = await house.consent_page(chat)
    house.library.clock.advance(minutes=10)
    assert (await house.browser.post(late, data=AGREES)).status_code == 410
    assert (await house.links.consent("invented", Guardian("A", "b"))).result is LoginResult.GONE


async def test_a_used_page_keeps_nobodys_name(house: House) -> None:
    await house.browser.post(await house.consent_page(await house.chat()), data=AGREES)
    assert {(row["patron_id"], row["name"]) for row in house.rows(link_pages)} == {(None, None)}


async def test_many_cards_from_one_address_are_stopped_before_the_library_system_is_asked(house: House) -> None:
    codes = [(await house.log_in(await house.chat(), f"DT9{n:05}", "0")).status_code for n in range(25)]
    assert codes == [403] * 20 + [429] * 5
    address = await house.links.start(house.turn(await house.chat()))
    assert (await house.browser.post(address, data={"card": LAN, "pin": PIN})).status_code == 429
    house.library.clock.advance(minutes=9)
    assert (await house.browser.post(address, data={"card": LAN, "pin": PIN})).status_code == 200  # the page stood


async def test_failures_and_a_lock_are_noted_without_the_card(house: House) -> None:
    for _ in range(6):
        await house.log_in(await house.chat(), LAN, "000000")
    assert house.deeds() == ["failed"] * 5 + ["locked"]
    assert LAN not in str(house.rows(card_events))


async def test_what_was_noted_goes_with_the_years_and_with_the_conversation(house: House) -> None:
    first, second = await house.chat(), await house.chat()
    for chat in (first, second):
        await house.links.link_now(chat, PatronRef("p"), "Lan")
        await house.links.remove(house.turn(chat))
    hashes = {row["patron_hash"] for row in house.rows(card_events)}
    assert len(hashes) == 2  # the same card in two chats cannot be told to be the same
    policy = retention.policy_of(PrivacySection(keep_conversations_days=9999, keep_notes_days=365))
    house.library.clock.advance(days=366)
    now = house.library.clock()
    await house.store.write(lambda db: retention.sweep(db, now, policy))
    assert house.rows(card_events) == []


async def test_links_of_a_former_release_are_taken_over(tmp_path: Path) -> None:
    path, clock = tmp_path / "gateway.sqlite", open_library(tmp_path).clock
    store = Store(path)
    chat, _ = await store.write(lambda db: mailbox.open_conversation(db, "web", clock()))
    store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO links VALUES (?, 'p-1', 'Nguyễn Thị Lan')", (chat,))
        db.commit()
    store = Store(path)
    links = StoredLinks(store, FakeILS(), clock, "https://hoi.example", login_takes_s=0)
    (card,) = await links.cards(Turn(chat, "m", "web", clock()))
    assert (card.who.patron_id, card.name, card.current, card.child) == ("p-1", "Nguyễn Thị Lan", True, False)
    store.close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM links")  # unlinked by the former release
        db.commit()
    store = Store(path)
    assert store.read_now(lambda db: db.execute(select(cards)).all()) == []
    store.close()


# --- in time ----------------------------------------------------------------------------------------------------------


class SlowILS(FakeILS):
    """Answers each kind of try after a time of its own."""

    def __init__(self, takes: dict[str, float]) -> None:
        super().__init__()
        self.takes = takes

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        await asyncio.sleep(self.takes[card_number])
        if card_number == "AWAY":
            raise ILSUnavailable("no answer")
        if pin != PIN:
            raise InvalidCredentials("wrong")
        return PatronRef(card_number)

    async def patron(self, who: PatronRef) -> Patron:
        return Patron(who.patron_id, "Bạn", "thiếu nhi" if who.patron_id == "CHILD" else "người lớn")


async def _time_of(loop: VirtualLoop, links: StoredLinks, chat: str, card: str, pin: str) -> float:
    token = (await links.start(Turn(chat, "m", "web", loop.clock()))).rsplit("/", 1)[1]
    began = loop.time()
    await links.log_in(token, card, pin)
    return loop.time() - began


@pytest.mark.parametrize("slower", [1.0, 8.0])
def test_right_wrong_unknown_child_locked_and_silence_take_the_same_time(tmp_path: Path, slower: float) -> None:
    """Quick or slow, a try lasts whole seconds: how long a known card takes to check is not to be seen."""
    takes = {"KNOWN": 0.08, "UNKNOWN": 0.01, "CHILD": 0.09, "AWAY": 0.12}
    ils: ILS = SlowILS({card: time * slower for card, time in takes.items()})

    async def scene(loop: VirtualLoop) -> set[float]:
        store = Store(tmp_path / "gateway.sqlite")
        links = StoredLinks(
            store, ils, loop.clock, "https://hoi.example", childhood=Childhood(categories=["thiếu nhi"])
        )
        times = []
        for card, pin in [("KNOWN", PIN), ("UNKNOWN", "0"), ("CHILD", PIN), ("AWAY", "0")] + [("KNOWN", "0")] * 7:
            now = loop.clock()
            chat, _ = await store.write(lambda db, now=now: mailbox.open_conversation(db, "web", now))
            times.append(await _time_of(loop, links, chat, card, pin))
        store.close()
        return {round(time, 3) for time in times}

    assert run(scene) == {1.0}
