"""One connection to a SIP2 server: a request and its answer at a time, logged in first.

An answer that comes too late must never be taken for the next one's: after any silence or doubt the line is closed.
Frames hold card numbers and PINs, so none is ever logged or put in an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence

from connectors.clock import Clock
from connectors.ils.sip2 import frame, messages
from connectors.ils.sip2.messages import ANSWERS, REPEATS, Message
from connectors.settings import SIP2ILSSection
from library.ils import ILSError, ILSMisconfigured, ILSOutcomeUnknown, ILSProtocolError, ILSUnavailable

LONGEST_LINE = 1 << 20
BLANKS = b"\r\n\x00"  # what may stand around a line
DONE_OR_NOT = ("1", "0", "Y", "N")
ASK_AGAIN = "96"  # the server could not read us
Fields = Sequence[tuple[str, str]]


class Connection:
    """An open, logged-in line. Whoever uses it closes it when it raises."""

    def __init__(self, section: SIP2ILSSection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._section = section
        self._reader = reader
        self._writer = writer
        self._sequence = 0
        self._sums = False  # whether its answers bear checksums
        self.status: Message | None = None  # the 98 of the beginning
        self.used_at = asyncio.get_running_loop().time()

    @classmethod
    async def open(cls, section: SIP2ILSSection, clock: Clock) -> Connection:
        """Return a connection that is logged in and has told its status.

        Raises ILSUnavailable when nobody answers or the system behind is off line, ILSMisconfigured when the log-in or
        the certificate is refused.
        """
        connection = cls(section, *await _connected(section))
        try:
            await connection._log_in()
            await connection.greet()
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def is_open(self) -> bool:
        return not self._writer.is_closing() and not self._reader.at_eof()

    async def greet(self) -> None:
        """Take the server's status. Raises ILSUnavailable when it is off line: it would know no card, and say so."""
        self.status = await self.ask("99", messages.READY, ())
        if self.status.fixed[:1] == "N":
            self.close()
            raise ILSUnavailable("the SIP2 server says that its library system is off line")

    async def is_quiet(self) -> bool:
        """Return whether the line is open and nothing lies unread on it: an answer told twice would pass for the next.

        Line feeds are taken off: behind one, the end of the line would go unseen.
        """
        try:
            async with asyncio.timeout(0):
                while rest := await self._reader.read(LONGEST_LINE):
                    if rest.strip(BLANKS):
                        return False
                return False
        except (TimeoutError, OSError):
            return self.is_open
        except BaseException:
            self.close()  # cancelled, and in nobody's hands
            raise

    def close(self) -> None:
        with contextlib.suppress(OSError, RuntimeError):
            self._writer.close()

    async def ask(self, code: str, fixed: str, fields: Fields, *, writes: bool = False) -> Message:
        """Return the answer. Raises ILSUnavailable; ILSOutcomeUnknown when a write was sent and nothing came back."""
        section = self._section
        sequence = self._sequence if section.error_detection else None
        line = frame.build(code, fixed, fields, encoding=section.encoding, sequence=sequence)
        self._sequence = (self._sequence + 1) % 10  # of what is sent: some servers want every number
        sent = False
        try:
            async with asyncio.timeout(section.timeout_s):
                for _ in range(1 if writes else 2):
                    self._writer.write(line)
                    sent = True
                    await self._writer.drain()
                    found = frame.read(await self._line(), section.encoding)
                    if found.code != ASK_AGAIN:
                        break
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as exc:
            self.close()
            if writes and sent:
                raise ILSOutcomeUnknown("no answer from the SIP2 server to a write") from exc
            raise ILSUnavailable(f"no answer from the SIP2 server ({type(exc).__name__})") from exc
        except BaseException:
            self.close()  # cancelled: the answer is still to come, and nobody may take it for theirs
            raise
        self.used_at = asyncio.get_running_loop().time()
        try:
            return self._checked(code, sequence, found, dict(fields), writes=writes)
        except ILSError:
            self.close()  # whatever comes next may belong to another question
            raise

    def _checked(
        self, code: str, sequence: int | None, found: frame.Frame, asked: Mapping[str, str], *, writes: bool
    ) -> Message:
        if found.code == ASK_AGAIN:
            # A sum that does not fit proves that nothing was read; without sums a 96 may mean anything.
            if writes and sequence is None:
                raise ILSOutcomeUnknown("the SIP2 server asks for a write again")
            raise ILSUnavailable("the SIP2 server refuses what we send, or its checksum")
        # A line break in somebody's note cuts an answer in two: its lists and sums would be missing.
        unsound = sequence is not None and (not found.sound or (self._sums and not found.summed))
        self._sums = self._sums or found.summed
        if unsound or found.code != ANSWERS[code] or (sequence is not None and found.sequence not in (None, sequence)):
            if writes:
                raise ILSOutcomeUnknown("the SIP2 server answered a write with something else")
            what = "with a checksum that does not fit" if unsound else "something else than was asked"
            raise ILSUnavailable(f"the SIP2 server answered {what}")
        told = messages.read(found)
        if any(not _same(asked[name], told.one(name), code) for name in REPEATS.get(code, ())):
            if writes:
                raise ILSOutcomeUnknown("the SIP2 server answered a write with another card or copy")
            raise ILSProtocolError("the SIP2 server answered about another card or copy than was asked for")
        if writes and told.fixed[:1] not in DONE_OR_NOT:
            raise ILSOutcomeUnknown("the SIP2 server answered a write with neither yes nor no")
        return told

    async def _line(self) -> bytes:
        while not (line := (await self._reader.readuntil(frame.END)).strip(BLANKS)):
            continue
        return line

    async def _log_in(self) -> None:
        section = self._section
        if not section.user:
            return
        fields = [("CN", section.user), ("CO", section.password or "")]
        if section.location:
            fields.append(("CP", section.location))
        try:
            answer = await self.ask("93", "00", fields)
        except frame.Unsendable as exc:
            raise ILSMisconfigured("[ils] user, password or location holds signs that SIP2 cannot carry") from exc
        # Koha serves on after a refused log-in; whoever trusts that reads accounts without a right to.
        if answer.fixed != "1":
            raise ILSMisconfigured("the SIP2 server refuses our log-in: check [ils] user and password")


async def _connected(section: SIP2ILSSection) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    secured = ssl.create_default_context() if section.tls else None
    try:
        async with asyncio.timeout(section.timeout_s):
            return await asyncio.open_connection(section.host, section.port, ssl=secured, limit=LONGEST_LINE)
    except ssl.SSLCertVerificationError as exc:
        raise ILSMisconfigured(
            f"the SIP2 server's certificate is not to be trusted: {exc.verify_message}; "
            "if it is one of your own, name its file in SSL_CERT_FILE"
        ) from exc
    except ssl.SSLError as exc:
        raise ILSMisconfigured("the SIP2 server does not speak TLS at this port: set [ils] tls = false?") from exc
    except (OSError, TimeoutError) as exc:
        raise ILSUnavailable(f"the SIP2 server cannot be reached ({type(exc).__name__})") from exc


def _same(asked: str, told: str, code: str) -> bool:
    """Return whether an answer is about what was asked for; of a patron's account only one that says so."""
    if not told:
        return code not in ("23", "63")
    return asked.strip().casefold() == told.casefold()
