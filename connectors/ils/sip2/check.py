"""What `thuthu check` finds at a SIP2 server: the line, the log-in, what it can do, its letters and its clock."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from connectors.clock import VIETNAM, Clock
from connectors.ils.health import Health
from connectors.ils.sip2 import messages
from connectors.ils.sip2.connection import Connection
from connectors.ils.sip2.messages import BX, Message
from connectors.settings import SIP2ILSSection
from library.ils import ILSMisconfigured, ILSUnavailable

MOST_OFF = timedelta(minutes=10)
NOBODY = "0"  # a card that nobody has
WANTED = {"63": "loans and fees", "29": "renewals", "17": "titles, dates and availability", "15": "holds"}
_GARBLED = ("Ã", "Ä", "á»", "áº", "Æ°", "�", "├", "┬")  # UTF-8 read as something else, or the other way round


async def check(section: SIP2ILSSection, clock: Clock) -> list[Health]:
    """Return what was found, in the order in which it is worth mending. Nobody's account is asked for."""
    try:
        connection = await Connection.open(section, clock)
    except ILSMisconfigured as exc:
        return [Health("SIP2", False, str(exc))]
    except ILSUnavailable as exc:
        return [Health("SIP2", False, _no_line(section, exc))]
    try:
        status = connection.status
        assert status is not None
        found = [Health("SIP2", True, f"logged in at {section.host}:{section.port}{_unsafe(section)}")]
        found += [_messages(status), _institution(section, status), _letters(status, section), _clock(status, clock)]
        return [*found, await _patrons(connection, section, clock), await _lines(section, clock)]
    finally:
        connection.close()


def _no_line(section: SIP2ILSSection, exc: ILSUnavailable) -> str:
    where = f"{section.host}:{section.port}"
    if "off line" in str(exc):
        return f"{where} answers, but {exc}: is the library system itself running?"
    if "cannot be reached" in str(exc):
        return (
            f"nobody answers at {where}: is the SIP2 server running, is the port right, does a firewall stand between?"
        )
    more = "" if section.user else "; it may want a log-in: set [ils] user and password"
    errors = "" if section.error_detection else ", or set [ils] error_detection = true"
    return f"{where} is open, but what speaks there does not answer as SIP2{errors}{more}: {exc}"


def _unsafe(section: SIP2ILSSection) -> str:
    if section.tls or section.host in ("localhost", "127.0.0.1", "::1"):
        return ""
    return "; WITHOUT TLS: cards and PINs go over this line readably, use TLS, a tunnel or a network of its own"


def _messages(status: Message) -> Health:
    told = status.one("BX")
    does = dict(zip(BX, told, strict=False))
    missing = [what for code, what in WANTED.items() if does.get(code, "Y") != "Y"]
    if not told:
        return Health("việc làm được · messages", True, "the server does not say (no BX); all are tried")
    if "loans and fees" in missing or "titles, dates and availability" in missing:
        turn_on = "turn on messages 63 and 17 for this terminal"
        return Health("việc làm được · messages", False, f"the server cannot do: {', '.join(missing)}; {turn_on}")
    without = f"; not: {', '.join(missing)}, which patrons are told" if missing else ""
    return Health("việc làm được · messages", True, f"loans, fees, dates{without}")


def _institution(section: SIP2ILSSection, status: Message) -> Health:
    theirs, name = status.one("AO"), "mã thư viện · institution"
    if theirs and theirs != section.institution:
        return Health(name, False, f'the server calls itself “{theirs}”: set [ils] institution = "{theirs}"')
    return Health(name, True, section.institution or "none")


def _letters(status: Message, section: SIP2ILSSection) -> Health:
    told, name = " ".join([status.one("AM"), status.notes]), "bảng mã · encoding"
    if any(sign in told for sign in _GARBLED):
        others = " or ".join(f'"{each}"' for each in ("utf-8", "cp850", "latin-1") if each != section.encoding)
        return Health(name, False, f"the library's name comes garbled: set [ils] encoding = {others}")
    if "?" in status.one("AM"):
        return Health(name, False, 'the server replaces letters by "?": give its terminal account encoding="utf-8"')
    return Health(name, True, section.encoding)


def _clock(status: Message, clock: Clock) -> Health:
    """Judge the clock by its distance modulo whole hours: servers tell the time of their own zone."""
    name = "giờ · clock"
    try:
        theirs = datetime.strptime(" ".join(status.fixed[12:30].split()), "%Y%m%d %H%M%S").replace(tzinfo=VIETNAM)
    except ValueError:
        return Health(name, True, "the server does not tell the time")
    off = theirs - clock()
    odd = off - timedelta(hours=round(off / timedelta(hours=1)))
    if abs(odd) > MOST_OFF or abs(off) > timedelta(hours=14):
        here = f"{theirs:%d/%m %H:%M} there, {clock():%d/%m %H:%M} here"
        return Health(name, False, f"the clocks differ ({here}): due dates go wrong; set both by NTP")
    return Health(name, True, "the same there and here")


async def _lines(section: SIP2ILSSection, clock: Clock) -> Health:
    """Open the other lines beside the first: a server with fewer seats lets patrons wait in vain."""
    opening = (Connection.open(section, clock) for _ in range(section.connections - 1))
    others = await asyncio.gather(*opening, return_exceptions=True)
    opened = [each for each in others if isinstance(each, Connection)]
    for each in opened:
        each.close()
    name, seats = "số đường · lines", len(opened) + 1
    if seats < section.connections:
        opened_of = f"only {seats} of {section.connections} lines could be opened at once"
        more = f"let the server serve more (an assistant that runs now has its own), or set [ils] connections = {seats}"
        return Health(name, False, f"{opened_of}: {more}")
    return Health(name, True, f"{seats} at once")


async def _patrons(connection: Connection, section: SIP2ILSSection, clock: Clock) -> Health:
    """Ask for a card that nobody has: whether the terminal may ask at all, and whether PINs are looked at."""
    name = "đăng nhập thẻ · card log-in"
    fields = [("AO", section.institution), ("AA", NOBODY), ("AC", ""), ("AD", NOBODY)]
    try:
        told = await connection.ask("63", "001" + messages.stamp(clock()) + " " * 10, fields)
    except ILSUnavailable as exc:
        return Health(
            name, False, f"the server does not answer about cards ({exc}): may this terminal ask for patrons?"
        )
    if told.one("BL") == "Y":
        return Health(
            name, False, "the server takes a card that nobody has: it checks nothing, and nobody may log in so"
        )
    return Health(name, True, "a card that nobody has is refused")
