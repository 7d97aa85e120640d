"""What the ILS port promises, asked of every adapter. An adapter joins by a function that sets the scene."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from library.ils import Capability, ILSOutcomeUnknown, ILSUnavailable, InvalidCredentials
from library.model import HoldStatus, ItemState, Loan, Refusal
from tests.contract.live import LIVE
from tests.contract.scenes import SCENES as SIMULATED
from tests.contract.scenes import Scene

SCENES = SIMULATED | LIVE
LOSING = [name for name in SCENES if name != "sqlite"]  # a file has no line that could be cut


@pytest.fixture(params=SCENES)
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    async with SCENES[request.param](tmp_path) as built:
        yield built


def needs(scene: Scene, *wanted: Capability) -> None:
    if missing := set(wanted) - scene.ils.capabilities:
        pytest.skip(f"this system cannot {', '.join(each.value for each in missing)}")


def of_title(loans: list[Loan], title: str) -> Loan:
    """Return the loan of this title: renewing changes their order."""
    return next(loan for loan in loans if loan.title == title)


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
        await scene.ils.authenticate(card, f"{pin}9")
    with pytest.raises(InvalidCredentials) as unknown_card:
        await scene.ils.authenticate("XX999999", pin)
    assert str(wrong_pin.value) == str(unknown_card.value)


async def test_a_patron_has_a_name_and_no_block(scene):
    patron = await scene.ils.patron(await scene.log_in(scene.lan))
    assert patron.name == scene.names[0]
    assert patron.blocks == frozenset()


async def test_loans_come_soonest_due_first_with_title_and_zone(scene):
    loans = await loans_of(scene, scene.lan)
    assert {loan.title for loan in loans} == set(scene.titles)
    assert [loan.due_at for loan in loans] == sorted(loan.due_at for loan in loans)
    assert all(loan.due_at.utcoffset() is not None for loan in loans)


async def test_renewing_moves_the_due_day_for_good(scene):
    needs(scene, Capability.RENEW)
    lan = await scene.log_in(scene.lan)
    loan = of_title(await scene.ils.loans(lan), scene.titles[0])
    assert loan.renewable
    (outcome,) = await scene.ils.renew(lan, [loan.loan_id])
    after = {each.loan_id: each for each in await scene.ils.loans(lan)}[loan.loan_id]
    assert outcome.ok
    assert outcome.title == loan.title
    assert outcome.due_at == after.due_at > loan.due_at
    assert after.renewals == loan.renewals + scene.knows_as_much_as_most


async def test_a_loan_that_somebody_waits_for_is_refused_and_stands_as_it_was(scene):
    needs(scene, Capability.RENEW)
    lan = await scene.log_in(scene.lan)
    before = of_title(await scene.ils.loans(lan), scene.titles[1])
    (outcome,) = await scene.ils.renew(lan, [before.loan_id])
    assert outcome.refusal is Refusal.ON_HOLD
    assert outcome.due_at == before.due_at
    assert before in await scene.ils.loans(lan)


async def test_outcomes_come_in_the_order_asked_one_a_loan(scene):
    needs(scene, Capability.RENEW)
    lan = await scene.log_in(scene.lan)
    ids = [loan.loan_id for loan in await scene.ils.loans(lan)]
    for asked in (ids, ids[::-1], []):
        assert [outcome.loan_id for outcome in await scene.ils.renew(lan, asked)] == asked


async def test_a_loan_named_twice_is_renewed_once(scene):
    needs(scene, Capability.RENEW)
    lan = await scene.log_in(scene.lan)
    loan = of_title(await scene.ils.loans(lan), scene.titles[0])
    first, second = await scene.ils.renew(lan, [loan.loan_id, loan.loan_id])
    assert first == second
    assert scene.writes() in (1, None)


async def test_somebody_elses_loan_is_refused_and_not_named(scene):
    needs(scene, Capability.RENEW)
    theirs, begun = (await loans_of(scene, scene.an))[0], scene.writes()
    (outcome,) = await scene.ils.renew(await scene.log_in(scene.lan), [theirs.loan_id])
    assert (outcome.refusal, outcome.title, outcome.due_at) == (Refusal.NOT_YOURS, "", None)
    assert await loans_of(scene, scene.an) == [theirs]
    assert scene.writes() == begun


async def test_of_own_and_others_loans_asked_together_only_the_own_is_renewed(scene):
    needs(scene, Capability.RENEW)
    theirs, lan = (await loans_of(scene, scene.an))[0], await scene.log_in(scene.lan)
    own, begun = of_title(await scene.ils.loans(lan), scene.titles[0]), scene.writes()
    first, second = await scene.ils.renew(lan, [theirs.loan_id, own.loan_id])
    assert (first.refusal, second.ok) == (Refusal.NOT_YOURS, True)
    assert await loans_of(scene, scene.an) == [theirs]
    assert begun is None or scene.writes() == begun + 1


async def test_a_loan_that_is_not_there_is_refused(scene):
    needs(scene, Capability.RENEW)
    (outcome,) = await scene.ils.renew(await scene.log_in(scene.lan), ["no such loan"])
    assert outcome.refusal in {Refusal.NOT_FOUND, Refusal.NOT_YOURS}


async def test_ready_holds_come_before_waiting_ones(scene):
    ready, waiting = await scene.ils.holds(await scene.log_in(scene.an))
    assert (ready.status, ready.title, ready.position) == (HoldStatus.READY, scene.kept[0], None)
    assert (waiting.status, waiting.title) == (HoldStatus.WAITING, scene.kept[1])
    assert waiting.position == (1 if scene.knows_as_much_as_most else None)
    assert (ready.expires_on is not None) is scene.knows_as_much_as_most


async def test_a_hold_placed_is_a_hold_listed(scene):
    needs(scene, Capability.PLACE_HOLD)
    lan = await scene.log_in(scene.lan)
    outcome = await scene.ils.place_hold(lan, scene.lent_out_record, pickup=scene.places[1])
    assert outcome.ok
    (listed,) = await scene.ils.holds(lan)
    assert (listed.hold_id, listed.record_id, listed.title) == (
        outcome.hold.hold_id,
        scene.lent_out_record,
        scene.lent_out_title,
    )
    assert (listed == outcome.hold) is scene.knows_as_much_as_most
    assert (outcome.hold.pickup, outcome.hold.status, outcome.hold.position) == (scene.places[1], HoldStatus.WAITING, 1)


async def test_a_hold_without_a_place_goes_to_the_home_branch(scene):
    needs(scene, Capability.PLACE_HOLD)
    outcome = await scene.ils.place_hold(await scene.log_in(scene.lan), scene.lent_out_record)
    assert outcome.hold.pickup == scene.places[0]


async def test_the_same_title_is_not_held_twice(scene):
    needs(scene, Capability.PLACE_HOLD)
    lan = await scene.log_in(scene.lan)
    await scene.ils.place_hold(lan, scene.lent_out_record)
    once = scene.writes()
    again = await scene.ils.place_hold(lan, scene.lent_out_record)
    assert scene.writes() == once
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
    before, begun = await scene.ils.holds(an), scene.writes()
    outcome = await scene.ils.cancel_hold(await scene.log_in(scene.lan), before[0].hold_id)
    assert (outcome.hold, outcome.refusal) == (None, Refusal.NOT_YOURS)
    assert await scene.ils.holds(an) == before
    assert scene.writes() == begun


async def test_fees_add_up(scene):
    needs(scene, Capability.FEES)
    owed = await scene.ils.fees(await scene.log_in(scene.an))
    assert owed.total_vnd == sum(fee.amount_vnd for fee in owed.fees) == scene.owed
    assert (await scene.ils.fees(await scene.log_in(scene.lan))).total_vnd == 0


async def test_availability_names_every_record_asked_for(scene):
    await scene.ils.branches()  # a system that was asked something knows what it can do
    needs(scene, Capability.LIVE_AVAILABILITY)
    asked = [scene.free_record, scene.lent_out_record, "no such record"]
    found = await scene.ils.availability(asked)
    assert list(found) == asked
    assert ItemState.AVAILABLE in {copy.state for copy in found[scene.free_record]}
    assert {copy.state for copy in found[scene.lent_out_record]} == {ItemState.ON_LOAN}
    assert all(bool(copy.due_on) is scene.tells_due_of_copies for copy in found[scene.lent_out_record])
    assert found["no such record"] == []
    assert await scene.ils.availability([]) == {}


async def test_branches_have_codes_of_their_own_and_some_are_for_pickup(scene):
    branches = await scene.ils.branches()
    assert len({branch.code for branch in branches}) == len(branches) > 1
    assert any(branch.pickup for branch in branches)


@pytest.mark.parametrize("why", [Refusal.CARD_EXPIRED, Refusal.CARD_RESTRICTED, Refusal.IN_DEBT])
async def test_a_blocked_card_renews_and_holds_nothing_and_nothing_is_sent(scene, why):
    needs(scene, Capability.RENEW, Capability.PLACE_HOLD)
    who = await scene.log_in(scene.blocked(why))
    begun, loans = scene.writes(), await scene.ils.loans(who)
    assert (await scene.ils.patron(who)).blocks == {why}
    assert {outcome.refusal for outcome in await scene.ils.renew(who, [loan.loan_id for loan in loans])} == {why}
    assert (await scene.ils.place_hold(who, scene.lent_out_record)).refusal is why
    assert scene.writes() == begun
    assert [loan.due_at for loan in await scene.ils.loans(who)] == [loan.due_at for loan in loans]


async def test_a_late_loan_is_refused_or_renewed_and_says_which(scene):
    """Systems differ in whether what is late may be renewed; none may say that it is good when it is late still."""
    needs(scene, Capability.RENEW)
    who = await scene.log_in(scene.late())
    loan = (await scene.ils.loans(who))[0]
    assert loan.is_overdue(scene.now())
    (outcome,) = await scene.ils.renew(who, [loan.loan_id])
    after = {each.loan_id: each for each in await scene.ils.loans(who)}[loan.loan_id]
    assert outcome.due_at == after.due_at < scene.now()
    assert outcome.ok is (after.due_at > loan.due_at)
    assert outcome.ok or outcome.refusal is Refusal.OVERDUE


async def test_nobody_elses_data_is_in_what_is_told(scene):
    lan, an = await scene.log_in(scene.lan), await scene.log_in(scene.an)
    mine, theirs = await scene.ils.loans(lan), await scene.ils.loans(an)
    assert not {loan.loan_id for loan in mine} & {loan.loan_id for loan in theirs}
    assert (await scene.ils.patron(an)).name == scene.names[1]


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
    ]
    for call in asked:
        with pytest.raises(ILSUnavailable):
            await call


@pytest.fixture(params=LOSING)
async def losing(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene over a line on which the answers to writes get lost when the test says so."""
    async with SCENES[request.param](tmp_path) as built:
        yield built


