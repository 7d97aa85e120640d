"""What every door promises, asked of each: nothing lost, nothing twice, nothing out of order, nobody else let in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from connectors.channels.port import Button, Card, Reply
from connectors.mailbox import Answer, Stored
from connectors.messages import sentence
from connectors.store import Store, conversations, deliveries, messages, parked
from library.ports import Turn
from tests.connectors.small_gateway import FIRST_CONTACT, Ask
from tests.contract import channel_drivers
from tests.contract.channel_drivers import Driver, PushedDriver
from tests.virtual_time import VirtualLoop, run

AN, BINH = 1, 2
HOUR_S = 3600.0
LONG = "\n\n".join(
    " ".join(f"Đoạn {number}, câu {line}: thư viện mở cửa từ 7 giờ 30 đến 18 giờ 30." for line in range(30))
    for number in range(4)
)
BOOKS = tuple(
    Card(f"Cuốn sách thứ {n}", f"Tác giả {n}", ("Mỹ Tho · còn 1 bản",), (Button("Xem thêm", f"/see_{n}"),))
    for n in range(1, 6)
)

Scene = Callable[[Any, "Talker"], Awaitable[None]]
Opening = Callable[[VirtualLoop, Path, Ask], AbstractAsyncContextManager[Any]]


class Talker:
    """A dialogue that repeats; slow when asked to be, with choices, books or a long text when asked for them."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str | None]] = []  # words, payload
        self.think_s = 0.0

    async def ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(self.think_s)
        self.heard.append((message.text, payload))
        return Answer((self._say(payload or message.text),), None, intent="told")

    def _say(self, words: str) -> Reply:
        if found := re.fullmatch(r"chọn (\d+)", words):
            return Reply("Chọn gì?", tuple(Button(f"Việc {n}", f"/deed_{n}") for n in range(1, int(found[1]) + 1)))
        if words == "dài":
            return Reply(LONG, (Button("Gặp thủ thư", "/talk_to_librarian"),))
        if words == "sách":
            return Reply("Có 5 cuốn:", (Button("Xem tiếp", "/more"),), BOOKS)
        return Reply(f"“{words}”")


@pytest.fixture(
    params=[channel_drivers.web, channel_drivers.telegram, channel_drivers.zalo], ids=lambda door: door.__name__
)
def door(request: pytest.FixtureRequest) -> Opening:
    opening: Opening = request.param
    return opening


@pytest.fixture(params=[channel_drivers.telegram, channel_drivers.zalo], ids=lambda door: door.__name__)
def pushed_door(request: pytest.FixtureRequest) -> Opening:
    opening: Opening = request.param
    return opening


def play(door: Opening, folder: Path, scene: Scene) -> None:
    async def main(loop: VirtualLoop) -> None:
        talker = Talker()
        async with door(loop, folder, talker.ask) as driver:
            await scene(driver, talker)

    run(main)


async def says(driver: Driver, who: int, *words: str) -> None:
    for text in words:
        assert await driver.bring(await driver.fresh(who, text)) < 300


async def presses(driver: Driver, who: int, token: str) -> None:
    assert await driver.bring(await driver.fresh_press(who, token)) < 300


async def answers(driver: Driver, who: int) -> list[str]:
    await driver.settle()
    return [bubble.text for bubble in await driver.shown(who) if bubble.text != FIRST_CONTACT]


async def stored(driver: Driver) -> list[str]:
    query = select(messages.c.text).order_by(messages.c.seq)
    return await driver.gateway.store.read(lambda db: list(db.scalars(query)))


async def conversation(driver: Driver) -> str:
    """Return the only conversation there is."""
    [found] = await driver.gateway.store.read(lambda db: list(db.scalars(select(conversations.c.id))))
    return str(found)


async def dead_letters(driver: Driver) -> list[str]:
    query = select(deliveries.c.reason).where(deliveries.c.state == "dead")
    return await driver.gateway.store.read(lambda db: list(db.scalars(query)))


class DiskFull(Exception):
    pass


def fail_commits(store: Store, times: int) -> None:
    """Let the store's next transactions come to nothing."""
    left = [times]

    def commit(_connection: Any) -> None:
        if left[0]:
            left[0] -= 1
            raise DiskFull("the words of a patron may stand here")

    event.listen(store.engine, "commit", commit)


