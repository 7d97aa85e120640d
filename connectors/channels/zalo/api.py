"""One call of Zalo's OpenAPI: what it answered, or by which class of error it did not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx

from connectors.channels.port import TryLater, Unconfirmed
from connectors.channels.zalo.errors import error_of_status

MESSAGE = "/v3.0/oa/message/cs"
TIMEOUT_S = 15.0
NOT_HANDED_OVER = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Answer:
    """`error` is 0 for a success."""

    error: int
    data: dict[str, Any] = field(default_factory=dict)


class ZaloApi:
    def __init__(self, client: httpx.AsyncClient, base: str) -> None:
        self._client = client
        self._base = base.rstrip("/")

    async def post(self, path: str, body: dict[str, Any], access_token: str) -> Answer:
        """Return the answer, be it a refusal. Raises NotSent when there was none that means anything."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                response = await self._client.post(self._base + path, json=body, headers={"access_token": access_token})
        except NOT_HANDED_OVER as exc:
            raise TryLater("no_connection") from exc
        except (TimeoutError, httpx.HTTPError) as exc:
            raise Unconfirmed("timeout") from exc
        if response.status_code >= 300:
            raise error_of_status(response.status_code, response.headers.get("Retry-After", ""))
        return answer_in(response)


def answer_in(response: httpx.Response) -> Answer:
    """Return the answer that a response holds. Raises Unconfirmed for one that is none."""
    try:
        held = response.json()
        error, data = int(held.get("error", 0)), held.get("data")
    except (ValueError, TypeError, AttributeError) as exc:
        raise Unconfirmed("bad_answer") from exc
    return Answer(error, data if isinstance(data, dict) else {})
