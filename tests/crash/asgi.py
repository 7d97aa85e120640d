"""One request to an app in this process, without sockets, threads or a client's bookkeeping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp


async def request(app: ASGIApp, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """Return the status and the body of the answer."""
    scope: dict[str, Any] = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method}
    scope |= {"scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""}
    scope |= {"client": ("127.0.0.1", 1), "server": ("library.test", 80)}
    lengthy = {**headers, "content-length": str(len(body))}
    scope["headers"] = [(name.lower().encode(), value.encode()) for name, value in lengthy.items()]
    asked = False
    status, answer = 500, bytearray()

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            return {"type": "http.disconnect"}
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            answer.extend(message.get("body", b""))

    await app(scope, receive, send)
    return status, bytes(answer)
