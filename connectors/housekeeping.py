"""What is done by the clock: idle conversations go back to the assistant, what was kept long enough is deleted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

logger = logging.getLogger(__name__)

Chore = Callable[[], Awaitable[object]]


async def keep_house(chores: Mapping[timedelta, Sequence[Chore]]) -> None:
    """Run each chore once in its time, for ever; one that fails is logged and tried again the next time."""
    async with asyncio.TaskGroup() as house:
        for every, together in chores.items():
            house.create_task(_repeat(every, together))


async def _repeat(every: timedelta, chores: Sequence[Chore]) -> None:
    while True:
        for chore in chores:
            try:
                await chore()
            except Exception:
                logger.exception("a chore failed")
        await asyncio.sleep(every.total_seconds())
