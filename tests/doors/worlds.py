"""A library system of their own for each patron of the tests, so that no journey meets what another has done."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connectors.clock import Clock
from connectors.ils.rules import open_days
from connectors.ils.sqlite import SQLiteILS
from library.calendar import LibraryCalendar
from library.ils import Capability, ILSOutcomeUnknown, ILSUnavailable, PatronRef
from library.model import Branch, FeeSummary, Hold, HoldOutcome, ItemStatus, Loan, Patron, RenewalOutcome

OF, AT = "|", "@"  # "world|patron id"; at the log-in page "card@world"


class Worlds:
    """The `ILS` port. Who a patron is says which copy of the prepared file is theirs; what asks of nobody, the first.

    `down`: nothing answers. `drops_answers`: so many of the next renewals are done, and their answer does not arrive.
    """

    as_of = None

    def __init__(self, prepared: Path, clock: Clock, calendar: LibraryCalendar) -> None:
        self._prepared = prepared
        self._clock = clock
        self._open_day = open_days(calendar)
        self._systems: dict[str, SQLiteILS] = {}
        self.down = False
        self.drops_answers = 0

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self._system("").capabilities

    async def card_holder(self, world: str, card: str) -> PatronRef:
        """Return whose card this is in this world, without a PIN."""
        return _named(world, await self._system(world).find_card(card))

    async def close(self) -> None:
        return None

    async def authenticate(self, card_number: str, pin: str) -> PatronRef:
        card, _, world = card_number.partition(AT)
        return _named(world, await self._answering(world).authenticate(card, pin))

    async def patron(self, who: PatronRef) -> Patron:
        system, mine = self._of(who)
        return await system.patron(mine)

    async def loans(self, who: PatronRef, *, renewable: bool = True) -> list[Loan]:
        system, mine = self._of(who)
        return await system.loans(mine)

    async def renew(self, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]:
        system, mine = self._of(who)
        renewed = await system.renew(mine, loan_ids)
        if self.drops_answers:
            self.drops_answers -= 1
            raise ILSOutcomeUnknown("the answer was lost")
        return renewed

    async def holds(self, who: PatronRef) -> list[Hold]:
        system, mine = self._of(who)
        return await system.holds(mine)

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        system, mine = self._of(who)
        return await system.place_hold(mine, record_id, pickup=pickup)

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        system, mine = self._of(who)
        return await system.cancel_hold(mine, hold_id)

    async def fees(self, who: PatronRef) -> FeeSummary:
        system, mine = self._of(who)
        return await system.fees(mine)

    async def availability(self, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        return await self._answering("").availability(record_ids)

    async def branches(self) -> list[Branch]:
        return await self._answering("").branches()

    def _of(self, who: PatronRef) -> tuple[SQLiteILS, PatronRef]:
        world, _, patron_id = who.patron_id.partition(OF)
        return self._answering(world), PatronRef(patron_id)

    def _answering(self, world: str) -> SQLiteILS:
        if self.down:
            raise ILSUnavailable("switched off")
        return self._system(world)

    def _system(self, world: str) -> SQLiteILS:
        if world not in self._systems:
            path = self._prepared.with_name(f"ils-{world or 'all'}.sqlite")
            shutil.copy(self._prepared, path)
            self._systems[world] = SQLiteILS(path, self._clock, next_open_day=self._open_day)
        return self._systems[world]


def _named(world: str, who: PatronRef) -> PatronRef:
    return PatronRef(f"{world}{OF}{who.patron_id}")


def at_the_page(card: str, world: str) -> dict[str, Any]:
    """Return what the patron types at the log-in page: the card and the demo's PIN for it."""
    return {"card": f"{card}{AT}{world}", "pin": f"26{card[-4:]}"}
