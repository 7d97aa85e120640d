"""What is checked before a write, whatever the library system would accept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from connectors.ils.careful import card_blocks, of_patron, renew_own
from library.ils import ILSOutcomeUnknown, ILSProtocolError, ILSUnavailable
from library.model import Loan, Patron, Refusal, RenewalOutcome
from tests.connectors.ils.sample import NOW

LOANS = [Loan(key, f"r{key}", f"Sách {key}", NOW + timedelta(days=3)) for key in "abc"]


@dataclass
class Lax:
    """A library system that renews whatever it is told; `fails` is raised for a loan."""

    blocks: frozenset[Refusal] = frozenset()
    fails: dict[str, Exception] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    async def loans(self) -> list[Loan]:
        return LOANS

    async def patron(self) -> Patron:
        return Patron("51", "Lan", "BD", blocks=self.blocks)

    async def renew_one(self, loan: Loan) -> RenewalOutcome:
        self.sent.append(loan.loan_id)
        if loan.loan_id in self.fails:
            raise self.fails[loan.loan_id]
        return RenewalOutcome(loan.loan_id, loan.title, loan.due_at + timedelta(days=14))

    async def renew(self, *loan_ids: str) -> list[RenewalOutcome]:
        return await renew_own(loan_ids, self.loans, self.patron, self.renew_one)


async def test_a_loan_of_another_is_never_sent_and_not_named():
    system = Lax()
    own, other = await system.renew("b", "z")
    assert own.ok
    assert (other.refusal, other.title) == (Refusal.NOT_YOURS, "")
    assert system.sent == ["b"]


@pytest.mark.parametrize("block", [Refusal.CARD_EXPIRED, Refusal.CARD_RESTRICTED, Refusal.IN_DEBT])
async def test_a_blocked_card_is_refused_before_anything_is_sent(block):
    system = Lax(blocks=frozenset({block}))
    assert {outcome.refusal for outcome in await system.renew("a", "b")} == {block}
    assert system.sent == []


async def test_a_loan_named_twice_is_sent_once_and_told_twice():
    system = Lax()
    first, second, third = await system.renew("c", "a", "c")
    assert (first, second.loan_id) == (third, "a")
    assert system.sent == ["c", "a"]


async def test_after_a_lost_answer_nothing_more_is_sent():
    system = Lax(fails={"b": ILSOutcomeUnknown("lost")})
    with pytest.raises(ILSOutcomeUnknown) as caught:
        await system.renew("a", "b", "c")
    done, lost, left = caught.value.outcomes
    assert (done.ok, lost.uncertain, left.refusal) == (True, True, Refusal.NO_ANSWER)
    assert system.sent == ["a", "b"]


async def test_a_system_that_falls_silent_after_one_renewal_does_not_hide_it():
    system = Lax(fails={"b": ILSUnavailable("away"), "c": ILSUnavailable("away")})
    done, *left = await system.renew("a", "b", "c")
    assert done.ok
    assert [outcome.refusal for outcome in left] == [Refusal.NO_ANSWER, Refusal.NO_ANSWER]


async def test_a_system_that_is_silent_from_the_start_is_away():
    with pytest.raises(ILSUnavailable):
        await Lax(fails={"a": ILSUnavailable("away")}).renew("a", "b")


async def test_nothing_asked_is_nothing_read():
    assert await Lax().renew() == []


def test_a_card_is_good_on_its_last_day_and_not_on_the_next():
    today = NOW.date()
    good = {"restricted": False, "in_debt": False, "today": today}
    assert card_blocks(expires_on=today, **good) == frozenset()
    assert card_blocks(expires_on=today - timedelta(days=1), **good) == {Refusal.CARD_EXPIRED}


def test_an_answer_about_another_patron_is_refused_and_names_nobody():
    of_patron("51", "51")
    with pytest.raises(ILSProtocolError) as caught:
        of_patron("51", "52")
    assert "52" not in str(caught.value)
