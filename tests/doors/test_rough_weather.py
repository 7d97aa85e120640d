"""The same journeys while webhooks are lost, doubled, reordered and an hour late, and the gateway is built anew.

Zalo takes no buttons here, so that every choice is made by its number. What must be shown is what is shown in fair
weather; and when every webhook of the day has come once more, an hour later, nothing more is shown to anybody.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.doors.house import FAIR, OFTEN, START, House, Weather, house
from tests.doors.journeys import Played, journeys, play_all
from tests.doors.visitors import FIRST_USER
from tests.product.product import CHECKOUT, missing, skip_or_fail
from tests.simulators.zalo import Rules

pytestmark = [pytest.mark.product, pytest.mark.asyncio(loop_scope="module")]

SEED = 20261124
SCALES = (0.5, 0.02)  # of Telegram's and Zalo's waits between retries
HOUR = timedelta(hours=1)
RESTARTS, CALM_S = 3, (3.0, 8.0)
# Those in which the clock is moved or the library system fails for everybody are told in fair weather.
CHOSEN = [journey for journey in journeys() if journey.at == START and not journey.alone]


def rough(chance: random.Random) -> Weather:
    """Return weather in which about half of all webhooks suffer something."""

    def copies_s() -> list[float]:
        return [chance.uniform(0, 1) / SCALES[1] for _ in range(chance.choice((1, 1, 2, 3)))]

    def sometimes(often: float) -> bool:
        return chance.random() < often

    return Weather(
        lost=lambda: sometimes(0.1),
        unanswered=lambda: sometimes(0.1),
        age=lambda: HOUR if sometimes(0.3) else timedelta(),
        copies_s=copies_s,
        twice=lambda: sometimes(0.5),
    )


@dataclass
class Day:
    house: House
    played: dict[str, dict[str, Played]]
    came_later: dict[str, list[str]]  # what was shown after all webhooks had come once more, by journey and door


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Day]:
    if reason := missing():
        skip_or_fail(reason)
    chance = random.Random(SEED)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(CHECKOUT)
        folder = tmp_path_factory.mktemp("rough")
        no_buttons = Rules(buttons=False, lists=False, per_minute=OFTEN)
        async with house(folder, rules=no_buttons, scales=SCALES, weather=rough(chance)) as opened:
            restarting = asyncio.create_task(_restart(opened, chance))
            played = await play_all(opened, CHOSEN)
            await restarting
            yield Day(opened, played, await _all_again(opened, played))


async def _restart(opened: House, chance: random.Random) -> None:
    for _ in range(RESTARTS):
        await asyncio.sleep(chance.uniform(*CALM_S))
        await opened.restart()


async def _all_again(opened: House, played: dict[str, dict[str, Played]]) -> dict[str, list[str]]:
    """Bring every webhook once more, an hour later; return what was shown of it."""
    await opened.stands.wait()
    opened.weather = FAIR
    opened.clock.advance(HOUR)
    await opened.gateway.handover.return_the_idle()  # which is said now, for another reason
    await _news(played)
    for knock in list(opened.knocks):
        assert await opened.knock(knock.door, {**knock.headers, "num_retry": "5"}, knock.body) in (200, 401)
    return await _news(played)


async def _news(played: dict[str, dict[str, Played]]) -> dict[str, list[str]]:
    """Return what was shown to anybody since they looked last."""
    shown: dict[str, list[str]] = {}
    for name, doors in played.items():
        for door, met in doors.items():
            await met.patron.settled()
            met.patron.away = False
            if news := [bubble.text for bubble in await met.patron.news()]:
                shown[f"{door} {name}"] = news
    return shown


@pytest.mark.parametrize(
    ("journey", "door"), [pytest.param(j, door, id=f"{door} {j.id}") for j in CHOSEN for door in j.doors]
)
async def test_the_journey_brings_about_what_it_must(day: Day, journey, door) -> None:
    assert not day.played[journey.id][door].wrong


async def test_nothing_is_shown_when_everything_comes_once_more_an_hour_later(day: Day) -> None:
    assert day.came_later == {}


async def test_the_weather_was_rough(day: Day) -> None:
    came = Counter((knock.door, knock.body) for knock in day.house.knocks)
    assert day.house.restarts == RESTARTS
    assert sum(count > 2 for count in came.values()) > len(CHOSEN)
    assert any(knock.status == 0 for knock in day.house.knocks)
    assert not any(choice for user in range(len(CHOSEN)) for choice in _drawn(day, user))


def _drawn(day: Day, number: int):
    shown = day.house.zalo.shown_to(str(FIRST_USER + number))
    return [choice for one in shown for choice in one.choices]
