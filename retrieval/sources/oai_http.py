"""Asks an OAI-PMH server over HTTP: politely, again when it is busy, and never further than the host it was sent to."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from retrieval.record import SourceError

_PROTOCOL_ARGUMENTS = ("verb", "metadataPrefix", "set", "from", "until", "resumptionToken", "identifier")
_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (429, 500, 502, 503, 504)
_MOST_REDIRECTS = 5
_LONGEST_WAIT_S = 600
_WAITS_S = (1, 4, 16, 64)
_HEADERS = {"User-Agent": "ThuThu (OAI-PMH harvester)", "Accept-Encoding": "gzip", "Accept": "text/xml, */*;q=0.5"}
_ERROR = re.compile(rb"<(?:\w+:)?error[^>]*\bcode\s*=\s*[\"'](\w+)[\"'][^>]*>([^<]*)")


class Unavailable(SourceError):
    """The server did not answer, or broke off. `wait_s` is how long it asked to be left alone, None if it did not."""

    def __init__(self, what: str, wait_s: float | None = None) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class Refused(SourceError):
    """The server answered with an error of the protocol; `code` is its name there, as badResumptionToken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"the server refuses ({code}): {message.strip() or 'it does not say why'}")
        self.code = code


class Server:
    """One OAI-PMH base address. Use it in a `with` block."""

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float = 60,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.url = _base(url)
        self._sleep, self._now = sleep, now
        self._client = httpx.Client(timeout=timeout_s, headers=_HEADERS)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @contextmanager
    def answer(self, arguments: Mapping[str, str]) -> Iterator[Iterator[bytes]]:
        """Yield the body in pieces, unzipped. Raises Unavailable, Refused, or SourceError for an answer of no use."""
        url = self.url.copy_merge_params(dict(arguments))
        for _ in range(_MOST_REDIRECTS):
            try:
                with self._client.stream("GET", url) as response:
                    if response.status_code not in _REDIRECTS:
                        self._check(response)
                        yield response.iter_bytes()
                        return
                    url = _followed(response)
            except httpx.HTTPError as exc:
                raise Unavailable(f"{self.url} does not answer ({type(exc).__name__}: {exc})".rstrip(": ")) from exc
        raise SourceError(f"{self.url} redirects in a circle")

    def wait(self, failure: Unavailable, attempt: int) -> bool:
        """Wait before the next attempt (from 0), and return whether there is to be one."""
        if attempt >= len(_WAITS_S) or (failure.wait_s or 0) > _LONGEST_WAIT_S:
            return False
        self._sleep(max(_WAITS_S[attempt], failure.wait_s or 0))
        return True

    def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            return
        if status in _BUSY:
            raise Unavailable(f"{self.url} is busy (HTTP {status})", self._retry_after(response))
        if told := _ERROR.search(next(response.iter_bytes(1 << 16), b"")):  # some wrap the protocol's errors in HTTP's
            raise Refused(told[1].decode(), told[2].decode("utf-8", "replace"))
        raise SourceError(f"{self.url} answers HTTP {status}: is this the address of an OAI-PMH server?")

    def _retry_after(self, response: httpx.Response) -> float | None:
        told = response.headers.get("Retry-After", "").strip()
        if told.isdecimal():
            return float(told)
        try:
            at = parsedate_to_datetime(told)
        except ValueError:
            return None
        return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - self._now()).total_seconds())


def _base(text: str) -> httpx.URL:
    """Return the address without the protocol's own arguments: people copy it with ?verb=Identify behind."""
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as exc:
        raise SourceError(f"{text}: not a web address ({exc})") from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise SourceError(f"{text}: an OAI-PMH address begins with http:// or https://")
    kept = [(name, value) for name, value in url.params.multi_items() if name not in _PROTOCOL_ARGUMENTS]
    return url.copy_with(params=kept, fragment=None) if kept else url.copy_with(query=None, fragment=None)


def _followed(response: httpx.Response) -> httpx.URL:
    """Return where a redirect leads. Another host, or from https back to http, is refused."""
    here = response.url
    try:
        there = here.join(response.headers.get("Location", ""))
    except httpx.InvalidURL as exc:
        raise SourceError(f"{here} redirects to what is no address ({exc})") from exc
    if there.host != here.host or there.scheme not in (here.scheme, "https"):
        raise SourceError(f"{here.host} redirects to {there}: not followed; give that address if it is the right one")
    return there
