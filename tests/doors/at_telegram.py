"""A patron at Telegram."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from connectors.sharing import start_argument
from tests.doors.visitor import TYPED, Bubble, PushedVisitor, bare, in_text

TELEGRAMS = {
    "photo": {"photo": [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]},
    "voice": {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 1}},
    "sticker": {"sticker": {"file_id": "s", "file_unique_id": "s", "type": "regular", "emoji": "👍"}},
    "location": {"location": {"latitude": 10.36, "longitude": 106.36}},
    "file": {"document": {"file_id": "d", "file_unique_id": "d", "file_name": "a.pdf"}},
}


@dataclass
class TelegramVisitor(PushedVisitor):
    last: int = 0
    door = "telegram"

    @property
    def chat(self) -> int:
        return int(self.address)

    async def leave(self) -> None:
        await super().leave()
        self.house.telegram.blocks(self.chat)
        await self.brought()

    async def come_back(self) -> None:
        await super().come_back()
        self.house.telegram.unblocks(self.chat)
        await self.brought()
        await self.settled()

    async def edit(self, text: str) -> None:
        """Change the words of the last message."""
        _, body = self.house.telegram.state.bodies[self.last]
        async with self.answered():
            self.house.telegram.edits(self.chat, json.loads(body)["message"]["message_id"], text)
            await self.brought()

    async def _say(self, text: str) -> None:
        said_at = self.house.clock() - self.house.weather.age()
        self.last = self.house.telegram.says(self.chat, text, date=int(said_at.timestamp()))
        await self.brought()

    async def _send(self, kind: str) -> None:
        self.last = self.house.telegram.writes(self.chat, **TELEGRAMS[kind])
        await self.brought()

    async def _command(self, word: str) -> None:
        name, _, target = word.partition(" ")
        what, _, item = target.partition(":")
        opened = start_argument(what, item) if target else ""
        await self._say(f"{TYPED[name]} {opened}".strip())

    async def _press(self, title: str) -> None:
        shown = self.house.telegram.shown_to(self.chat)
        drawn = [one["text"] for message in shown for row in message.buttons for one in row if "callback_data" in one]
        found = next((one for one in reversed(drawn) if one == title or one.endswith(f". {title}")), None)
        if found:
            self.last = self.house.telegram.taps(self.chat, found)
        elif number := self.number_of(title):
            self.last = self.house.telegram.says(self.chat, number)
        else:
            self.last = self.house.telegram.taps_data(self.chat, title.encode()[:60].decode("utf-8", "ignore"))
        await self.brought()

    async def _repeat(self) -> None:
        if self.house.telegram.state.hook:
            await self.house.telegram.courier.again(self.last)

    async def brought(self) -> None:
        """Return when every update of this chat is taken."""

        async def on_its_way() -> bool:
            return any(update.chat_id == self.chat for update in self.house.telegram.state.pending.values())

        await self._until(on_its_way, False)

    async def _shown(self) -> list[Bubble]:
        return [self._bubble(shown) for shown in self.house.telegram.shown_to(self.chat)]

    def _bubble(self, shown: Any) -> Bubble:
        listed, links = in_text(shown.text)
        buttons = [button for row in shown.buttons for button in row]
        links |= {button["text"]: button["url"] for button in buttons if "url" in button}
        return Bubble(shown.text, (*(bare(button["text"]) for button in buttons), *listed), links)