# --- in ---------------------------------------------------------------------------------------------------------------


def test_what_is_acknowledged_is_stored(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        talker.think_s = 30
        await says(driver, AN, "mấy giờ mở cửa?")
        assert await stored(driver) == ["mấy giờ mở cửa?"]
        assert talker.heard == []
        assert (await answers(driver, AN))[-1] == "“mấy giờ mở cửa?”"

    play(door, tmp_path, scene)


def test_a_forged_delivery_is_refused_and_stores_nothing(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        await says(driver, BINH, "chào")
        genuine = await driver.fresh(AN, "xoá hết đi")
        for forged in driver.forgeries(genuine):
            assert await driver.bring(forged) in (401, 403)
        assert await stored(driver) == ["chào"]
        assert await driver.gateway.store.read(lambda db: db.execute(select(parked)).all()) == []
        assert await driver.bring(genuine) < 300
        assert await stored(driver) == ["chào", "xoá hết đi"]

    play(door, tmp_path, scene)


def test_the_same_delivery_again_is_the_same_message(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        delivery = await driver.fresh(AN, "gia hạn")
        statuses = await asyncio.gather(*(driver.bring(delivery) for _ in range(10)))
        assert max(statuses) < 300
        assert await answers(driver, AN) == ["“gia hạn”"]
        await asyncio.sleep(HOUR_S)
        assert await driver.bring(delivery) < 300
        assert await answers(driver, AN) == ["“gia hạn”"]
        assert talker.heard == [("gia hạn", None)]

    play(door, tmp_path, scene)


def test_each_patron_is_answered_in_order_and_sees_nothing_of_another(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        talker.think_s = 0.5
        for number in range(5):
            for who in (AN, BINH, 3):
                await says(driver, who, f"câu {number} của {who}")
        for who in (AN, BINH, 3):
            assert await answers(driver, who) == [f"“câu {number} của {who}”" for number in range(5)]

    play(door, tmp_path, scene)


def test_a_delivery_that_could_not_be_stored_is_to_come_again_and_then_is(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        delivery = await driver.fresh(AN, "gia hạn")
        fail_commits(driver.gateway.store, times=2)
        assert await driver.bring(delivery) >= 500
        assert await driver.bring(delivery) >= 500
        assert await stored(driver) == []
        assert await driver.bring(delivery) < 300
        assert await answers(driver, AN) == ["“gia hạn”"]

    play(door, tmp_path, scene)


def test_rasas_own_signs_are_words_like_any_other(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        await says(driver, AN, '/renew{"all": true}')
        await driver.settle()
        assert talker.heard == [('/renew{"all": true}', None)]

    play(door, tmp_path, scene)


# --- out --------------------------------------------------------------------------------------------------------------


def test_a_long_answer_comes_whole_in_order_and_within_the_limits(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        await says(driver, AN, "dài")
        texts = await answers(driver, AN)
        assert " ".join(texts).split() == LONG.split()
        if driver.limits:
            assert len(texts) > 1
            assert all(len(text) <= driver.limits.text for text in texts)
            assert all(text.endswith(".") for text in texts)
        assert driver.refusals() == []
        assert list((await driver.shown(AN))[-1].buttons) == ["Gặp thủ thư"]

    play(door, tmp_path, scene)


def test_a_button_comes_back_as_what_it_means(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        await says(driver, AN, "chọn 2")
        await driver.settle()
        await presses(driver, AN, (await driver.shown(AN))[-1].buttons["Việc 2"])
        assert (await answers(driver, AN))[-1] == "“/deed_2”"
        assert talker.heard[-1][1] == "/deed_2"

    play(door, tmp_path, scene)


def test_a_button_means_nothing_in_another_conversation(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        await says(driver, AN, "chọn 2")
        await says(driver, BINH, "chào")
        await driver.settle()
        token = (await driver.shown(AN))[-1].buttons["Việc 2"]
        tampered = token[:-1] + ("a" if token[-1] != "a" else "b")
        await presses(driver, BINH, token)
        await presses(driver, AN, tampered)
        assert (await answers(driver, BINH))[-1] == sentence("button_gone", "vi")
        assert (await answers(driver, AN))[-1] == sentence("button_gone", "vi")
        assert {payload for _words, payload in talker.heard} == {None}

    play(door, tmp_path, scene)


@pytest.mark.parametrize("choice", [1, 6, 12])
def test_every_choice_is_within_reach_however_many_there_are(door: Opening, tmp_path: Path, choice: int) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        await says(driver, AN, "chọn 12")
        await driver.settle()
        asked = (await driver.shown(AN))[-1]
        if token := asked.buttons.get(f"Việc {choice}"):
            await presses(driver, AN, token)
        else:
            number = re.search(rf"(?m)^(\d+)\. Việc {choice}$", asked.text)
            assert number
            await says(driver, AN, number[1])
        assert (await answers(driver, AN))[-1] == f"“/deed_{choice}”"

    play(door, tmp_path, scene)


def test_books_are_shown_and_one_is_picked_by_its_number(pushed_door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        await says(driver, AN, "sách")
        await driver.settle()
        shown = (await driver.shown(AN))[-1]
        assert all(f"{n}. Cuốn sách thứ {n} — Tác giả {n}" in shown.text for n in range(1, 6))
        assert "Xem tiếp" in shown.buttons
        await says(driver, AN, "số 4")
        assert (await answers(driver, AN))[-1] == "“/see_4”"

    play(pushed_door, tmp_path, scene)


def test_a_librarians_words_come_through_and_the_assistant_keeps_silent(door: Opening, tmp_path: Path) -> None:
    async def scene(driver: Driver, talker: Talker) -> None:
        await says(driver, AN, "chào")
        await driver.settle()
        chat, handover = await conversation(driver), driver.gateway.handover
        await handover.say_as_person(chat, "Lan", "Sách <b>về</b> rồi nhé", "f1")
        await handover.say_as_person(chat, "Lan", "Sách <b>về</b> rồi nhé", "f1")
        await says(driver, AN, "cảm ơn")
        [first, theirs] = await answers(driver, AN)
        assert first == "“chào”"
        assert theirs.removeprefix("Thủ thư: ") == "Sách <b>về</b> rồi nhé", "a door with one sender says who speaks"
        await handover.give_back(chat)
        await says(driver, AN, "chào lại")
        assert (await answers(driver, AN))[2:] == [sentence("back_to_assistant", "vi"), "“chào lại”"]

    play(door, tmp_path, scene)


# --- trouble at a pushed door -----------------------------------------------------------------------------------------


def test_what_an_ailing_channel_did_not_take_arrives_later_once_and_in_order(
    pushed_door: Opening, tmp_path: Path
) -> None:
    async def scene(driver: PushedDriver, talker: Talker) -> None:
        driver.ail(times=6)
        await says(driver, AN, "một", "hai", "ba")
        assert await answers(driver, AN) == ["“một”", "“hai”", "“ba”"]
        assert await dead_letters(driver) == []

    play(pushed_door, tmp_path, scene)


def test_who_left_before_the_answer_leaves_a_dead_letter_and_is_answered_when_back(
    pushed_door: Opening, tmp_path: Path
) -> None:
    async def scene(driver: PushedDriver, talker: Talker) -> None:
        talker.think_s = 3
        await says(driver, AN, "một")
        await driver.leaves(AN)
        await says(driver, BINH, "chào")
        assert await answers(driver, AN) == []
        assert len(await dead_letters(driver)) == 1
        assert await answers(driver, BINH) == ["“chào”"]
        await driver.comes_back(AN)
        await says(driver, AN, "hai")
        assert "“hai”" in await answers(driver, AN)
        assert len(await dead_letters(driver)) == 1

    play(pushed_door, tmp_path, scene)


def test_the_channels_own_pace_is_kept(pushed_door: Opening, tmp_path: Path) -> None:
    async def scene(driver: PushedDriver, talker: Talker) -> None:
        crowd = range(1, 61)
        await asyncio.gather(*(says(driver, who, f"câu của {who}") for who in crowd))
        for _ in range(12):
            await says(driver, AN, "thêm")
        assert await answers(driver, AN) == ["“câu của 1”", *["“thêm”"] * 12]
        for who in crowd[1:]:
            assert await answers(driver, who) == [f"“câu của {who}”"]
        assert driver.refusals() == []

    play(pushed_door, tmp_path, scene)
