"""Twenty patrons at once, answers at random moments, lines that drop: nobody is told of another's books."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from bench.accounts import INSTITUTION, PASSWORD, PATRONS, USER, ask, crowd, desks
from connectors.ils.koha.adapter import KohaILS
from connectors.ils.sip2.adapter import SIP2ILS
from connectors.settings import KohaILSSection, SIP2ILSSection
from tests.contract.scenes import KohasShelf, given
from tests.faults.journeys import AWAY
from tests.journeys.patron import Desk
from tests.simulators.koha import Fault, serving
from tests.simulators.sip2 import LineFault, line_to, serving_sip2

ROUNDS = 3


def at_random(seed: int) -> Iterator[float]:
    chance = random.Random(seed)
    while True:
        yield chance.choice((0.0, 0.0, 0.001, 0.004, 0.012))


async def everybody_asks(opened: list[Desk]) -> None:
    for _ in range(ROUNDS):
        await asyncio.gather(*(ask(desk, number) for number, desk in enumerate(opened, 1)))


@pytest.mark.parametrize("ils_di", [True, False])
async def test_koha_mixes_nobody_up(ils_di: bool) -> None:
    system = crowd()
    async with serving(system) as served:
        key = {"client_id": "client", "client_secret": given("secret")}
        ils = KohaILS(
            KohaILSSection(kind="koha", url=served.url, ils_di=ils_di, **key), system.clock, KohasShelf(system)
        )
        async with desks(ils) as opened:
            served.delays = at_random(7)
            served.faults.append(Fault("drop_before", "GetPatronInfo|GET /checkouts", times=5))
            await everybody_asks(opened)
            assert served.at_once > 2
        await ils.close()


async def test_sip2_mixes_nobody_up_over_three_lines() -> None:
    system = crowd()
    async with serving_sip2(system) as port, line_to(port) as line:
        section = SIP2ILSSection(
            kind="sip2",
            host="127.0.0.1",
            port=line.port,
            user=USER,
            password=given(PASSWORD),
            institution=INSTITUTION,
        )
        ils = SIP2ILS(section, system.clock, KohasShelf(system), bytes(64))
        async with desks(ils) as opened:
            line.delays = at_random(11)
            line.faults += [LineFault("drop_before", "17", times=3), LineFault("split", "63")]
            await everybody_asks(opened)
            assert line.most_open <= 4  # the three, and one that took a dropped one's place before it was seen to end
        await ils.close()


async def test_who_gives_up_waiting_leaves_no_answer_behind_for_the_next(tmp_path) -> None:
    """A turn that is cut off between question and answer must not hand its answer to whoever asks after it."""
    system = crowd()
    async with serving_sip2(system) as port, line_to(port) as line:
        more = {"user": USER, "password": given(PASSWORD), "institution": INSTITUTION, "connections": 1}
        ils = SIP2ILS(
            SIP2ILSSection(kind="sip2", host="127.0.0.1", port=line.port, **more),
            system.clock,
            KohasShelf(system),
            bytes(64),
        )
        async with desks(ils) as opened:
            for number in range(1, PATRONS, 2):
                line.latency_s, asked = 0.05, len(line.codes)
                given_up = asyncio.create_task(opened[number].talk.hear("list_loans", "em đang mượn gì"))
                while len(line.codes) == asked:  # the question is under way, its answer is still to come
                    await asyncio.sleep(0)
                given_up.cancel()
                await asyncio.gather(given_up, return_exceptions=True)
                line.latency_s = 0.0
                said = await opened[number - 1].talk.hear("list_loans", "em đang mượn gì")
                assert said.responses != (AWAY,)
                assert f"bạn đọc số {number}”" in said.text
                assert f"bạn đọc số {number + 1}”" not in said.text
        await ils.close()
