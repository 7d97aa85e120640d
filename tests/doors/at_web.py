"""A patron at the website."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.doors.visitor import ANSWERED_WITHIN_S, Bubble, Visitor


@dataclass
class WebVisitor(Visitor):
    """The website's HTTP API, as the widget uses it: a message that gets no answer is sent again under its own id."""

    at: str = ""
    key: dict[str, str] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=itertools.count)
    _drawn: list[Bubble] = field(default_factory=list)  # what the page drew stays there when the library deletes it
    _drawn_up_to: int = 0
    door = "web"

    async def conversation(self) -> str:
        if not self.at:
            # Only so many conversations may be opened from one address in an hour.
            number = int(self.world[1:])
            from_home = {"X-Forwarded-For": f"10.0.{number // 250}.{number % 250}"}
            opened = (await self._asked("POST", "/api/conversations", headers=from_home)).json()
            self.at, self.key = opened["conversation"], {"Authorization": f"Bearer {opened['token']}"}
        return self.at

    async def _say(self, text: str) -> None:
        await self.post({"text": text})

    async def _send(self, kind: str) -> None:
        await self.post({"attachment": kind})

    async def _command(self, word: str) -> None:
        await self.post({"command": word})

    async def _press(self, title: str) -> None:
        await self.post({"payload": self.tokens.get(title, title)})

    async def _repeat(self) -> None:
        await self._asked("POST", f"/api/conversations/{self.at}/messages", json=self.last)

    async def post(self, part: dict[str, str]) -> None:
        self.last = {"id": f"m{next(self._ids)}", **part}
        await self._repeat()

    async def _shown(self) -> list[Bubble]:
        told = (await self._asked("GET", f"/api/conversations/{self.at}/history")).json()
        new = [entry for entry in told if entry["from"] == "library" and entry["reply_id"] > self._drawn_up_to]
        self._drawn_up_to = max([self._drawn_up_to, *(entry["reply_id"] for entry in new)])
        self._drawn += [self._bubble(reply) for entry in new for reply in entry["replies"]]
        return self._drawn

    def _bubble(self, reply: dict[str, Any]) -> Bubble:
        lines, buttons = [reply["text"]], list(reply["buttons"])
        for card in reply["cards"]:
            lines += [card["title"], card["subtitle"], *card["lines"]]
            buttons += card["buttons"]
        self.tokens |= {one["title"]: one["payload"] for one in buttons if one["payload"]}
        links = {one["title"]: one["url"] for one in buttons if one["url"]}
        return Bubble("\n".join(filter(None, lines)), tuple(one["title"] for one in buttons), links)

    async def _asked(self, method: str, path: str, **what: Any) -> httpx.Response:
        """Return the answer, however often it has to be asked for: the gateway may be away for a moment."""
        headers = self.key | what.pop("headers", {})
        deadline = time.monotonic() + ANSWERED_WITHIN_S
        while True:
            try:
                return (await self.house.web.request(method, path, headers=headers, **what)).raise_for_status()
            except httpx.TransportError:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)
