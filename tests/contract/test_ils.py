"""What the ILS port promises, asked of every adapter. An adapter joins by a function that sets the scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from library.ils import ILS, Capability, ILSUnavailable, InvalidCredentials, PatronRef
from library.model import HoldStatus, ItemState, Loan, Refusal
from tests.connectors.ils.sample import LAN, NHA_GIA_KIM, PIN, SO_DO, open_library


@dataclass(frozen=True)
class Scene:
    """A library system in which Lan has two loans, the later one waited for by An, and one title is out altogether."""

    ils: ILS
    lan: tuple[str, str]  # card number, PIN
    an: tuple[str, str]  # has a hold ready, a hold waiting for Lan's book, and something to pay
    free_record: str  # a copy stands on the shelf
    lent_out_record: str  # no copy does; Lan has none of them
    go_away: Callable[[], object]  # from here on the system does not answer

    async def log_in(self, who: tuple[str, str]) -> PatronRef:
        return await self.ils.authenticate(*who)


def sqlite(folder: Path) -> Scene:
    library = open_library(folder)
    return Scene(
        ils=library.ils,
        lan=(LAN["card"], PIN),
        an=("DT000002", PIN),
        free_record=SO_DO,
        lent_out_record=NHA_GIA_KIM,
        go_away=library.path.unlink,
    )


@pytest.fixture(params=[sqlite], ids=lambda adapter: adapter.__name__)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    built: Scene = request.param(tmp_path)
    return built


def needs(scene: Scene, *wanted: Capability) -> None:
    if missing := set(wanted) - scene.ils.capabilities:
        pytest.skip(f"this system cannot {', '.join(each.value for each in missing)}")


async def loans_of(scene: Scene, who: tuple[str, str]) -> list[Loan]:
    return await scene.ils.loans(await scene.log_in(who))


async def test_a_card_and_its_pin_give_the_same_patron_each_time(scene):
    lan = await scene.log_in(scene.lan)
    assert lan == await scene.log_in(scene.lan)
    assert lan != await scene.log_in(scene.an)


async def test_the_patron_id_is_not_the_card_number(scene):
    assert scene.lan[0] not in (await scene.log_in(scene.lan)).patron_id


async def test_a_wrong_pin_and_an_unknown_card_are_told_apart_by_nothing(scene):
    card, pin = scene.lan
    with pytest.raises(InvalidCredentials) as wrong_pin:
        await scene.ils.authenticate(card, pin[::-1])
    with pytest.raises(InvalidCredentials) as unknown_card:
        await scene.ils.authenticate("DT999999", pin)
    assert str(wrong_pin.value) == str(unknown_card.value)


async def test_a_patron_has_a_name_and_no_block(scene):
    patron = await scene.ils.patron(await scene.log_in(scene.lan))
    assert patron.name == "Nguyễn Thị Lan"
    assert patron.blocks == frozenset()


async def test_loans_come_soonest_due_first_with_title_and_zone(scene):
    loans = await loans_of(scene, scene.lan)
    assert [loan.title for loan in loans] == ["Số đỏ", "Mắt biếc"]
    assert [loan.due_at for loan in loans] == sorted(loan.due_at for loan in loans)
    assert all(loan.due_at.utcoffset() is not None for loan in loans)


async def test_renewing_moves_the_due_day_for_good(scene):
    needs(scene, Capability.RENEW)
    lan = await scene.log_in(scene.lan)
    loan = (await scene.ils.loans(lan))[0]
    assert loan.renewable
    (outcome,) = await scene.ils.renew(lan, [loan.loan_id])
    after = {each.loan_id: each for each in await scene.ils.loans(lan)}[loan.loan_id]
    assert outcome.ok
    assert outcome.title == loan.title
    assert outcome.due_at == after.due_at > loan.due_at
    assert after.renewals == loan.renewals + 1


async def test_a_loan_that_somebody_waits_for_is_refused_and_stands_as_it_was(scene):
    needs(scene, Capability.RENEW)
    lan = await scene.log_in(scene.lan)
    before = (await scene.ils.loans(lan))[1]
    (outcome,) = await scene.ils.renew(lan, [before.loan_id])
    assert outcome.refusal is Refusal.ON_HOLD
    assert outcome.due_at == before.due_at
    assert (await scene.ils.loans(lan))[1] == before


async def test_outcomes_come_in_the_order_asked_one_a_loan(scene):
    needs(scene, Capability.RENEW)
    lan = await scene.log_in(scene.lan)
    ids = [loan.loan_id for loan in await scene.ils.loans(lan)]
    for asked in (ids, ids[::-1], []):
        assert [outcome.loan_id for outcome in await scene.ils.renew(lan, asked)] == asked


async def test_a_loan_named_twice_is_renewed_once(scene):
    needs(scene, Capability.RENEW)
    lan = await scene.log_in(scene.lan)
    loan = (await scene.ils.loans(lan))[0]
    first, second = await scene.ils.renew(lan, [loan.loan_id, loan.loan_id])
    assert first == second
    assert (await scene.ils.loans(lan))[1].renewals == loan.renewals + 1


async def test_somebody_elses_loan_is_refused_and_not_named(scene):
    needs(scene, Capability.RENEW)
    theirs = (await loans_of(scene, scene.an))[0]
    (outcome,) = await scene.ils.renew(await scene.log_in(scene.lan), [theirs.loan_id])
    assert (outcome.refusal, outcome.title, outcome.due_at) == (Refusal.NOT_YOURS, "", None)
    assert await loans_of(scene, scene.an) == [theirs]


async def test_a_loan_that_is_not_there_is_refused(scene):
    needs(scene, Capability.RENEW)
    (outcome,) = await scene.ils.renew(await scene.log_in(scene.lan), ["no such loan"])
    assert outcome.refusal in {Refusal.NOT_FOUND, Refusal.NOT_YOURS}


async def test_ready_holds_come_before_waiting_ones(scene):
    ready, waiting = await scene.ils.holds(await scene.log_in(scene.an))
    assert (ready.status, ready.title, ready.position) == (HoldStatus.READY, "Tắt đèn", None)
    assert (waiting.status, waiting.title, waiting.position) == (HoldStatus.WAITING, "Mắt biếc", 1)
    assert ready.expires_on is not None


async def test_a_hold_placed_is_a_hold_listed(scene):
    needs(scene, Capability.PLACE_HOLD)
    lan = await scene.log_in(scene.lan)
    outcome = await scene.ils.place_hold(lan, scene.lent_out_record, pickup="CL")
    assert outcome.ok
    assert await scene.ils.holds(lan) == [outcome.hold]
    assert (outcome.hold.pickup, outcome.hold.status, outcome.hold.position) == ("CL", HoldStatus.WAITING, 1)


async def test_a_hold_without_a_place_goes_to_the_home_branch(scene):
    needs(scene, Capability.PLACE_HOLD)
    outcome = await scene.ils.place_hold(await scene.log_in(scene.lan), scene.lent_out_record)
    assert outcome.hold.pickup == "MT"


async def test_the_same_title_is_not_held_twice(scene):
    needs(scene, Capability.PLACE_HOLD)
    lan = await scene.log_in(scene.lan)
    await scene.ils.place_hold(lan, scene.lent_out_record)
    again = await scene.ils.place_hold(lan, scene.lent_out_record)
    assert (again.hold, again.refusal) == (None, Refusal.ALREADY_ON_HOLD)
    assert len(await scene.ils.holds(lan)) == 1


async def test_an_unknown_record_is_not_held(scene):
    needs(scene, Capability.PLACE_HOLD)
    outcome = await scene.ils.place_hold(await scene.log_in(scene.lan), "no such record")
    assert outcome.refusal is Refusal.NOT_FOUND


async def test_a_cancelled_hold_is_named_and_gone(scene):
    needs(scene, Capability.PLACE_HOLD, Capability.CANCEL_HOLD)
    lan = await scene.log_in(scene.lan)
    hold = (await scene.ils.place_hold(lan, scene.lent_out_record)).hold
    outcome = await scene.ils.cancel_hold(lan, hold.hold_id)
    assert outcome.ok
    assert (outcome.hold.hold_id, outcome.hold.title) == (hold.hold_id, hold.title)
    assert await scene.ils.holds(lan) == []
    assert not (await scene.ils.cancel_hold(lan, hold.hold_id)).ok


async def test_somebody_elses_hold_cannot_be_cancelled(scene):
    needs(scene, Capability.CANCEL_HOLD)
    an = await scene.log_in(scene.an)
    before = await scene.ils.holds(an)
    outcome = await scene.ils.cancel_hold(await scene.log_in(scene.lan), before[0].hold_id)
    assert (outcome.hold, outcome.refusal) == (None, Refusal.NOT_YOURS)
    assert await scene.ils.holds(an) == before


async def test_fees_add_up(scene):
    needs(scene, Capability.FEES)
    owed = await scene.ils.fees(await scene.log_in(scene.an))
    assert owed.total_vnd == sum(fee.amount_vnd for fee in owed.fees) == 10_000
    assert (await scene.ils.fees(await scene.log_in(scene.lan))).total_vnd == 0


async def test_availability_names_every_record_asked_for(scene):
    needs(scene, Capability.LIVE_AVAILABILITY)
    asked = [scene.free_record, scene.lent_out_record, "no such record"]
    found = await scene.ils.availability(asked)
    assert list(found) == asked
    assert ItemState.AVAILABLE in {copy.state for copy in found[scene.free_record]}
    assert {copy.state for copy in found[scene.lent_out_record]} == {ItemState.ON_LOAN}
    assert all(copy.due_on for copy in found[scene.lent_out_record])
    assert found["no such record"] == []
    assert await scene.ils.availability([]) == {}


async def test_branches_have_codes_of_their_own_and_some_are_for_pickup(scene):
    branches = await scene.ils.branches()
    assert len({branch.code for branch in branches}) == len(branches) > 1
    assert any(branch.pickup for branch in branches)


async def test_a_system_that_is_away_is_never_mistaken_for_a_refusal(scene):
    lan = await scene.log_in(scene.lan)
    scene.go_away()
    asked = [
        scene.ils.authenticate(*scene.lan),
        scene.ils.patron(lan),
        scene.ils.loans(lan),
        scene.ils.renew(lan, ["1"]),
        scene.ils.holds(lan),
        scene.ils.place_hold(lan, scene.lent_out_record),
        scene.ils.cancel_hold(lan, "1"),
        scene.ils.fees(lan),
        scene.ils.availability([scene.free_record]),
        scene.ils.branches(),
    ]
    for call in asked:
        with pytest.raises(ILSUnavailable):
            await call
