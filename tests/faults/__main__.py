"""`python -m tests.faults`: print the whole matrix as Markdown."""

from __future__ import annotations

import asyncio
import logging
import sys

from tests.faults.journeys import JOURNEYS
from tests.faults.matrix import WITHOUT_EFFECT, cells, summary, table
from tests.faults.systems import SYSTEMS


async def main() -> int:
    logging.disable()
    found = [cell for name in SYSTEMS for journey in JOURNEYS async for cell in cells(name, journey)]
    print(f"{summary(found)}\n\n{table(found)}")
    wrong = sum(bool(cell.wrong) for cell in found)
    idle = sum(cell.heard == WITHOUT_EFFECT for cell in found)
    print(f"\n{len(found) - idle} cells, {wrong} wrong; {idle} more without effect", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
