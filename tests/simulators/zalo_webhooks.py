"""The sending side of the simulated Zalo: signed webhooks, a deadline, a ladder of retries, then silence."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.zalo_journal import Journal

LADDER_S = (30.0, 300.0, 900.0, 1800.0, 3600.0)
DEADLINE_S = 2.0
PATIENCE_S = 10.0  # a connection that stays open longer is given up
NO_ANSWER = 0

Deliver = Callable[[Mapping[str, str], bytes], Awaitable[int]]


def signed(app_id: str, secret: str, body: bytes, timestamp: str) -> str:
    """Return the header's value; written from the vendor's description and not with the gateway's code."""
    return "mac=" + hashlib.sha256(b"".join((app_id.encode(), body, timestamp.encode(), secret.encode()))).hexdigest()


@dataclass
class Delivery:
    """One event on its way. `attempted` is set once the first attempt has been answered or given up."""

    number: int
    headers: dict[str, str]
    body: bytes
    attempted: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Tally:
    """How the gateway took its webhooks."""

    statuses: list[int] = field(default_factory=list)
    slow: int = 0  # answered later than the deadline
    retries: int = 0
    lost: list[bytes] = field(default_factory=list)  # given up, or not sent at all since


class Webhooks:
    """`disturb()` says after which delays, in seconds, the copies of the next event go out: [0] is one, at once.

    After the last rung of the ladder the app is unsubscribed: nothing is delivered until `subscribe()`.
    `scale` shortens every waiting but the deadline of two seconds, for runs on real time. `ladder_s` are the waits
    between attempts.
    """

    def __init__(
        self,
        deliver: Deliver,
        journal: Journal,
        *,
        app_id: str,
        secret: str,
        scale: float = 1.0,
        ladder_s: Sequence[float] = LADDER_S,
        retry_slow: bool = True,
        disturb: Callable[[], Sequence[float]] = lambda: (0.0,),
    ) -> None:
        self.deliver = deliver
        self.disturb = disturb
        self.retry_slow = retry_slow
        self.subscribed = True
        self.tally = Tally()
        self._journal = journal
        self._app_id = app_id
        self._secret = secret
        self._scale = scale
        self._ladder_s = ladder_s
        self._number = 0
        self._pending: dict[int, Delivery] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def entry(self, event: dict[str, Any]) -> tuple[Delivery, dict[str, Any]]:
        """Return the event made ready, and what the journal must hold of it before it is sent."""
        self._number += 1
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        delivery = Delivery(self._number, self._headers(body, str(event["timestamp"])), body)
        kept = {"what": "event", "number": self._number, "body": body.decode(), "headers": delivery.headers}
        return delivery, kept

    def send(self, delivery: Delivery, after_s: Sequence[float] | None = None) -> Delivery:
        """Send an event whose entry is in the journal; `after_s` replaces what `disturb()` says."""
        self._pending[delivery.number] = delivery
        for number, delay_s in enumerate(self.disturb() if after_s is None else after_s):
            self._start(self._copy(delivery, delay_s, number))
        return delivery

    def remember(self, entry: Mapping[str, Any]) -> None:
        """Take up what the journal holds; `resume` sends what was not answered with 200."""
        self._number = max(self._number, entry["number"])
        if entry["what"] == "event":
            body = entry["body"].encode()
            self._pending[entry["number"]] = Delivery(entry["number"], dict(entry["headers"]), body)
        else:
            self._pending.pop(entry["number"], None)

    def resume(self, after_s: float = 0.0) -> int:
        """Return how many events were under way when the process died, and send each again."""
        waiting = list(self._pending.values())
        for delivery in waiting:
            self._start(self._copy(delivery, after_s, 1))
        return len(waiting)

    def subscribe(self) -> None:
        self.subscribed = True

    async def probe(self) -> list[int]:
        """Return the statuses for what the console sends when the address is saved: `{}` unsigned, and its sample."""
        sample = {
            "app_id": "360846524940903967",
            "sender": {"id": "246845883529197922"},
            "user_id_by_app": "552177279717587730",
            "recipient": {"id": "388613280878808645"},
            "event_name": "user_send_text",
            "message": {"text": "This is testing message", "msg_id": "This is message id"},
            "timestamp": "154390853474",
        }
        body = json.dumps(sample).encode()
        unsigned = await self.deliver({"Content-Type": "application/json"}, b"{}")
        return [unsigned, await self.deliver(self._headers(body, sample["timestamp"]), body)]  # type: ignore[arg-type]

    async def idle(self) -> None:
        """Return when nothing is on its way, retries included."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _headers(self, body: bytes, timestamp: str) -> dict[str, str]:
        mac = signed(self._app_id, self._secret, body, timestamp)
        return {"Content-Type": "application/json", "X-ZEvent-Signature": mac}

    def _start(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _copy(self, delivery: Delivery, delay_s: float, retry: int) -> None:
        """Deliver until it is taken, or the ladder ends."""
        if delay_s:
            await asyncio.sleep(delay_s * self._scale)
        for rung_s in (*self._ladder_s, None):
            if not self.subscribed:
                break
            if await self._attempt(delivery, retry):
                return
            if rung_s is not None:
                retry += 1
                self.tally.retries += 1
                await asyncio.sleep(rung_s * self._scale)
        self.subscribed = False
        if delivery.number in self._pending:  # else another copy of it was taken
            self.tally.lost.append(delivery.body)
            self._done(delivery)

    async def _attempt(self, delivery: Delivery, retry: int) -> bool:
        """Return whether the event counts as delivered."""
        headers = {**delivery.headers, **({"num_retry": str(retry)} if retry else {})}
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(PATIENCE_S):
                status = await self.deliver(headers, delivery.body)
        except Exception:
            status = NO_ANSWER
        finally:
            delivery.attempted.set()
        self.tally.statuses.append(status)
        slow = asyncio.get_running_loop().time() - started > DEADLINE_S
        self.tally.slow += slow
        taken = status == 200 and not (slow and self.retry_slow)
        if taken:
            self._done(delivery)
        return taken

    def _done(self, delivery: Delivery) -> None:
        if self._pending.pop(delivery.number, None):
            self._journal.write({"what": "delivered", "number": delivery.number})
