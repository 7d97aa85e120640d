"""A Zalo Bot platform in small: sendMessage, which says "no" with HTTP 200, and a quota."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


@dataclass
class ZaloBot:
    """`refusals` are the error codes of the next calls; `heard` is what each chat was shown, in order."""

    token: str = "12345689:abc-xyz"
    chats: frozenset[str] = frozenset({"6ede9afa66b88fe6d6a9"})
    refusals: deque[int] = field(default_factory=deque)
    heard: list[tuple[str, str]] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        self.app = Starlette(routes=[Route("/bot{token}/sendMessage", self._send_message, methods=["POST"])])

    async def _send_message(self, request: Request) -> Response:
        self.calls += 1
        if request.path_params["token"] != self.token:
            return _no(401, "Unauthorized")
        if self.refusals:
            code = self.refusals.popleft()
            return _no(code, "Quota exceeded" if code == 429 else "by script")
        asked = await request.json()
        chat, text = asked.get("chat_id"), asked.get("text")
        if chat not in self.chats:
            return _no(404, "Chat not found")
        if not isinstance(text, str) or not 1 <= len(text) <= 2000:
            return _no(400, "Text must have 1 to 2000 characters")
        self.heard.append((chat, text))
        message_id = hashlib.sha256(f"{len(self.heard)}".encode()).hexdigest()[:20]
        return JSONResponse({"ok": True, "result": {"message_id": message_id, "date": 1749632637199}})


def _no(code: int, description: str) -> Response:
    return JSONResponse({"ok": False, "description": description, "error_code": code})
