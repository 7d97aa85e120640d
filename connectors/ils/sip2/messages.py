"""What the messages say, read leniently: servers pad, cut, repeat and leave out fields, and each in its own way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation

from connectors.clock import VIETNAM
from connectors.ils.sip2.frame import Frame
from library.text import nfc

# Lengths of the fixed parts, without the code.
FIXED = {"24": 35, "64": 59, "18": 24, "30": 22, "66": 27, "16": 20, "38": 19, "36": 19, "98": 34, "94": 1}
ANSWERS = {"93": "94", "99": "98", "23": "24", "63": "64", "17": "18", "29": "30", "15": "16", "35": "36"}
# What of a question an answer repeats, so that it is known to be the answer to it.
REPEATS = {"23": ("AA",), "63": ("AA",), "17": ("AB",), "29": ("AA", "AB"), "15": ("AA",)}
# What may stand first after a fixed part, in some server or other.
_FIRST = frozenset("AA AB AE AF AG AH AJ AM AN AO AP AQ BG BH BK BL BR BS BT BV BW BX CF CJ CK CM CQ PA".split())
_FLAGS = 14
HOLDS, CHARGED, FINES, UNAVAILABLE = 0, 2, 3, 5  # places in the summary of a 63, and of the counts of a 64
MIDNIGHT = time()
READY = "0" + "080" + "2.00"  # the fixed part of a 99: all is well, 80 columns, version 2
_TIMES = (
    *("%Y%m%d %H%M%S", "%Y%m%d%H%M%S", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d-%m-%Y %H:%M"),
    *("%d/%m/%Y %I:%M:%S %p", "%d/%m/%Y %I:%M %p"),
)
# A fraction has one or two digits, or more than a group of thousands, or stands after what is no such group.
_FRACTION = re.compile(r"(?<=\d{4})[.,]\d+$|[.,](?:\d{1,2}|\d{4,})$")
# The order in which BX tells of messages.
BX = ("23", "11", "09", "01", "99", "97", "93", "63", "35", "37", "17", "19", "25", "15", "29", "65")


@dataclass(frozen=True)
class Message:
    """A message: its fixed part, and its fields in the order they came."""

    code: str
    fixed: str
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """Return the first value of a field, '' where it is missing."""
        return next(iter(self.fields.get(name, ())), "").strip()

    def all(self, name: str) -> list[str]:
        """Return every value of a field that says something."""
        return [value.strip() for value in self.fields.get(name, ()) if value.strip()]

    @property
    def ok(self) -> bool:
        return self.fixed[:1] in ("1", "Y")

    @property
    def notes(self) -> str:
        """Return what it says to people."""
        return " ".join(self.all("AF"))


def read(frame: Frame) -> Message:
    """Return the message of a frame; a fixed part of another length than it should have is found by what follows it."""
    text = frame.text
    at = _where_fields_begin(text, FIXED.get(frame.code, 0))
    fields: dict[str, list[str]] = {}
    for part in text[at:].split("|"):
        part = part.lstrip()
        if re.match(r"[A-Z][A-Z]", part):
            fields.setdefault(part[:2], []).append(nfc(part[2:]))
    return Message(frame.code, text[:at], fields)


def _where_fields_begin(text: str, expected: int) -> int:
    if text[expected : expected + 2] in _FIRST:
        return expected
    near = range(min(expected + 12, len(text)))
    return next((at for at in near if text[at : at + 2] in _FIRST), expected)


def flags(message: Message) -> str:
    """Return the 14 flags of a patron; those that are missing are unset."""
    return message.fixed[:_FLAGS].ljust(_FLAGS)


def count(message: Message, which: int) -> int:
    """Return one of the six counts of a 64: 0 holds, 1 overdue, 2 charged, 3 fines, 4 recalls, 5 unavailable holds.

    0 also where it is not told: four blanks, or a fixed part of another length, in which nobody knows where it stands.
    """
    if len(message.fixed) != FIXED["64"]:
        return 0
    digits = message.fixed[35 + 4 * which : 39 + 4 * which].strip()
    return int(digits) if digits.isdecimal() else 0


def moment(told: str) -> datetime | None:
    """Return a time as servers write it: "20261124    235900", "2026-11-24 23:59", "24/11/2026"; local unless it names
    its zone, and a bare day its last minute. None for what is no time.

    Midnight is how servers that keep days alone write a bare day: nobody is late on the day that they are told.
    """
    told = " ".join(re.sub(r"(?<=\d{4}),", " ", told).split())
    if told[8:10] == " Z":  # UTC, as the specification has it: three blanks, Z, and the time at once
        return _local(f"{told[:8]} {told[10:].strip()}", UTC)
    try:
        written = datetime.fromisoformat(told)
        if len(told) > len("2026-11-24") and (written.tzinfo or written.time() != MIDNIGHT):
            return written.replace(tzinfo=written.tzinfo or VIETNAM).astimezone(VIETNAM)
    except (ValueError, OverflowError):
        pass
    return _local(told, VIETNAM)


def _local(told: str, zone: tzinfo) -> datetime | None:
    for shape in _TIMES:
        try:
            written = datetime.strptime(told, shape)
            if zone is UTC or written.time() != MIDNIGHT:
                return written.replace(tzinfo=zone).astimezone(VIETNAM)
        except (ValueError, OverflowError):
            continue
    found = day(told)
    return datetime(found.year, found.month, found.day, 23, 59, tzinfo=VIETNAM) if found else None


def day(told: str) -> date | None:
    told = told.strip().split(" ")[0].split("T")[0]
    for shape in ("%Y%m%d", "%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"):
        try:
            if shape != "%Y%m%d" or len(told) == len("20261124"):  # else "261124" were a day of the year 2611
                return datetime.strptime(told, shape).replace(tzinfo=VIETNAM).date()
        except ValueError:
            continue
    return None


def money(told: str) -> Decimal:
    """Return an amount in VND: "12000.00", "12.000", "12,000 VND", "12000.0000". What is no amount is nothing."""
    digits = re.sub(r"[^\d.,-]", "", told)
    whole = _FRACTION.sub("", digits)
    try:
        return Decimal(whole.replace(".", "").replace(",", "") or "0")
    except InvalidOperation:
        return Decimal(0)


def stamp(now: datetime) -> str:
    """Return a moment as SIP2 writes it: 18 characters, the zone blank."""
    return f"{now:%Y%m%d}    {now:%H%M%S}"
