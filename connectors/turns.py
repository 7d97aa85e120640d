"""The turns that are open now. The action route serves these conversations and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from library.ports import Turn


class NoOpenTurn(Exception):
    """Somebody asked for actions on a conversation whose turn is not open."""


class OpenTurns:
    def __init__(self) -> None:
        self._open: dict[str, Turn] = {}

    @contextmanager
    def opened(self, turn: Turn) -> Iterator[None]:
        self._open[turn.conversation_id] = turn
        try:
            yield
        finally:
            del self._open[turn.conversation_id]

    def of(self, conversation_id: str) -> Turn:
        """Return the open turn of the conversation. Raises NoOpenTurn."""
        if (turn := self._open.get(conversation_id)) is None:
            raise NoOpenTurn("no turn of this conversation is open")
        return turn

    def check(self, conversation_id: str, message_id: str | None) -> None:
        """Raise NoOpenTurn unless this very message is being answered: a turn that was given up does nothing more."""
        if self.of(conversation_id).message_id != message_id:
            raise NoOpenTurn("this message is not being answered now")
