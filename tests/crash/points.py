"""Crash points: each step of every task, each side of every commit and of every call to a channel."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any

from tests.crash.files import note


class Points:
    """Counts the points passed and ends the process at one of them, as a power cut would, noting where it was.

    `places` collects, when it is given, every place in the code at which a point was passed.
    """

    def __init__(self, crash_at: int | None, exit_code: int, stop: Callable[[], None], crashed: Path) -> None:
        self.passed = 0
        self.places: set[str] | None = None
        self._crash_at = crash_at
        self._exit_code = exit_code
        self._stop = stop
        self._crashed = crashed

    def at(self, where: str) -> None:
        self.passed += 1
        if self.places is not None:
            self.places.add(where)
        if self.passed == self._crash_at:
            self._crash(where)

    def step(self, coroutine: Any) -> None:
        """Pass the point before a step of this coroutine."""
        self.passed += 1
        if self.places is not None:
            self.places.add(_where(coroutine))
        if self.passed == self._crash_at:
            self._crash(_where(coroutine))

    def _crash(self, where: str) -> None:
        self._stop()
        note(self._crashed, {"where": where})
        os._exit(self._exit_code)


class Stepped(Coroutine[Any, Any, Any]):
    """A coroutine that passes a point before each of its steps."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], points: Points) -> None:
        self._coroutine = coroutine
        self._points = points

    def send(self, value: Any) -> Any:
        self._points.step(self._coroutine)
        return self._coroutine.send(value)

    def throw(self, *exc: Any) -> Any:
        self._points.step(self._coroutine)
        return self._coroutine.throw(*exc)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()


def _where(coroutine: Any) -> str:
    """Return the line of the product in which the task waits, the innermost outside the store; else of what waits."""
    lines = list(_lines(coroutine))
    ours = [line for line in lines if line.startswith("connectors/") and not line.startswith("connectors/store.py")]
    return (ours or lines)[-1]


def _lines(coroutine: Any) -> Iterator[str]:
    """Yield in which line each coroutine of the chain waits, the outermost first."""
    inner = coroutine
    while inner is not None:
        prefix = next((kind for kind in ("cr", "ag", "gi") if hasattr(inner, f"{kind}_code")), None)
        if prefix is None:
            yield type(inner).__name__
            return
        code, frame = getattr(inner, f"{prefix}_code"), getattr(inner, f"{prefix}_frame")
        yield f"{'/'.join(Path(code.co_filename).parts[-2:])}:{frame.f_lineno if frame else 0} {code.co_qualname}"
        inner = getattr(inner, f"{prefix}_await", None) or getattr(inner, f"{prefix}_yieldfrom", None)
