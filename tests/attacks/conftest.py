"""One whole product for all attacks, its webhooks open; each attack brings patrons of its own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from tests.attacks.attacker import Attacker
from tests.doors.house import house
from tests.doors.visitor import Visitor
from tests.doors.visitors import visitors
from tests.product.product import CHECKOUT, missing, skip_or_fail

NUMBERS = itertools.count(1)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def attacker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Attacker]:
    if reason := missing():
        skip_or_fail(reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        async with house(tmp_path_factory.mktemp("attacks")) as built:
            yield Attacker(built)


@pytest.fixture
def patrons(attacker: Attacker) -> Callable[[], list[Visitor]]:
    """What brings one new patron to each door."""
    return lambda: visitors(attacker.house, next(NUMBERS))


@pytest.fixture
def patron(attacker: Attacker, patrons: Callable[[], list[Visitor]]) -> Callable[[str], Visitor]:
    """What brings one new patron to this door."""
    return lambda door: next(one for one in patrons() if one.door == door)
