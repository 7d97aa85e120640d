"""The same suite against a live library system, named by the environment; `make test-live` and docs/live-suite.md.

    KOHA_URL, KOHA_CLIENT_ID, KOHA_SECRET (or KOHA_USER, KOHA_PASSWORD; KOHA_ILS_DI_URL, KOHA_ILS_DI=0)
    SIP2_HOST, SIP2_PORT (SIP2_USER, SIP2_PASSWORD, SIP2_LOCATION, SIP2_INSTITUTION, SIP2_ENCODING, SIP2_NAME_ORDER)
    LIVE_PIN, LIVE_SEED

Where these are not set there is no live scene, and nothing is skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from connectors.clock import wall_clock
from connectors.ils.koha.adapter import KohaILS
from connectors.ils.shelf import Copy, Shelved
from connectors.ils.sip2.adapter import SIP2ILS
from connectors.settings import KohaILSSection, SIP2ILSSection
from library.ils import ILS, ILSError
from library.model import Branch, HoldStatus, Refusal
from tests.contract.scenes import Scene
from tests.simulators.sip2 import LineFault, line_to

WRITES = ("RenewLoan", "POST /api/v1/holds", "POST /api/v1/checkouts", "DELETE /api/v1/holds")


def seed() -> dict[str, Any]:
    path = Path(os.environ.get("LIVE_SEED") or Path(__file__).with_name("live.toml"))
    return tomllib.loads(path.read_text(encoding="utf-8"))


def _scene(ils: ILS, told: Mapping[str, Any], **more: Any) -> Scene:
    cards, people, titles, pin = told["cards"], told["people"], told["titles"], os.environ.get("LIVE_PIN", "1234")
    of = {Refusal.CARD_EXPIRED: "expired", Refusal.CARD_RESTRICTED: "restricted", Refusal.IN_DEBT: "in_debt"}
    return Scene(
        ils=ils,
        lan=(cards["lan"], pin),
        an=(cards["an"], pin),
        free_record=titles["free_record"],
        lent_out_record=titles["lent_out_record"],
        blocked=lambda why: (cards[of[why]], pin),
        late=lambda: (cards["late"], pin),
        writes=lambda: None,
        names=(people["lan"], people["an"]),
        titles=tuple(titles["lans_loans"]),
        kept=(titles["ans_ready"], titles["ans_waiting"]),
        lent_out_title=titles["lent_out"],
        places=(people["home"], people["other_branch"]),
        owed=people["an_owes"],
        now=wall_clock,
        **more,
    )


class Weather(httpx.AsyncBaseTransport):
    """The way to a live Koha, which can lose answers to writes or be cut altogether."""

    def __init__(self) -> None:
        self._real = httpx.AsyncHTTPTransport()
        self.loses = self.cut = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.cut:
            raise httpx.ConnectError("cut")
        response = await self._real.handle_async_request(request)
        what = f"{request.method} {request.url.path}?{request.url.query.decode()}"
        if self.loses and any(each in what for each in WRITES):
            await response.aread()
            raise httpx.ReadError("lost")
        return response

    async def aclose(self) -> None:
        await self._real.aclose()


@contextlib.asynccontextmanager
async def live_koha(_folder: Path) -> AsyncIterator[Scene]:
    given, weather = os.environ, Weather()
    section = KohaILSSection(
        kind="koha",
        url=given["KOHA_URL"],
        client_id=given.get("KOHA_CLIENT_ID", ""),
        client_secret=_named("KOHA_SECRET"),
        user=given.get("KOHA_USER", ""),
        password=_named("KOHA_PASSWORD"),
        ils_di=given.get("KOHA_ILS_DI", "1") != "0",
        ils_di_url=given.get("KOHA_ILS_DI_URL", ""),
    )
    ils = KohaILS(section, wall_clock, transport=weather)
    more = {
        "go_away": lambda: setattr(weather, "cut", True),
        "lose_answers": lambda: setattr(weather, "loses", True),
        "tells_due_of_copies": not section.ils_di,
    }
    async with _tidied(_scene(ils, seed(), **more), lambda: vars(weather).update(cut=False, loses=False)) as scene:
        yield scene


@contextlib.asynccontextmanager
async def live_sip2(_folder: Path) -> AsyncIterator[Scene]:
    given, told = os.environ, seed()
    async with line_to(int(given["SIP2_PORT"]), given["SIP2_HOST"]) as line:
        section = SIP2ILSSection(
            kind="sip2",
            host="127.0.0.1",
            port=line.port,
            user=given.get("SIP2_USER", ""),
            password=_named("SIP2_PASSWORD"),
            location=given.get("SIP2_LOCATION", ""),
            institution=given.get("SIP2_INSTITUTION", ""),
            encoding=given.get("SIP2_ENCODING", "utf-8"),
            name_order=given.get("SIP2_NAME_ORDER", "given_first"),
        )
        ils = SIP2ILS(section, wall_clock, SeedShelf(told), bytes(64))
        more = {
            "go_away": lambda: line.faults.append(LineFault("drop_before")),
            "lose_answers": lambda: line.faults.append(LineFault("drop_after", "29|15")),
            "knows_as_much_as_most": False,
        }
        async with _tidied(_scene(ils, told, **more), line.faults.clear) as scene:
            yield scene


@contextlib.asynccontextmanager
async def _tidied(scene: Scene, heal: Callable[[], object]) -> AsyncIterator[Scene]:
    """Let go what a test has put on hold, before it and after it."""
    await _let_go(scene)
    try:
        yield scene
    finally:
        heal()
        await asyncio.sleep(0)
        await _let_go(scene)
        await scene.ils.close()


async def _let_go(scene: Scene) -> None:
    with contextlib.suppress(ILSError):
        lan = await scene.log_in(scene.lan)
        for hold in await scene.ils.holds(lan):
            if hold.status is HoldStatus.WAITING:
                await scene.ils.cancel_hold(lan, hold.hold_id)


@dataclass(frozen=True)
class SeedShelf:
    """The copies of the seed, as a catalogue has them."""

    told: Mapping[str, Any]

    def titles(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        held = {copy["record"]: copy["title"] for copy in self.told["copies"]}
        return {each: held[each] for each in record_ids if each in held}

    def by_barcode(self, barcodes: Sequence[str]) -> Mapping[str, Shelved]:
        held = {copy["barcode"]: Shelved(copy["record"], copy["title"]) for copy in self.told["copies"]}
        return {each: held[each] for each in barcodes if each in held}

    def copies_of(self, record_ids: Sequence[str]) -> Mapping[str, Sequence[Copy]]:
        return {
            each: [
                Copy(copy["barcode"], copy["branch"], copy.get("call_number", ""))
                for copy in self.told["copies"]
                if copy["record"] == each
            ]
            for each in self.titles(record_ids)
        }

    def branches(self) -> Sequence[Branch]:
        people = self.told["people"]
        return [Branch(code, code, code) for code in (people["home"], people["other_branch"])]


def _named(variable: str) -> dict[str, str] | None:
    return {"env": variable} if os.environ.get(variable) else None


LIVE = {
    **({"live koha": live_koha} if os.environ.get("KOHA_URL") else {}),
    **({"live sip2": live_sip2} if os.environ.get("SIP2_HOST") else {}),
}
