"""What Koha's versions and preferences make of one call, met by the adapter on every road it may go."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from connectors.ils.koha.adapter import KohaILS
from connectors.settings import KohaILSSection
from library.ils import ILSMisconfigured, PatronRef
from library.model import ItemState, Refusal
from tests.connectors.ils.sample import NOW, PIN
from tests.contract.scenes import given, koha_with_lan_and_an
from tests.simulators.koha import Fault, Koha, serving
from tests.simulators.koha.serving import Served

ROADS = [((19, 5), True), ((19, 11), True), ((23, 5), False), ((25, 5), False), ((25, 5), True)]
LAN = PatronRef("51")
SO_DO = "1"  # the copy that Lan has of it


@dataclass
class Watch:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@contextlib.asynccontextmanager
async def opened(
    version: tuple[int, int], ils_di: bool = True, **more: Any
) -> AsyncIterator[tuple[Koha, KohaILS, Served]]:
    koha = koha_with_lan_and_an(Watch(), version)
    async with serving(koha) as served:
        key = {"client_id": "client", "client_secret": given("secret")}
        section = KohaILSSection(**{"kind": "koha", "url": served.url, "ils_di": ils_di, "timeout_s": 2, **key, **more})
        ils = KohaILS(section, koha.clock)
        try:
            yield koha, ils, served
        finally:
            await ils.close()


def on_reserve(koha: Koha) -> None:
    koha.keep(52, 1, "MT")
    koha.items[2]["not_for_loan_status"] = 1  # no other copy is free for those who wait


def too_many(koha: Koha) -> None:
    koha.checkouts[1]["renewals"] = 2


def too_soon(koha: Koha) -> None:
    koha.checkouts[1]["_too_soon"] = True


def overdue(koha: Koha) -> None:
    koha.overdue_blocks_renewal = "block"
    koha.checkouts[2]["due_date"] = (NOW - timedelta(days=1)).isoformat()


def debt(koha: Koha) -> None:
    koha.fine_blocks_renewal, koha.fine_limit = True, 10_000
    koha.fine(51, 20_000)  # below our own limit, above Koha's


@pytest.mark.parametrize(("version", "ils_di"), ROADS)
@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (on_reserve, Refusal.ON_HOLD),
        (too_many, Refusal.TOO_MANY_RENEWALS),
        (too_soon, Refusal.TOO_SOON),
        (overdue, Refusal.OVERDUE),
        (debt, Refusal.IN_DEBT),
    ],
)
async def test_each_reason_is_understood_on_every_road_and_nothing_is_changed(version, ils_di, rule, why):
    async with opened(version, ils_di) as (koha, ils, _):
        rule(koha)
        (outcome,) = await ils.renew(LAN, [SO_DO])
        assert (outcome.refusal, koha.writes) == (why, [])


async def test_a_renewal_that_counts_as_unseen_may_need_the_desk():
    async with opened((23, 5), ils_di=False) as (koha, ils, _):
        koha.checkouts[1]["_unseen_used_up"] = True
        (refused,) = await ils.renew(LAN, [SO_DO])
        koha.seen_is_always_one = True
        (renewed,) = await ils.renew(LAN, [SO_DO])
        assert (refused.refusal, renewed.ok) == (Refusal.AT_DESK, True)


@pytest.mark.parametrize(("version", "ils_di"), ROADS)
async def test_whether_a_loan_can_be_renewed_is_told_as_far_as_the_version_tells_it(version, ils_di):
    async with opened(version, ils_di) as (_, ils, _):
        so_do, mat_biec = await ils.loans(LAN)
        assert so_do.renewable
        assert (mat_biec.renewable, mat_biec.refusal) == (
            (False, Refusal.ON_HOLD) if version >= (19, 11) else (True, None)
        )


@pytest.mark.parametrize(("version", "ils_di"), ROADS)
async def test_no_call_is_made_that_the_version_does_not_describe(version, ils_di):
    async with opened(version, ils_di) as (koha, ils, _):
        lan = await ils.authenticate("TV000001", PIN)
        await ils.renew(lan, [SO_DO])
        hold = (await ils.place_hold(lan, "3")).hold
        await ils.cancel_hold(lan, hold.hold_id)
        for ask in (ils.patron, ils.loans, ils.holds, ils.fees):
            await ask(lan)
        await ils.availability(["1", "3"])
        assert koha.refused == []
        assert koha.writes == ["renew 1", "hold 51 3", f"cancel {hold.hold_id}"]


async def test_a_key_that_ended_at_koha_is_renewed_and_the_write_done_once():
    async with opened((23, 5), ils_di=False) as (koha, ils, _):
        await ils.patron(LAN)
        koha.clock.now += timedelta(seconds=koha.token_lasts_s + 1)
        (outcome,) = await ils.renew(LAN, [SO_DO])
        assert (outcome.ok, koha.writes) == (True, ["renew 1"])


async def test_a_key_that_is_refused_at_the_write_itself_is_renewed_and_the_write_done_once():
    async with opened((23, 5), ils_di=False) as (koha, ils, served):
        served.faults.append(Fault("401", "POST /checkouts", times=1))
        (outcome,) = await ils.renew(LAN, [SO_DO])
        assert (outcome.ok, koha.writes) == (True, ["renew 1"])


async def test_basic_serves_where_there_is_no_key(monkeypatch):
    monkeypatch.setenv("KOHA_PASSWORD", "api-password")
    basic = {"client_id": "", "client_secret": None, "user": "thuthu", "password": {"env": "KOHA_PASSWORD"}}
    async with opened((23, 5), ils_di=False, **basic) as (koha, ils, _):
        assert await ils.authenticate("TV000001", PIN) == LAN
        assert len(await ils.loans(LAN)) == 2
        assert koha.tokens == {}


async def test_oauth_turned_off_in_koha_is_a_fault_to_mend_and_names_its_preference():
    async with opened((23, 5)) as (koha, ils, _):
        koha.oauth = False
        with pytest.raises(ILSMisconfigured, match="RESTOAuth2ClientCredentials"):
            await ils.patron(LAN)


@pytest.mark.parametrize("state", ["off", "shut", "not_allowed"])
async def test_rest_alone_goes_on_where_ils_di_is_off_or_shut(state):
    async with opened((23, 5)) as (koha, ils, _):
        koha.ils_di = state
        assert [loan.title for loan in await ils.loans(LAN)] == ["Số đỏ", "Mắt biếc"]
        (outcome,) = await ils.renew(LAN, [SO_DO])
        assert (outcome.ok, koha.writes) == (True, ["renew 1"])


async def test_a_fine_that_nobody_entered_counts_as_debt_though_rest_fails_at_it():
    async with opened((19, 11)) as (koha, ils, _):
        koha.fine(51, 90_000, manager=None)
        assert (await ils.patron(LAN)).blocks == {Refusal.IN_DEBT}
        (outcome,) = await ils.renew(LAN, [SO_DO])
        assert (outcome.refusal, koha.writes) == (Refusal.IN_DEBT, [])


async def test_the_first_release_that_checks_passwords_names_nobody_and_only_the_exact_card_is_let_in():
    async with opened((22, 11), ils_di=False) as (koha, ils, _):
        koha.add_patron(53, "TV0000011", PIN, "Lê", "Nhầm")
        assert await ils.authenticate("TV000001", PIN) == LAN


async def test_a_page_of_hits_is_one_call_and_one_for_the_holds_of_all():
    async with opened((23, 5), True) as (koha, library, _served):
        koha.keep(51, 2, "MT", "W", 3)
        del koha.checkouts[2]
        await library.availability(["1"])  # what is asked for once is known now
        koha.asked.clear()
        found = await library.availability(["1", "2", "3", "4"])
        assert sorted(koha.asked) == ["GET /holds", "GetAvailability"]
        assert [found[each][0].state for each in ("2", "4")] == [ItemState.ON_HOLD_SHELF] * 2


@pytest.mark.parametrize(("version", "ils_di"), [road for road in ROADS if road[1] or road[0] >= (20, 5)])
async def test_a_copy_that_was_set_aside_for_somebody_is_not_told_as_in(version, ils_di):
    async with opened(version, ils_di) as (koha, library, _served):
        koha.add_item(6, 4, "VN0006", "CL")
        koha.add_item(7, 4, "VN0007", "SD")
        koha.keep(51, 4, "SD", "T", 7)
        states = [copy.state for copy in (await library.availability(["4"]))["4"]]
        assert states == [ItemState.ON_HOLD_SHELF, ItemState.AVAILABLE, ItemState.IN_TRANSIT]