async def test_a_renewal_whose_answer_is_lost_is_unknown_and_sent_once(losing):
    lan = await losing.log_in(losing.lan)
    needs(losing, Capability.RENEW)
    loan = of_title(await losing.ils.loans(lan), losing.titles[0])
    losing.lose_answers()
    with pytest.raises(ILSOutcomeUnknown) as caught:
        await losing.ils.renew(lan, [loan.loan_id])
    assert [outcome.uncertain for outcome in caught.value.outcomes] == [True]
    assert losing.writes() in (1, None)
    after = {each.loan_id: each for each in await losing.ils.loans(lan)}[loan.loan_id]
    assert after.due_at > loan.due_at


async def test_a_hold_whose_answer_is_lost_is_unknown_and_sent_once(losing):
    lan = await losing.log_in(losing.lan)
    needs(losing, Capability.PLACE_HOLD)
    losing.lose_answers()
    with pytest.raises(ILSOutcomeUnknown):
        await losing.ils.place_hold(lan, losing.lent_out_record)
    assert losing.writes() in (1, None)
    assert [hold.record_id for hold in await losing.ils.holds(lan)] == [losing.lent_out_record]


async def test_a_cancelling_whose_answer_is_lost_is_unknown_and_sent_once(losing):
    lan = await losing.log_in(losing.lan)
    needs(losing, Capability.PLACE_HOLD, Capability.CANCEL_HOLD)
    hold = (await losing.ils.place_hold(lan, losing.lent_out_record)).hold
    losing.lose_answers()
    with pytest.raises(ILSOutcomeUnknown):
        await losing.ils.cancel_hold(lan, hold.hold_id)
    assert losing.writes() in (2, None)
    assert await losing.ils.holds(lan) == []
