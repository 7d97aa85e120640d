"""Whole talks with the whole product, as a patron has them: one product for all, a conversation each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from connectors.clock import VIETNAM
from connectors.explaining import explain
from connectors.settings import load_settings
from connectors.talk import Rehearsal, rehearsal
from tests.product.product import CHECKOUT, missing, skip_or_fail

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="module")]
HERE = Path(__file__).parent
START = datetime(2026, 11, 24, 9, 0)  # a Tuesday; every branch is open


def _talks() -> list[Any]:
    files = [(path.stem, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(HERE.glob("*.yml"))]
    return [pytest.param(talk, id=f"{stem}: {talk['talk']}") for stem, talks in files for talk in talks]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def product() -> AsyncIterator[Rehearsal]:
    if reason := missing():
        skip_or_fail(reason)
    settings = load_settings(CHECKOUT / "demo" / "library.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        async with rehearsal(settings, START, None, "web") as started:
            yield started


@pytest.mark.parametrize("talk", _talks())
async def test_the_talk_goes_as_written(product: Rehearsal, talk: Mapping[str, Any]) -> None:
    """`card` is the one that `link_done` logs in with, `linked` one that is linked from the start."""
    product.clock.advance(talk.get("at", START).replace(tzinfo=VIETNAM) - product.clock() + timedelta(seconds=1))
    product.ils.down = False
    patron = await product.another(talk.get("linked"))
    patron.card = talk.get("card", patron.card)
    for turn in talk["turns"]:
        heard = await patron.turn(_line(turn))
        _check(turn, heard)


async def test_while_the_loan_system_is_silent_what_it_said_last_is_told_with_its_time(product: Rehearsal) -> None:
    patron = await product.another()
    asked_at = product.clock()
    assert "Còn nhé" in _said(await patron.turn({"text": "Dế mèn phiêu lưu ký còn không"}))
    await patron.turn({"event": "ils_down"})
    await patron.turn({"event": {"wait_min": 3}})
    later = _said(await patron.turn({"text": "còn không"}))
    assert f"(lúc {asked_at:%H:%M})" in later, later
    assert "Hệ thống mượn trả chưa trả lời" in later, later
    await patron.turn({"event": {"wait_min": 13}})
    assert "chưa biết" in _said(await patron.turn({"text": "còn không"}))
    await patron.turn({"event": "ils_up"})


def _said(heard: Mapping[str, Any]) -> str:
    return "\n".join(reply.get("text", "") for reply in heard["replies"])


async def test_a_message_is_explained_as_it_is_heard(product: Rehearsal) -> None:
    told = await explain("mai may h mo cua z", product.gateway.dialogue, START.date())
    assert told.normalised == "mai may giờ mo cua vậy"
    assert told.intent == told.readings[0].intent == "ask_opening_hours"
    assert [(slot.name, slot.value) for slot in told.slots] == [("date", "mai")]
    assert [(day.text, day.first) for day in told.days] == [("mai", "2026-11-25")]
    assert "ask_opening_hours" in {example.intent for example in told.nearest}
    assert told.readings[0].confidence > told.readings[1].confidence


def _line(turn: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {"say": "text", "press": "payload", "event": "event", "send": "attachment"}
    [(kind, value)] = [(kinds[key], value) for key, value in turn.items() if key in kinds]
    return {kind: value}


def _check(turn: Mapping[str, Any], heard: Mapping[str, Any]) -> None:
    replies = heard["replies"]
    cards = [card for reply in replies for card in reply.get("cards", ())]
    said = "\n".join(reply.get("text", "") for reply in replies)
    shown = "\n".join([said, *(card["title"] for card in cards)])
    holders = [*replies, *cards]
    buttons = [button["title"] for holder in holders for button in holder.get("buttons", ())]
    told = f"{_line(turn)} → {heard['intent']}: {shown} {buttons}"
    assert "intent" not in turn or heard["intent"] in _listed(turn["intent"]), told
    assert "event" in turn or said.strip(), told
    for words in _listed(turn.get("has", ())):
        assert words in shown, f"{words!r} is missing: {told}"
    for words in _listed(turn.get("hasnt", ())):
        assert words not in shown, f"{words!r} is said: {told}"
    for title in _listed(turn.get("buttons", ())):
        assert title in buttons, f"no button {title!r}: {told}"
    assert "replies" not in turn or len(replies) == turn["replies"], told


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)
