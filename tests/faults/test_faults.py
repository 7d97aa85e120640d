"""At every call of every account journey, whatever fails: a true answer, nothing done twice, nobody else's data."""

from __future__ import annotations

import pytest

from tests.faults.journeys import JOURNEYS, Journey
from tests.faults.matrix import cells, table
from tests.faults.systems import SYSTEMS


@pytest.mark.parametrize("journey", JOURNEYS, ids=lambda journey: journey.name)
@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_failing_library_system_brings_a_true_answer_and_nothing_else(system: str, journey: Journey) -> None:
    found = [cell async for cell in cells(system, journey, every=False)]
    print(table(found))
    assert len(found) >= 2
    assert [cell for cell in found if cell.wrong] == []


def test_there_are_at_least_twelve_journeys() -> None:
    assert len({journey.name for journey in JOURNEYS}) >= 12
