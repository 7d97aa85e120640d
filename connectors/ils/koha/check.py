"""What `thuthu check` finds at a Koha: only reads, of nobody's account, and what to do about each fault."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from connectors.clock import Clock
from connectors.ils.health import Health
from connectors.ils.koha.client import KohaClient, MissingPermission
from connectors.ils.koha.ilsdi import ILSDI
from connectors.ils.koha.spec import Spec
from connectors.settings import KohaILSSection
from library.ils import ILSError, ILSMisconfigured, ILSUnavailable

NOBODY = "2147483000"  # a number that no patron has: what is answered of it tells of permissions alone
MOST_OFF = timedelta(minutes=5)
# What a permission is for, by the call that needs it, and what to tick for the API's patron in Koha.
CALLS = (
    (f"/checkouts?patron_id={NOBODY}", "loans and renewals", "circulate → circulate_remaining_permissions"),
    (f"/holds?patron_id={NOBODY}", "holds", "borrowers → edit_borrowers, and reserveforothers for placing them"),
    (f"/patrons/{NOBODY}", "cards", "borrowers → edit_borrowers"),
    (f"/patrons/{NOBODY}/account", "fees", "borrowers → edit_borrowers, updatecharges → remaining_permissions"),
    ("/libraries", "branches", "catalogue"),
)


async def check(
    section: KohaILSSection, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
) -> list[Health]:
    """Return what was found, in the order in which it is worth mending; nothing after a line that does not work."""
    client = KohaClient(section, transport)
    try:
        return await _Check(section, client, clock).run()
    finally:
        await client.close()


class _Check:
    def __init__(self, section: KohaILSSection, client: KohaClient, clock: Clock) -> None:
        self._section = section
        self._client = client
        self._clock = clock

    async def run(self) -> list[Health]:
        address = await self._tried("Koha", self._address)
        if not address.ok:
            return [address]
        found = [address, await self._tried("giờ · clock", self._time)]
        key = await self._tried("khoá API · API key", self._key)
        found.append(key)
        if key.ok:
            found += [await self._permission(path, what, tick) for path, what, tick in CALLS]
        found.append(await self._tried("ILS-DI", self._ils_di))
        found.append(await self._tried("đăng nhập thẻ · card log-in", self._log_in))
        return found

    async def _tried(self, what: str, look: Callable[[], Awaitable[str]]) -> Health:
        try:
            return Health(what, True, await look())
        except (ILSMisconfigured, _Amiss) as exc:
            return Health(what, False, str(exc))
        except ILSUnavailable as exc:
            if fault := _of_tls(exc):
                return Health(what, False, fault)
            return Health(what, False, f"{exc}: is Koha running, and does the network let us through to [ils] url?")
        except ILSError as exc:
            return Health(what, False, str(exc))

    async def _address(self) -> str:
        url = self._section.url
        response = await self._client.ask(url.rstrip("/") + "/api/v1/", {})
        try:
            spec = Spec.read(response.json())
        except ValueError as exc:
            raise _Amiss(
                f"{url} answers, but not as Koha's interface does ({response.status_code}): [ils] url must be the "
                "address of the staff client, and the web server in front of it must let /api through"
            ) from exc
        plain = url.startswith("http://") and not any(here in url for here in ("//127.0.0.1", "//localhost", "//[::1]"))
        unsafe = "; WITHOUT TLS: PINs go over this line readably, use https:// outside a network of your own"
        return f"answers at {url}, {len(spec.routes)} calls{unsafe if plain else ''}"

    async def _time(self) -> str:
        response = await self._client.ask(self._section.url.rstrip("/") + "/api/v1/", {})
        told = response.headers.get("date", "")
        try:
            theirs = parsedate_to_datetime(told)
        except ValueError:
            return "Koha does not tell the time"
        off = self._clock().astimezone(UTC) - (theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))
        if abs(off) > MOST_OFF:
            late = "behind" if off > timedelta(0) else "ahead of"
            minutes = round(abs(off) / timedelta(minutes=1))
            raise _Amiss(
                f"Koha's clock is {minutes} minutes {late} ours ({_hm(theirs)} there, {_hm(self._clock())} here): due "
                "dates and keys go wrong; set both by NTP (timedatectl set-ntp true)"
            )
        return "the same there and here"

    async def _key(self) -> str:
        with contextlib.suppress(MissingPermission):  # which one is said below
            await self._client.read("/libraries")
        return "accepted" if self._section.client_id else "user and password accepted"

    async def _permission(self, path: str, what: str, tick: str) -> Health:
        route, _, query = path.partition("?")
        asked = dict(part.split("=") for part in query.split("&") if part)
        name = f"quyền · permission: {what}"
        try:
            await self._client.read(route, **asked)
        except MissingPermission as exc:
            return Health(name, False, f"{exc}. In Koha, at the API's patron → Set permissions, tick {tick}")
        except ILSUnavailable as exc:
            return Health(name, False, f"Koha fails at it ({exc}): see its plack and intranet logs")
        except ILSError as exc:
            return Health(name, False, str(exc))
        return Health(name, True, "allowed")

    async def _ils_di(self) -> str:
        if not self._section.ils_di:
            return "not used ([ils] ils_di = false): titles and reasons are asked for one by one"
        # Asked in full: of a question that lacks something Koha says so, also where ILS-DI is off or shut.
        ils_di = ILSDI(self._client, self._section.ils_di_url or self._section.url)
        await ils_di.read("GetServices", patron_id=NOBODY, item_id=NOBODY)
        return "open to this machine"

    async def _log_in(self) -> str:
        spec = Spec.read((await self._client.read("/")).body)
        if spec.checks_passwords:
            return "by REST"
        if self._section.ils_di:
            return "by ILS-DI: this version of Koha has no other way (23.05 has)"
        raise _Amiss(
            "this version of Koha checks PINs only by ILS-DI: set [ils] ils_di = true and turn ILS-DI on in Koha, "
            "or upgrade to 23.05; until then nobody can link a card"
        )


class _Amiss(Exception):
    """What is wrong and what to do."""


def _of_tls(exc: ILSUnavailable) -> str | None:
    """Return what is wrong with the certificate of the line, None where it is not that."""
    said = str(exc.__cause__)
    if "CERTIFICATE" not in said and "SSL" not in said:
        return None
    if "WRONG_VERSION_NUMBER" in said or "record layer" in said:
        return "no TLS is spoken at [ils] url: check its port, or whether Koha answers by http:// there"
    return (
        "the certificate at [ils] url does not hold: renew it if it has expired, use the name it is made out to, "
        "or give this machine the certificate of who signed it (update-ca-certificates)"
    )


def _hm(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M")
