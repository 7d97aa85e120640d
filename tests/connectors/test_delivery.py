"""What is stored for a pushed door reaches the patron: in order, once, again what failed, and what cannot is seen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, select, update

from connectors import deliveries, mailbox
from connectors.channels.port import (
    Button,
    DoorShut,
    Happening,
    Moved,
    PlainerPlease,
    Refused,
    Reply,
    TryLater,
    Unreachable,
)
from connectors.clock import VIETNAM
from connectors.mailbox import Answer, Stored
from connectors.store import deliveries as queued
from connectors.store import parked
from library.ports import Turn
from tests.connectors.post_office import answers, chat, play, repeat, settle, states, words
from tests.connectors.pushed_door import LIMITS, PushedDoor
from tests.connectors.small_gateway import FIRST_CONTACT, SmallGateway
from tests.virtual_time import VirtualLoop


async def offer(message: Stored, turn: Turn, payload: str | None) -> Answer:
    """Offer five choices, and say which one was pressed."""
    if payload:
        return Answer((Reply(f"đã chọn {payload}"),), None)
    choices = tuple(Button(f"việc {n}", f"/deed_{n}") for n in range(1, 6))
    return Answer((Reply("Chọn gì?", choices),), None)


# --- in ---------------------------------------------------------------------------------------------------------------


def test_the_same_delivery_ten_times_is_one_message_with_one_answer(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        news = await asyncio.gather(*(gateway.reception.receive(words("chào")) for _ in range(10)))
        assert news.count(True) == 1

    assert answers(play(file, scene)) == ["“chào”"]


def test_the_first_answer_tells_what_becomes_of_the_patrons_words_and_the_second_does_not(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await gateway.reception.receive(words("hai"))

    assert play(file, scene).texts("an") == [FIRST_CONTACT, "“một”", "“hai”"]


def test_messages_that_wait_are_answered_in_the_order_they_were_said(file: Path) -> None:
    async def slow(message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(1)
        return await repeat(message, turn, payload)

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        at = datetime(2026, 10, 1, 9, 0, tzinfo=VIETNAM)
        for second in (0, 3, 2, 1):
            await gateway.reception.receive(words(f"câu {second}", said_at=at + timedelta(seconds=second)))

    assert answers(play(file, scene, ask=slow)) == ["“câu 0”", "“câu 1”", "“câu 2”", "“câu 3”"]


def test_a_deleted_conversations_late_retry_is_not_news(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await settle(gateway)
        await gateway.reception.note(Happening("post", "an", "w1", "withdrew"))
        assert not await gateway.reception.receive(words("chào"))

    assert answers(play(file, scene)) == ["“chào”"]


def test_what_is_parked_is_masked(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.park("post", "no_sender", '{"text": "thẻ DT000101"} \x00'.encode())
        [row] = await gateway.store.read(lambda db: db.execute(select(parked)).mappings().all())
        assert "DT000101" not in row["body"]
        assert row["reason"] == "no_sender"

    play(file, scene)


def test_typing_is_shown_when_a_message_is_new(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await gateway.reception.receive(words("chào"))

    assert play(file, scene).typed == ["an"]


# --- out --------------------------------------------------------------------------------------------------------------


def test_what_fails_for_a_while_goes_out_later_in_order(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await gateway.reception.receive(words("hai"))
        await settle(gateway)
        assert loop.time() >= 7

    door = PushedDoor(troubles=[TryLater("network"), None, TryLater("busy", after_s=7)])
    assert answers(play(file, scene, door)) == ["“một”", "“hai”"]


def test_what_the_channel_will_never_take_is_a_dead_letter_and_the_next_goes_out(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await settle(gateway)
        await gateway.reception.receive(words("hai"))
        await settle(gateway)
        assert await states(gateway) == [("dead", "content_policy"), ("sent", None)]

    door = PushedDoor(troubles=[None, Refused("content_policy")])
    assert answers(play(file, scene, door)) == ["“hai”"]


def test_nothing_is_sent_to_who_blocked_us_until_they_write_again(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await settle(gateway)
        await gateway.handover.say_as_person(await chat(gateway), "Lan", "Sách về rồi", "f1")
        await settle(gateway)
        assert {state for state, _ in await states(gateway)} == {"dead"}
        await gateway.handover.give_back(await chat(gateway))
        await settle(gateway)
        await gateway.reception.note(Happening("post", "an", "c1", "came"))
        await gateway.reception.receive(words("hai"))

    door = PushedDoor(troubles=[Unreachable("blocked"), Unreachable("blocked"), Unreachable("blocked")])
    assert answers(play(file, scene, door)) == ["Thủ thư: Sách về rồi", "“hai”"]


def test_a_shut_door_keeps_everything_and_calls_a_person_once(file: Path) -> None:
    alarms: list[tuple[str, str]] = []

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await gateway.reception.receive(words("hai"))

    door = PushedDoor(troubles=[DoorShut("token")] * 5)
    play(file, scene, door, alarm=lambda channel, reason: alarms.append((channel, reason)))
    assert answers(door) == ["“một”", "“hai”"]
    assert alarms == [("post", "token")]


def test_a_chat_that_moved_is_written_to_at_its_new_address(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))

    assert answers(play(file, scene, PushedDoor(troubles=[Moved("migrated", "an-2")])), "an-2") == ["“một”"]


def test_a_door_that_takes_no_buttons_gets_numbers_and_a_number_is_a_press(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await settle(gateway)
        assert "2. việc 2" in door.shown["an"][-1].text
        assert door.shown["an"][-1].buttons == ()
        await gateway.reception.receive(words("2"))

    door = PushedDoor(troubles=[None, PlainerPlease("type_invalid")])
    assert play(file, scene, door, ask=offer).texts("an")[-1] == "đã chọn /deed_2"


def test_more_choices_than_the_door_shows_are_all_within_reach(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await settle(gateway)
        shown = [button.title for part in door.shown["an"] for button in part.buttons]
        numbered = [button.title for part in door.shown["an"] for _, button in part.numbered]
        assert sorted({*shown, *numbered}) == [f"việc {n}" for n in range(1, 6)]

    play(file, scene, PushedDoor(limits=replace(LIMITS, buttons=3)), ask=offer)


def test_a_number_that_stands_for_nothing_is_what_the_patron_said(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("7"))

    assert answers(play(file, scene)) == ["“7”"]


def test_what_is_too_old_is_not_sent_any_more(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await settle(gateway)
        assert await states(gateway) == [("dead", "too_late")]

    assert play(file, scene, PushedDoor(troubles=[TryLater("network")] * 10_000)).shown == {}


def test_what_is_good_until_a_time_is_not_sent_after_it_and_holds_up_nothing(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await settle(gateway)
        address = await chat(gateway)
        door.troubles += [TryLater("network", after_s=3000)]
        now = gateway.clock()

        def remind(db: Connection) -> None:
            mailbox.send(db, address, None, "notice", [Reply("nhắc")], now, good_until=now + timedelta(minutes=30))

        await gateway.store.write(remind)
        gateway.deliverer.wake(address)
        await settle(gateway)
        assert await states(gateway) == [("sent", None), ("dropped", "too_late")]
        await gateway.reception.receive(words("hai"))

    assert answers(play(file, scene)) == ["“một”", "“hai”"]


def test_a_wait_notice_that_its_answer_overtook_is_not_sent(file: Path) -> None:
    async def slow(message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(6)
        return await repeat(message, turn, payload)

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))

    door = PushedDoor(troubles=[TryLater("network", after_s=30)])
    assert answers(play(file, scene, door, ask=slow)) == ["“chào”"]


# --- after a crash ----------------------------------------------------------------------------------------------------


async def _half_sent(gateway: SmallGateway, ago: timedelta) -> None:
    """Leave the last reply as a crash in the middle of sending leaves it."""
    at = (gateway.clock() - ago).isoformat()
    begun = {"text": deliveries.text_hash("“chào”"), "at": at}
    values = {"state": "waiting", "sent_parts": 1, "sending": begun}
    await gateway.store.write(lambda db: db.execute(update(queued).values(values)))


def test_a_part_whose_end_was_not_seen_is_sent_again_where_nothing_tells(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await settle(gateway)
        await _half_sent(gateway, timedelta(seconds=1))
        await gateway.deliverer.recover()

    assert answers(play(file, scene)) == ["“chào”", "“chào”"]


def test_the_channels_echo_shows_that_a_part_had_arrived(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await settle(gateway)
        await _half_sent(gateway, timedelta(seconds=1))
        await gateway.deliverer.recover()
        await asyncio.sleep(20)
        await gateway.reception.note(Happening("post", "an", "e1", "echo", text="“chào”", sent_id="z9"))
        await settle(gateway)
        assert await states(gateway) == [("sent", None)]
        assert not await gateway.handover.with_person(await chat(gateway))

    assert answers(play(file, scene, PushedDoor(echoes=True))) == ["“chào”"]


def test_without_an_echo_in_time_the_part_is_sent_again(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await settle(gateway)
        await _half_sent(gateway, timedelta(seconds=1))
        await gateway.deliverer.recover()

    assert answers(play(file, scene, PushedDoor(echoes=True))) == ["“chào”", "“chào”"]
