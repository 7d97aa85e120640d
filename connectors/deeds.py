"""Writes to the library system, each done at most once a message.

Before a write, what the library system shows is stored; after it, the outcome. A turn that runs again after a crash
finds either the outcome, and repeats only the words, or a write whose end was not seen: then it reads again, and
what has changed since counts as done. Nothing is ever sent twice without looking in between. A turn asked again while
the first asking is still at work waits for it.

When the library system takes a write and its answer is lost, it is read again at once: what has changed is done, and
the rest is uncertain, which the patron is told. Such a write is noted as lost and not sent again by this message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

from pydantic import TypeAdapter
from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import Store, deeds
from library.ils import ILS, ILSError, ILSOutcomeUnknown, PatronRef
from library.model import HoldOutcome, Loan, Refusal, RenewalOutcome
from library.ports import Turn

Outcome = TypeVar("Outcome")
Told = TypeVar("Told", covariant=True)

# Making one takes milliseconds: once, not once a deed.
RENEWALS, HOLD, HOLDS = TypeAdapter(list[RenewalOutcome]), TypeAdapter(HoldOutcome), TypeAdapter(list[HoldOutcome])


class JournaledDeeds:
    """The `Deeds` port over any library system."""

    def __init__(self, store: Store, ils: ILS) -> None:
        self._store = store
        self._ils = ils
        self._at_work: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def renew(self, turn: Turn, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        key = "renew:" + ",".join(sorted(loan_ids))
        return await self._once(turn, key, RENEWALS, _Renewal(self._ils, who, tuple(loan_ids)))

    async def place_hold(self, turn: Turn, who: PatronRef, record_id: str, pickup: str | None) -> HoldOutcome:
        return await self._once(turn, f"hold:{record_id}", HOLD, _Placing(self._ils, who, record_id, pickup))

    async def cancel_hold(self, turn: Turn, who: PatronRef, hold_id: str) -> HoldOutcome:
        return await self._once(turn, f"cancel:{hold_id}", HOLD, _Cancelling(self._ils, who, hold_id))

    async def _once(self, turn: Turn, key: str, kind: TypeAdapter[Outcome], deed: _Deed[Outcome]) -> Outcome:
        async with self._at_work.setdefault((turn.message_id, key), asyncio.Lock()):
            this = (deeds.c.message_id == turn.message_id) & (deeds.c.key == key)
            begun = await self._store.read(lambda db: db.execute(select(deeds).where(this)).first())
            if begun and begun.outcome is not None:
                return kind.validate_python(begun.outcome)
            if begun and begun.lost_at:
                outcome = await self._settled(deed, begun.before, ILSOutcomeUnknown("its answer was lost before"))
            else:
                outcome = await self._done(turn, key, deed, begun and begun.before)
            ended = kind.dump_python(outcome, mode="json")
            await self._store.write(lambda db: db.execute(update(deeds).where(this).values(outcome=ended)))
            return outcome

    async def _done(self, turn: Turn, key: str, deed: _Deed[Outcome], before: Any) -> Outcome:
        """Return what came of the deed; `before` is what was seen by a turn that was cut off, None for a first one."""
        if before is not None and (outcome := await deed.done_since(before)) is not None:
            return outcome
        if before is None:
            before = await deed.look()
            names = {"conversation_id": turn.conversation_id, "message_id": turn.message_id, "key": key}
            row = {**names, "before": before}
            await self._store.write(lambda db: db.execute(upsert(deeds).values(row).on_conflict_do_nothing()))
        try:
            return await deed.do()
        except ILSOutcomeUnknown as exc:
            this = (deeds.c.message_id == turn.message_id) & (deeds.c.key == key)
            lost = update(deeds).where(this).values(lost_at=turn.now.isoformat())
            await self._store.write(lambda db: db.execute(lost))
            return await self._settled(deed, before, exc)

    async def _settled(self, deed: _Deed[Outcome], before: Any, lost: ILSOutcomeUnknown) -> Outcome:
        """Return what reading again shows of a write whose answer was lost. Raises ILSOutcomeUnknown when it cannot."""
        try:
            return await deed.settle(before, lost)
        except ILSError as exc:
            raise ILSOutcomeUnknown(str(lost)) from exc


class _Deed(Protocol[Told]):
    """One write: how to look before it, how to do it, and how to tell afterwards whether it was done."""

    async def look(self) -> Any:
        """Return what the library system shows before the write, as JSON."""
        ...

    async def do(self) -> Told: ...

    async def done_since(self, before: Any) -> Told | None:
        """Return the outcome of a turn that was cut off, or None when nothing has changed since `before`."""
        ...

    async def settle(self, before: Any, lost: ILSOutcomeUnknown) -> Told:
        """Return what is to be seen after an answer was lost; nothing is sent."""
        ...


@dataclass(frozen=True)
class _Renewal:
    ils: ILS
    who: PatronRef
    loan_ids: tuple[str, ...]

    async def look(self) -> dict[str, list[Any]]:
        return {
            loan.loan_id: [loan.due_at.isoformat(), loan.renewals]
            for loan in await self.ils.loans(self.who, renewable=False)
        }

    async def do(self) -> list[RenewalOutcome]:
        return await self.ils.renew(self.who, self.loan_ids)

    async def done_since(self, before: dict[str, list[Any]]) -> list[RenewalOutcome] | None:
        renewed = _renewed(await self.ils.loans(self.who, renewable=False), before)
        if not renewed.keys() & set(self.loan_ids):
            return None
        rest = [loan_id for loan_id in self.loan_ids if loan_id not in renewed]
        others = {outcome.loan_id: outcome for outcome in await self.ils.renew(self.who, rest)} if rest else {}
        return [(renewed | others)[loan_id] for loan_id in self.loan_ids]

    async def settle(self, before: dict[str, list[Any]], lost: ILSOutcomeUnknown) -> list[RenewalOutcome]:
        loans = {loan.loan_id: loan for loan in await self.ils.loans(self.who, renewable=False)}
        told = {outcome.loan_id: outcome for outcome in lost.outcomes if outcome.refusal}
        seen = told | _renewed(list(loans.values()), before)
        return [seen.get(loan_id) or _unsure(loan_id, loans.get(loan_id)) for loan_id in self.loan_ids]


@dataclass(frozen=True)
class _Placing:
    ils: ILS
    who: PatronRef
    record_id: str
    pickup: str | None

    async def look(self) -> list[str]:
        return [hold.record_id for hold in await self.ils.holds(self.who)]

    async def do(self) -> HoldOutcome:
        return await self.ils.place_hold(self.who, self.record_id, pickup=self.pickup)

    async def done_since(self, before: list[str]) -> HoldOutcome | None:
        if self.record_id in before:
            return None
        held = await self.ils.holds(self.who)
        return next((HoldOutcome(hold) for hold in held if hold.record_id == self.record_id), None)

    async def settle(self, before: list[str], lost: ILSOutcomeUnknown) -> HoldOutcome:
        return await self.done_since(before) or HoldOutcome(uncertain=True)


@dataclass(frozen=True)
class _Cancelling:
    ils: ILS
    who: PatronRef
    hold_id: str

    async def look(self) -> Any:
        return HOLDS.dump_python([HoldOutcome(hold) for hold in await self.ils.holds(self.who)], mode="json")

    async def do(self) -> HoldOutcome:
        return await self.ils.cancel_hold(self.who, self.hold_id)

    async def done_since(self, before: Any) -> HoldOutcome | None:
        left = {hold.hold_id for hold in await self.ils.holds(self.who)}
        was = (one for one in HOLDS.validate_python(before) if one.hold and one.hold.hold_id == self.hold_id)
        return next(was, None) if self.hold_id not in left else None

    async def settle(self, before: Any, lost: ILSOutcomeUnknown) -> HoldOutcome:
        return await self.done_since(before) or HoldOutcome(uncertain=True)


def _renewed(loans: Sequence[Loan], before: Mapping[str, list[Any]]) -> dict[str, RenewalOutcome]:
    """Return the loans that were renewed since, as outcomes."""
    return {
        loan.loan_id: RenewalOutcome(loan.loan_id, loan.title, loan.due_at)
        for loan in loans
        if loan.loan_id in before and _is_later(loan, *before[loan.loan_id])
    }


def _unsure(loan_id: str, loan: Loan | None) -> RenewalOutcome:
    """Return what is known of a loan that shows no renewal; one that is not there any more was given back."""
    if loan is None:
        return RenewalOutcome(loan_id, "", refusal=Refusal.NOT_FOUND)
    return RenewalOutcome(loan_id, loan.title, loan.due_at, uncertain=True)


def _is_later(loan: Loan, due_at: str, renewals: int) -> bool:
    """Return whether the loan was renewed since. Some systems keep the due day when it is renewed on the first day."""
    return loan.due_at > datetime.fromisoformat(due_at) or loan.renewals > renewals
