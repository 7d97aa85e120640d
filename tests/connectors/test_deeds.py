"""Each write at most once a message, also when a turn is cut off at the worst moment and runs again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connectors import mailbox
from connectors.deeds import JournaledDeeds
from connectors.store import Store
from library.ils import ILSOutcomeUnknown, ILSUnavailable, PatronRef
from library.model import Refusal
from library.ports import Turn
from tests.connectors.ils.sample import MAT_BIEC, NHA_GIA_KIM, NOW, Library, lent, open_library, reader


class PowerCut(Exception):
    """The process ended here."""


@dataclass
class Fragile:
    """A library system whose writes can be cut off, before or after they are done; it counts what reached it."""

    library: Library
    cut: str = ""  # "before", "after" or never
    loses: str = ""  # the same: the line drops, and the system cannot say what became of it
    blind: bool = False  # it does not answer reads either
    writes: list[str] = field(default_factory=list)

    def __getattr__(self, name: str):
        if self.blind and self.writes:
            raise ILSUnavailable("no answer")
        return getattr(self.library.ils, name)

    async def _write(self, name: str, *args, **kwargs):
        if self.cut == "before":
            raise PowerCut
        self.writes.append(name)
        if self.loses == "before":
            raise ILSOutcomeUnknown("the line dropped")
        outcome = await getattr(self.library.ils, name)(*args, **kwargs)
        if self.loses == "after":
            raise ILSOutcomeUnknown("the line dropped")
        if self.cut == "after":
            raise PowerCut
        return outcome

    async def renew(self, *args):
        return await self._write("renew", *args)

    async def place_hold(self, *args, **kwargs):
        return await self._write("place_hold", *args, **kwargs)

    async def cancel_hold(self, *args):
        return await self._write("cancel_hold", *args)


@dataclass
class Scene:
    ils: Fragile
    deeds: JournaledDeeds
    who: PatronRef
    conversation_id: str

    def turn(self, message_id: str = "m1") -> Turn:
        return Turn(self.conversation_id, message_id, "web", NOW)

    async def loan_ids(self) -> list[str]:
        return [loan.loan_id for loan in await self.ils.loans(self.who)]

    async def renewals(self) -> list[int]:
        return [loan.renewals for loan in await self.ils.loans(self.who)]


@pytest.fixture
async def scene(tmp_path: Path):
    readers = (
        reader(1, loans=[lent("Số đỏ", 3), lent("Tắt đèn", 5), lent("Mắt biếc", 9)]),
        reader(2, loans=[lent("Nhà giả kim", 5)], holds=[{"title": "Mắt biếc", "pickup": "MT"}]),
    )
    ils = Fragile(open_library(tmp_path, *readers))
    store = Store(tmp_path / "gateway.sqlite")
    conversation_id, _ = await store.write(lambda db: mailbox.open_conversation(db, "web", NOW))
    yield Scene(ils, JournaledDeeds(store, ils), await ils.find_card("DT000001"), conversation_id)
    store.close()


async def cut_off(scene: Scene, when: str, deed):
    """Run a deed into a power cut; afterwards the library system is well again."""
    scene.ils.cut = when
    with pytest.raises(PowerCut):
        await deed()
    scene.ils.cut = ""


async def test_the_same_message_renews_once_and_hears_the_same_again(scene):
    ids = await scene.loan_ids()
    first = await scene.deeds.renew(scene.turn(), scene.who, ids)
    again = await scene.deeds.renew(scene.turn(), scene.who, ids)
    assert [outcome.refusal for outcome in first] == [None, None, Refusal.ON_HOLD]
    assert again == first
    assert scene.ils.writes == ["renew"]


async def test_another_message_renews_again(scene):
    ids = (await scene.loan_ids())[:1]
    for message_id in ("m1", "m2"):
        (outcome,) = await scene.deeds.renew(scene.turn(message_id), scene.who, ids)
        assert outcome.ok
    assert sorted(await scene.renewals()) == [0, 0, 2]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_renewal_cut_off_is_done_once_and_told_in_full(scene, when):
    ids = await scene.loan_ids()
    await cut_off(scene, when, lambda: scene.deeds.renew(scene.turn(), scene.who, ids))
    outcomes = await scene.deeds.renew(scene.turn(), scene.who, ids)
    assert [outcome.loan_id for outcome in outcomes] == ids
    assert [outcome.refusal for outcome in outcomes] == [None, None, Refusal.ON_HOLD]
    due = {loan.loan_id: loan.due_at for loan in await scene.ils.loans(scene.who)}
    assert [outcome.due_at for outcome in outcomes] == [due[loan_id] for loan_id in ids]
    assert sorted(await scene.renewals()) == [0, 1, 1]


async def test_a_renewal_that_kept_its_due_day_is_not_sent_twice(scene):
    """Some systems count from the day of renewal, so a loan renewed on its first day keeps its due day."""
    ids = (await scene.loan_ids())[:1]
    before = (await scene.ils.loans(scene.who))[0]
    await cut_off(scene, "after", lambda: scene.deeds.renew(scene.turn(), scene.who, ids))
    system = scene.ils.library.ils

    class SameDay:
        async def loans(self, who, *, renewable=True):
            return [
                loan if loan.loan_id != before.loan_id else type(loan)(**{**vars(loan), "due_at": before.due_at})
                for loan in await system.loans(who)
            ]

    deeds = JournaledDeeds(scene.deeds._store, SameDay())
    (outcome,) = await deeds.renew(scene.turn(), scene.who, ids)
    assert outcome.ok


async def test_a_system_that_does_not_answer_leaves_the_deed_to_be_done_later(scene):
    ids = (await scene.loan_ids())[:1]
    path = scene.ils.library.path
    hidden = path.rename(path.with_suffix(".away"))
    with pytest.raises(ILSUnavailable):
        await scene.deeds.renew(scene.turn(), scene.who, ids)
    hidden.rename(path)
    (outcome,) = await scene.deeds.renew(scene.turn(), scene.who, ids)
    assert outcome.ok
    assert sorted(await scene.renewals()) == [0, 0, 1]


async def test_the_same_message_holds_once(scene):
    first = await scene.deeds.place_hold(scene.turn(), scene.who, NHA_GIA_KIM, "CL")
    again = await scene.deeds.place_hold(scene.turn(), scene.who, NHA_GIA_KIM, "CL")
    assert first.ok
    assert again == first
    assert scene.ils.writes == ["place_hold"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_hold_cut_off_is_placed_once_and_is_no_refusal(scene, when):
    await cut_off(scene, when, lambda: scene.deeds.place_hold(scene.turn(), scene.who, NHA_GIA_KIM, "CL"))
    outcome = await scene.deeds.place_hold(scene.turn(), scene.who, NHA_GIA_KIM, "CL")
    assert outcome.ok
    assert await scene.ils.holds(scene.who) == [outcome.hold]


async def test_a_hold_that_stood_before_is_still_refused_after_a_cut(scene):
    await scene.ils.library.ils.place_hold(scene.who, NHA_GIA_KIM)
    await cut_off(scene, "before", lambda: scene.deeds.place_hold(scene.turn(), scene.who, NHA_GIA_KIM, None))
    outcome = await scene.deeds.place_hold(scene.turn(), scene.who, NHA_GIA_KIM, None)
    assert outcome.refusal is Refusal.ALREADY_ON_HOLD


async def test_a_refusal_is_remembered_too(scene):
    for _ in range(2):
        outcome = await scene.deeds.place_hold(scene.turn(), scene.who, MAT_BIEC, None)
        assert (outcome.hold, outcome.refusal) == (None, Refusal.ALREADY_ON_LOAN)
    assert scene.ils.writes == ["place_hold"]


@pytest.mark.parametrize("when", ["", "before", "after"])
async def test_a_cancelled_hold_is_named_also_after_a_cut(scene, when):
    hold = (await scene.ils.library.ils.place_hold(scene.who, NHA_GIA_KIM)).hold
    if when:
        await cut_off(scene, when, lambda: scene.deeds.cancel_hold(scene.turn(), scene.who, hold.hold_id))
    for _ in range(2):
        outcome = await scene.deeds.cancel_hold(scene.turn(), scene.who, hold.hold_id)
        assert outcome.ok
        assert (outcome.hold.hold_id, outcome.hold.title) == (hold.hold_id, "Nhà giả kim")
    assert await scene.ils.holds(scene.who) == []
    assert scene.ils.writes == ["cancel_hold"]


async def test_somebody_elses_hold_is_not_counted_as_gone(scene):
    an = await scene.ils.find_card("DT000002")
    theirs = (await scene.ils.holds(an))[0]
    await cut_off(scene, "before", lambda: scene.deeds.cancel_hold(scene.turn(), scene.who, theirs.hold_id))
    outcome = await scene.deeds.cancel_hold(scene.turn(), scene.who, theirs.hold_id)
    assert outcome.refusal is Refusal.NOT_YOURS


@pytest.mark.parametrize(("when", "sure"), [("before", False), ("after", True)])
async def test_a_renewal_whose_answer_is_lost_is_read_again_and_told_as_it_is(scene, when, sure):
    ids = (await scene.loan_ids())[:1]
    (before,) = (loan for loan in await scene.ils.loans(scene.who) if loan.loan_id in ids)
    scene.ils.loses = when
    (outcome,) = await scene.deeds.renew(scene.turn(), scene.who, ids)
    assert (outcome.ok, outcome.uncertain, outcome.refusal) == (sure, not sure, None)
    assert (outcome.due_at > before.due_at) is sure
    assert scene.ils.writes == ["renew"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_turn_run_again_after_a_lost_answer_sends_nothing(scene, when):
    ids = (await scene.loan_ids())[:1]
    scene.ils.loses, scene.ils.blind = when, True
    with pytest.raises(ILSOutcomeUnknown):
        await scene.deeds.renew(scene.turn(), scene.who, ids)
    scene.ils.loses, scene.ils.blind = "", False
    (outcome,) = await scene.deeds.renew(scene.turn(), scene.who, ids)
    assert outcome.ok is (when == "after")
    assert scene.ils.writes == ["renew"]


async def test_what_was_refused_before_an_answer_was_lost_stays_refused(scene):
    ids = await scene.loan_ids()

    class Stops:
        """Renews the first, loses the answer to the second, and had refused the third."""

        async def loans(self, who, *, renewable=True):
            return await scene.ils.loans(who)

        async def renew(self, who, loan_ids):
            first, second, third = await scene.ils.library.ils.renew(who, loan_ids)
            raise ILSOutcomeUnknown("lost", [first, second, third])

    outcomes = await JournaledDeeds(scene.deeds._store, Stops()).renew(scene.turn(), scene.who, ids)
    assert [outcome.refusal for outcome in outcomes] == [None, None, Refusal.ON_HOLD]
    assert [outcome.ok for outcome in outcomes] == [True, True, False]


@pytest.mark.parametrize(("when", "sure"), [("before", False), ("after", True)])
async def test_a_hold_whose_answer_is_lost_is_read_again(scene, when, sure):
    scene.ils.loses = when
    outcome = await scene.deeds.place_hold(scene.turn(), scene.who, NHA_GIA_KIM, "CL")
    assert (outcome.ok, outcome.uncertain) == (sure, not sure)
    assert [hold.record_id for hold in await scene.ils.holds(scene.who)] == [NHA_GIA_KIM] * sure
    assert scene.ils.writes == ["place_hold"]


@pytest.mark.parametrize(("when", "sure"), [("before", False), ("after", True)])
async def test_a_cancelling_whose_answer_is_lost_is_read_again(scene, when, sure):
    hold = (await scene.ils.library.ils.place_hold(scene.who, NHA_GIA_KIM)).hold
    scene.ils.loses = when
    outcome = await scene.deeds.cancel_hold(scene.turn(), scene.who, hold.hold_id)
    assert (outcome.ok, outcome.uncertain) == (sure, not sure)
    assert scene.ils.writes == ["cancel_hold"]
