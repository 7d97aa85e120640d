"""The sending side of the Official Account's door, against the simulated Zalo."""

from __future__ import annotations

import asyncio
import json
import logging
import unicodedata
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from connectors.channels.port import (
    Button,
    DoorShut,
    Happening,
    NotSent,
    Part,
    PlainerPlease,
    PushDoor,
    Refused,
    TryLater,
    Unconfirmed,
    Unreachable,
)
from connectors.channels.zalo.drawing import Mode
from tests.connectors.channels.zalo_setting import PATRON, Setting, zalo_setting
from tests.simulators.zalo import Choice, Fault
from tests.virtual_time import VirtualLoop, run

TOKEN = "kJ3fE0x-bW9_q2LrT5uVaA"
HELLO = Part("Xin chào")
TWO = Part("Bạn cần gì?", (Button("Giờ mở cửa", payload=TOKEN), Button("Trang tra cứu", url="https://lib.example/")))

Scene = Callable[[Setting, VirtualLoop], Awaitable[None]]


def play(scene: Scene, folder: Path, mode: Mode = "buttons", paid: bool = False) -> None:
    """Run a scene in which one patron has opened the chat."""

    async def main(loop: VirtualLoop) -> None:
        async with zalo_setting(loop.clock, folder, mode=mode, paid=paid) as setting:
            setting.zalo.opens_chat(PATRON)
            await scene(setting, loop)

    run(main)


async def refusal(setting: Setting, part: Part = HELLO) -> NotSent:
    with pytest.raises(NotSent) as raised:
        await setting.door.send(PATRON, part)
    return raised.value


