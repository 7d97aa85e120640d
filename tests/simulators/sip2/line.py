"""A line to a SIP2 server that a test can cut, silence, garble and mix up, message by message."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Literal

from connectors.ils.sip2.frame import checksum

Kind = Literal[
    "hang", "hang_after", "drop_before", "drop_after", "garbage", "other_patron", "again", "split", "slow",
    "no_checksum",
]  # fmt: skip


@dataclass
class LineFault:
    """What goes wrong at messages of these codes ("29", "63|17"); `times` None: every time."""

    kind: Kind
    at: str = ".."
    times: int | None = None
    seconds: float = 0.05  # of slow
    other: tuple[str, str] = ("", "")  # of other_patron: the card asked for, and whose is told instead

    def strikes(self, code: str) -> bool:
        if self.times == 0 or not re.fullmatch(self.at, code):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Line:
    """The line: where it begins, what goes wrong on it, and what went over it."""

    port: int = 0
    faults: list[LineFault] = field(default_factory=list)
    latency_s: float = 0.0
    delays: Iterator[float] | None = None  # of one message after another, instead
    codes: list[str] = field(default_factory=list)  # of the requests, in order
    open: int = 0  # lines that are open now
    most_open: int = 0
    struck: int = 0  # how often a fault made a difference


@contextlib.asynccontextmanager
async def line_to(port: int, host: str = "127.0.0.1") -> AsyncIterator[Line]:
    """Yield a line to the server at this address."""
    line = Line()
    ends: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ends.add(task)
        line.open += 1
        line.most_open = max(line.most_open, line.open)
        there, back = await asyncio.open_connection(host, port)
        try:
            await _carry(line, reader, writer, there, back)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the line ends here, however it ended
        finally:
            line.open -= 1
            ends.discard(task)
            back.close()
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        for task in list(ends):
            task.cancel()
        await asyncio.gather(*ends, return_exceptions=True)


async def _carry(
    line: Line,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    there: asyncio.StreamReader,
    back: asyncio.StreamWriter,
) -> None:
    while True:
        asked = await reader.readuntil(b"\r")
        code = asked.strip()[:2].decode("latin-1")
        line.codes.append(code)
        fault = next((each for each in line.faults if each.strikes(code)), None)
        kind = fault.kind if fault else None
        line.struck += kind not in (None, "other_patron")
        delay = next(line.delays) if line.delays else line.latency_s
        await asyncio.sleep(delay + (fault.seconds if fault and kind == "slow" else 0))
        if kind == "drop_before":
            return
        if kind == "hang":
            await asyncio.sleep(3600)
        if kind == "again":
            writer.write(b"96AZFEF6\r")
            continue
        sent = _about(asked, *fault.other) if fault and kind == "other_patron" else asked
        line.struck += sent.strip() != asked.strip()
        back.write(sent)
        told = await there.readuntil(b"\r")
        if kind == "drop_after":
            return
        if kind == "hang_after":
            await asyncio.sleep(3600)
        if kind == "garbage":
            told = b"\xff\xfe<html>|||\x01\r"
        if kind == "no_checksum":
            told = re.sub(rb"AY\dAZ....\r$", b"\r", told)
        for part in _parts(told) if kind == "split" else [told]:
            writer.write(part)
            await writer.drain()


def _about(asked: bytes, card: str, other: str) -> bytes:
    """Return a message as if it had been sent for another card, checksum and all."""
    line = asked.strip().replace(b"AA" + card.encode() + b"|", b"AA" + other.encode() + b"|")
    if trailer := re.search(rb"AY\dAZ", line):
        line = line[: trailer.end()]
        line += checksum(line)
    return line + b"\r"


def _parts(told: bytes) -> list[bytes]:
    return [told[at : at + 7] for at in range(0, len(told), 7)]
