"""Brings updates to a webhook as Telegram does: a chat's in order, each again until it says 2xx or it expires."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpx

from tests.simulators.telegram_state import Pending, State

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
LONGEST_WAIT_S = (60.0, 120.0)
RETRY_AFTER_AT_MOST_S = 3600.0

# Takes headers and body to the webhook; returns its status, with the seconds of Retry-After when it gave any.
Deliver = Callable[[Mapping[str, str], bytes], Awaitable[int | tuple[int, float]]]


@dataclass(frozen=True)
class Attempt:
    update_id: int
    at: float
    status: int  # 0: no answer


class Courier:
    """`scale` shortens all waits; `twice` says whether a delivered update is to come a second time."""

    def __init__(
        self,
        state: State,
        now: Callable[[], float],
        deliver: Deliver | None,
        scale: float,
        chance: random.Random,
        twice: Callable[[], bool],
    ) -> None:
        self._state = state
        self._now = now
        self._deliver = deliver or self._over_http
        self._scale = scale
        self._chance = chance
        self._twice = twice
        self._workers: dict[int, asyncio.Task[None]] = {}
        self._lines: asyncio.Semaphore | None = None
        self._client: httpx.AsyncClient | None = None
        self.attempts: list[Attempt] = []

    def wake(self) -> None:
        """Let every chat that has updates waiting be served."""
        if self._state.hook is None:
            return
        self._lines = self._lines or asyncio.Semaphore(self._state.hook.connections)
        for chat_id in {update.chat_id for update in self._state.pending.values()} - set(self._workers):
            self._workers[chat_id] = asyncio.create_task(self._serve(chat_id))

    async def idle(self) -> None:
        """Return when no update waits for the webhook."""
        while self._workers:
            await asyncio.gather(*self._workers.values(), return_exceptions=True)

    async def close(self) -> None:
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if self._client:
            await self._client.aclose()

    async def again(self, update_id: int) -> int:
        """Return the webhook's status when an update comes once more, bytes and all, however late."""
        chat_id, body = self._state.bodies[update_id]
        return (await self._knock(Pending(update_id, chat_id, "", body, 0.0)))[0]

    async def _serve(self, chat_id: int) -> None:
        tries = 0
        try:
            while (update := self._state.first_for(chat_id)) and self._state.hook:
                if self._now() >= update.expires_at:
                    self._state.record("over", update_id=update.update_id, how="expired")
                    tries = 0
                    continue
                status, retry_after = await self._knock(update)
                if 200 <= status < 300:
                    self._state.record("over", update_id=update.update_id, how="delivered")
                    tries = 0
                    if self._twice():
                        await self._knock(update)
                    continue
                tries += 1
                await asyncio.sleep(self._wait_s(tries, retry_after) * self._scale)
        finally:
            del self._workers[chat_id]

    def _wait_s(self, tries: int, retry_after: float | None) -> float:
        if retry_after is not None:
            return min(retry_after, RETRY_AFTER_AT_MOST_S)
        return 0.0 if tries == 1 else min(2.0 ** min(tries - 1, 10), self._chance.uniform(*LONGEST_WAIT_S))

    async def _knock(self, update: Pending) -> tuple[int, float | None]:
        assert self._state.hook
        headers = {"Content-Type": "application/json"}
        if self._state.hook.secret:
            headers[SECRET_HEADER] = self._state.hook.secret
        assert self._lines
        try:
            async with self._lines:
                answered = await self._deliver(headers, update.body)
        except Exception:  # a closed connection, whatever closed it
            answered = 0
        status, retry_after = answered if isinstance(answered, tuple) else (answered, None)
        self.attempts.append(Attempt(update.update_id, self._now(), status))
        return status, retry_after

    async def _over_http(self, headers: Mapping[str, str], body: bytes) -> int | tuple[int, float]:
        assert self._state.hook
        self._client = self._client or httpx.AsyncClient(timeout=60.0, trust_env=False)
        answered = await self._client.post(self._state.hook.url, content=body, headers=dict(headers))
        retry_after = answered.headers.get("Retry-After", "")
        return (answered.status_code, float(retry_after)) if retry_after.isdigit() else answered.status_code
