"""The list of journeys says what is played, and all that is played."""

from __future__ import annotations

import re
from collections import Counter

from tests.doors.journeys import DOORS, TESTS, journeys

ROW = re.compile(r"^\| (?P<journey>[a-z_]+: .+?) \| .+ \| .+ \| (?P<doors>[wtz]+) \|$", re.MULTILINE)


def listed() -> dict[str, tuple[str, ...]]:
    """Return the doors of each journey in the list."""
    rows = ROW.findall((TESTS / "JOURNEYS.md").read_text(encoding="utf-8"))
    assert max(Counter(journey for journey, _ in rows).values()) == 1
    return {journey: tuple(door for door in DOORS if door[0] in doors) for journey, doors in rows}


def test_the_list_names_every_journey_with_its_doors() -> None:
    assert listed() == {journey.id: journey.doors for journey in journeys()}


def test_at_least_forty_journeys_are_the_same_at_all_doors() -> None:
    assert sum(doors == DOORS for doors in listed().values()) >= 40
