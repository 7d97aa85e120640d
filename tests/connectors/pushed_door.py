"""A pushed door in memory: it keeps what each patron was shown, and fails as a test tells it to."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field

from connectors.channels.port import Limits, NotSent, Part

LIMITS = Limits(text=2000, buttons=3, button_title=20, per_second=100.0, chat_every_s=0.0)


@dataclass
class PushedDoor:
    """The `PushDoor` port. Each of `troubles` meets one call, None lets one pass; `loses` keeps the reply of a call."""

    name: str = "post"
    echoes: bool = False
    limits: Limits = LIMITS
    troubles: list[NotSent | None] = field(default_factory=list)
    shown: dict[str, list[Part]] = field(default_factory=lambda: defaultdict(list))
    typed: list[str] = field(default_factory=list)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def send(self, address: str, part: Part) -> str:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            raise trouble
        self.shown[address].append(part)
        return f"s{next(self._ids)}"

    async def show_typing(self, address: str) -> None:
        self.typed.append(address)

    def texts(self, address: str) -> list[str]:
        """Return the texts that were shown to one patron, in order."""
        return [part.text for part in self.shown[address]]
