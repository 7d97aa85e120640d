"""One-time links: who may use the page, what a log-in leads to, and how failures look alike."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors import mailbox
from connectors.account import LoginResult, PageState, StoredLinks
from connectors.store import Store, pending_links
from library.ils import ILSUnavailable, PatronRef
from library.ports import Turn
from tests.connectors.ils.sample import PIN, Clock, Library, open_library


class Silent:
    """A library system that does not answer."""

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        raise ILSUnavailable("no answer")


@dataclass
class Desk:
    store: Store
    links: StoredLinks
    library: Library
    clock: Clock
    asked: int = 0

    async def conversation(self) -> str:
        conversation_id, _ = await self.store.write(lambda db: mailbox.open_conversation(db, "web", self.clock()))
        return conversation_id

    def turn(self, conversation_id: str, message_id: str | None = None) -> Turn:
        self.asked += 1
        return Turn(conversation_id, message_id or f"m{self.asked}", "web", self.clock())

    async def page(self, conversation_id: str) -> str:
        """Return the token of a fresh page."""
        address = await self.links.start(self.turn(conversation_id))
        return address.removeprefix("https://hoi.example/link/")

    async def log_in(self, conversation_id: str, card: str = "DT000001", pin: str = PIN) -> LoginResult:
        return (await self.links.log_in(await self.page(conversation_id), card, pin)).result


@pytest.fixture
def desk(tmp_path: Path):
    library = open_library(tmp_path)
    store = Store(tmp_path / "gateway.sqlite")
    links = StoredLinks(store, library.ils, library.clock, "https://hoi.example", login_takes_s=0)
    yield Desk(store, links, library, library.clock)
    store.close()


async def test_nobody_is_linked_before_the_chat_says_yes(desk):
    chat = await desk.conversation()
    assert await desk.log_in(chat) is LoginResult.DONE
    assert await desk.links.patron_of(desk.turn(chat)) is None
    assert await desk.links.pending(desk.turn(chat)) == "Nguyễn Thị Lan"
    assert await desk.links.confirm(desk.turn(chat))
    assert await desk.links.patron_of(desk.turn(chat)) == await desk.library.ils.find_card("DT000001")
    assert await desk.links.pending(desk.turn(chat)) is None


async def test_a_log_in_waits_for_its_own_chat_only(desk):
    mine, other = await desk.conversation(), await desk.conversation()
    await desk.log_in(mine)
    assert await desk.links.pending(desk.turn(other)) is None
    assert not await desk.links.confirm(desk.turn(other))
    assert not await desk.links.refuse(desk.turn(other))
    assert await desk.links.patron_of(desk.turn(other)) is None


async def test_a_yes_that_comes_too_late_links_nobody(desk):
    chat = await desk.conversation()
    await desk.log_in(chat)
    desk.clock.advance(minutes=16)
    assert await desk.links.pending(desk.turn(chat)) is None
    assert not await desk.links.confirm(desk.turn(chat))
    assert await desk.links.patron_of(desk.turn(chat)) is None


async def test_a_turn_that_runs_again_hears_the_same_yes(desk):
    chat = await desk.conversation()
    await desk.log_in(chat)
    yes = desk.turn(chat, "the yes")
    assert await desk.links.confirm(yes)
    assert await desk.links.pending(yes) == "Nguyễn Thị Lan"
    assert await desk.links.confirm(yes)
    assert not await desk.links.confirm(desk.turn(chat, "another yes"))


async def test_the_old_link_stands_until_the_new_log_in_is_confirmed(desk):
    chat = await desk.conversation()
    lan, an = await desk.library.ils.find_card("DT000001"), await desk.library.ils.find_card("DT000002")
    await desk.links.link_now(chat, lan, "Nguyễn Thị Lan")
    await desk.log_in(chat, "DT000002")
    assert await desk.links.patron_of(desk.turn(chat)) == lan
    assert await desk.links.refuse(desk.turn(chat))
    assert await desk.links.patron_of(desk.turn(chat)) == lan
    await desk.log_in(chat, "DT000002")
    assert await desk.links.confirm(desk.turn(chat))
    assert await desk.links.patron_of(desk.turn(chat)) == an


async def test_unlinking_removes_what_is_linked_and_what_waits(desk):
    chat = await desk.conversation()
    await desk.links.link_now(chat, PatronRef("p"), "Lan")
    await desk.log_in(chat, "DT000002")
    assert await desk.links.remove(desk.turn(chat))
    assert await desk.links.patron_of(desk.turn(chat)) is None
    assert await desk.links.pending(desk.turn(chat)) is None
    assert not await desk.links.remove(desk.turn(chat))


async def test_an_operator_may_link_again_as_somebody_else(desk):
    chat = await desk.conversation()
    for patron_id in ("p", "q"):
        await desk.links.link_now(chat, PatronRef(patron_id), "Lan")
    assert await desk.links.patron_of(desk.turn(chat)) == PatronRef("q")


async def test_forgetting_a_conversation_forgets_the_log_in_that_waits(desk):
    chat = await desk.conversation()
    await desk.log_in(chat)
    await desk.store.write(lambda db: mailbox.forget_conversation(db, chat, "the message that asked"))
    assert await desk.links.pending(desk.turn(chat)) is None


async def test_a_page_opens_as_often_as_one_looks_and_is_used_up_by_one_try(desk):
    token = await desk.page(await desk.conversation())
    for _ in range(3):
        assert await desk.links.page(token) is PageState.OPEN
    assert (await desk.links.log_in(token, "DT000001", "000000")).result is LoginResult.WRONG
    assert await desk.links.page(token) is PageState.GONE
    assert (await desk.links.log_in(token, "DT000001", PIN)).result is LoginResult.GONE


async def test_a_page_used_by_two_at_once_serves_one(desk):
    token = await desk.page(await desk.conversation())
    logins = await asyncio.gather(*(desk.links.log_in(token, "DT000001", PIN) for _ in range(4)))
    assert sorted(login.result.value for login in logins) == ["done", "gone", "gone", "gone"]


async def test_a_page_is_good_for_ten_minutes(desk):
    chat = await desk.conversation()
    token = await desk.page(chat)
    desk.clock.advance(minutes=9, seconds=59)
    assert await desk.links.page(token) is PageState.OPEN
    desk.clock.advance(seconds=1)
    assert await desk.links.page(token) is PageState.GONE
    assert (await desk.links.log_in(token, "DT000001", PIN)).result is LoginResult.GONE
    assert await desk.links.pending(desk.turn(chat)) is None


async def test_a_new_page_shuts_the_one_before_it(desk):
    chat = await desk.conversation()
    first, second = await desk.page(chat), await desk.page(chat)
    assert await desk.links.page(first) is PageState.GONE
    assert await desk.links.page(second) is PageState.OPEN


async def test_an_invented_token_opens_nothing(desk):
    assert await desk.links.page("x" * 22) is PageState.GONE
    assert (await desk.links.log_in("x" * 22, "DT000001", PIN)).conversation_id is None


async def test_wrong_pin_unknown_card_and_locked_card_give_the_same(desk):
    results = [
        await desk.log_in(await desk.conversation(), *typed)
        for typed in [("DT000001", "000000"), ("DT999999", PIN)] + [("DT000001", "000000")] * 6
    ]
    assert set(results) == {LoginResult.WRONG}
    assert await desk.log_in(await desk.conversation()) is LoginResult.WRONG


async def test_five_failures_lock_the_card_for_every_chat_however_it_is_typed(desk):
    for card in ("DT000001", "dt000001", " DT000001", "DT 000001", "Dt000001"):
        await desk.log_in(await desk.conversation(), card, "000000")
    assert await desk.log_in(await desk.conversation(), "DT000001") is LoginResult.WRONG
    assert await desk.log_in(await desk.conversation(), "DT000002") is LoginResult.DONE
    desk.clock.advance(minutes=61)  # our half hour, and the library system's hour
    assert await desk.log_in(await desk.conversation(), "DT000001") is LoginResult.DONE


async def test_five_failures_lock_the_chat_for_every_card(desk):
    chat = await desk.conversation()
    for number in range(5):
        await desk.log_in(chat, f"DT99999{number}", "000000")
    assert await desk.log_in(chat, "DT000001") is LoginResult.WRONG
    assert await desk.log_in(await desk.conversation(), "DT000001") is LoginResult.DONE
    desk.clock.advance(minutes=31)
    assert await desk.log_in(chat, "DT000001") is LoginResult.DONE


async def test_a_log_in_forgives_the_failures_before_it(desk):
    chat = await desk.conversation()
    for pin in ["000000"] * 4 + [PIN] + ["000000"] * 4:
        await desk.log_in(chat, "DT000001", pin)
    assert await desk.log_in(chat, "DT000001") is LoginResult.DONE


async def test_many_tries_at_once_ask_the_library_system_five_times(desk):
    asked = []

    class Asked(Silent):
        async def authenticate(self, card_number: str, pin: str) -> PatronRef:
            asked.append(pin)
            return await desk.library.ils.authenticate(card_number, pin)

    links = StoredLinks(desk.store, Asked(), desk.clock, "https://hoi.example", login_takes_s=0)
    tokens = [await desk.page(await desk.conversation()) for _ in range(9)]
    await asyncio.gather(*(links.log_in(token, "DT000001", f"{at:06}") for at, token in enumerate(tokens)))
    assert len(asked) == 5


async def test_a_silent_library_system_is_no_failure_of_the_patron(desk):
    chat = await desk.conversation()
    silent = StoredLinks(desk.store, Silent(), desk.clock, "https://hoi.example", login_takes_s=0)
    for _ in range(6):
        login = await silent.log_in(await desk.page(chat), "DT000001", PIN)
        assert login.result is LoginResult.AWAY
    assert await desk.log_in(chat) is LoginResult.DONE


async def test_every_try_takes_as_long_right_or_wrong(desk):
    links = StoredLinks(desk.store, desk.library.ils, desk.clock, "https://hoi.example", login_takes_s=0.05)
    loop = asyncio.get_running_loop()
    tries = [("DT000001", PIN), ("DT000001", "000000"), ("DT999999", PIN)]
    for token, typed in [(await desk.page(await desk.conversation()), typed) for typed in tries] + [("none", tries[0])]:
        started = loop.time()
        await links.log_in(token, *typed)
        assert loop.time() - started >= 0.049


async def test_neither_card_nor_pin_nor_token_is_stored(desk, tmp_path):
    chat = await desk.conversation()
    token = await desk.page(chat)
    await desk.links.log_in(token, "DT000001", PIN)
    await desk.log_in(chat, "DT000002", "864209")
    desk.store.close()
    written = b"".join(path.read_bytes() for path in tmp_path.glob("gateway.sqlite*"))
    for secret in ("DT000001", "DT000002", PIN, "864209", token):
        assert secret.encode() not in written


async def test_a_log_in_that_was_never_answered_leaves_no_name_behind(desk):
    first, second = await desk.conversation(), await desk.conversation()
    await desk.log_in(first)
    desk.clock.advance(minutes=16)
    await desk.log_in(second, "DT000002")
    assert await desk.store.read(lambda db: db.scalars(select(pending_links.c.name)).all()) == ["Trần Văn An"]
