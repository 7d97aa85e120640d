"""A Telegram of our own, as strict as the real one: its limits, its errors, its way of bringing updates.

Patrons write and tap, the Bot API answers, the courier knocks at our webhook. It runs over HTTP (uvicorn serves
`TelegramServer(...).app`) or in process, without sockets or threads: the Bot API through
`httpx.ASGITransport(app=server.app)`, our webhook through the `deliver` that it is given.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.clock import wall_clock
from tests.simulators.telegram_api import BOT, TAP_LIVES_S, ApiError, BotApi, Fault
from tests.simulators.telegram_courier import Courier, Deliver
from tests.simulators.telegram_state import Shown, State

TOKEN = "7000000001:simulated-token-of-the-library-bot"
MESSAGE_LIVES_S = 24 * 3600.0
UNASKED = {"chat_member", "message_reaction", "message_reaction_count"}  # brought only to who asks for them


class TelegramServer:
    """`clock` dates everything; `scale` shortens the courier's waits and the lives of updates, not the rate limits."""

    def __init__(
        self,
        *,
        token: str = TOKEN,
        deliver: Deliver | None = None,
        journal: Path | None = None,
        clock: Callable[[], datetime] = wall_clock,
        scale: float = 1.0,
        limits: bool = True,
        burst: int = 5,
        per_second: int = 30,
        http_webhooks: bool = False,
        twice: Callable[[], bool] = lambda: False,
        seed: int = 0,
    ) -> None:
        self.token = token
        self.state = State(journal)
        self._clock = clock
        self._scale = scale
        chance = random.Random(seed)
        self.courier = Courier(self.state, self.now, deliver, scale, chance, twice)
        self.api = BotApi(
            self.state,
            token,
            self.now,
            limits=limits,
            http_webhooks=http_webhooks,
            burst=burst,
            per_second=per_second,
            on_hook=self.courier.wake,
        )
        self.app = self.api.app

    def now(self) -> float:
        return self._clock().timestamp()

    def resume(self) -> None:
        """Take up, after a crash, what the journal says was on its way."""
        self.courier.wake()

    async def close(self) -> None:
        await self.courier.close()
        self.state.close()

    # What patrons do. Each returns the update's id.

    def says(self, chat_id: int, text: str, **more: Any) -> int:
        return self.writes(chat_id, text=text, **more)

    def writes(self, chat_id: int, **content: Any) -> int:
        """Send any message: `text=…`, `photo=[…]`, `sticker={…}`, and whatever else may stand in one."""
        return self.hears("message", chat_id, {**self._message(chat_id), **content})

    def edits(self, chat_id: int, message_id: int, text: str) -> int:
        message = {**self._message(chat_id, message_id), "edit_date": int(self.now()), "text": text}
        return self.hears("edited_message", chat_id, message)

    def taps(self, chat_id: int, title: str) -> int:
        """Tap the newest button with this title. Raises LookupError when none is shown."""
        for shown in reversed(self.shown_to(chat_id)):
            for button in (button for row in shown.buttons for button in row):
                if button["text"] == title and "callback_data" in button:
                    return self.taps_data(chat_id, button["callback_data"], shown.message_id)
        raise LookupError(f"no button {title!r} is shown in chat {chat_id}")

    def taps_data(self, chat_id: int, data: str, message_id: int = 1) -> int:
        tap = str(4_000_000_000_000_000_000 + self.state.next_update)
        self.state.record("tap", tap=tap, at=self.now())
        message = {"message_id": message_id, "chat": _chat(chat_id), "date": int(self.now()), "from": BOT}
        query = {"id": tap, "from": _user(chat_id), "message": message, "chat_instance": "1", "data": data}
        return self.hears("callback_query", chat_id, query, lives_s=TAP_LIVES_S)

    def blocks(self, chat_id: int) -> int:
        self.becomes(chat_id, "blocked")
        return self._membership(chat_id, "member", "kicked")

    def unblocks(self, chat_id: int) -> int:
        self.becomes(chat_id, "open")
        return self._membership(chat_id, "kicked", "member")

    def becomes(self, chat_id: int, status: str, moved_to: int | None = None) -> None:
        """Let a chat be open, blocked, deactivated, kicked, stranger, or moved."""
        self.state.record("chat", chat_id=chat_id, status=status, moved_to=moved_to)

    def migrates(self, chat_id: int, moved_to: int) -> int:
        self.becomes(moved_to, "open")
        self.becomes(chat_id, "open", moved_to)
        return self.hears("message", chat_id, {**self._message(chat_id), "migrate_to_chat_id": moved_to})

    def hears(self, kind: str, chat_id: int, content: Any, lives_s: float = MESSAGE_LIVES_S) -> int:
        """Let any update be on its way to the bot, if the bot wants that kind."""
        update_id = self.state.next_update
        return self.hears_bytes(chat_id, kind, json.dumps({"update_id": update_id, kind: content}), lives_s)

    def hears_bytes(self, chat_id: int, kind: str, body: str, lives_s: float = MESSAGE_LIVES_S) -> int:
        """As `hears`, with bytes that may be no update at all."""
        update_id = self.state.next_update
        wanted = self.state.kinds
        if kind in wanted if wanted is not None else kind not in UNASKED:
            said = {"chat_id": chat_id, "kind": kind, "body": body, "expires_at": self.now() + lives_s * self._scale}
            self.state.record("update", update_id=update_id, **said)
            self.api.announce()
            self.courier.wake()
        else:
            self.state.next_update += 1
        return update_id

    # What there is to see.

    def shown_to(self, chat_id: int) -> list[Shown]:
        return self.state.shown_to(chat_id)

    def texts(self, chat_id: int) -> list[str]:
        return [shown.text for shown in self.shown_to(chat_id)]

    def calls(self, method: str) -> list[dict[str, Any]]:
        return [params for name, params in self.api.calls if name == method]

    # What goes wrong.

    def refuse(self, method: str, code: int, description: str, times: int = 1, **parameters: int) -> None:
        """Let the next calls of a method be refused."""
        self.api.faults.append(Fault(method, ApiError(code, description, **parameters), times))

    def break_line(self, method: str, error: Exception, times: int = 1, after: bool = False) -> None:
        """Let the next calls of a method get no answer; with `after`, they are carried out all the same."""
        self.api.faults.append(Fault(method, error, times, after))

    def _message(self, chat_id: int, message_id: int | None = None) -> dict[str, Any]:
        chat = self.state.chat(chat_id)
        if chat is None or chat.status == "stranger":
            self.becomes(chat_id, "open")
        number = message_id or self.state.next_message
        self.state.record("message", message_id=number)
        sender = _user(chat_id if chat_id > 0 else 42)
        return {"message_id": number, "from": sender, "chat": _chat(chat_id), "date": int(self.now())}

    def _membership(self, chat_id: int, before: str, after: str) -> int:
        change: dict[str, Any] = {"chat": _chat(chat_id), "from": _user(chat_id), "date": int(self.now())}
        change["old_chat_member"] = {"user": BOT, "status": before, **({"until_date": 0} if before == "kicked" else {})}
        change["new_chat_member"] = {"user": BOT, "status": after, **({"until_date": 0} if after == "kicked" else {})}
        return self.hears("my_chat_member", chat_id, change)


def _chat(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "type": "private", "first_name": "An"} if chat_id > 0 else {"id": chat_id, "type": "group"}


def _user(user_id: int) -> dict[str, Any]:
    return {"id": user_id, "is_bot": False, "first_name": "An", "language_code": "vi"}
