"""HTTP to a Koha: keys, time-outs, retries of reads, and its four shapes of error as errors of ours.

What is asked and answered holds patrons' data: nothing of it stands in an error or a log.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from connectors.ils.breaker import Breaker
from connectors.ils.koha.once import Once
from connectors.settings import KohaILSSection
from library.ils import ILSMisconfigured, ILSOutcomeUnknown, ILSProtocolError, ILSUnavailable

logger = logging.getLogger(__name__)

Got = TypeVar("Got")

API = "/api/v1"
AT_ONCE = 20  # a small Koha has two to four workers: what is more waits there, in the order it came
READ_TRIES = 3
MAX_BYTES = 8_000_000
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Answer:
    """What Koha said, with a status that the caller understands: 2xx, 404, or a 4xx with its reason."""

    status: int
    body: Any
    total: int | None = None  # of a list that comes in pages: how many rows there are in all

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class KohaClient:
    """One Koha. Reads are tried again, writes never; a key that expired is renewed once for all who wait."""

    def __init__(self, section: KohaILSSection, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._section = section
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(section.timeout_s),
            limits=httpx.Limits(max_connections=AT_ONCE, max_keepalive_connections=AT_ONCE, keepalive_expiry=3.0),
            transport=transport,
        )
        self._basic = (section.user, section.password) if section.user and section.password else None
        self._token: str | None = None
        self._token_ends = 0.0
        self._fetching = Once(self._fetched)
        self._breaker = Breaker()

    async def close(self) -> None:
        await self._http.aclose()

    async def read(self, path: str, **query: Any) -> Answer:
        """Return the answer to a GET, also a 404. Raises ILSUnavailable, ILSMisconfigured, ILSProtocolError."""
        return await self._patiently(lambda: self._answered("GET", path, query=query))

    async def read_by_post(self, path: str, body: Any) -> Answer:
        """Return the answer to a question that is posted because of what it holds; it changes nothing."""
        return await self._patiently(lambda: self._answered("POST", path, query={}, body=body))

    async def write(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        """Return the answer to a write, also a refusal (403, 404, 409). It is sent once.

        Raises ILSOutcomeUnknown when it was sent and no answer came that can be understood.
        """
        with self._breaker.guard():
            return await self._answered(method, path, query=query, body=body, writes=True)

    async def ask(
        self, url: str, form: Mapping[str, str], *, method: str = "GET", writes: bool = False
    ) -> httpx.Response:
        """Return the plain response of a page beside REST; redirects are not followed."""

        async def send() -> httpx.Response:
            sent = {"params": dict(form)} if method == "GET" else {"data": dict(form)}
            return self._sound(await self._send(method, url, writes=writes, **sent), writes=writes)

        if not writes:
            return await self._patiently(send)
        with self._breaker.guard():
            return await send()

    async def _patiently(self, attempt: Callable[[], Awaitable[Got]]) -> Got:
        with self._breaker.guard():
            for tried in range(1, READ_TRIES + 1):
                try:
                    return await attempt()
                except _TimedOut:
                    raise  # whoever waited so long already shall not wait three times as long
                except ILSUnavailable:
                    if tried == READ_TRIES:
                        raise
                    await asyncio.sleep(random.uniform(0.05, 0.15) * tried)  # noqa: S311
            raise AssertionError("unreachable")

    async def _answered(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any],
        body: Any = None,
        writes: bool = False,
    ) -> Answer:
        """Send once; when the key is refused, which proves that nothing was done, once more with a new one."""
        for last in (False, True):
            key = await self._key()
            sent: dict[str, Any] = {"params": dict(query)} | ({} if body is None else {"json": body})
            headers = {**key, "Accept": "application/json"}
            response = await self._send(method, self._url(path), writes=writes, headers=headers, **sent)
            if response.status_code != 401:
                return _understood(self._sound(response, writes=writes), writes=writes)
            if b"Basic authentication disabled" in response.content:
                raise ILSMisconfigured("Basic log-in is off in Koha: turn the system preference RESTBasicAuth on")
            self._drop(key)
            if last or self._basic:
                break
        raise ILSMisconfigured("Koha does not accept our key: check [ils] client_id and client_secret, or user")

    async def _key(self) -> dict[str, str]:
        if self._basic:
            return {"Authorization": "Basic " + base64.b64encode(":".join(self._basic).encode()).decode()}
        token = self._token
        if token is None or time.monotonic() >= self._token_ends:
            token = await self._fetching()
        return {"Authorization": f"Bearer {token}"}

    def _drop(self, key: Mapping[str, str]) -> None:
        """Forget the key that was refused, unless somebody has fetched a new one since."""
        if key["Authorization"] == f"Bearer {self._token}":
            self._token = None

    async def _fetched(self) -> str:
        """Return a new token, kept until a minute before its end."""
        section = self._section
        form = {
            "grant_type": "client_credentials",
            "client_id": section.client_id,
            "client_secret": section.client_secret or "",
        }
        response = self._sound(await self._send("POST", self._url("/oauth/token"), data=form), writes=False)
        body = _json(response, writes=False)
        if response.status_code != 200:
            raise ILSMisconfigured(_why_no_token(response.status_code, body))
        token = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            raise ILSProtocolError("Koha gave no access token")
        lasts = body.get("expires_in")
        lasts_s = float(lasts) if isinstance(lasts, int | float) else 3600.0
        self._token, self._token_ends = token, time.monotonic() + max(5.0, lasts_s - 60)
        return token

    async def _send(self, method: str, url: str, *, writes: bool = False, **sent: Any) -> httpx.Response:
        try:
            async with asyncio.timeout(self._section.timeout_s * 1.5):  # httpx counts each silence for itself
                return await self._received(method, url, **sent)
        except _NEVER_SENT as exc:
            raise _timed_out(exc, "Koha cannot be reached") from exc
        except (httpx.HTTPError, TimeoutError) as exc:
            if writes:
                raise ILSOutcomeUnknown(f"no answer from Koha to a write ({type(exc).__name__})") from exc
            raise _timed_out(exc, "no answer from Koha") from exc
        except (httpx.InvalidURL, ValueError) as exc:
            raise ILSMisconfigured("[ils] url is not an address") from exc

    async def _received(self, method: str, url: str, **sent: Any) -> httpx.Response:
        async with self._http.stream(method, url, **sent) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise httpx.DecodingError("too long")
        return httpx.Response(response.status_code, headers=_plain_headers(response), content=bytes(body))

    def _sound(self, response: httpx.Response, *, writes: bool) -> httpx.Response:
        """Return the response unless Koha, or what stands before it, is in trouble."""
        code = response.status_code
        if code == 429:
            raise ILSUnavailable("Koha is asked too much just now")
        if code >= 500 and writes:
            raise ILSOutcomeUnknown(f"Koha failed at a write ({code})")
        if code >= 500:
            raise ILSUnavailable(f"Koha failed ({code})")
        return response

    def _url(self, path: str) -> str:
        return self._section.url.rstrip("/") + API + path


class MissingPermission(ILSMisconfigured):
    """Koha knows our key and does not let it ask this."""


class _TimedOut(ILSUnavailable):
    """No answer in time, which a second try would only double."""


def _timed_out(exc: Exception, what: str) -> ILSUnavailable:
    kind = _TimedOut if isinstance(exc, httpx.TimeoutException | TimeoutError) else ILSUnavailable
    return kind(f"{what} ({type(exc).__name__})")


def _plain_headers(response: httpx.Response) -> dict[str, str]:
    """Return the headers without those of how the body came, which is unpacked already."""
    gone = {"content-encoding", "content-length", "transfer-encoding"}
    return {name: value for name, value in response.headers.items() if name.lower() not in gone}


def _understood(response: httpx.Response, *, writes: bool) -> Answer:
    code = response.status_code
    if 300 <= code < 400:
        raise ILSMisconfigured("Koha sends us elsewhere: [ils] url must be the address of the staff client itself")
    body = _json(response, writes=writes)
    # Koha says of what is not there, or is refused: {"error": …}. Of a call that it does not have, or not like this,
    # the framework under it says: {"errors": [{"message": …, "path": …}]}, or a bare list.
    if code in (400, 404) and (isinstance(body, list) or (isinstance(body, dict) and "errors" in body)):
        raise ILSProtocolError("this version of Koha does not take what was asked")
    if code == 403 and isinstance(body, dict) and body.get("required_permissions"):
        raise MissingPermission(f"our key in Koha lacks a permission: {permissions(body['required_permissions'])}")
    if code == 403 and _said(body) == "Invalid password":
        raise ILSMisconfigured("Koha refuses our password: check [ils] user and password")
    if code == 403 and not writes:
        raise ILSMisconfigured("Koha refuses our key this question")
    return Answer(code, body, _total(response))


def _total(response: httpx.Response) -> int | None:
    told = response.headers.get("x-total-count", "")
    return int(told) if told.isdecimal() else None


def _json(response: httpx.Response, *, writes: bool) -> Any:
    """Return what the body holds, None for an empty one. What is no JSON is no answer."""
    if not response.content.strip():
        return None
    try:
        return json.loads(response.content)
    except (ValueError, RecursionError) as exc:
        if writes and response.status_code < 400:
            raise ILSOutcomeUnknown("Koha's answer to a write cannot be read") from exc
        raise ILSUnavailable(f"not an answer of Koha's interface ({response.status_code})") from exc


def reason(body: Any) -> str:
    """Return the code in which Koha says why not, '' when it gives none.

    Of "Renewal not authorized (on_reserve)" that is on_reserve, of "… Reason: tooManyReserves" tooManyReserves.
    """
    if isinstance(body, dict) and isinstance(body.get("error_code"), str):
        return str(body["error_code"])
    found = re.search(r"\((\w+)\)\s*$|Reason: (\w+)", _said(body))
    return (found[1] or found[2]) if found else ""


def permissions(required: Any, depth: int = 3) -> str:
    """Return required permissions in words: "circulate: circulate_remaining_permissions"."""
    if depth and isinstance(required, dict):
        return ", ".join(f"{name}: {permissions(part, depth - 1)}" for name, part in required.items())
    if depth and isinstance(required, list):
        return " / ".join(permissions(part, depth - 1) for part in required)
    return "all of it" if required in (1, "1") else required if isinstance(required, str) else "?"


def _said(body: Any) -> str:
    """Return the sentence of an error in any of its four shapes."""
    for _ in range(3):  # as deep as they go: [{"errors": [{"message": …
        if isinstance(body, list):
            body = body[0] if body else None
        elif isinstance(body, dict) and isinstance(body.get("errors"), list):
            body = body["errors"]
    said = (body.get("error") or body.get("message")) if isinstance(body, dict) else None
    return said if isinstance(said, str) else ""


def _why_no_token(code: int, body: Any) -> str:
    said = _said(body)
    if said == "unauthorized_client":
        return "Koha does not know [ils] client_id: copy it again from the patron's API keys"
    if said in ("access_denied", "invalid_client"):
        return "Koha refuses [ils] client_secret: make a new key and copy its secret"
    if "grant" in said.lower():
        return "OAuth2 is off in Koha: turn the system preference RESTOAuth2ClientCredentials on"
    if code == 404:
        return "no Koha answers at [ils] url: it must be the address of the staff client"
    return f"Koha gave us no access token ({code})"
