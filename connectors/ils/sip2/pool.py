"""A few connections for everybody: never one a patron, since servers have few seats and keep them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from connectors.clock import Clock
from connectors.ils.breaker import Breaker
from connectors.ils.sip2.connection import Connection, Fields
from connectors.ils.sip2.messages import Message
from connectors.settings import SIP2ILSSection
from library.ils import ILSUnavailable

logger = logging.getLogger(__name__)

IDLE_S = 30.0  # after so long a line is tried by a 99 before it is trusted with a request
WAITS = 3  # time-outs that somebody waits for a free line


class Pool:
    """At most `section.connections` lines, each with one request in flight."""

    def __init__(self, section: SIP2ILSSection, clock: Clock) -> None:
        self._section = section
        self._clock = clock
        self._seats = asyncio.Semaphore(section.connections)
        self._free: deque[Connection] = deque()
        self._breaker = Breaker()
        self.status: Message | None = None  # the last 98

    async def ask(self, code: str, fixed: str, fields: Fields, *, writes: bool = False) -> Message:
        """Return the answer; see `Connection.ask`. A read whose line was cut is asked once more on a new one."""
        await self._seat()
        try:
            with self._breaker.guard():  # whoever waited while the server fell silent need not try
                return await self._asked(code, fixed, fields, writes=writes)
        finally:
            self._seats.release()

    async def close(self) -> None:
        while self._free:
            self._free.pop().close()

    async def _seat(self) -> None:
        try:
            async with asyncio.timeout(self._section.timeout_s * WAITS):
                await self._seats.acquire()
        except TimeoutError as exc:
            raise ILSUnavailable("no line to the SIP2 server became free in time") from exc

    async def _asked(self, code: str, fixed: str, fields: Fields, *, writes: bool) -> Message:
        line, fresh = await self._line()
        try:
            return await line.ask(code, fixed, fields, writes=writes)
        except ILSUnavailable as exc:
            if fresh or writes or isinstance(exc.__cause__, TimeoutError):
                raise
            logger.info("SIP2 line was cut; another one is opened")
            line = await self._opened()
            return await line.ask(code, fixed, fields)
        finally:
            if line.is_open:
                self._free.append(line)

    async def _line(self) -> tuple[Connection, bool]:
        """Return a line that is open, and whether it is new."""
        now = asyncio.get_running_loop().time()
        while self._free:
            line = self._free.pop()
            if await line.is_quiet() and (now - line.used_at < IDLE_S or await _answers(line)):
                return line, False
            line.close()
        return await self._opened(), True

    async def _opened(self) -> Connection:
        line = await Connection.open(self._section, self._clock)
        self.status = line.status
        return line


async def _answers(line: Connection) -> bool:
    try:
        await line.greet()
    except ILSUnavailable:
        return False
    return True
