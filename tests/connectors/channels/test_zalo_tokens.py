"""The rotating pair of tokens: one refresh at a time, on disk before it is used."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from connectors.channels.port import DoorShut, TryLater
from connectors.channels.zalo.tokenfile import TokenFile
from connectors.channels.zalo.tokens import Tokens
from tests.connectors.channels.zalo_setting import tokens_of
from tests.simulators.zalo import Fault, Zalo
from tests.virtual_time import VirtualLoop, run

Make = Callable[..., Tokens]
Scene = Callable[[VirtualLoop, Zalo, Make], Awaitable[None]]


async def nobody(_headers: Mapping[str, str], _body: bytes) -> int:
    return 404


def play(scene: Scene, folder: Path) -> None:
    """Run a scene with a Zalo and a way to make one more gateway process that shares the token file."""

    async def main(loop: VirtualLoop) -> None:
        zalo = Zalo(loop.clock, nobody)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(zalo.app)) as client:

            def make(given: str = "refresh-0", path: Path = folder / "var" / "token.json") -> Tokens:
                return tokens_of(zalo, client, loop.clock, path, given)

            await scene(loop, zalo, make)

    run(main)


def kept(folder: Path) -> dict[str, str]:
    return dict(json.loads((folder / "var" / "token.json").read_text()))


def test_the_first_token_comes_from_the_settings_and_its_successor_is_kept(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        assert await make().access() == zalo.access_token == "access-1"
        assert kept(tmp_path)["refresh"] == "refresh-1"
        assert await make().access() == "access-1"  # the next start
        assert zalo.refreshes == 1

    play(scene, tmp_path)


def test_only_the_owner_may_read_the_file_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, _zalo: Zalo, make: Make) -> None:
        await make().access()
        assert {path.name for path in (tmp_path / "var").iterdir()} == {"token.json", "token.json.lock"}
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in (tmp_path / "var").iterdir())

    before = os.umask(0)
    try:
        play(scene, tmp_path)
    finally:
        os.umask(before)


def test_a_token_is_refreshed_before_it_ends(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        await tokens.access()
        await asyncio.sleep(23.9 * 3600)
        assert await tokens.access() == "access-1"
        await asyncio.sleep(0.2 * 3600)
        assert await tokens.access() == "access-2" == zalo.access_token

    play(scene, tmp_path)


def test_many_at_once_refresh_once(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        zalo.oauth_faults.append(Fault(done=True, late_s=1.02))
        assert set(await asyncio.gather(*(tokens.access() for _ in range(50)))) == {"access-1"}
        assert loop.time() == pytest.approx(1.02)  # they shared one refresh, and did not queue for the file
        await asyncio.sleep(3600)
        assert set(await asyncio.gather(*(tokens.after_refusal("access-1") for _ in range(50)))) == {"access-2"}
        assert zalo.refreshes == 2

    play(scene, tmp_path)


def test_two_processes_refresh_once_between_them(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        one, other = make(), make()
        assert set(await asyncio.gather(one.access(), other.access())) == {"access-1"}
        assert zalo.refreshes == 1
        await asyncio.sleep(3600)
        assert await one.after_refusal("access-1") == "access-2"
        assert await other.access() == "access-1"  # it cannot know yet
        assert await other.after_refusal("access-1") == "access-2"
        assert zalo.refreshes == 2

    play(scene, tmp_path)


def test_a_refresh_goes_on_when_who_asked_for_it_is_gone(tmp_path: Path) -> None:
    """Zalo has rotated the pair by then: to drop the answer would be to lose the account."""

    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        zalo.oauth_faults.append(Fault(done=True, late_s=5))
        asking = asyncio.create_task(tokens.access())
        await asyncio.sleep(2)
        assert zalo.access_token == "access-1"
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await tokens.close()
        assert kept(tmp_path)["access"] == zalo.access_token == "access-1"

    play(scene, tmp_path)


def test_a_used_refresh_token_shuts_the_door_and_is_not_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        zalo.issue("refresh-elsewhere")
        tokens = make()
        for _ in range(20):
            with pytest.raises(DoorShut, match="zalo_token"):
                await tokens.access()
            await asyncio.sleep(60)
        assert zalo.refreshes == 1

    play(scene, tmp_path)
    assert "Get a new one" in caplog.text
    assert "refresh-0" not in caplog.text


def test_a_new_token_in_the_settings_takes_the_place_of_a_dead_pair(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        await make().access()
        zalo.issue("given-by-operator")
        assert await make("given-by-operator").access() == zalo.access_token == "access-2"
        assert await make("given-by-operator").access() == "access-2"  # and only once
        assert zalo.refreshes == 2

    play(scene, tmp_path)


def test_a_pair_mended_by_another_process_opens_the_door_again(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        zalo.oauth_faults.append(Fault(error=-14003))
        with pytest.raises(DoorShut):
            await tokens.access()
        assert await make().access() == "access-1"
        assert await tokens.access() == "access-1"

    play(scene, tmp_path)


@pytest.mark.parametrize("fault", [Fault(error=-32), Fault(status=502), Fault(hang=True)])
def test_a_busy_zalo_is_asked_again_later(tmp_path: Path, fault: Fault) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        zalo.oauth_faults.append(fault)
        with pytest.raises(TryLater):
            await tokens.access()
        assert await tokens.access() == "access-1"

    play(scene, tmp_path)


def test_an_answer_that_never_came_may_have_cost_the_pair_and_says_so(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        zalo.oauth_faults.append(Fault(hang=True, done=True))
        with pytest.raises(TryLater, match="zalo_token_no_answer"):
            await tokens.access()
        with pytest.raises(DoorShut, match="zalo_token"):
            await tokens.access()

    play(scene, tmp_path)


def test_an_early_refresh_that_fails_costs_nothing(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        await tokens.access()
        await asyncio.sleep(24.2 * 3600)
        zalo.oauth_faults.append(Fault(status=503))
        assert await tokens.access() == "access-1"
        assert await tokens.access() == "access-1"  # and Zalo is left alone for a while
        assert zalo.refreshes == 2
        await asyncio.sleep(61)
        assert await tokens.access() == "access-2"

    play(scene, tmp_path)


def test_a_token_refused_at_birth_is_not_refreshed_over_and_over(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        with pytest.raises(DoorShut, match="zalo_token_refused"):
            await tokens.after_refusal(await tokens.access())
        assert zalo.refreshes == 1

    play(scene, tmp_path)


def test_a_pair_that_the_disk_does_not_take_is_not_forgotten(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        in_the_way = tmp_path / "var" / "token.json.new"
        (in_the_way / "x").mkdir(parents=True)
        with pytest.raises(DoorShut, match="zalo_token_file"):
            await tokens.access()
        (in_the_way / "x").rmdir()
        in_the_way.rmdir()
        assert await tokens.access() == zalo.access_token == "access-1"
        assert kept(tmp_path)["refresh"] == "refresh-1"
        assert zalo.refreshes == 1

    play(scene, tmp_path)
    assert "cannot be written" in caplog.text


def test_a_file_that_cannot_be_opened_shuts_the_door_and_no_token_is_used_up(tmp_path: Path) -> None:
    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        (tmp_path / "var").write_text("a file where the folder should be")
        with pytest.raises(DoorShut, match="zalo_token_file"):
            await make().access()
        assert zalo.refreshes == 0

    play(scene, tmp_path)


def test_a_file_that_cannot_be_read_is_told_of_and_the_settings_token_tried(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(_loop: VirtualLoop, _zalo: Zalo, make: Make) -> None:
        (tmp_path / "var").mkdir()
        for broken in ("", "[]", "{}", '{"access": 1', "null"):
            (tmp_path / "var" / "token.json").write_text(broken)
            assert TokenFile(tmp_path / "var" / "token.json").read() is None
        assert await make().access() == "access-1"

    play(scene, tmp_path)
    assert "cannot be read" in caplog.text


def test_a_lock_that_is_never_let_go_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    async def scene(loop: VirtualLoop, _zalo: Zalo, make: Make) -> None:
        async with TokenFile(tmp_path / "var" / "token.json").locked():
            before = loop.clock()
            with pytest.raises(TryLater, match="token_file_locked"):
                await make().access()
            assert loop.clock() - before < timedelta(seconds=61)
        assert await make().access() == "access-1"

    play(scene, tmp_path)


def test_no_token_and_no_secret_reaches_a_log_or_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    errors: list[str] = []

    async def scene(_loop: VirtualLoop, zalo: Zalo, make: Make) -> None:
        tokens = make()
        await tokens.access()
        zalo.issue("refresh-elsewhere")
        await asyncio.sleep(3600)
        for fault in (Fault(status=500), Fault()):
            zalo.oauth_faults.append(fault)
            with pytest.raises((TryLater, DoorShut)) as raised:
                await tokens.after_refusal("access-1")
            errors.append(repr(raised.value))
        errors.append(repr(TokenFile(tmp_path / "var" / "token.json").read()))

    play(scene, tmp_path)
    said = caplog.text + "".join(errors)
    assert "refreshed the token" in said
    for hidden in ("access-1", "refresh-0", "refresh-1", "app-secret"):
        assert hidden not in said
