"""From a patron's word in Zalo to the answer in Zalo, with the gateway's own inbox and outbox in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from fastapi import FastAPI

from connectors.channels.port import Button, Reply
from connectors.channels.zalo.api import ZaloApi
from connectors.channels.zalo.door import ZaloDoor
from connectors.channels.zalo.events import Account
from connectors.channels.zalo.routes import zalo_router
from connectors.mailbox import Answer, Stored
from library.ports import Turn
from tests.connectors.channels.zalo_setting import BASE, tokens_of
from tests.connectors.small_gateway import FIRST_CONTACT, SmallGateway, small_gateway
from tests.simulators.zalo import Fault, Zalo
from tests.virtual_time import VirtualLoop, run

PATRONS = [str(2468455835291979000 + number) for number in range(6)]
PATRON = PATRONS[0]

Scene = Callable[[Zalo, SmallGateway], Awaitable[None]]


async def answer(message: Stored, _turn: Turn, payload: str | None) -> Answer:
    """Answer every word with two bubbles, the second with a choice."""
    heard = payload or message.text
    choice = Button(f"Thêm {heard}"[:40], payload=f"/more {heard}")
    return Answer((Reply(f"Nghe: {heard}"), Reply(f"Tiếp: {heard}", (choice,))), message.tracker, intent="said")


def play(scene: Scene, folder: Path) -> None:
    async def main(loop: VirtualLoop) -> None:
        async def nobody(_headers: Mapping[str, str], _body: bytes) -> int:
            return 404

        zalo = Zalo(loop.clock, nobody)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(zalo.app)) as client:
            tokens = tokens_of(zalo, client, loop.clock, folder / "token.json", zalo.first_refresh_token)

            async def unknown(_address: str) -> None:
                return None

            more: dict[str, Any] = {"mode": "buttons", "paid": False, "requests_per_minute": 6000}
            zalo.rules.per_minute = 6000
            door = ZaloDoor(ZaloApi(client, BASE), tokens, loop.clock, unknown, **more)
            async with small_gateway(loop, folder / "gateway.sqlite", answer, doors={"zalo": door}) as gateway:
                app = FastAPI()
                account = Account(zalo.app_id, zalo.oa_id)
                oa, its_app = zalo.oa_secret, zalo.app_secret
                app.include_router(
                    zalo_router(gateway.reception, account, oa_secret=oa, app_secret=its_app, clock=loop.clock)
                )
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://library") as bell:

                    async def deliver(headers: Mapping[str, str], body: bytes) -> int:
                        return (await bell.post("/zalo/webhook", headers=dict(headers), content=body)).status_code

                    zalo.webhooks.deliver = deliver
                    await scene(zalo, gateway)
                    await zalo.close()

    run(main)


async def settled(zalo: Zalo, gateway: SmallGateway) -> None:
    """Return when nothing is under way in either house."""
    for _ in range(3):
        await zalo.webhooks.idle()
        await gateway.switchboard.idle()
        await gateway.deliverer.idle()


def said_to(zalo: Zalo, patron: str) -> list[str]:
    return [text for text in zalo.texts(patron) if text != FIRST_CONTACT]


def answers_to(*words: str) -> list[str]:
    return [f"{begin}: {word}" for word in words for begin in ("Nghe", "Tiếp")]


def test_a_word_is_answered_and_a_tap_is_its_payload(tmp_path: Path) -> None:
    async def scene(zalo: Zalo, gateway: SmallGateway) -> None:
        zalo.says(PATRON, "một")
        await settled(zalo, gateway)
        zalo.taps(PATRON, "Thêm một")
        await settled(zalo, gateway)
        assert said_to(zalo, PATRON) == answers_to("một", "/more một")

    play(scene, tmp_path)


def test_a_tap_on_somebody_elses_button_is_not_taken(tmp_path: Path) -> None:
    async def scene(zalo: Zalo, gateway: SmallGateway) -> None:
        zalo.says(PATRON, "một")
        await settled(zalo, gateway)
        stolen = zalo.shown_to(PATRON)[-1].choices[0].payload
        zalo.says(PATRONS[1], stolen)
        await settled(zalo, gateway)
        assert "một" not in " ".join(zalo.texts(PATRONS[1]))

    play(scene, tmp_path)


def test_choices_are_numbered_where_an_account_has_no_buttons_and_a_number_answers(tmp_path: Path) -> None:
    async def scene(zalo: Zalo, gateway: SmallGateway) -> None:
        zalo.rules.buttons = zalo.rules.lists = False
        for word in ("một", "hai", "ba"):
            zalo.says(PATRON, word)
            await settled(zalo, gateway)
        assert zalo.calls.count(-233) == 2
        assert "1. Thêm ba" in zalo.texts(PATRON)[-1]
        zalo.says(PATRON, "1")
        await settled(zalo, gateway)
        assert said_to(zalo, PATRON)[-2] == "Nghe: /more ba"

    play(scene, tmp_path)


def test_the_assistant_is_silent_once_staff_answer_in_zalos_console(tmp_path: Path) -> None:
    async def scene(zalo: Zalo, gateway: SmallGateway) -> None:
        zalo.says(PATRON, "một")
        await settled(zalo, gateway)
        zalo.staff_says(PATRON, "Tôi là thủ thư đây")
        await settled(zalo, gateway)
        zalo.says(PATRON, "hai")
        await settled(zalo, gateway)
        assert said_to(zalo, PATRON) == [*answers_to("một"), "Tôi là thủ thư đây"]

    play(scene, tmp_path)


@pytest.mark.parametrize("echo", ["before", "after"])
@pytest.mark.parametrize("seed", range(2))
def test_everybody_sees_each_answer_once_and_in_order_whatever_the_lines_do(
    tmp_path: Path, seed: int, echo: Literal["before", "after"]
) -> None:
    dice = random.Random(seed)
    trouble = (
        Fault(hang=True, done=True),
        Fault(status=502, done=True),
        Fault(status=500),
        Fault(error=-200),
        Fault(error=-32),
    )

    async def scene(zalo: Zalo, gateway: SmallGateway) -> None:
        zalo.rules.echo = echo
        zalo.webhooks.disturb = lambda: dice.choice(((0.0,), (0.0,), (0.0, 0.5), (0.0, 600.0, 3600.0)))
        for number in range(5):
            for patron in PATRONS:
                if dice.random() < 0.3:
                    zalo.faults.append(dice.choice(trouble))
                zalo.says(patron, f"câu {number}")
            await asyncio.sleep(timedelta(minutes=10).total_seconds())
        await settled(zalo, gateway)
        for patron in PATRONS:
            assert said_to(zalo, patron) == answers_to(*(f"câu {number}" for number in range(5)))

    play(scene, tmp_path)
