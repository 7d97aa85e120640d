"""What one message costs the ear: loading, reading, memory. In Rasa's Python: `python -m bench.ear model file.tsv`."""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import time
from pathlib import Path

from bot.evaluate import read
from bot.hearing import Ear, open_ear

WARM = 20  # messages before the clock starts


def main() -> None:
    model, messages = Path(sys.argv[1]), [text for text, *_ in read(Path(sys.argv[2]))]
    started = time.perf_counter()
    hear = open_ear(model)
    _figure("ear loads", seconds=round(time.perf_counter() - started, 1))
    times = sorted(asyncio.run(_timed(hear, messages)))
    p95 = times[int(len(times) * 0.95)]
    _figure("parse", n=len(times), p50_ms=round(statistics.median(times), 1), p95_ms=round(p95, 1))
    _figure("ear's memory", mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


async def _timed(hear: Ear, messages: list[str]) -> list[float]:
    times = []
    for text in [*messages[:WARM], *messages]:
        started = time.perf_counter()
        await hear(text)
        times.append((time.perf_counter() - started) * 1000)
    return times[WARM:]


def _figure(name: str, **values: object) -> None:
    print(json.dumps({"bench": name, **values}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
