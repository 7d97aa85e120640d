"""Writes to the library system, each done at most once a message.

Before a write, what the library system shows is stored; after it, the outcome. A turn that runs again after a crash
finds either the outcome, and repeats only the words, or a write whose end was not seen: then it reads again, and
what has changed since counts as done. Nothing is ever sent twice without looking in between. A turn asked again while
the first asking is still at work waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from pydantic import TypeAdapter
from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import Store, deeds
from library.ils import ILS, PatronRef
from library.model import HoldOutcome, Loan, RenewalOutcome
from library.ports import Turn

Outcome = TypeVar("Outcome")

# Making one takes milliseconds: once, not once a deed.
RENEWALS, HOLD, HOLDS = TypeAdapter(list[RenewalOutcome]), TypeAdapter(HoldOutcome), TypeAdapter(list[HoldOutcome])


class JournaledDeeds:
    """The `Deeds` port over any library system."""

    def __init__(self, store: Store, ils: ILS) -> None:
        self._store = store
        self._ils = ils
        self._at_work: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def renew(self, turn: Turn, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        async def standing() -> dict[str, list[Any]]:
            return {loan.loan_id: [loan.due_at.isoformat(), loan.renewals] for loan in await self._ils.loans(who)}

        async def renewed_since(before: dict[str, list[Any]]) -> list[RenewalOutcome] | None:
            renewed = {
                loan.loan_id: RenewalOutcome(loan.loan_id, loan.title, loan.due_at)
                for loan in await self._ils.loans(who)
                if loan.loan_id in before and _is_later(loan, *before[loan.loan_id])
            }
            if not renewed.keys() & set(loan_ids):
                return None
            rest = [loan_id for loan_id in loan_ids if loan_id not in renewed]
            others = {outcome.loan_id: outcome for outcome in await self._ils.renew(who, rest)} if rest else {}
            return [(renewed | others)[loan_id] for loan_id in loan_ids]

        key = "renew:" + ",".join(sorted(loan_ids))
        return await self._once(turn, key, RENEWALS, standing, renewed_since, lambda: self._ils.renew(who, loan_ids))

    async def place_hold(self, turn: Turn, who: PatronRef, record_id: str, pickup: str | None) -> HoldOutcome:
        async def held() -> list[str]:
            return [hold.record_id for hold in await self._ils.holds(who)]

        async def placed_since(before: list[str]) -> HoldOutcome | None:
            if record_id in before:
                return None
            return next((HoldOutcome(hold) for hold in await self._ils.holds(who) if hold.record_id == record_id), None)

        place = lambda: self._ils.place_hold(who, record_id, pickup=pickup)  # noqa: E731
        return await self._once(turn, f"hold:{record_id}", HOLD, held, placed_since, place)

    async def cancel_hold(self, turn: Turn, who: PatronRef, hold_id: str) -> HoldOutcome:
        async def standing() -> Any:
            return HOLDS.dump_python([HoldOutcome(hold) for hold in await self._ils.holds(who)], mode="json")

        async def gone_since(before: Any) -> HoldOutcome | None:
            left = {hold.hold_id for hold in await self._ils.holds(who)}
            was = (one for one in HOLDS.validate_python(before) if one.hold and one.hold.hold_id == hold_id)
            return next(was, None) if hold_id not in left else None

        cancel = lambda: self._ils.cancel_hold(who, hold_id)  # noqa: E731
        return await self._once(turn, f"cancel:{hold_id}", HOLD, standing, gone_since, cancel)

    async def _once(
        self,
        turn: Turn,
        key: str,
        kind: TypeAdapter[Outcome],
        look: Callable[[], Awaitable[Any]],
        done_since: Callable[[Any], Awaitable[Outcome | None]],
        do: Callable[[], Awaitable[Outcome]],
    ) -> Outcome:
        async with self._at_work.setdefault((turn.message_id, key), asyncio.Lock()):
            this = (deeds.c.message_id == turn.message_id) & (deeds.c.key == key)
            begun = await self._store.read(
                lambda db: db.execute(select(deeds.c.before, deeds.c.outcome).where(this)).first()
            )
            if begun and begun.outcome is not None:
                return kind.validate_python(begun.outcome)
            outcome = await done_since(begun.before) if begun else None
            if begun is None:
                row = {
                    "conversation_id": turn.conversation_id,
                    "message_id": turn.message_id,
                    "key": key,
                    "before": await look(),
                }
                await self._store.write(lambda db: db.execute(upsert(deeds).values(row).on_conflict_do_nothing()))
            if outcome is None:
                outcome = await do()
            ended = kind.dump_python(outcome, mode="json")
            await self._store.write(lambda db: db.execute(update(deeds).where(this).values(outcome=ended)))
            return outcome


def _is_later(loan: Loan, due_at: str, renewals: int) -> bool:
    """Return whether the loan was renewed since. Some systems keep the due day when it is renewed on the first day."""
    return loan.due_at > datetime.fromisoformat(due_at) or loan.renewals > renewals
