"""What a turn led to is stored with its message, once, and says no more than the message does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors.mailbox import Answer, Stored
from connectors.store import forgets, messages
from library.ports import Turn
from tests.connectors.small_gateway import SmallGateway, echo, small_gateway
from tests.virtual_time import VirtualLoop, run


def _outcome(path: Path, intent: str | None = "x", *, understood: bool = True, **noted: Any) -> Any:
    """Return what is stored of one message whose turn noted this."""

    async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
        if noted:
            turn.led_to(**noted)
        return replace(await echo(message, turn, payload), intent=intent, understood=understood)

    async def main(loop: VirtualLoop) -> Any:
        async with small_gateway(loop, path / "gateway.sqlite", ask) as gateway:
            chat = await gateway.open()
            await gateway.ask(chat, "có cuốn Số đỏ không")
            return await _stored(gateway)

    return run(main)


async def _stored(gateway: SmallGateway) -> Any:
    return await gateway.store.read(lambda db: db.scalar(select(messages.c.outcome)))


def test_what_the_actions_noted_is_stored(tmp_path: Path) -> None:
    found = _outcome(tmp_path, kind="search", hits=0, sought={"title": "Số đỏ"})
    assert found == {"kind": "search", "hits": 0, "sought": {"title": "Số đỏ"}}


@pytest.mark.parametrize(
    ("intent", "understood", "kind"),
    [
        ("greet", True, "other"),
        ("nlu_fallback", True, "unknown"),
        ("x", False, "unknown"),
        ("out_of_scope", True, "refused"),
    ],
)
def test_a_turn_of_which_nothing_was_noted_is_told_by_its_intent(
    tmp_path: Path, intent: str, understood: bool, kind: str
) -> None:
    assert _outcome(tmp_path, intent, understood=understood) == {"kind": kind}


def test_an_answer_without_the_dialogue_has_no_outcome(tmp_path: Path) -> None:
    assert _outcome(tmp_path, None, kind="answer", answer="gio") is None


def test_of_several_requests_the_last_counts_and_empty_details_are_left_out() -> None:
    turn: Any = Turn("c", "m", "web", None)  # type: ignore[arg-type]
    turn.led_to("search", hits=0, sought={})
    assert turn.outcome == {"kind": "search", "hits": 0}
    turn.led_to("answer", answer="gio", revision=None)
    assert turn.outcome == {"kind": "answer", "answer": "gio"}


def test_a_forgotten_conversation_keeps_no_outcome(tmp_path: Path) -> None:
    async def main(loop: VirtualLoop) -> Any:
        async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
            turn.led_to("search", hits=0, sought={"title": "Số đỏ"})
            row = {"message_id": message.id, "conversation_id": message.conversation_id}
            await gateway.store.write(lambda db: db.execute(forgets.insert().values(row)))
            return replace(await echo(message, turn, payload), intent="x")

        async with small_gateway(loop, tmp_path / "gateway.sqlite", ask) as gateway:
            chat = await gateway.open()
            await gateway.ask(chat, "quên mình đi")
            return await _stored(gateway)

    assert run(main) is None
