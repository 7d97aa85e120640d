"""What Telegram knows: chats, what each was shown, updates on their way. It may live in a file and outlive a crash."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FIRST_UPDATE_ID = 700_000_001


@dataclass(frozen=True)
class Shown:
    """A message of the bot as it stands in a patron's chat."""

    chat_id: int
    message_id: int
    text: str
    buttons: tuple[tuple[dict[str, Any], ...], ...]
    at: float  # seconds since 1970
    document: str | None = None  # the name of the file that came with it
    preview: bool = True

    def titles(self) -> list[str]:
        return [button["text"] for row in self.buttons for button in row]


@dataclass(frozen=True)
class Pending:
    """An update that is not yet delivered or confirmed."""

    update_id: int
    chat_id: int
    kind: str
    body: bytes
    expires_at: float


@dataclass
class Chat:
    status: str = "open"  # or blocked, deactivated, kicked, stranger
    moved_to: int | None = None


@dataclass(frozen=True)
class Hook:
    url: str
    secret: str
    connections: int


@dataclass
class State:
    """Every change is an event: written to the journal first, with one `os.write`, then applied."""

    journal: Path | None = None
    chats: dict[int, Chat] = field(default_factory=dict)
    shown: dict[int, list[Shown]] = field(default_factory=dict)  # by chat, in order; message ids tell it between chats
    pending: dict[int, Pending] = field(default_factory=dict)
    bodies: dict[int, tuple[int, bytes]] = field(default_factory=dict)  # of all updates, so that one may come twice
    over: dict[int, str] = field(default_factory=dict)  # delivered, confirmed or expired, by update id
    taps: dict[str, float] = field(default_factory=dict)  # when each tap that is still open was made
    answered: list[str] = field(default_factory=list)
    menus: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    kinds: list[str] | None = None  # updates the bot wants; None: all but a few
    hook: Hook | None = None
    next_update: int = FIRST_UPDATE_ID
    next_message: int = 1
    _file: int | None = None

    def __post_init__(self) -> None:
        if self.journal:
            for event in _events(self.journal):
                self._apply(event)
            self._file = os.open(self.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def record(self, event: str, **said: Any) -> None:
        written = {"event": event, **said}
        if self._file is not None:
            os.write(self._file, json.dumps(written).encode() + b"\n")
        self._apply(written)

    def chat(self, chat_id: int) -> Chat | None:
        return self.chats.get(chat_id)

    def first_for(self, chat_id: int) -> Pending | None:
        """Return the oldest update of the chat that is not over."""
        return next((update for update in self.pending.values() if update.chat_id == chat_id), None)

    def shown_to(self, chat_id: int) -> list[Shown]:
        return self.shown.get(chat_id, [])

    def _apply(self, event: dict[str, Any]) -> None:
        getattr(self, f"_on_{event['event']}")(event)

    def _on_update(self, event: dict[str, Any]) -> None:
        update_id, chat_id = event["update_id"], event["chat_id"]
        body = event["body"].encode("utf-8", "surrogateescape")
        self.pending[update_id] = Pending(update_id, chat_id, event["kind"], body, event["expires_at"])
        self.bodies[update_id] = (chat_id, body)
        self.next_update = max(self.next_update, update_id + 1)

    def _on_over(self, event: dict[str, Any]) -> None:
        self.pending.pop(event["update_id"], None)
        self.over[event["update_id"]] = event["how"]

    def _on_message(self, event: dict[str, Any]) -> None:
        """A patron wrote: the number is taken."""
        self.next_message = max(self.next_message, event["message_id"] + 1)

    def _on_shown(self, event: dict[str, Any]) -> None:
        rows = tuple(tuple(row) for row in event["buttons"])
        more = {key: event[key] for key in ("document", "preview")}
        shown = Shown(event["chat_id"], event["message_id"], event["text"], rows, event["at"], **more)
        self.shown.setdefault(shown.chat_id, []).append(shown)
        self.next_message = max(self.next_message, shown.message_id + 1)

    def _on_chat(self, event: dict[str, Any]) -> None:
        self.chats[event["chat_id"]] = Chat(event["status"], event["moved_to"])

    def _on_tap(self, event: dict[str, Any]) -> None:
        self.taps[event["tap"]] = event["at"]

    def _on_tap_answered(self, event: dict[str, Any]) -> None:
        self.taps.pop(event["tap"], None)
        self.answered.append(event["tap"])

    def _on_menu(self, event: dict[str, Any]) -> None:
        self.menus[event["lang"]] = event["commands"]

    def _on_kinds(self, event: dict[str, Any]) -> None:
        self.kinds = event["kinds"]

    def _on_hook(self, event: dict[str, Any]) -> None:
        self.hook = Hook(event["url"], event["secret"], event["connections"]) if event["url"] else None


def _events(journal: Path) -> Iterator[dict[str, Any]]:
    """Yield what was written; a last line cut short by the crash was never told to anybody."""
    if journal.exists():
        for line in journal.read_bytes().split(b"\n")[:-1]:
            yield json.loads(line)
