"""The assistant never talks over a person, and no patron is left without either."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.channels.port import Button, Happening, Kind, Reply
from connectors.desk import StoredDesk
from connectors.mailbox import Answer, Stored
from connectors.messages import sentence
from connectors.store import replies
from library.ports import Turn
from tests.connectors.post_office import Scene, answers, chat, play, settle, words
from tests.connectors.pushed_door import PushedDoor
from tests.connectors.small_gateway import IDLE, SmallGateway
from tests.virtual_time import VirtualLoop


async def talk(message: Stored, turn: Turn, payload: str | None) -> Answer:
    if message.text == "chậm":
        await asyncio.sleep(10)
    understood = message.text != "xyz"
    return Answer((Reply(f"“{payload or message.text}”", (Button("Nữa", "/more"),)),), None, understood=understood)


def after_hello(file: Path, scene: Scene) -> list[str]:
    """Return what the patron was shown, who said hello before the scene."""

    async def whole(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await say(gateway, "chào")
        await scene(gateway, door, loop)

    return answers(play(file, whole, ask=talk))


async def say(gateway: SmallGateway, text: str, kind: Kind = "text") -> None:
    await gateway.reception.receive(words(text, kind=kind))
    await settle(gateway)


async def open_ticket(gateway: SmallGateway) -> None:
    turn = Turn(await chat(gateway), "m-1", "post", gateway.clock())
    await StoredDesk(gateway.store).ticket(turn, "asked")


def test_while_a_librarian_has_the_conversation_the_assistant_is_silent(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.handover.say_as_person(await chat(gateway), "Lan", "Mình là Lan đây", "f1")
        await say(gateway, "cảm ơn chị")
        finals = select(replies.c.body).where(replies.c.kind == "final").order_by(replies.c.id)
        assert (await gateway.store.read(lambda db: list(db.scalars(finals))))[-1] == [], "answered, with no words"

    assert after_hello(file, scene) == ["“chào”", "Thủ thư: Mình là Lan đây"]


def test_a_librarian_who_comes_while_the_assistant_thinks_is_not_talked_over(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.receive(words("chậm"))
        await asyncio.sleep(1)
        await gateway.handover.take_over(await chat(gateway), "Lan")
        await gateway.handover.say_as_person(await chat(gateway), "Lan", "Để mình trả lời", "f1")

    assert after_hello(file, scene) == ["“chào”", "Thủ thư: Để mình trả lời"]


def test_a_button_is_the_assistants_also_then(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.handover.take_over(await chat(gateway), "Lan")
        await say(gateway, door.shown["an"][-1].buttons[0].payload or "", "payload")

    assert after_hello(file, scene) == ["“chào”", "“/more”"]


def test_given_back_the_assistant_says_so_and_answers(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.handover.take_over(await chat(gateway), "Lan")
        assert await gateway.handover.give_back(await chat(gateway))
        assert not await gateway.handover.give_back(await chat(gateway))
        await say(gateway, "mai mở cửa không")

    assert after_hello(file, scene) == ["“chào”", sentence("back_to_assistant", "vi"), "“mai mở cửa không”"]


def test_a_librarian_who_left_is_noticed_and_an_open_ticket_stays(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await open_ticket(gateway)
        await gateway.handover.take_over(await chat(gateway), "Lan")
        await asyncio.sleep(IDLE.total_seconds() - 1)
        assert await gateway.handover.return_the_idle() == 0
        await asyncio.sleep(2)
        assert await gateway.handover.return_the_idle() == 1
        assert await gateway.handover.return_the_idle() == 0
        assert (await gateway.handover.owner(await chat(gateway))).who == "waiting"

    assert after_hello(file, scene) == ["“chào”", sentence("back_while_open", "vi", number=1)]


def test_while_a_librarian_is_awaited_the_assistant_answers_what_it_knows_and_passes_on_the_rest(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await open_ticket(gateway)
        await say(gateway, "mấy giờ mở cửa")
        await say(gateway, "xyz")

    assert after_hello(file, scene) == ["“chào”", "“mấy giờ mở cửa”", sentence("passed_on", "vi")]


def test_the_same_form_sent_twice_is_said_once(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        said = [await gateway.handover.say_as_person(await chat(gateway), "Lan", "Có nhé", "f1") for _ in range(2)]
        assert said == [True, False]

    assert after_hello(file, scene) == ["“chào”", "Thủ thư: Có nhé"]


@pytest.mark.parametrize(("staff", "after"), [(True, IDLE), (False, IDLE / 3)])
def test_who_answers_in_the_channels_own_console_is_not_talked_over(file: Path, staff: bool, after: timedelta) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        echo = Happening("post", "an", "e1", "echo", text="Chị xem giúp em rồi", sent_id="z1", staff=staff)
        await gateway.reception.note(echo)
        await gateway.reception.note(echo)
        await say(gateway, "dạ vâng")
        await asyncio.sleep(after.total_seconds() - 5)
        assert await gateway.handover.return_the_idle() == 0
        await asyncio.sleep(10)
        assert await gateway.handover.return_the_idle() == 1

    assert after_hello(file, scene) == ["“chào”", sentence("back_to_assistant", "vi")]


def test_our_own_echo_silences_nobody(file: Path) -> None:
    async def scene(gateway: SmallGateway, door: PushedDoor, loop: VirtualLoop) -> None:
        await gateway.reception.note(Happening("post", "an", "e1", "echo", text="“chào”", sent_id="s2"))
        await say(gateway, "nữa")

    assert after_hello(file, scene) == ["“chào”", "“nữa”"]
