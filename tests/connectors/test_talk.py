"""A rehearsal shows an answer as its door would, and a script can let a librarian into the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert

from connectors import ownership
from connectors.channels.port import Button, Card, Limits, Reply
from connectors.channels.view import DoorView
from connectors.clock import SettableClock
from connectors.mailbox import Answer, Stored
from connectors.settings import Settings
from connectors.store import tickets
from connectors.talk import Rehearsal, TalkError, _conversation, door_limits
from library.ports import Turn
from tests.connectors.small_gateway import SmallGateway, small_gateway
from tests.virtual_time import START, VirtualLoop, run

SMALL = Limits(text=120, buttons=2, button_title=12, per_second=1.0, chat_every_s=1.0)
KEYS = {"text", "buttons", "cards", "form"}
BOOKS = tuple(
    Card(title, lines=("còn 2 bản",), buttons=(Button("Xem thêm", f"/see_{title}"),)) for title in ("Số đỏ", "Mắt biếc")
)


async def talker(message: Stored, turn: Turn, payload: str | None) -> Answer:
    """Offer three things, show two books, turn English, or say which button was pressed."""
    match payload or message.text:
        case "chọn":
            said = Reply("Bạn cần gì?", tuple(Button(f"Việc {n}", f"/deed_{n}") for n in (1, 2, 3)))
        case "choose":
            return Answer((Reply("What?", tuple(Button(f"Deed {n}", f"/d{n}") for n in (1, 2, 3))),), None, locale="en")
        case "sách":
            said = Reply("Có 2 cuốn:", (Button("Xem tiếp", "/more"), Button("Thôi", "/stop")), BOOKS)
        case "dài":
            said = Reply("Câu này dài vừa đủ để phải cắt ra. " * 6)
        case words:
            said = Reply(f"“{words}”")
    return Answer((said,), None, intent="told")


Scene = Callable[[Rehearsal, SmallGateway], Awaitable[None]]


async def nobody_is_reminded() -> int:
    return 0


def rehearse(tmp_path: Path, scene: Scene, limits: Limits | None = SMALL) -> None:
    async def main(loop: VirtualLoop) -> None:
        clock = SettableClock(START)
        async with small_gateway(loop, tmp_path / "gateway.sqlite", talker, clock=clock) as gateway:
            parts: Any = SimpleNamespace(
                switchboard=gateway.switchboard,
                handover=gateway.handover,
                ground=SimpleNamespace(store=gateway.store),
                reminder=SimpleNamespace(remind=nobody_is_reminded),
            )
            nothing: Any = None
            await scene(
                await _conversation(Rehearsal(parts, clock, nothing, nothing, nothing, "zalo", limits), None), gateway
            )

    run(main)


def texts(turn: dict[str, Any]) -> list[str]:
    return [reply["text"] for reply in turn["replies"]]


def test_the_website_is_shown_replies_whole(tmp_path: Path) -> None:
    async def scene(talk: Rehearsal, gateway: SmallGateway) -> None:
        [reply] = (await talk.turn("sách"))["replies"]
        assert [card["title"] for card in reply["cards"]] == ["Số đỏ", "Mắt biếc"]
        assert texts(await talk.turn("1")) == ["“1”"]

    rehearse(tmp_path, scene, limits=None)


def test_a_pushed_door_shows_messages_within_its_limits_under_the_same_keys(tmp_path: Path) -> None:
    async def scene(talk: Rehearsal, gateway: SmallGateway) -> None:
        for words in ("chọn", "sách", "dài"):
            replies = (await talk.turn(words))["replies"]
            assert all(set(reply) == KEYS and len(reply["text"]) <= SMALL.text for reply in replies)
            assert all(len(reply["buttons"]) <= SMALL.buttons and not reply["cards"] for reply in replies)
        assert len(replies) > 1

    rehearse(tmp_path, scene)


def test_a_bare_number_presses_what_stands_under_it_in_the_last_answer(tmp_path: Path) -> None:
    async def scene(talk: Rehearsal, gateway: SmallGateway) -> None:
        [asked] = (await talk.turn("chọn"))["replies"]
        assert asked["text"] == "Bạn cần gì?\n\nHoặc trả lời bằng số:\n1. Việc 3"
        assert texts(await talk.turn("số 1")) == ["“/deed_3”"]
        assert texts(await talk.turn("1")) == ["“1”"]
        await talk.turn("sách")
        assert texts(await talk.turn("2")) == ["“/see_Mắt biếc”"]

    rehearse(tmp_path, scene)


def test_the_doors_words_are_in_the_patrons_language(tmp_path: Path) -> None:
    async def scene(talk: Rehearsal, gateway: SmallGateway) -> None:
        assert "Or reply with a number:" in texts(await talk.turn("choose"))[0]

    rehearse(tmp_path, scene)


def test_a_second_conversation_has_numbers_of_its_own(tmp_path: Path) -> None:
    async def scene(talk: Rehearsal, gateway: SmallGateway) -> None:
        await talk.turn("chọn")
        other = await talk.another()
        assert texts(await other.turn("1")) == ["“1”"]
        assert texts(await talk.turn("1")) == ["“/deed_3”"]

    rehearse(tmp_path, scene)


def test_while_a_librarian_has_the_conversation_the_assistant_is_silent_until_it_is_closed(tmp_path: Path) -> None:
    async def scene(talk: Rehearsal, gateway: SmallGateway) -> None:
        await talk.turn("chào")
        row = {"conversation_id": talk.conversation_id, "message_id": "m", "reason": "asked", "opened_at": "2026-10-01"}
        await gateway.store.write(lambda db: db.execute(insert(tickets).values(row)))
        assert texts(await talk.turn({"event": {"person": "Mình là Lan, thủ thư."}})) == ["Mình là Lan, thủ thư."]
        assert texts(await talk.turn("cảm ơn")) == []
        [back] = texts(await talk.turn({"event": "handoff_closed"}))
        assert "trợ lý tự động" in back
        owner = await gateway.store.read(lambda db: ownership.owner_of(db, talk.conversation_id))
        assert owner.who == "bot"
        assert texts(await talk.turn("chào")) == ["“chào”"]

    rehearse(tmp_path, scene)


def test_a_librarian_who_says_no_more_has_left_after_a_while(tmp_path: Path) -> None:
    async def scene(talk: Rehearsal, gateway: SmallGateway) -> None:
        await talk.turn({"event": {"person": "Chào bạn"}})
        assert texts(await talk.turn({"event": {"wait_min": 5}})) == []
        assert len(texts(await talk.turn({"event": {"wait_min": 26}}))) == 1
        assert texts(await talk.turn("chào")) == ["“chào”"]

    rehearse(tmp_path, scene)


def test_each_door_has_limits_of_its_own_and_no_other_door_is_rehearsed() -> None:
    telegram, zalo = (door_limits(Settings(), channel) for channel in ("telegram", "zalo"))
    assert telegram
    assert zalo
    assert telegram != zalo
    assert zalo.buttons == 5
    assert door_limits(Settings(), "web") is None
    with pytest.raises(TalkError, match="telex"):
        door_limits(Settings(), "telex")


def test_a_view_without_an_answer_presses_nothing() -> None:
    assert DoorView(SMALL).pressed("1") is None


def test_the_turn_of_a_rehearsal_ends_when_it_is_answered(tmp_path: Path) -> None:
    async def scene(talk: Rehearsal, gateway: SmallGateway) -> None:
        first, second = await asyncio.gather(talk.turn("chào"), (await talk.another()).turn("chọn"))
        assert texts(first) == ["“chào”"]
        assert len(second["replies"]) == 1

    rehearse(tmp_path, scene)
