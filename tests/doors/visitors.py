"""Patrons whom nobody has met before, one at each door."""

from __future__ import annotations

from tests.doors.at_telegram import TelegramVisitor
from tests.doors.at_web import WebVisitor
from tests.doors.at_zalo import ZaloVisitor
from tests.doors.house import House
from tests.doors.visitor import Visitor

FIRST_CHAT, FIRST_USER = 2**53 + 17, 9_007_199_254_740_993_000  # ids that a double cannot hold


def visitors(house: House, number: int, doors: tuple[str, ...] = ("web", "telegram", "zalo")) -> list[Visitor]:
    """Return one patron at each of these doors, whom nobody has met before."""
    made: list[Visitor] = []
    for door in doors:
        world = f"{door[0]}{number}"
        if door == "web":
            made.append(WebVisitor(house, world))
        elif door == "telegram":
            made.append(TelegramVisitor(house, world, address=str(FIRST_CHAT + number)))
        else:
            made.append(ZaloVisitor(house, world, address=str(FIRST_USER + number)))
    return made
