"""Crashes the message road at its points, starts it again, and looks at what is stored and what patrons saw.

Each life of the road is a forked child that ends by `os._exit`; the parent starts no thread and opens no engine. A
plan names a seed (who is how fast, what the channels refuse) and where each life ends. Most plans crash again and
again on one road; others crash once, at points evenly spread over it. `python -m tests.crash.harness FOLDER
[--crashes N]` prints a JSON report.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import random
import shutil
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401  here, not in every child

from tests.crash.check import Doubt, broken_always, in_doubt, verdict
from tests.crash.files import Files, entries
from tests.crash.points import Points, Stepped
from tests.crash.road import OperatorNeeded, RoadLoop, Weather, play, set_up

CRASHED, FAILED, OPERATOR = 9, 1, 8
AT_ONCE = 2
CRASHES = 500
CHAIN = 50  # crashes on one road
ALONE = 5  # of a hundred crashes, so many are the only one of their road
BACK_AFTER = timedelta(seconds=3)
DOWN_LONG = timedelta(minutes=20)  # longer than a question stays open: a crash must not close it behind a "yes"


@dataclass(frozen=True)
class Plan:
    """`crashes` gives after how many points each life ends; the last life goes on to the end."""

    seed: int
    crashes: tuple[int, ...]
    down: tuple[timedelta, ...]

    @property
    def name(self) -> str:
        return f"{self.seed}-{len(self.crashes)}-{self.crashes[0] if self.crashes else 0}"

    @property
    def echo_in_time(self) -> bool:
        """Whether every echo that a crash kept from us came soon after it."""
        return len(self.crashes) == 1 and self.down[0] == BACK_AFTER


@dataclass
class Played:
    """What came of one plan."""

    crashes: int = 0
    operator: int = 0
    points: int = 0
    repeated: Counter[str] = field(default_factory=Counter)
    places: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)


def live(files: Files, weather: Weather, crash_at: int | None, down: timedelta, places: bool = False) -> None:
    """Play the road in this process, which ends at point `crash_at`; a whole life notes its points."""
    loop = RoadLoop()
    loop.start = files.stopped_at() + (down if weather.generation else timedelta())
    points = Points(crash_at, CRASHED, lambda: files.stop_clock(loop.clock()), files.folder / "crashed")
    points.places = set() if places else None
    loop.set_task_factory(lambda on, coroutine, **how: asyncio.Task(Stepped(coroutine, points), loop=on, **how))  # type: ignore[arg-type]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        try:
            runner.run(play(loop, files, points.at, weather))
        except OperatorNeeded:
            files.stop_clock(loop.clock())
            os._exit(OPERATOR)
    (files.folder / "points").write_text(json.dumps([points.passed, sorted(points.places or ())]))


def warm_up(template: Path, folder: Path) -> None:
    """Play a road here, so that what it reads and compiles is not read and compiled in every child."""
    shutil.copytree(template, folder)
    loop = RoadLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(play(loop, Files(folder), lambda _where: None, Weather(0, 0)))
    shutil.rmtree(folder)
    gc.collect()
    gc.freeze()


def in_child(work: Callable[[], Any], errors: Path) -> int:
    """Run the work in a forked child; return its exit code. What it raised is written to `errors`."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        work()
    except BaseException:
        errors.write_text(traceback.format_exc())
        os._exit(FAILED)
    os._exit(0)


def play_out(template: Path, folder: Path, plan: Plan, places: bool = False) -> Played:
    """Return what came of a road that crashes as planned and then lives on to its end."""
    shutil.copytree(template, folder)
    files, played, doubt = Files(folder), Played(), Doubt()
    left, generation, ended = list(zip(plan.crashes, plan.down, strict=True)), 0, CRASHED
    down = BACK_AFTER
    while ended != 0:
        crash_at, next_down = left.pop(0) if left else (None, BACK_AFTER)
        weather = Weather(plan.seed, generation)
        ended = in_child(lambda: live(files, weather, crash_at, down, places), folder / "errors")  # noqa: B023
        if ended not in (0, CRASHED, OPERATOR):
            played.broken.append(f"life {generation} failed: {_tail(folder / 'errors')}")
            return played
        if ended == OPERATOR:
            played.operator += 1
        if ended == CRASHED:
            doubt += in_doubt(files)
            played.broken += broken_always(files)
        down, generation = next_down, generation + 1
    found = verdict(files, doubt)
    played.broken += found.broken
    played.repeated += found.repeated
    if plan.echo_in_time and found.repeated["zalo"]:
        played.broken.append(f"{found.repeated['zalo']} bubbles were repeated at Zalo, whose echo came in time")
    played.places = {entry["where"] for entry in entries(folder / "crashed")}
    played.crashes = sum(1 for _ in entries(folder / "crashed"))
    played.points, passed = json.loads((folder / "points").read_text())
    played.places |= set(passed) if places else set()
    if not played.broken:
        shutil.rmtree(folder)
    return played


