"""`thuthu check` names each fault of a SIP2 server in words an operator can act on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from connectors.clock import wall_clock
from connectors.ils.health import Health
from connectors.ils.sip2.check import check
from connectors.ils.sip2.frame import checksum
from connectors.settings import SIP2ILSSection
from tests.connectors.ils.sample import Clock
from tests.contract.scenes import koha_with_lan_and_an
from tests.simulators.sip2 import serving_sip2
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, USER

CLOCK = Clock()
BX = "YYYYYYYYYYYNYYYY"


async def looked(port: int, monkeypatch: pytest.MonkeyPatch, **more: Any) -> dict[str, Health]:
    monkeypatch.setenv("SIP2_PASSWORD", more.pop("secret", PASSWORD))
    usual = {"kind": "sip2", "host": "127.0.0.1", "port": port, "user": USER, "institution": INSTITUTION}
    section = SIP2ILSSection(**{**usual, "password": {"env": "SIP2_PASSWORD"}, "timeout_s": 0.5, **more})
    clock = more.pop("clock", wall_clock)
    return {health.what.split(" · ")[-1]: health for health in await check(section, clock)}


@contextlib.asynccontextmanager
async def transcript(seats: int = 9, **answers: str) -> AsyncIterator[int]:
    """Serve answers by code, as some server once gave them, on so many lines at once; yields the port."""
    taken = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        taken += 1
        if taken > seats:
            writer.close()
            return
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                asked = await reader.readuntil(b"\r")
                told = answers.get(f"m{asked[:2].decode()}", "96AZFEF6").encode()
                if b"AY" in asked and told[:2] != b"96":
                    told += b"AY" + asked[asked.index(b"AY") + 2 :][:1] + b"AZ"
                    told += checksum(told)
                writer.write(told + b"\r")
        taken -= 1
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def status(name: str = "Thư viện Trung tâm", bx: str = BX, off: timedelta = timedelta()) -> str:
    at = wall_clock() + off
    return f"98YYYYNN100005{at:%Y%m%d}    {at:%H%M%S}2.00AO{INSTITUTION}|AM{name}|BX{bx}|"


NOBODY = "64YYYY          00120261124    10000000000000000000000000000000000AOTVTW|AA0|AE|BLN|AFInvalid cardnumber|"


async def test_a_server_that_is_well_is_said_to_be_so(monkeypatch):
    async with serving_sip2(koha_with_lan_and_an(wall_clock, (19, 11))) as port:
        found = await looked(port, monkeypatch)
    assert [health for health in found.values() if not health.ok] == []


async def test_a_wrong_password_of_the_terminal_is_named(monkeypatch):
    async with serving_sip2(koha_with_lan_and_an(wall_clock, (19, 11))) as port:
        (health,) = (await looked(port, monkeypatch, secret="not-it")).values()
    assert (health.ok, "[ils] user and password" in health.says) == (False, True)


async def test_nobody_at_the_port_and_something_else_at_it_are_told_apart(monkeypatch):
    (away,) = (await looked(9, monkeypatch)).values()
    assert "nobody answers at 127.0.0.1:9" in away.says
    async with transcript(m93="HTTP/1.1 400 Bad Request") as port:
        (other,) = (await looked(port, monkeypatch)).values()
    assert "does not answer as SIP2" in other.says


@pytest.mark.parametrize(
    ("answers", "what", "says"),
    [
        ({"m98": status(name="ThÆ° viá»‡n")}, "encoding", 'encoding = "cp850"'),
        ({"m98": status(name="Th? vi?n Trung tâm")}, "encoding", 'encoding="utf-8"'),
        ({"m98": status(bx="NNNNYYYNYYNNNNNN")}, "messages", "messages 63 and 17"),
        ({"m98": status(off=timedelta(minutes=25))}, "clock", "the clocks differ"),
        ({"m98": status().replace(INSTITUTION, "KHAC")}, "institution", 'institution = "KHAC"'),
        ({"m64": NOBODY.replace("BLN", "BLY")}, "card log-in", "it checks nothing"),
    ],
)
async def test_each_fault_says_what_to_do(monkeypatch, answers, what, says):
    told = {"m93": "941", "m99": answers.get("m98", status()), "m63": answers.get("m64", NOBODY)}
    async with transcript(**told) as port:
        health = (await looked(port, monkeypatch))[what]
    assert not health.ok
    assert says in health.says


async def test_a_server_with_fewer_seats_than_lines_are_set_is_found_out(monkeypatch):
    async with transcript(seats=2, m93="941", m99=status(), m63=NOBODY) as port:
        health = (await looked(port, monkeypatch, connections=4))["lines"]
    assert not health.ok
    assert "[ils] connections = 2" in health.says


async def test_a_server_without_its_library_system_is_named(monkeypatch):
    async with transcript(m93="941", m99=status().replace("98Y", "98N")) as port:
        (health,) = (await looked(port, monkeypatch)).values()
    assert "off line" in health.says


async def test_a_server_in_another_zone_has_the_right_time(monkeypatch):
    told = {"m93": "941", "m99": status(off=timedelta(hours=-7)), "m63": NOBODY}
    async with transcript(**told) as port:
        assert (await looked(port, monkeypatch))["clock"].ok
