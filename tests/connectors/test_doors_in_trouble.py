"""Channels that say no, nothing or the same twice, and a gateway that stumbles: what is owed still goes out, once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors import deliveries
from connectors.channels.port import (
    Button,
    DoorShut,
    Happening,
    Part,
    Reply,
    TryLater,
    Unconfirmed,
    Unreachable,
)
from connectors.limits import Allowance
from connectors.mailbox import Answer, Stored
from connectors.messages import sentence
from connectors.store import deliveries as queued
from library.ports import Turn
from tests.connectors.post_office import answers, chat, play, repeat, settle, states, words
from tests.connectors.pushed_door import LIMITS, PushedDoor
from tests.connectors.small_gateway import IDLE, SmallGateway, small_gateway
from tests.virtual_time import START, VirtualLoop, run

DAY_S = 86_400.0

Errand = Callable[[str, Part], Awaitable[None]]


async def let_pass(_address: str, _part: Part) -> None:
    pass


@dataclass
class BusyDoor(PushedDoor):
    """Does something `before` a part is shown and `after`; either may raise what the channel says to it."""

    before: Errand = let_pass
    after: Errand = let_pass

    async def send(self, address: str, part: Part) -> str:
        await self.before(address, part)
        sent_id = await super().send(address, part)
        await self.after(address, part)
        return sent_id


# --- in ---------------------------------------------------------------------------------------------------------------


def test_a_tap_which_tells_no_time_is_answered_after_the_words_before_it(file: Path) -> None:
    async def slow(message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(1)
        return await repeat(message, turn, payload)

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        at = loop.clock() - timedelta(seconds=5)
        await gateway.reception.receive(words("một", said_at=at))
        await gateway.reception.receive(words("hai", said_at=at + timedelta(seconds=1)))
        await gateway.reception.receive(words("menu", kind="command"))

    assert answers(play(file, scene, ask=slow)) == ["“một”", "“hai”", "“/ask_capabilities”"]


def test_a_door_is_told_at_once_that_a_message_is_stored_however_busy_the_threads(file: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with small_gateway(loop, file, repeat, doors={"post": PushedDoor()}) as gateway:
            await gateway.reception.receive(words("một"))
            assert loop.time() < 1.5, "one piece of work, the storing"
            await settle(gateway)

    run(main, delay=lambda: 1.0)


def test_who_floods_a_door_is_told_once_and_others_are_served(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        for number in range(60):
            await gateway.reception.receive(words(str(number), address="vội"))
        await gateway.reception.receive(words("chào"))
        await asyncio.sleep(5)
        assert answers(door) == ["“chào”"]

    door = PushedDoor(limits=replace(LIMITS, per_second=100 / 60, chat_every_s=1.0))
    play(file, scene, door, allowance=Allowance(lambda: START, 1200, 10))
    assert answers(door, "vội") == [*(f"“{number}”" for number in range(10)), sentence("slow_down", "vi")]


# --- out --------------------------------------------------------------------------------------------------------------


def test_a_librarians_words_reach_who_comes_back_after_days(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await settle(gateway)
        door.troubles = [Unreachable("window_48h")]
        await gateway.handover.say_as_person(await chat(gateway), "Lan", "Sách về rồi", "f1")
        await settle(gateway)
        await asyncio.sleep(3 * DAY_S)
        await gateway.reception.receive(words("hai"))

    assert "Thủ thư: Sách về rồi" in answers(play(file, scene))


def test_what_a_librarian_sends_again_after_a_day_goes_out(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        door.troubles = [TryLater("network", after_s=3600)] * 50
        await gateway.reception.receive(words("một"))
        await settle(gateway)
        assert await states(gateway) == [("dead", "too_late")]
        door.troubles = []
        dead = await gateway.store.read(lambda db: db.scalar(select(queued.c.reply_id)))
        assert dead is not None
        await gateway.store.write(lambda db: deliveries.revive(db, dead, gateway.clock()))
        gateway.deliverer.wake(await chat(gateway))

    assert answers(play(file, scene)) == ["“một”"]


def test_a_reply_that_we_stumble_over_makes_way_for_the_next(file: Path) -> None:
    async def stumble(_address: str, part: Part) -> None:
        if part.text == "“một”":
            raise RuntimeError("a fault of ours")

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await gateway.reception.receive(words("hai"))
        await asyncio.sleep(3600)
        assert answers(door) == ["“hai”"]
        assert await states(gateway) == [("dead", "fault"), ("sent", None)]

    play(file, scene, BusyDoor(before=stumble))


def test_what_is_never_confirmed_is_sent_ever_more_seldom(file: Path) -> None:
    async def say_nothing(_address: str, _part: Part) -> None:
        raise Unconfirmed("timeout")

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await settle(gateway)
        assert await states(gateway) == [("dead", "too_late")]

    door = play(file, scene, BusyDoor(echoes=True, after=say_nothing))
    assert len(door.shown["an"]) < 400, "in a day"


def test_a_door_shut_for_one_and_open_for_others_calls_a_person_once_an_hour(file: Path) -> None:
    alarms: list[str] = []
    owing = {"nợ"}

    async def ask_for_money(address: str, _part: Part) -> None:
        if address in owing:
            raise DoorShut("no_money")

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("mình đây", address="nợ"))
        for minute in range(90):
            await gateway.reception.receive(words(f"phút {minute}"))
            await asyncio.sleep(60)
        owing.clear()

    door = BusyDoor(before=ask_for_money)
    play(file, scene, door, alarm=lambda _channel, reason: alarms.append(reason))
    assert alarms == ["no_money"] * 2
    assert answers(door, "nợ") == ["“mình đây”"]
    assert len(answers(door)) == 90


def test_who_came_back_while_the_channel_was_saying_no_is_answered(file: Path) -> None:
    late_noes = [Unreachable("blocked")]

    async def say_no_late(_address: str, _part: Part) -> None:
        if late_noes:
            no = late_noes.pop()
            await asyncio.sleep(2)
            raise no

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await asyncio.sleep(1)
        await gateway.reception.note(Happening("post", "an", "c", "came"))
        await gateway.reception.receive(words("hai"))

    assert answers(play(file, scene, BusyDoor(before=say_no_late))) == ["“một”", "“hai”"]


def test_a_proper_stop_in_the_middle_of_sending_sends_nothing_twice(file: Path) -> None:
    async def take_time(_address: str, _part: Part) -> None:
        await asyncio.sleep(0.4)

    door = BusyDoor(after=take_time)

    async def stopped(loop: VirtualLoop) -> None:
        async with small_gateway(loop, file, repeat, doors={"post": door}) as gateway:
            await gateway.reception.receive(words("một"))
            while not answers(door):
                await asyncio.sleep(0.05)

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.deliverer.recover()

    run(stopped)
    assert answers(play(file, scene, door)) == ["“một”"]


def test_a_clock_that_was_a_month_ahead_holds_nothing_up(file: Path) -> None:
    ahead = [timedelta(days=30)]

    async def main(loop: VirtualLoop) -> None:
        doors = {"post": door}
        async with small_gateway(loop, file, repeat, doors=doors, clock=lambda: loop.clock() + ahead[-1]) as gateway:
            await gateway.reception.receive(words("một"))
            await asyncio.sleep(0.2)
            ahead.append(timedelta())
            await gateway.reception.receive(words("hai"))
            await asyncio.sleep(3600)

    door = PushedDoor(troubles=[TryLater("network")])
    run(main)
    assert answers(door) == ["“một”", "“hai”"]


# --- echoes, and who answers ------------------------------------------------------------------------------------------


def test_the_late_echo_of_a_part_that_was_sent_again_silences_nobody(file: Path) -> None:
    async def lose_the_answer(_address: str, part: Part) -> None:
        if answers(door) == ["“một”"]:
            raise Unconfirmed("timeout")

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await asyncio.sleep(300)
        await gateway.reception.note(Happening("post", "an", "e:z1", "echo", text="“một”", sent_id="z1"))
        assert not await gateway.handover.with_person(await chat(gateway))
        await gateway.reception.receive(words("hai"))

    door = BusyDoor(echoes=True, after=lose_the_answer)
    assert answers(play(file, scene, door)) == ["“một”", "“một”", "“hai”"]


async def offer(message: Stored, turn: Turn, payload: str | None) -> Answer:
    if payload:
        return Answer((Reply(f"đã chọn {payload}"),), None)
    return Answer((Reply("Chọn gì?", (Button("Gia hạn", "/renew"), Button("Đặt giữ", "/hold"))),), None)


@pytest.mark.parametrize("console", ["ours", "the channel's"])
def test_a_number_said_to_a_person_presses_no_button_of_the_assistant(file: Path, console: str) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await settle(gateway)
        if console == "ours":
            await gateway.handover.say_as_person(await chat(gateway), "Lan", "Mấy cuốn?", "f1")
        else:
            echo = Happening("post", "an", "e1", "echo", text="Mấy cuốn?", sent_id="z1", staff=True)
            await gateway.reception.note(echo)
        await settle(gateway)
        await gateway.reception.receive(words("2"))

    door = play(file, scene, PushedDoor(limits=replace(LIMITS, buttons=0)), ask=offer)
    assert "đã chọn /hold" not in answers(door)


def test_what_still_waits_does_not_talk_over_a_librarian_in_the_channels_console(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await asyncio.sleep(10)
        echo = Happening("post", "an", "e", "echo", text="Chào bạn, mình là Lan", sent_id="z", staff=True)
        await gateway.reception.note(echo)

    door = PushedDoor(troubles=[None, TryLater("network", after_s=120)])
    assert answers(play(file, scene, door)) == []


def test_an_echo_of_nobody_known_does_not_shorten_a_librarians_time(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await settle(gateway)
        await gateway.handover.take_over(await chat(gateway), "Lan")
        await gateway.reception.note(Happening("post", "an", "e", "echo", text="Tin tự động", sent_id="z"))
        owner = await gateway.handover.owner(await chat(gateway))
        assert owner.name == "Lan"
        assert owner.until is not None
        assert owner.until >= gateway.clock() + IDLE - timedelta(seconds=5)

    play(file, scene)
