"""What every screen of the console works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Response

from connectors.clock import Clock
from connectors.console import menu
from connectors.console.drawing import Drawer
from connectors.console.staff import Visitor
from connectors.console.windows import Window
from connectors.handover import Handover
from connectors.store import Store


@dataclass(frozen=True)
class Room:
    """`resend(conversation_id)` is told when a dead letter may be tried again."""

    store: Store
    clock: Clock
    draw: Drawer
    handover: Handover
    resend: Callable[[str], None]
    windows: Mapping[str, Window]

    async def page(self, visitor: Visitor, template: str, here: str, code: int = 200, **values: object) -> Response:
        """Return the page, with what waits on the others beside their names."""
        entries = menu.open_to(visitor)
        counts = await self.store.read(lambda db: menu.counts(db, entries))
        shown = {"visitor": visitor, "here": here, "menu": menu.grouped(entries), "counts": counts}
        return self.draw(template, code, **shown, **values)
