"""What a door hands in and takes out: messages, replies, buttons, cards.

The website's door is asked for replies; Telegram and Zalo are pushed to. A pushed door hands in an `Arrival` (a
message) or a `Happening` (anything else), and is handed one `Part` at a time, rendered within its `Limits`.

Errors of sending, each a class of what to do next:

    NotSent
    ├── TryLater      the network, a busy or ailing server, a rate limit: the same again, after `after_s` if it is said
    │   └── Unconfirmed   handed over, and no answer came: it may have arrived
    ├── Refused       this message will never be taken; the next one may be
    ├── PlainerPlease this door takes no such buttons now: the same as numbered text
    ├── Unreachable   blocked, gone, or out of the time in which the channel lets us write: nothing until they write
    ├── Moved         the chat has another address now
    └── DoorShut      a person must mend something: a token, an approval, a bill. Everything waits
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Kind = Literal["text", "payload", "attachment", "command"]


@dataclass(frozen=True)
class Message:
    """What a patron sent. `client_id` is the sender's own key: the same key again is the same message."""

    conversation_id: str
    client_id: str
    kind: Kind
    text: str  # the words, a button's token, an attachment's kind (photo, voice, …), or a command of ours (`COMMANDS`)
    said_at: datetime | None = None  # by the channel's own clock, where it tells: webhooks may come in another order


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
class Field:
    """One line of a form."""

    name: str
    label: str
    kind: Literal["text", "date"] = "text"


@dataclass(frozen=True)
class Form:
    """What a door that can draw forms lets the patron fill in; sent as the words of `says`, `{name}` by `{name}`."""

    fields: tuple[Field, ...]
    says: str


@dataclass(frozen=True)
class Reply:
    """One bubble of an answer."""

    text: str = ""
    buttons: tuple[Button, ...] = ()
    cards: tuple[Card, ...] = ()
    form: Form | None = None  # a door without forms leaves it out: the text already asks

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Sent:
    """One stored answer as a door sends it.

    `final` comes once a message (with no replies while a person answers), `wait` before it, `notice` by itself,
    `person` is a librarian's own words.
    """

    reply_id: int
    message_id: str | None
    kind: Literal["wait", "final", "notice", "person"]
    replies: tuple[Reply, ...] = field(default_factory=tuple)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def reply_from_json(raw: Mapping[str, Any]) -> Reply:
    """Return the reply stored as JSON; the inverse of `Reply.as_json`."""
    cards = (
        Card(card["title"], card["subtitle"], tuple(card["lines"]), tuple(Button(**b) for b in card["buttons"]))
        for card in raw["cards"]
    )
    form = Form(tuple(Field(**one) for one in raw["form"]["fields"]), raw["form"]["says"]) if raw.get("form") else None
    return Reply(raw["text"], tuple(Button(**button) for button in raw["buttons"]), tuple(cards), form)


# What a door's own commands mean: Rasa's payload. `privacy` and `export` are answered by the gateway itself.
# `start` may carry an argument after a space: "book:<record id>" or "ask:<answer id>", from a share link.
COMMANDS: Mapping[str, str | None] = {
    "start": "/greet",
    "menu": "/ask_capabilities",
    "librarian": "/talk_to_librarian",
    "forget": "/delete_my_data",
    "privacy": None,
    "export": None,
}


# What a patron may type after a slash, in either language; any other word after a slash is text like any other.
TYPED: Mapping[str, str] = {
    "start": "start",
    "help": "menu",
    "menu": "menu",
    "thuthu": "librarian",
    "librarian": "librarian",
    "privacy": "privacy",
    "xuatdulieu": "export",
    "export": "export",
    "xoadulieu": "forget",
    "forget": "forget",
}


def typed_command(text: str) -> str | None:
    """Return the command that a typed text is, one of `COMMANDS`, or None."""
    typed = text.strip()
    return TYPED.get(typed[1:].lower()) if typed.startswith("/") else None


@dataclass(frozen=True)
class Arrival:
    """A message at a pushed door. The same `key` again, from the same door, is the same message."""

    channel: str
    address: str  # who writes, as the channel names them: a chat id or user id, as text (it may exceed 2^53)
    key: str
    kind: Kind
    text: str
    said_at: datetime | None = None


@dataclass(frozen=True)
class Happening:
    """Anything at a pushed door that wants no answer of its own.

    `came`: they follow us, or opened the chat again; `left`: they blocked or unfollowed us; `withdrew`: they ask the
    channel that their data be deleted; `echo`: the channel shows us something that our account said (`text`, `sent_id`;
    `staff` when it tells that a person typed it in the channel's own console); `moved`: `text` is the new address;
    `accepted`: they agreed on a page of ours that we may write here, `text` is the token that the page gave them.
    """

    channel: str
    address: str
    key: str
    what: Literal["came", "left", "withdrew", "echo", "moved", "accepted"]
    text: str = ""
    sent_id: str | None = None
    staff: bool = False
    said_at: datetime | None = None


class Reception(Protocol):
    """What a pushed door hands its news to. Each returns once it is stored for good; then the door says 200."""

    async def receive(self, arrival: Arrival) -> bool:
        """Return whether it was new."""
        ...

    async def note(self, happening: Happening) -> None: ...

    async def park(self, channel: str, reason: str, body: bytes) -> None:
        """Keep a genuine delivery that could not be understood, for a person to look at."""
        ...


@dataclass(frozen=True)
class Limits:
    """What one message of a door may hold."""

    text: int  # characters
    buttons: int  # under one message; 0: choices are written as numbered text
    button_title: int  # characters
    per_second: float  # messages to all patrons together
    chat_every_s: float  # at most one message to one patron in so many seconds, in the long run


@dataclass(frozen=True)
class Part:
    """One message as a pushed door sends it. `numbered` is what "1", "2", … mean that stand in its text."""

    text: str
    buttons: tuple[Button, ...] = ()
    numbered: tuple[tuple[int, Button], ...] = ()


class PushDoor(Protocol):
    """A channel that is pushed to."""

    name: str
    echoes: bool  # whether the channel shows us what we sent, so that a lost answer can be waited for

    @property
    def limits(self) -> Limits: ...

    async def send(self, address: str, part: Part) -> str:
        """Return the channel's id of the sent message. Raises NotSent, by class of what to do next."""
        ...

    async def show_typing(self, address: str) -> None:
        """Show that an answer is coming, where the channel can; never raises."""
        ...


class NotSent(Exception):
    """The channel did not take the message; the reason is a short word that may be logged and shown to librarians."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TryLater(NotSent):
    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class Unconfirmed(TryLater):
    pass


class Refused(NotSent):
    pass


class PlainerPlease(NotSent):
    pass


class Unreachable(NotSent):
    pass


class Moved(NotSent):
    def __init__(self, reason: str, address: str) -> None:
        super().__init__(reason)
        self.address = address


class DoorShut(NotSent):
    pass
