"""What comes in by a pushed door late, unreadable or in the middle of things leaves no trace of who had withdrawn."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.channels.port import Happening, Unconfirmed
from connectors.mailbox import Answer, Stored
from connectors.privacy import StoredPrivacy
from connectors.store import conversations, parked, replies
from library.ports import Turn
from tests.connectors.post_office import answers, chat, play, repeat, settle, words
from tests.connectors.pushed_door import PushedDoor
from tests.connectors.small_gateway import SmallGateway
from tests.virtual_time import VirtualLoop


def test_the_echo_of_words_that_were_deleted_meanwhile_brings_nothing_back(file: Path) -> None:
    gateways: list[SmallGateway] = []

    async def forget_or_repeat(message: Stored, turn: Turn, payload: str | None) -> Answer:
        if message.text == "quên đi":
            await StoredPrivacy(gateways[0].store, "").forget(turn)
        return await repeat(message, turn, payload)

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        gateways.append(gateway)
        await gateway.reception.receive(words("bí mật"))
        await asyncio.sleep(3)
        await gateway.reception.receive(words("quên đi"))
        await settle(gateway)
        await gateway.reception.note(Happening("post", "an", "e:z1", "echo", text="“bí mật”", sent_id="z1"))
        kept = await gateway.store.read(lambda db: list(db.scalars(select(replies.c.body))))
        assert "bí mật" not in str(kept)
        assert not await gateway.handover.with_person(await chat(gateway))

    door = PushedDoor(echoes=True, troubles=[None, Unconfirmed("timeout")])
    play(file, scene, door, ask=forget_or_repeat)


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("mật khẩu 4321", "4321"),
        ("thẻ của mình:\nDT000101", "DT000101"),
        ("pin của mình:\n\n123456", "123456"),
    ],
)
def test_what_is_parked_is_masked_as_a_reader_sees_it(file: Path, said: str, secret: str) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.park("post", "no_sender", json.dumps({"message": {"text": said}}).encode())
        [body] = await gateway.store.read(lambda db: list(db.scalars(select(parked.c.body))))
        assert secret not in body

    play(file, scene)


def test_a_late_retry_opens_no_conversation_for_who_withdrew(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chào"))
        await settle(gateway)
        await gateway.reception.note(Happening("post", "an", "w1", "withdrew"))
        await gateway.reception.receive(words("chào"))
        assert await gateway.store.read(lambda db: list(db.scalars(select(conversations.c.address)))) == []

    play(file, scene)


def test_who_withdraws_in_the_middle_of_a_turn_is_not_answered_and_begins_anew(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def slow(message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(3)
        return await repeat(message, turn, payload)

    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("một"))
        await asyncio.sleep(1)
        await gateway.reception.note(Happening("post", "an", "w", "withdrew"))
        await gateway.reception.receive(words("hai"))

    assert answers(play(file, scene, ask=slow)) == ["“hai”"]
    assert "a turn failed" not in caplog.text
