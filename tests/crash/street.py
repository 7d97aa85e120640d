"""The three doors as patrons see them: what they send, what they press, what they are shown."""

from __future__ import annotations

import json
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp

from connectors.channels.port import Button, Reply, Sent
from tests.crash import asgi
from tests.crash.files import Files, entries, note
from tests.crash.script import PATRONS, Line, Patron
from tests.simulators.telegram import TelegramServer
from tests.simulators.zalo import Zalo

AN_HOUR_S = 3600.0
BEYOND_2_53 = 2**53
CHAT: Mapping[str, int] = {name: BEYOND_2_53 + 2 * number + 1 for number, name in enumerate(PATRONS)}


class NothingToPress(LookupError):
    """The choice was not shown to this patron, neither drawn nor written."""


class Street(ABC):
    """One door. What a patron does is noted in the same stroke in which the channel has it."""

    def __init__(self, files: Files) -> None:
        self._files = files

    @abstractmethod
    def shown(self, patron: Patron) -> list[str]:
        """Return the texts of the bubbles that this patron saw, in order."""

    @abstractmethod
    async def do(self, patron: Patron, line: Line) -> None:
        """Return when the patron has said, pressed or sent it. Raises NothingToPress."""

    def _note(self, patron: Patron, line: Line, key: str) -> None:
        note(self._files.said, {"mark": patron.mark(line), "key": key})

    def _words(self, patron: Patron, line: Line) -> str:
        return f"{line.words} {patron.mark(line)}"

    def _otherwise(self, patron: Patron, line: Line) -> str:
        """Return what is typed where the choice is not drawn: the line's words, else the choice's number."""
        if line.words:  # the list that the number stood in is no longer the last answer
            return self._words(patron, line)
        for text in reversed(self.shown(patron)):
            if found := re.search(rf"^(\d+)\. {re.escape(line.presses)}$", text, re.MULTILINE):
                return found[1]
        raise NothingToPress(line.presses)


class TelegramStreet(Street):
    def __init__(self, files: Files, server: TelegramServer) -> None:
        super().__init__(files)
        self._server = server

    def shown(self, patron: Patron) -> list[str]:
        return self._server.texts(CHAT[patron.name])

    async def do(self, patron: Patron, line: Line) -> None:
        chat = CHAT[patron.name]
        state = self._server.state.chat(chat)
        if state and state.status == "blocked":
            self._server.unblocks(chat)
        update_id = self._send(patron, line, chat)
        update = json.loads(self._server.state.bodies[update_id][1])
        tap = update.get("callback_query")
        key = f"cb:{tap['id']}" if tap else f"m:{chat}:{update['message']['message_id']}"
        self._note(patron, line, key)
        if line.blocks:
            self._server.blocks(chat)

    def _send(self, patron: Patron, line: Line, chat: int) -> int:
        if line.words == "(ảnh)":
            return self._server.writes(chat, photo=[{"file_id": "p", "file_unique_id": "p", "width": 9, "height": 9}])
        if not line.presses:
            return self._server.says(chat, self._words(patron, line))
        try:
            return self._server.taps(chat, line.presses)
        except LookupError:
            return self._server.says(chat, self._otherwise(patron, line))


class ZaloStreet(Street):
    """Webhooks of patrons whose lines may be mixed up come late, twice or in another order."""

    def __init__(self, files: Files, zalo: Zalo, chance: random.Random) -> None:
        super().__init__(files)
        self._zalo = zalo
        self._chance = chance

    def shown(self, patron: Patron) -> list[str]:
        return self._zalo.texts(str(CHAT[patron.name]))

    async def do(self, patron: Patron, line: Line) -> None:
        user = str(CHAT[patron.name])
        if patron.role == "blocks" and line is patron.lines[-1]:
            self._zalo.follows(user)
        self._note(patron, line, f"m:{self._send(patron, line, user)}")
        if line.blocks:
            self._zalo.unfollows(user)

    def _send(self, patron: Patron, line: Line, user: str) -> str:
        after_s = self.delays(patron, line)
        if line.words == "(ảnh)":
            return self._zalo.sends(user, "image", after_s=after_s)
        if not line.presses:
            return self._zalo.says(user, self._words(patron, line), after_s)
        try:
            return str(self._zalo.taps(user, line.presses, after_s))
        except LookupError:
            return self._zalo.says(user, self._otherwise(patron, line), after_s)

    def delays(self, patron: Patron, line: Line) -> tuple[float, ...]:
        """Return after how long each copy of the webhook comes."""
        if line.late:
            return (AN_HOUR_S,)
        if line.twice:
            return (0.0, self._chance.choice((0.0, 0.3, AN_HOUR_S)))
        return (self._chance.choice((0.0, 0.0, 0.2, 0.7)),) if patron.mixed else (0.0,)


@dataclass
class WebStreet(Street):
    """Browsers: each sends a line until it is acknowledged, and follows what is said from where it had got to."""

    _files: Files
    app: ASGIApp
    opened: dict[str, tuple[str, str]] = field(default_factory=dict)  # conversation and token
    seen: dict[str, list[Sent]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in entries(self._files.browsers):
            if "token" in entry:
                self.opened[entry["patron"]] = (entry["conversation"], entry["token"])
            else:
                self._remember(entry["patron"], Sent(**{**entry["sent"], "replies": _replies(entry["sent"])}))

    def shown(self, patron: Patron) -> list[str]:
        return [reply.text for sent in self.seen.get(patron.name, []) for reply in sent.replies]

    def last_seen(self, patron: Patron) -> int:
        return max((sent.reply_id for sent in self.seen.get(patron.name, [])), default=0)

    def see(self, patron: Patron, sent: Sent) -> None:
        note(self._files.browsers, {"patron": patron.name, "sent": sent.as_json()})
        self._remember(patron.name, sent)

    def _remember(self, name: str, sent: Sent) -> None:
        self.seen.setdefault(name, []).append(sent)

    async def do(self, patron: Patron, line: Line) -> None:
        part = self._part(patron, line)
        await self._post(patron, line, part)
        self._note(patron, line, line.name)
        if line.twice:
            await self._post(patron, line, part)

    async def _post(self, patron: Patron, line: Line, part: dict[str, str]) -> None:
        conversation, token = self.opened[patron.name]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        body = json.dumps({"id": line.name, **part}).encode()
        status, answer = await asgi.request(
            self.app, "POST", f"/api/conversations/{conversation}/messages", headers, body
        )
        assert status == 202, answer

    def _part(self, patron: Patron, line: Line) -> dict[str, str]:
        if line.words == "(ảnh)":
            return {"attachment": "photo"}
        if not line.presses:
            return {"text": self._words(patron, line)}
        seen = self.seen.get(patron.name, [])
        shown = [button for sent in seen for reply in sent.replies for button in reply.buttons]
        pressed = [button.payload for button in shown if button.title == line.presses]
        if not pressed or not pressed[-1]:
            raise NothingToPress(line.presses)
        return {"payload": pressed[-1]}


def _replies(sent: dict[str, Any]) -> tuple[Reply, ...]:
    return tuple(Reply(one["text"], tuple(Button(**button) for button in one["buttons"])) for one in sent["replies"])
