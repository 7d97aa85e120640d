"""Every journey at every door, through the whole product: the same words in, the same meaning shown."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.doors.house import house
from tests.doors.journeys import Played, journeys, play_all
from tests.product.product import CHECKOUT, missing, skip_or_fail

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="module")]

ALL = journeys()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, dict[str, Played]]]:
    """What came of each journey, by door."""
    if reason := missing():
        skip_or_fail(reason)
    first = min(journey.at for journey in ALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        async with house(tmp_path_factory.mktemp("doors"), polling=True, start_at=first) as opened:
            yield await play_all(opened, ALL)


@pytest.mark.parametrize(
    ("journey", "door"), [pytest.param(j, door, id=f"{door} {j.id}") for j in ALL for door in j.doors]
)
async def test_the_journey_brings_about_what_it_must(played, journey, door) -> None:
    assert not played[journey.id][door].wrong
