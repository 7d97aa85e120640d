"""What the conversation asks of the gateway: one small Protocol a need, so that `bot.actions` imports no door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from library.ils import PatronRef
from library.model import HoldOutcome, RenewalOutcome


@dataclass(frozen=True)
class Turn:
    """One patron message being answered. `message_id` makes every deed of the turn happen at most once."""

    conversation_id: str
    message_id: str
    channel: str
    now: datetime  # library-local wall clock, aware (+07:00)
    masked: frozenset[str] = field(default_factory=frozenset)  # what was hidden from the text: "pin", "card", …
    # What the turn led to, noted by who answers it: {"kind": "answer", "answer": key, …}. See docs/numbers.md.
    outcome: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def led_to(self, kind: str, **more: Any) -> None:
        """Note what this turn led to; of several requests in one message the last one counts."""
        self.outcome.clear()
        self.outcome.update(kind=kind, **{name: value for name, value in more.items() if value not in (None, "", {})})


@dataclass(frozen=True)
class Ticket:
    number: int
    created: bool  # False when the conversation already had an open ticket


@dataclass(frozen=True)
class LinkedCard:
    """One of the cards linked to a conversation."""

    who: PatronRef
    name: str  # told apart from a second card of the same name: "Nguyễn Minh (2)"
    key: str  # names the card within this conversation and does not say whose it is
    current: bool = False
    child: bool = False  # linked with a guardian's consent


class Links(Protocol):
    """Which patrons stand behind a conversation."""

    async def patron_of(self, turn: Turn) -> PatronRef | None:
        """Return whose card this turn is about: the one linked, of several the one chosen last."""
        ...

    async def cards(self, turn: Turn) -> Sequence[LinkedCard]:
        """Return the cards linked, in the order of linking; one of them is current."""
        ...

    async def choose(self, turn: Turn, who: PatronRef) -> bool:
        """Return whether this card is linked; it is the current one from now on."""
        ...

    async def ended(self, turn: Turn) -> Sequence[str]:
        """Return the names of the cards whose link ended for want of use, each told by one turn."""
        ...

    async def gone(self, turn: Turn, who: PatronRef) -> None:
        """End the link of a card that the library system knows no more."""
        ...

    async def start(self, turn: Turn, *, replaces: bool = False) -> str:
        """Return the address of a one-time page, good for 10 minutes, where card and PIN are typed.

        `replaces`: the current card gives way to the one that logs in there; else both are linked.
        """
        ...

    async def pending(self, turn: Turn) -> str | None:
        """Return the name of the patron whose finished log-in waits for this conversation's "yes", or None."""
        ...

    async def confirm(self, turn: Turn, *, keeps: bool = False) -> bool:
        """Return whether a finished log-in waited for this conversation's "yes" and is now linked.

        `keeps`: the card that it was to replace stays linked too.
        """
        ...

    async def refuse(self, turn: Turn) -> bool:
        """Return whether a finished log-in waited and was thrown away ("không phải tôi")."""
        ...

    async def remove(self, turn: Turn, who: PatronRef | None = None) -> bool:
        """Return whether there was a link to remove: of this card, or of all."""
        ...


class Deeds(Protocol):
    """Writes to the library system, each done at most once a message, also when a turn runs again after a crash."""

    async def renew(self, turn: Turn, who: PatronRef, loan_ids: Sequence[str]) -> list[RenewalOutcome]: ...

    async def place_hold(self, turn: Turn, who: PatronRef, record_id: str, pickup: str | None) -> HoldOutcome: ...

    async def cancel_hold(self, turn: Turn, who: PatronRef, hold_id: str) -> HoldOutcome: ...


class Desk(Protocol):
    """What is left with the librarians: tickets, unanswered questions, suggestions, feedback."""

    async def ticket(self, turn: Turn, reason: str) -> Ticket: ...

    async def unanswered(self, turn: Turn, question: str, reason: str) -> None: ...

    async def suggest_purchase(self, turn: Turn, title: str, author: str | None) -> int:
        """Return the reference number of the stored suggestion."""
        ...

    async def feedback(self, turn: Turn, text: str, kind: str) -> int: ...


class Consents(Protocol):
    """What a conversation agreed to: reminders, with how many days before."""

    async def give(self, turn: Turn, purpose: str, options: Mapping[str, Any]) -> None: ...

    async def given(self, turn: Turn, purpose: str) -> Mapping[str, Any] | None:
        """Return what was agreed to, None when nothing was."""
        ...

    async def withdraw(self, turn: Turn, purpose: str) -> bool: ...


class Privacy(Protocol):
    async def forget(self, turn: Turn) -> Mapping[str, int]:
        """Return what will be deleted once this turn is answered: transcript, link, consents; counts by kind."""
        ...

    async def receipt(self, turn: Turn) -> int:
        """Return the number of the deletion's receipt, once this turn has asked for one."""
        ...

    async def export(self, turn: Turn) -> str:
        """Return the address of a one-time page, good for 10 minutes, that gives a copy of what is stored."""
        ...
