"""The library system with a short memory of which copies are in: a page of hits asks once a minute, not once a patron.

While the system is silent, what it said up to a quarter of an hour ago is told with its time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from connectors.clock import Clock
from library.ils import ILS, ILSError, PatronRef
from library.model import HoldOutcome, ItemStatus

FRESH = timedelta(minutes=1)
USABLE = timedelta(minutes=15)
MOST_RECORDS = 5_000

Copies = dict[str, list[ItemStatus]]


class RememberingILS:
    """Any library system; all but `availability` goes straight through, and a hold makes it forget its record."""

    def __init__(self, ils: ILS, clock: Clock) -> None:
        self._ils = ils
        self._clock = clock
        self._known: OrderedDict[str, tuple[datetime, list[ItemStatus]]] = OrderedDict()
        self._doubted: set[str] = set()  # of the known
        self._asking: dict[str, asyncio.Task[Copies]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ils, name)

    async def availability(self, record_ids: Sequence[str]) -> Copies:
        """Return the copies of each record, not older than a minute; of a silent system up to 15, each with its time.

        What somebody is asking for already is waited for, not asked again.
        """
        wanted, now = list(dict.fromkeys(record_ids)), self._clock()
        stale = [each for each in wanted if not self._is_fresh(each, now)]
        try:
            if stale:
                await self._ask(stale)
        except ILSError:
            if not all(self._is_known(each, now, USABLE) for each in stale):
                raise
            return {each: self._told(each, now) for each in wanted}
        return {each: list(self._known[each][1]) for each in wanted}

    def doubt(self) -> None:
        """Ask again for all that is remembered: the system is not as it was."""
        self._doubted.update(self._known)

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        try:
            return await self._ils.place_hold(who, record_id, pickup=pickup)
        finally:
            self._known.pop(record_id, None)

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        outcome = await self._ils.cancel_hold(who, hold_id)
        if outcome.hold:
            self._known.pop(outcome.hold.record_id, None)
        return outcome

    async def _ask(self, record_ids: Sequence[str]) -> None:
        """Learn of these records, in one call for all that nobody asks for yet."""
        own = [each for each in record_ids if each not in self._asking]
        if own:
            task = asyncio.create_task(self._learn(own))
            self._asking.update(dict.fromkeys(own, task))
            task.add_done_callback(lambda done: self._asked(own, done))
        tasks = (self._asking.get(each) for each in record_ids)
        waited_for = {id(task): task for task in tasks if task}
        # Shielded: whoever gives up waiting does not take the answer away from the others.
        await asyncio.gather(*(asyncio.shield(task) for task in waited_for.values()))

    async def _learn(self, record_ids: Sequence[str]) -> Copies:
        found = await self._ils.availability(record_ids)
        for record_id in record_ids:
            self._known[record_id] = (self._clock(), found.get(record_id, []))
            self._known.move_to_end(record_id)
            self._doubted.discard(record_id)
        while len(self._known) > MOST_RECORDS:
            gone, _ = self._known.popitem(last=False)
            self._doubted.discard(gone)
        return found

    def _asked(self, record_ids: Sequence[str], done: asyncio.Task[Copies]) -> None:
        for record_id in record_ids:
            self._asking.pop(record_id, None)
        if not done.cancelled():
            done.exception()  # whoever waited has heard it

    def _is_known(self, record_id: str, now: datetime, age: timedelta) -> bool:
        at = self._known[record_id][0] if record_id in self._known else None
        return at is not None and timedelta() <= now - at <= age  # a clock that was set back knows nothing

    def _is_fresh(self, record_id: str, now: datetime) -> bool:
        return record_id not in self._doubted and self._is_known(record_id, now, FRESH)

    def _told(self, record_id: str, now: datetime) -> list[ItemStatus]:
        """Return what is remembered; with its time where it is not of now."""
        at, copies = self._known[record_id]
        return list(copies) if self._is_fresh(record_id, now) else [replace(copy, as_of=at) for copy in copies]