def _tail(file: Path) -> str:
    return file.read_text()[-3000:] if file.exists() else "it was killed"


def plans(crashes: int, points: int, seed: int = 20261001) -> list[Plan]:
    """Return plans with so many crashes in all, or a few more."""
    rng = random.Random(seed)
    alone = crashes * ALONE // 100
    stride = max(points // max(alone, 1), 1)
    spread = [1 + number * stride + rng.randrange(stride) for number in range(alone)]
    once = [Plan(rng.randrange(10**6), (n,), (rng.choice((BACK_AFTER, BACK_AFTER, DOWN_LONG)),)) for n in spread]
    chains = []
    for _ in range(-(-(crashes - alone) // CHAIN)):
        lives = tuple(rng.randint(1, 2 * points // CHAIN) for _ in range(CHAIN))
        long = rng.randrange(2 * CHAIN)  # once in every other chain: a librarian is taken for gone after half an hour
        down = tuple(DOWN_LONG if number == long else BACK_AFTER for number in range(CHAIN))
        chains.append(Plan(rng.randrange(10**6), lives, down))
    return [*chains, *once]


def crash(folder: Path, crashes: int) -> dict[str, Any]:
    """Return a report: how many points there are, how many crashes were played, and what they broke."""
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    template = folder / "template"
    template.mkdir()
    in_child(lambda: set_up(Files(template)), folder / "errors")
    warm_up(template, folder / "warm")
    clean = [play_out(template, folder / f"clean-{seed}", Plan(seed, (), ()), places=True) for seed in (0, 2, 3)]
    if broken := [what for one in clean for what in one.broken]:
        raise RuntimeError(f"without any crash: {broken}")
    points = min(one.points for one in clean)
    due = plans(crashes, points)
    pids = [_share(template, folder, due, part) for part in range(AT_ONCE)]
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    shares = [json.loads((folder / f"share-{part}").read_text()) for part in range(AT_ONCE)]
    passed = set().union(*(one.places for one in clean))
    crashed_at = {place for share in shares for place in share["places"]}
    return {
        "points": [one.points for one in clean],
        "roads": len(due),
        "crashes": sum(share["crashes"] for share in shares),
        "alone": sum(len(plan.crashes) == 1 for plan in due),
        "places_passed": len(passed),
        "places_crashed_at": len(crashed_at & passed),
        "repeated": dict(sum((Counter(share["repeated"]) for share in shares), Counter())),
        "repeated_without_crash": dict(sum((one.repeated for one in clean), Counter())),
        "tokens_lost": sum(share["operator"] for share in shares),
        "shares_ended": ended,
        "broken": [entry for share in shares for entry in share["broken"]],
        "took_s": round(time.monotonic() - started, 1),
    }


def _share(template: Path, folder: Path, due: list[Plan], part: int) -> int:
    """Fork a process that plays its share of the plans; return its id."""
    if pid := os.fork():
        return pid
    whole, broken = Played(), []
    for number, plan in enumerate(due[part::AT_ONCE]):
        try:
            played = play_out(template, folder / f"{part}-{number}", plan)
        except Exception:
            played = Played(broken=[traceback.format_exc()])
        whole.crashes += played.crashes
        whole.operator += played.operator
        whole.repeated += played.repeated
        whole.places |= played.places
        if played.broken:
            broken.append({"plan": asdict(plan), "folder": f"{part}-{number}", "broken": played.broken})
    told = {"crashes": whole.crashes, "operator": whole.operator, "repeated": whole.repeated, "broken": broken}
    text = json.dumps({**told, "places": sorted(whole.places)}, ensure_ascii=False, default=str)
    (folder / f"share-{part}").write_text(text)
    os._exit(0)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--crashes", type=int, default=CRASHES)
    chosen = options.parse_args()
    logging.disable(logging.CRITICAL)
    print(json.dumps(crash(chosen.folder, chosen.crashes), ensure_ascii=False))


if __name__ == "__main__":
    main()
