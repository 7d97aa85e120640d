"""Twenty patrons ask “em đang mượn gì” at once: through the actions and the adapter, and by the bare calls alone.

Both run in turn against the same simulated system with the same delay a call, so that the ratio is of one machine and
one moment. `needed` is what the system itself takes for the calls that are needed: for Koha one GetPatronInfo a
patron, for SIP2 a 63 and a 17 a loan over the same three lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import httpx

from connectors.ils.koha.adapter import KohaILS
from connectors.ils.sip2 import frame, messages
from connectors.ils.sip2.adapter import SIP2ILS
from connectors.settings import KohaILSSection, SIP2ILSSection
from library.ils import ILS
from tests.connectors.ils.sample import NOW, PIN, Clock
from tests.contract.scenes import KohasShelf, given
from tests.journeys.patron import Desk, desk_for
from tests.simulators.koha import Koha, serving
from tests.simulators.sip2 import line_to, serving_sip2
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, USER

PATRONS, LOANS, ROUNDS = 20, 3, 10
DELAYS_S = (0.04, 0.1)
LINES = 3

Ask = Callable[[int], Awaitable[object]]


def crowd() -> Koha:
    """Return a Koha with twenty patrons, each with three books that nobody else has."""
    system = Koha(Clock(), (23, 5))
    system.add_library("MT", "Mỹ Tho")
    end = NOW.replace(hour=23, minute=59)
    for number in range(1, PATRONS + 1):
        system.add_patron(number, f"TV{number:06}", PIN, "Nguyễn", f"Bạn {number}")
        for book in range(LOANS):
            key = number * 10 + book
            system.add_biblio(key, f"Sách {book} của bạn đọc số {number}")
            system.add_item(key, key, f"VN{key:05}", "MT")
            system.lend(number, key, end + timedelta(days=book + 1))
    return system


@contextlib.asynccontextmanager
async def desks(ils: ILS) -> AsyncIterator[list[Desk]]:
    """Yield one conversation a patron, each linked to its card, over the one adapter."""
    with contextlib.ExitStack() as stack:
        opened = []
        for number in range(1, PATRONS + 1):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            desk = stack.enter_context(desk_for(folder, system=ils, now=NOW))
            await desk.link_to(await ils.authenticate(f"TV{number:06}", PIN))
            opened.append(desk)
        yield opened


async def ask(desk: Desk, number: int) -> None:
    said = await desk.talk.hear("list_loans", "em đang mượn gì")
    own = [f"“Sách {book} của bạn đọc số {number}”" for book in range(LOANS)]
    if said.text.count("“") != LOANS or not all(title in said.text for title in own):
        raise AssertionError("somebody was told of other books than their own")


async def at_once(one: Ask) -> list[float]:
    """Return how long each of the twenty took when all began together."""

    async def timed(number: int) -> float:
        begun = time.perf_counter()
        await one(number)
        return time.perf_counter() - begun

    return list(await asyncio.gather(*(timed(number) for number in range(1, PATRONS + 1))))


async def side_by_side(ours: Ask, bare: Ask) -> dict[str, float]:
    """Return p50 and p95 of both in milliseconds, and their ratio; taken in turns, after one round that opens lines."""
    await at_once(ours)
    await at_once(bare)
    took: dict[str, list[float]] = {"ours": [], "needed": []}
    for _ in range(ROUNDS):
        took["ours"] += await at_once(ours)
        took["needed"] += await at_once(bare)
    told = {f"{name}_p{p}_ms": round(_percentile(times, p) * 1000, 1) for name, times in took.items() for p in (50, 95)}
    return {**told, "p95_ratio": round(told["ours_p95_ms"] / told["needed_p95_ms"], 2)}


async def of_koha(delay_s: float) -> dict[str, float]:
    system = crowd()
    async with serving(system) as served, httpx.AsyncClient(limits=httpx.Limits(max_connections=PATRONS)) as http:
        section = KohaILSSection(kind="koha", url=served.url, client_id="client", client_secret=given("secret"))
        ils = KohaILS(section, system.clock, KohasShelf(system))
        page = f"{served.url}/cgi-bin/koha/ilsdi.pl"

        async def bare(number: int) -> None:
            asked = {"service": "GetPatronInfo", "patron_id": str(number), "show_loans": "1"}
            (await http.get(page, params=asked)).raise_for_status()

        async with desks(ils) as opened:
            served.latency_s = delay_s
            found = await side_by_side(lambda number: ask(opened[number - 1], number), bare)
        await ils.close()
    return found


async def of_sip2(delay_s: float) -> dict[str, float]:
    system = crowd()
    async with serving_sip2(system) as port, line_to(port) as line:
        section = SIP2ILSSection(
            kind="sip2",
            host="127.0.0.1",
            port=line.port,
            user=USER,
            password=given(PASSWORD),
            institution=INSTITUTION,
            connections=LINES,
            timeout_s=30,
        )
        ils = SIP2ILS(section, system.clock, KohasShelf(system), bytes(64))
        async with desks(ils) as opened, bare_lines(line.port) as lines:
            line.latency_s = delay_s

            async def bare(number: int) -> None:
                now = messages.stamp(system.clock())
                card = [("AO", INSTITUTION), ("AA", f"TV{number:06}"), ("AC", ""), ("AD", "")]
                await _exchange(lines, frame.build("63", f"001{now}  Y       ", card, encoding="utf-8"))
                barcodes = [f"VN{number * 10 + book:05}" for book in range(LOANS)]
                asked = [[("AO", INSTITUTION), ("AB", barcode), ("AC", "")] for barcode in barcodes]
                built = [frame.build("17", now, fields, encoding="utf-8") for fields in asked]
                await asyncio.gather(*(_exchange(lines, each) for each in built))

            found = await side_by_side(lambda number: ask(opened[number - 1], number), bare)
        await ils.close()
    return found


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def bare_lines(port: int) -> AsyncIterator[asyncio.Queue[Line]]:
    """Yield as many plain, logged-in lines as the adapter has."""
    lines: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(LINES):
        line = await asyncio.open_connection("127.0.0.1", port)
        line[1].write(frame.build("93", "00", [("CN", USER), ("CO", PASSWORD)], encoding="utf-8"))
        await line[0].readuntil(frame.END)
        lines.put_nowait(line)
    yield lines
    while not lines.empty():
        lines.get_nowait()[1].close()


async def _exchange(lines: asyncio.Queue[Line], asked: bytes) -> bytes:
    line = await lines.get()
    try:
        line[1].write(asked)
        return await line[0].readuntil(frame.END)
    finally:
        lines.put_nowait(line)


def _percentile(times: Sequence[float], p: int) -> float:
    return statistics.quantiles(times, n=100)[p - 1]


def main() -> None:
    logging.disable(logging.INFO)
    for name, measure in (("koha", of_koha), ("sip2", of_sip2)):
        for delay_s in DELAYS_S:
            found = asyncio.run(measure(delay_s))
            shape = {"patrons_at_once": PATRONS, "loans": LOANS, "call_ms": delay_s * 1000}
            print(json.dumps({"bench": f"accounts.{name}", **shape, **found}), flush=True)


if __name__ == "__main__":
    main()
