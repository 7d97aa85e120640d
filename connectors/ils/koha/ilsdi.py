"""ILS-DI: Koha's older interface. It answers 200 always, in XML, and tells an error by a `<code>`.

Its times are local and carry no zone. It has no key: Koha lets in the addresses of `ILS-DI:AuthorizedIPs`.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import datetime

import httpx

from connectors.clock import VIETNAM
from connectors.ils.koha.client import KohaClient
from library.ils import ILSError, ILSMisconfigured, ILSOutcomeUnknown, ILSUnavailable

OFF = "ILS-DI is off: turn the system preference ILS-DI on, or set [ils] ils_di = false"
SHUT = "ILS-DI is shut to this machine: add its address to the system preference ILS-DI:AuthorizedIPs"
PAGE = "/cgi-bin/koha/ilsdi.pl"
_DECLARES = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class ILSDI:
    """The services of one Koha's ILS-DI."""

    def __init__(self, client: KohaClient, url: str) -> None:
        self._client = client
        self._url = url.rstrip("/") + PAGE

    async def read(self, service: str, **asked: str) -> ET.Element:
        """Return the answer. Raises ILSMisconfigured when it is off or shut to us, ILSUnavailable for no answer."""
        return _parsed(await self._client.ask(self._url, {"service": service, **asked}), ILSUnavailable)

    async def write(self, service: str, **asked: str) -> ET.Element:
        """Return the answer to a write, sent once. Raises ILSOutcomeUnknown when none came that can be read."""
        response = await self._client.ask(self._url, {"service": service, **asked}, writes=True)
        return _parsed(response, ILSOutcomeUnknown)

    async def authenticate(self, card_number: str, pin: str) -> ET.Element:
        """Return the answer to a log-in. Posted, so that the PIN stands in no address.

        A Koha that takes no posted form (since 24.05 it wants a token) is asked by GET.
        """
        asked = {"service": "AuthenticatePatron", "username": card_number, "password": pin}
        response = await self._client.ask(self._url, asked, method="POST")
        if response.status_code == 200 and b"<AuthenticatePatron" in response.content:
            return _parsed(response, ILSUnavailable)
        if 300 <= response.status_code < 400:  # off or shut: asked again, the PIN would stand in a log for nothing
            _refuse_elsewhere(response)
        return _parsed(await self._client.ask(self._url, asked), ILSUnavailable)


def text(element: ET.Element, *names: str) -> str:
    """Return the text of the first of these children that says something."""
    return next((said for name in names if (said := (element.findtext(name) or "").strip())), "")


def local_time(said: str) -> datetime | None:
    """Return the moment of "2026-12-11 23:59", None for what is no time; a bare day is its last minute."""
    said = said.strip().replace("T", " ")
    for shape in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"):
        try:
            return datetime.strptime(said[: 19 if shape.endswith("S") else 16], shape).replace(tzinfo=VIETNAM)
        except ValueError:
            continue
    try:
        return datetime.strptime(said[:10], "%Y-%m-%d").replace(hour=23, minute=59, tzinfo=VIETNAM)
    except ValueError:
        return None


def _parsed(response: httpx.Response, unreadable: type[ILSError]) -> ET.Element:
    _refuse_elsewhere(response)
    body = response.content
    if b"\0" in body or _DECLARES.search(body):  # entities have no place in an answer, and are how XML explodes
        raise unreadable("ILS-DI answered with declarations of its own")
    try:
        root = ET.fromstring(body)  # noqa: S314 - no declarations in it, see above
    except (ET.ParseError, ValueError, LookupError) as exc:
        raise unreadable("ILS-DI did not answer in XML") from exc
    if text(root, "code") in ("NotAllowed", "Unauthorized"):
        raise ILSMisconfigured(OFF if "disabled" in text(root, "message") else SHUT)
    return root


def _refuse_elsewhere(response: httpx.Response) -> None:
    """Raise what a page instead of an answer means: Koha sends there when ILS-DI is off, or shut to our address."""
    where, code = response.headers.get("location", ""), response.status_code
    if code == 403 or "errors/403" in where:
        raise ILSMisconfigured(SHUT)
    if code == 404 or "errors/404" in where:
        raise ILSMisconfigured(OFF)
    if code >= 300:
        raise ILSMisconfigured(f"ILS-DI does not answer at its address ({code}): check [ils] ils_di_url")
