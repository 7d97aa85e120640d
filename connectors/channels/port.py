"""What a door hands in and takes out: messages, replies, buttons, cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["text", "payload", "attachment"]


@dataclass(frozen=True)
class Message:
    """What a patron sent. `client_id` is the sender's own key: the same key again is the same message."""

    conversation_id: str
    client_id: str
    kind: Kind
    text: str  # the words, a button's token, or an attachment's kind (photo, voice, sticker, location, file)


@dataclass(frozen=True)
class Button:
    """A choice. `payload` is Rasa's on the way out of the dialogue and a server-side token at the door."""

    title: str
    payload: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class Card:
    title: str
    subtitle: str = ""
    lines: tuple[str, ...] = ()
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True)
class Reply:
    """One bubble of an answer."""

    text: str = ""
    buttons: tuple[Button, ...] = ()
    cards: tuple[Card, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Sent:
    """One stored answer as a door sends it: `final` once a message, `wait` before it, `notice` by itself."""

    reply_id: int
    message_id: str | None
    kind: Literal["wait", "final", "notice"]
    replies: tuple[Reply, ...] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def reply_from_json(raw: Mapping[str, Any]) -> Reply:
    """Return the reply stored as JSON; the inverse of `Reply.as_json`."""
    cards = (
        Card(card["title"], card["subtitle"], tuple(card["lines"]), tuple(Button(**b) for b in card["buttons"]))
        for card in raw["cards"]
    )
    return Reply(raw["text"], tuple(Button(**button) for button in raw["buttons"]), tuple(cards))
