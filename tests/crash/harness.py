"""Crashes the message road at every point in turn, starts it again, and looks at what the databases hold.

A point is a step of any task (each resumption after an await), the moment before and the moment after each commit,
in our database and in the library system's. Each life of the road is a forked child; the parent starts no thread and
opens no engine. `python -m tests.crash.harness FOLDER` prints a JSON report.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import sqlalchemy.dialects.sqlite.pysqlite  # noqa: F401  here, not in every child

from connectors.messages import say
from tests.crash.check import broken_promises
from tests.crash.road import Files, exit_at, play, set_up
from tests.virtual_time import VirtualLoop

CRASHED, FAILED = 9, 1
AT_ONCE = 2
ONE_IN = 5  # every fifth crash is followed by a second one, somewhere in the recovery
ONE_DAY_S = 86_400.0


class Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that passes a point before each of its steps."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], point: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._point = point

    def send(self, value: Any) -> Any:
        self._point()
        return self._coroutine.send(value)

    def throw(self, *exc: Any) -> Any:
        self._point()
        return self._coroutine.throw(*exc)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Any:
        return self._coroutine.__await__()


def live(files: Files, generation: int, crash_at: int | None) -> int:
    """Play the road in this process; return how many points it passed. Ends the process at point `crash_at`."""
    passed = [0]
    point = exit_at(crash_at, CRASHED, passed)
    loop = VirtualLoop()
    loop.set_task_factory(lambda on, coroutine, **how: asyncio.Task(Stepped(coroutine, point), loop=on, **how))  # type: ignore[arg-type]
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(asyncio.wait_for(play(loop, files, point, generation), ONE_DAY_S))
    return passed[0]


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


def crash_and_recover(template: Path, folder: Path, crashes: list[int]) -> list[str]:
    """Return which promises were broken by a road that crashes at these points, one a life, and then lives on."""
    shutil.copytree(template, folder)
    files, errors, broken = Files(folder), folder / "errors", []
    for generation, crash_at in enumerate(crashes):
        ended = in_child(lambda: live(files, generation, crash_at), errors)  # noqa: B023
        if ended == FAILED:
            return [f"life {generation} failed: {errors.read_text()}"]
        broken += broken_promises(files, at_rest=ended == 0)
    if in_child(lambda: live(files, len(crashes), None), errors):
        return [f"the last life failed: {errors.read_text()}"]
    broken += broken_promises(files, at_rest=True)
    shutil.rmtree(folder)
    return broken


def count_points(template: Path, folder: Path) -> int:
    """Return how many points a road without a crash passes, once it has kept every promise."""
    shutil.copytree(template, folder)
    counted = folder / "points"
    if in_child(lambda: counted.write_text(str(live(Files(folder), 0, None))), folder / "errors"):
        raise RuntimeError((folder / "errors").read_text())
    if broken := broken_promises(Files(folder), at_rest=True):
        raise RuntimeError(f"without any crash: {broken}")
    return int(counted.read_text())


def crash_everywhere(folder: Path) -> dict[str, Any]:
    """Return a report: how many points there are, how many crashes were played, and what they broke."""
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    template = folder / "template"
    template.mkdir()
    in_child(lambda: set_up(Files(template)), folder / "errors")
    points = count_points(template, folder / "clean")
    rng = random.Random(20261001)
    once = [[n] for n in range(1, points + 1)]
    twice = [[n, rng.randint(1, points - n // 2)] for n in range(1, points + 1, ONE_IN)]
    plans = once + twice
    pids = [_share(template, folder, plans, part) for part in range(AT_ONCE)]
    ended = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    broken = [entry for part in range(AT_ONCE) for entry in json.loads((folder / f"broken-{part}").read_text())]
    return {
        "points": points,
        "crashed_once": len(once),
        "crashed_twice": len(twice),
        "shares_ended": ended,
        "broken": broken,
        "took_s": round(time.monotonic() - started, 1),
    }


def _share(template: Path, folder: Path, plans: list[list[int]], part: int) -> int:
    """Fork a process that plays its share of the plans; return its id."""
    if pid := os.fork():
        return pid
    broken = []
    for plan in plans[part::AT_ONCE]:
        try:
            found = crash_and_recover(template, folder / "-".join(map(str, plan)), plan)
        except Exception:
            found = [traceback.format_exc()]
        if found:
            broken.append({"crashed_at": plan, "broken": found})
    (folder / f"broken-{part}").write_text(json.dumps(broken, ensure_ascii=False))
    os._exit(0)


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    say("wait", "vi")  # reads the sentences here, not in every child
    gc.freeze()
    print(json.dumps(crash_everywhere(Path(sys.argv[1])), ensure_ascii=False))
