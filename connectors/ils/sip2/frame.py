"""One line of SIP2: `<2-digit code><fixed part>(<2-letter id><value>|)*[AY<0-9>AZ<4 hex>]CR`.

The checksum is over bytes, after encoding. What a value may not hold is refused here, so that nobody's card number can
become a field of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from library.ils import ILSError

END = b"\r"
LONGEST = 255  # of one value, in characters
# Four digits by the standard; invenio-sip2 leaves the zeros before them out.
_TRAILER = re.compile(rb"(?:AY(?P<sequence>\d))?AZ(?P<sum>[0-9A-Fa-f]{1,4})$")
_UNSAFE = re.compile(r"[|\x00-\x1f\x7f-\x9f\u2028\u2029]")


class Unsendable(ILSError):
    """A value that cannot stand in a frame: nothing was sent. The message does not repeat it."""


@dataclass(frozen=True)
class Frame:
    """A line as it came: its text without the trailer."""

    code: str
    text: str  # after the code
    sequence: int | None = None
    sound: bool = True  # False: the checksum does not fit
    summed: bool = False  # whether it came with a checksum


def build(
    code: str, fixed: str, fields: Sequence[tuple[str, str]], *, encoding: str, sequence: int | None = None
) -> bytes:
    """Return the line, with a trailer when a sequence number is given. Raises Unsendable."""
    if not all(is_sendable(value, encoding) for _, value in fields):
        raise Unsendable("a value holds what SIP2 cannot carry in this encoding")
    named = "".join(f"{name}{value}|" for name, value in fields)
    line = f"{code}{fixed}{named}".encode(encoding)
    if sequence is not None:
        line += b"AY%dAZ" % (sequence % 10)
        line += checksum(line)
    return line + END


def is_sendable(value: str, encoding: str = "utf-8") -> bool:
    """Return whether the value can stand in a frame."""
    if len(value) > LONGEST or _UNSAFE.search(value):
        return False
    try:
        value.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def read(line: bytes, encoding: str) -> Frame:
    """Return what a line says. Letters that are none in this encoding become U+FFFD."""
    line = line.strip(b"\r\n\x00 ")
    sequence, sound = None, True
    if trailer := _TRAILER.search(line):
        sequence = int(trailer["sequence"]) if trailer["sequence"] else None
        sound = checksum(line[: trailer.start("sum")]) == trailer["sum"].upper().rjust(4, b"0")
        line = line[: trailer.start()]
    text = line.decode(encoding, errors="replace")
    return Frame(text[:2], text[2:], sequence, sound, bool(trailer))


def checksum(line: bytes) -> bytes:
    """Return the four hex digits that make the sum of all bytes zero."""
    return b"%04X" % (-sum(line) & 0xFFFF)
