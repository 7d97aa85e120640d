"""Serve a Koha over a real socket, by an HTTP server small enough to fail in every way a line can."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from email.utils import format_datetime
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from tests.simulators.koha import ilsdi, rest
from tests.simulators.koha.state import Koha
from tests.simulators.koha.wire import Request, Response

Kind = Literal[
    "hang", "hang_after", "drop_before", "drop_after", "500", "502", "503", "429", "401", "garbage", "truncated",
    "other_patron", "slow",
]  # fmt: skip
OTHER_PAGES = {
    "500": Response(500, b'{"errors":[{"message":"Internal server error.","path":"/"}],"status":500}'),
    "502": Response(502, b"<html><h1>502 Bad Gateway</h1></html>", "text/html"),
    "503": Response(503, b"<html>Maintenance</html>", "text/html", (("retry-after", "120"),)),
    "429": Response(429, b'{"error":"Too many requests"}', headers=(("retry-after", "5"),)),
    "401": Response(401, b'{"error":"Authentication failure."}'),
}


@dataclass
class Fault:
    """What goes wrong at requests that `at` matches ("GET /checkouts", "RenewLoan"); `times` None: every time."""

    kind: Kind
    at: str = ""
    times: int | None = None
    seconds: float = 0.05  # of slow
    other: int = 0  # of other_patron: whose data is told

    def strikes(self, what: str) -> bool:
        if self.times == 0 or not re.search(self.at, what):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Served:
    """A served Koha: its address, and what goes wrong there from now on."""

    koha: Koha
    url: str = ""
    faults: list[Fault] = field(default_factory=list)
    latency_s: float = 0.0
    delays: Iterator[float] | None = None  # of one request after another, instead
    clock_off_s: float = 0.0
    at_once: int = 0  # the most requests that were open at one time
    struck: int = 0  # how often a fault made a difference
    _open: int = 0


@contextlib.asynccontextmanager
async def serving(koha: Koha) -> AsyncIterator[Served]:
    served = Served(koha)
    lines: set[asyncio.Task[None]] = set()

    async def line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        lines.add(task)
        try:
            await _talk(served, reader, writer)
        except (ConnectionError, h11.RemoteProtocolError, asyncio.CancelledError):
            pass  # the line ends here, however it ended
        finally:
            lines.discard(task)
            writer.close()

    server = await asyncio.start_server(line, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()
        for task in list(lines):
            task.cancel()
        await asyncio.gather(*lines, return_exceptions=True)


async def _talk(served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one line until it ends."""
    http = h11.Connection(h11.SERVER)
    while True:
        request = await _request(http, reader)
        if request is None:
            return
        served._open += 1
        served.at_once = max(served.at_once, served._open)
        try:
            stays = await _answer(served, http, writer, request)
        finally:
            served._open -= 1
        if not stays or http.our_state is not h11.DONE:
            return
        http.start_next_cycle()


async def _request(http: h11.Connection, reader: asyncio.StreamReader) -> Request | None:
    head: h11.Request | None = None
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await reader.read(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return _plain(head, body)
        else:
            return None


def _plain(head: h11.Request, body: bytes) -> Request:
    parts = urlsplit(head.target.decode())
    query = tuple(parse_qsl(parts.query, keep_blank_values=True))
    headers = {name.decode().lower(): value.decode() for name, value in head.headers}
    return Request(head.method.decode(), unquote(parts.path), query, headers, body)


async def _answer(served: Served, http: h11.Connection, writer: asyncio.StreamWriter, request: Request) -> bool:
    """Answer one request; return whether the line stays."""
    what = _what(request)
    served.koha.asked.append(what)
    fault = next((each for each in served.faults if each.strikes(what)), None)
    kind = fault.kind if fault else None
    served.struck += kind not in (None, "other_patron")
    delay = next(served.delays) if served.delays else served.latency_s
    await asyncio.sleep(delay + (fault.seconds if fault and kind == "slow" else 0))
    if kind == "drop_before":
        return False
    if kind == "hang":
        await asyncio.sleep(3600)
    asked = _about(request, fault.other) if fault and kind == "other_patron" else request
    response = said = OTHER_PAGES[kind] if kind in OTHER_PAGES else _said(served.koha, asked)
    if fault and kind == "other_patron":
        response = _of_other(said, fault.other)
        served.struck += (asked, response) != (request, said)
    if kind == "drop_after":
        return False
    if kind == "hang_after":
        await asyncio.sleep(3600)
    if kind == "garbage":
        response = Response(200, b"\x00\xff<<<{{{ \xe1\xba", "application/json")
    return await _send(served, http, writer, response, cut=kind == "truncated")


def _what(request: Request) -> str:
    """Return the request in a word: the route, or the service of ILS-DI."""
    if request.path == ilsdi.PAGE:
        return request.param("service") or request.form().get("service", "")
    return f"{request.method} {request.path.removeprefix('/api/v1') or '/'}"


def _said(koha: Koha, request: Request) -> Response:
    if request.path == ilsdi.PAGE:
        return ilsdi.answer(koha, request)
    if request.path.startswith("/api/v1"):
        return rest.answer(koha, request)
    return Response(404, b"<html>Not found</html>", "text/html")


def _about(request: Request, other: int) -> Request:
    """Return a read as if it had been asked of another patron."""
    if request.method != "GET" or request.param("service") == "RenewLoan":
        return request
    query = tuple((name, str(other) if name == "patron_id" else value) for name, value in request.query)
    return replace(request, query=query, path=re.sub(r"/patrons/\d+", f"/patrons/{other}", request.path))


def _of_other(response: Response, other: int) -> Response:
    """Return an answer to a write with another patron's number in it."""
    return replace(response, body=re.sub(rb'"patron_id": \d+', b'"patron_id": %d' % other, response.body))


async def _send(
    served: Served, http: h11.Connection, writer: asyncio.StreamWriter, response: Response, *, cut: bool
) -> bool:
    now = served.koha.clock().timestamp() + served.clock_off_s
    date = format_datetime(type(served.koha.clock()).fromtimestamp(now, served.koha.clock().tzinfo))
    length = [] if response.status == 204 else [("content-length", str(len(response.body)))]
    headers = [("content-type", response.kind), ("date", date), *length, *response.headers]
    writer.write(http.send(h11.Response(status_code=response.status, headers=headers)) or b"")
    body = response.body[: len(response.body) // 2] if cut else response.body
    writer.write(http.send(h11.Data(data=body)) or b"")
    if not cut:
        writer.write(http.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    return not cut
