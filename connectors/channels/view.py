"""What a patron sees of an answer at a pushed door, and means by a bare number: for rehearsals without a channel."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.channels.port import Button, Limits, Part, Reply, Sent
from connectors.channels.rendering import chosen, render


class DoorView:
    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._numbered: tuple[tuple[int, Button], ...] = ()

    def shows(self, sent: Sequence[Sent], lang: str) -> list[Reply]:
        """Return one bubble for each message that the door would send."""
        return [Reply(part.text, part.buttons) for one in sent for part in self._parts(one, lang)]

    def pressed(self, typed: str) -> str | None:
        """Return the token of the button that a bare number stands for in the last answer, or None."""
        button = chosen(typed, self._numbered)
        return button.payload if button else None

    def _parts(self, one: Sent, lang: str) -> list[Part]:
        parts = render(one.replies, self._limits, lang)
        if parts and one.kind in ("final", "notice"):
            self._numbered = tuple(choice for part in parts for choice in part.numbered)
        return parts
