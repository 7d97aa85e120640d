"""What is asked and answered over HTTP, and Koha's shapes of error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

Params = Mapping[str, str]


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.query if key == name), None)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes = b""
    kind: str = "application/json;charset=UTF-8"
    headers: tuple[tuple[str, str], ...] = ()


def said(status: int, body: Any) -> Response:
    return Response(status, json.dumps(body, ensure_ascii=False).encode())


def amiss(message: str, path: str) -> Response:
    """Return what Koha says of a question that does not fit its own description: a bare list."""
    return said(400, [{"message": message, "path": path}])


NOT_FOUND = {"errors": [{"message": "Not found.", "path": "/"}], "status": 404}
FAILED = {"errors": [{"message": "Internal server error.", "path": "/"}], "status": 500}
