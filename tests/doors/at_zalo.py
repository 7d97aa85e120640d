"""A patron at Zalo."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.doors.visitor import LOOK_AGAIN_S, Bubble, PushedVisitor, bare, in_text

ZALOS = {"photo": "image", "voice": "audio", "sticker": "sticker", "location": "location", "file": "file"}


@dataclass
class ZaloVisitor(PushedVisitor):
    last: str = ""
    door = "zalo"

    async def leave(self) -> None:
        await super().leave()
        await self._brought("unfollow", lambda: self.house.zalo.unfollows(self.address))

    async def come_back(self) -> None:
        await super().come_back()
        await self._brought("follow", lambda: self.house.zalo.follows(self.address))

    async def _say(self, text: str) -> None:
        self.last = self.house.zalo.says(self.address, text)

    async def _send(self, kind: str) -> None:
        self.last = self.house.zalo.sends(self.address, ZALOS[kind])

    async def _press(self, title: str) -> None:
        drawn = [choice.title for shown in self.house.zalo.shown_to(self.address) for choice in shown.choices]
        found = next((one for one in reversed(drawn) if one == title or one.endswith(f". {title}")), None)
        if found:
            self.last = str(self.house.zalo.taps(self.address, found))
        elif number := self.number_of(title):
            self.last = self.house.zalo.says(self.address, number)
        else:
            self.last = self.house.zalo.says(self.address, "#" + "x" * 22)

    async def _repeat(self) -> None:
        mine = [knock for knock in self.house.knocks if knock.door == "zalo" and self.last.encode() in knock.body]
        # In rough weather a knock may be lost, or its answer; the channel comes again then.
        while await self.house.knock("zalo", {**mine[-1].headers, "num_retry": "1"}, mine[-1].body) != 200:
            await asyncio.sleep(LOOK_AGAIN_S)

    async def withdraw(self) -> None:
        await self._brought("user_withdraw", lambda: self.house.zalo.withdraws(self.address))

    async def be_answered_in_zalo(self, text: str) -> None:
        await self._brought("admin_id", lambda: self.house.zalo.staff_says(self.address, text))

    async def _brought(self, event: str, do: Callable[[], object]) -> None:
        """Do it, and return when the event of this patron that it makes is taken, and answered if it is to be."""
        known, marks = len(self.house.knocks), (f'"{event}"'.encode(), self.address.encode())
        do()

        async def taken() -> bool:
            new = (knock for knock in self.house.knocks[known:] if knock.status == 200)
            return any(all(mark in knock.body for mark in marks) for knock in new)

        await self._until(taken, True)
        await self.settled()

    async def _shown(self) -> list[Bubble]:
        return [self._bubble(shown) for shown in self.house.zalo.shown_to(self.address)]

    def _bubble(self, shown: Any) -> Bubble:
        listed, links = in_text(shown.text)
        links |= {one.title: one.payload for one in shown.choices if one.action == "oa.open.url"}
        return Bubble(shown.text, (*(bare(one.title) for one in shown.choices), *listed), links)
