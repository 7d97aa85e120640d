"""Whether an address in an answer can be opened by a patron, asked without letting anybody look into our own network.

Only http(s); the name is looked up here and the connection goes to exactly the address that was judged, so a name that
changes between the look and the visit gains nothing. Redirects are judged again, each of them.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urljoin, urlsplit

import httpx

from connectors.clock import Clock

logger = logging.getLogger(__name__)

_ADDRESS = re.compile(r"https?://[^\s<>\"'“”()]+")
TIMEOUT_S = 4.0
KEPT = timedelta(minutes=30)
MOST_REDIRECTS = 4
MOST_KEPT = 2000
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Link(StrEnum):
    """What came of the visit; everything but OK is told to the librarian."""

    OK = "mở được"
    DEAD = "không còn trang này"
    AWAY = "không nối được; kiểm tra lại địa chỉ"
    INSIDE = "địa chỉ trong mạng nội bộ, bạn đọc không mở được"
    ODD = "không phải địa chỉ http hay https"


@dataclass(frozen=True)
class _Kept:
    link: Link
    at: datetime


async def look_up(host: str, port: int) -> Sequence[str]:
    """Return the addresses of this name. Raises OSError when it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class Links:
    """Visits addresses and remembers for a while what came of it."""

    def __init__(
        self, clock: Clock, *, resolve: Resolve = look_up, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._clock, self._resolve, self._transport = clock, resolve, transport
        self._kept: dict[str, _Kept] = {}

    def known(self, url: str) -> Link | None:
        """Return what the last visit told, while it is fresh; nothing is visited."""
        kept = self._kept.get(url)
        return kept.link if kept and self._clock() - kept.at < KEPT else None

    async def check(self, url: str) -> Link:
        if (known := self.known(url)) is not None:
            return known
        try:
            link = await asyncio.wait_for(self._visit(url), TIMEOUT_S * 2)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError, ValueError):
            link = Link.AWAY
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[url] = _Kept(link, self._clock())
        return link

    async def _visit(self, url: str) -> Link:
        # No proxy of the environment: it would look the name up a second time, elsewhere.
        async with httpx.AsyncClient(transport=self._transport, timeout=TIMEOUT_S, trust_env=False) as client:
            for _ in range(MOST_REDIRECTS + 1):
                parts = urlsplit(url)
                if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
                    return Link.ODD
                port = parts.port or (443 if parts.scheme == "https" else 80)
                addresses = await self._resolve(parts.hostname, port)
                if not addresses or not all(map(_is_public, addresses)):
                    return Link.INSIDE if addresses else Link.AWAY
                code, moved = await _asked(client, url, parts.hostname, addresses[0])
                if not moved:
                    return Link.DEAD if code in (404, 410) else Link.AWAY if code >= 500 else Link.OK
                url = urljoin(url, moved)
        return Link.AWAY


def addresses_in(*texts: str) -> list[str]:
    """Return the addresses written in these texts, each once, without the full stop that ends a sentence."""
    return list(dict.fromkeys(found.rstrip(".,;:!?") for text in texts for found in _ADDRESS.findall(text)))


def _is_public(address: str) -> bool:
    """Return whether anybody on the Internet could be asked there; an IPv4 address in IPv6's clothes is looked into."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        ip = ip.ipv4_mapped or ip.sixtofour or ip
    return ip.is_global and not ip.is_multicast


async def _asked(client: httpx.AsyncClient, url: str, host: str, address: str) -> tuple[int, str]:
    """Return the status and where it leads; by GET where a server will not answer HEAD. No body is read."""
    to = httpx.URL(url).copy_with(host=address)
    netloc = httpx.URL(url).netloc.decode()
    for method in ("HEAD", "GET"):
        request = client.build_request(method, to, headers={"Host": netloc}, extensions={"sni_hostname": host})
        response = await client.send(request, stream=True)
        await response.aclose()
        if response.status_code not in (403, 405, 501):
            break
    moved = response.headers.get("location", "") if response.is_redirect else ""
    return response.status_code, moved