def test_a_text_reaches_the_patron_and_its_id_comes_back(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        door: PushDoor = setting.door
        sent_id = await door.send(PATRON, Part(unicodedata.normalize("NFD", "Chào bạn <b>*_`")))
        (shown,) = setting.zalo.shown_to(PATRON)
        assert (shown.msg_id, shown.text) == (sent_id, "Chào bạn <b>*_`")
        await door.show_typing(PATRON)

    play(scene, tmp_path)


def test_two_thousand_letters_go_out_and_one_more_is_refused(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        assert setting.door.limits.text == 2000
        await setting.door.send(PATRON, Part(unicodedata.normalize("NFD", "ữ" * 2000)))
        refused = await refusal(setting, Part("ữ" * 2001))
        assert (type(refused), refused.reason) == (Refused, "zalo_210")

    play(scene, tmp_path)


@pytest.mark.parametrize("mode", ["buttons", "list"])
def test_a_tap_comes_back_as_the_buttons_token(tmp_path: Path, mode: Mode) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        await setting.door.send(PATRON, TWO)
        (shown,) = setting.zalo.shown_to(PATRON)
        assert shown.choices == (
            Choice("Giờ mở cửa", "oa.query.hide", f"#{TOKEN}"),
            Choice("Trang tra cứu", "oa.open.url", "https://lib.example/"),
        )
        setting.zalo.taps(PATRON, "Giờ mở cửa")
        assert setting.zalo.taps(PATRON, "Trang tra cứu") is None
        await setting.zalo.webhooks.idle()
        assert [(one.kind, one.text) for one in setting.kept.arrivals] == [("payload", TOKEN)]

    play(scene, tmp_path, mode=mode)


def test_a_button_without_a_token_says_its_title(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        await setting.door.send(PATRON, Part("?", (Button("Tìm sách"),)))
        setting.zalo.taps(PATRON, "Tìm sách")
        await setting.zalo.webhooks.idle()
        assert [(one.kind, one.text) for one in setting.kept.arrivals] == [("text", "Tìm sách")]

    play(scene, tmp_path)


def test_buttons_that_an_account_may_not_send_become_a_list_and_then_numbers(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        setting.zalo.rules.buttons = setting.zalo.rules.lists = False
        assert setting.door.limits.buttons == 5
        for left in (5, 0):
            plainer = await refusal(setting, TWO)
            assert (type(plainer), plainer.reason) == (PlainerPlease, "zalo_233")
            assert setting.door.limits.buttons == left
        assert isinstance(await refusal(setting, TWO), PlainerPlease)  # rendered before that was known
        assert setting.zalo.calls == [-233, -233]
        await setting.door.send(PATRON, Part("1. Giờ mở cửa"))

    play(scene, tmp_path)


def test_messages_refused_together_take_one_step_down(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        setting.zalo.rules.buttons = False
        results = await asyncio.gather(*(setting.door.send(PATRON, TWO) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(one, PlainerPlease) for one in results)
        await setting.door.send(PATRON, TWO)
        assert setting.zalo.shown_to(PATRON)[-1].choices

    play(scene, tmp_path)


def test_one_bad_button_does_not_cost_the_buttons_that_worked(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        setting.zalo.rules.lists = False
        await setting.door.send(PATRON, TWO)
        bad = Part("?", (Button("Trang", url="javascript:alert(1)"),))
        assert isinstance(await refusal(setting, bad), PlainerPlease)
        await setting.door.send(PATRON, TWO)
        assert setting.zalo.calls == [0, -201, 0]

    play(scene, tmp_path)


def test_buttons_that_zalo_stops_taking_are_given_up_though_they_worked(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        await setting.door.send(PATRON, TWO)
        setting.zalo.rules.buttons = False
        assert isinstance(await refusal(setting, TWO), PlainerPlease)
        await setting.door.send(PATRON, TWO)
        assert setting.zalo.calls == [0, -233, 0]

    play(scene, tmp_path)


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (-32, TryLater, "rate_limit"),
        (-200, TryLater, "send_failed"),
        (-213, Unreachable, "blocked"),
        (-227, Unreachable, "gone"),
        (-230, Unreachable, "window_7d"),
        (-232, Unreachable, "window_7d"),
        (-244, Unreachable, "blocked"),
        (-218, Unreachable, "unreachable"),
        (-100, Refused, "zalo_100"),
        (-201, Refused, "zalo_201"),
        (-210, Refused, "zalo_210"),
        (-233, Refused, "zalo_233"),
        (-248, Refused, "zalo_248"),
        (-999, Refused, "zalo_999"),
        (-204, DoorShut, "account_disabled"),
        (-205, DoorShut, "account_missing"),
        (-209, DoorShut, "app_not_active"),
        (-211, DoorShut, "quota_used_up"),
        (-212, DoorShut, "app_not_registered"),
        (-219, DoorShut, "app_removed"),
        (-221, DoorShut, "account_not_verified"),
        (-223, DoorShut, "not_authorised"),
        (-224, DoorShut, "package_too_small"),
        (-320, DoorShut, "no_paying_account"),
        (-321, DoorShut, "no_money"),
        (-14002, DoorShut, "zalo_14002"),
    ],
)
def test_each_refusal_says_what_to_do_next(tmp_path: Path, code: int, kind: type[NotSent], reason: str) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        setting.zalo.faults.append(Fault(error=code))
        refused = await refusal(setting)
        assert (type(refused), refused.reason) == (kind, reason)
        assert await setting.door.send(PATRON, HELLO)
        assert setting.zalo.texts(PATRON) == ["Xin chào"]

    play(scene, tmp_path)


@pytest.mark.parametrize("fault", [Fault(status=502, done=True), Fault(hang=True, done=True), Fault(status=500)])
def test_silence_after_sending_is_told_from_a_refusal(tmp_path: Path, fault: Fault) -> None:
    async def scene(setting: Setting, loop: VirtualLoop) -> None:
        setting.zalo.faults.append(fault)
        before = loop.clock()
        assert type(await refusal(setting)) is Unconfirmed
        assert loop.clock() - before <= timedelta(seconds=16)
        assert len(setting.zalo.texts(PATRON)) == fault.done

    play(scene, tmp_path)


def test_the_limit_of_calls_a_minute_is_waited_out(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        setting.zalo.rules.per_minute = 3
        for _ in range(3):
            await setting.door.send(PATRON, HELLO)
        busy = await refusal(setting)
        assert isinstance(busy, TryLater)
        for _ in range(3):
            await asyncio.sleep(busy.after_s or 0)
        assert await setting.door.send(PATRON, HELLO)
        assert round(setting.door.limits.per_second * 60) == 100

    play(scene, tmp_path)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx.Response(200, text="<html>"), Unconfirmed),
        (httpx.Response(200, json=[]), Unconfirmed),
        (httpx.Response(200, json={"error": "soon"}), Unconfirmed),
        (httpx.Response(200, json={"error": "-213"}), Unreachable),
        (httpx.Response(503), Unconfirmed),
        (httpx.Response(429, headers={"Retry-After": "7"}), TryLater),
        (httpx.Response(404), DoorShut),
        (httpx.Response(413), Refused),
        (httpx.Response(302), Refused),
        (httpx.ConnectError("no"), TryLater),
        (httpx.ConnectTimeout("no"), TryLater),
        (httpx.ReadTimeout("no"), Unconfirmed),
        (httpx.RemoteProtocolError("no"), Unconfirmed),
    ],
    ids=str,
)
def test_each_trouble_on_the_line_is_of_a_class(
    tmp_path: Path, reply: httpx.Response | Exception, kind: type[NotSent]
) -> None:
    def line(_request: httpx.Request) -> httpx.Response:
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(line)) as client:
            with pytest.raises(NotSent) as raised:
                await setting.door_on(client).send(PATRON, HELLO)
        assert type(raised.value) is kind

    play(scene, tmp_path)


def test_a_token_that_zalo_calls_old_is_renewed_once_and_the_message_goes_out(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        await setting.door.send(PATRON, HELLO)
        await asyncio.sleep(3600)
        for code in (-216, -220):
            setting.zalo.faults.append(Fault(error=code))
            await setting.door.send(PATRON, HELLO)
            await asyncio.sleep(3600)
        assert setting.zalo.calls == [0, -216, 0, -220, 0]
        assert setting.zalo.refreshes == 3

    play(scene, tmp_path)


def test_tokens_that_are_refused_whatever_we_do_shut_the_door_without_a_storm(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        for _ in range(4):
            setting.zalo.faults.append(Fault(error=-216))
            refused = await refusal(setting)
            assert (type(refused), refused.reason) == (DoorShut, "zalo_token_refused")
        assert setting.zalo.refreshes == 1

    play(scene, tmp_path)


def test_a_new_token_that_is_refused_too_shuts_the_door(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        await setting.door.send(PATRON, HELLO)
        await asyncio.sleep(3600)
        setting.zalo.faults.extend([Fault(error=-216), Fault(error=-216)])
        refused = await refusal(setting)
        assert (type(refused), refused.reason) == (DoorShut, "zalo_token_refused")

    play(scene, tmp_path)


def test_no_token_is_used_before_it_is_on_disk(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        used: list[tuple[str, str]] = []

        async def compare(request: httpx.Request) -> None:
            if token := request.headers.get("access_token"):
                used.append((token, json.loads((tmp_path / "zalo_token.json").read_text())["access"]))

        setting.client.event_hooks = {"request": [compare]}
        for _ in range(5):
            setting.zalo.opens_chat(PATRON)
            await setting.door.send(PATRON, HELLO)
            await asyncio.sleep(26 * 3600)
        assert used == [(f"access-{number}", f"access-{number}") for number in range(1, 6)]

    play(scene, tmp_path)


@pytest.mark.parametrize(
    ("silent", "paid", "reason"),
    [
        (timedelta(hours=47), False, None),
        (timedelta(hours=49), False, "window_48h"),
        (timedelta(hours=49), True, None),
        (timedelta(days=8), False, "window_7d"),
        (timedelta(days=8), True, "window_7d"),
    ],
)
def test_who_was_silent_for_too_long_is_not_written_to(
    tmp_path: Path, silent: timedelta, paid: bool, reason: str | None
) -> None:
    async def scene(setting: Setting, loop: VirtualLoop) -> None:
        setting.zalo.rules.bought_messages = 1
        setting.heard[PATRON] = loop.clock()
        await asyncio.sleep(silent.total_seconds())
        if reason is None:
            assert await setting.door.send(PATRON, HELLO)
            return
        refused = await refusal(setting)
        assert (type(refused), refused.reason) == (Unreachable, reason)
        assert setting.zalo.calls == []

    play(scene, tmp_path, paid=paid)


def test_zalo_itself_tells_when_we_do_not_know_how_long_a_patron_was_silent(tmp_path: Path) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        await asyncio.sleep(8 * 24 * 3600)
        refused = await refusal(setting)
        assert (type(refused), refused.reason) == (Unreachable, "window_7d")
        assert setting.zalo.calls == [-230]

    play(scene, tmp_path)


@pytest.mark.parametrize("echo", ["before", "after"])
def test_what_we_send_is_echoed_with_its_id_and_what_staff_write_is_told_apart(tmp_path: Path, echo: str) -> None:
    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        setting.zalo.rules.echo = "before" if echo == "before" else "after"
        plain = await setting.door.send(PATRON, HELLO)
        chosen = await setting.door.send(PATRON, TWO)
        await setting.zalo.webhooks.idle()
        staff = setting.zalo.staff_says(PATRON, "Tôi là thủ thư")
        other = setting.zalo.other_app_says(PATRON, "Cảm ơn bạn đã quan tâm")
        await setting.zalo.webhooks.idle()
        echoes = [one for one in setting.kept.happenings if one.what == "echo"]
        assert [(one.sent_id, one.text, one.staff) for one in echoes] == [
            (plain, HELLO.text, False),
            (chosen, TWO.text, False),
            (staff, "Tôi là thủ thư", True),
            (other, "Cảm ơn bạn đã quan tâm", False),
        ]
        assert all(isinstance(one, Happening) and one.address == PATRON for one in echoes)

    play(scene, tmp_path)


def test_no_words_and_no_token_reach_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def scene(setting: Setting, _loop: VirtualLoop) -> None:
        await setting.door.send(PATRON, Part("Sách của bạn: Số đỏ"))
        setting.zalo.faults.append(Fault(error=-201))
        await refusal(setting, TWO)

    play(scene, tmp_path)
    assert "buttons refused" in caplog.text
    for hidden in ("Số đỏ", TWO.text, TOKEN, PATRON, "access-1", "refresh-0", "refresh-1"):
        assert hidden not in caplog.text
