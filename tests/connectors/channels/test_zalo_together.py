"""The whole door under everything that a webhook may suffer: twice, late, in another order, and not stored at first."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from pathlib import Path

import pytest

from tests.connectors.channels.zalo_setting import Setting, zalo_setting
from tests.virtual_time import VirtualLoop, run

PATRONS = [str(2468455835291979000 + number) for number in range(30)]
EACH = 8


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_lost_or_doubled_and_the_order_can_be_told(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)

    def copies() -> list[float]:
        return [dice.choice((0.0, 0.0, 0.1, 3.0, 600.0, 3600.0)) for _ in range(dice.choice((1, 1, 2, 5)))]

    async def main(loop: VirtualLoop) -> None:
        async with zalo_setting(loop.clock, tmp_path) as setting:
            setting.zalo.webhooks.disturb = copies
            await _talk(setting, dice)
            await setting.zalo.webhooks.idle()
            tally = setting.zalo.webhooks.tally
            assert (setting.zalo.webhooks.subscribed, tally.lost) == (True, [])
            assert 503 in tally.statuses
            assert tally.statuses.count(200) > EACH * len(PATRONS)
            _as_spoken(setting)

    run(main)


async def _talk(setting: Setting, dice: random.Random) -> None:
    setting.kept.delay_s = 0.02
    for number in range(EACH):
        for patron in PATRONS:
            setting.kept.broken += dice.random() < 0.1
            setting.zalo.says(patron, f"{number}")
            await asyncio.sleep(dice.random())


def _as_spoken(setting: Setting) -> None:
    """Check that every patron's words are there once, and in order by Zalo's clock."""
    heard: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for one in setting.kept.arrivals:
        assert one.said_at is not None
        heard[one.address].append((one.said_at.timestamp(), one.text))
    assert set(heard) == set(PATRONS)
    for words in heard.values():
        assert [text for _, text in sorted(words)] == [str(number) for number in range(EACH)]
