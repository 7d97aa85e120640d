"""An event loop on which waiting takes no time and no thread runs: the same run every time, in milliseconds."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from connectors.clock import VIETNAM

Result = TypeVar("Result")

A_MICROSECOND = 1e-6
A_NANOSECOND = 1e-9
START = datetime(2026, 10, 1, 9, 0, tzinfo=VIETNAM)


class NothingWillHappen(Exception):
    """Everybody waits and nobody will wake anybody: the code under test hangs."""


class _Selector(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    """Lets the loop's time jump instead of waiting."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise NothingWillHappen
        self.loop.now += max(timeout, 0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """`delay()` says how long each piece of work handed to another thread would have taken there."""

    def __init__(self, delay: Callable[[], float] = lambda: 0.0) -> None:
        self.now = 0.0
        self.start = START
        self._delay = delay
        self._free_at: dict[Any, float] = {}
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    def clock(self) -> datetime:
        """The library's wall clock, going with the loop's time."""
        return self.start + timedelta(seconds=self.now)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., Any], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Let a wait pass that is too short for a float to tell: who then waits for the rest would wait for ever."""
        return super().call_at(max(when, self.now + A_NANOSECOND), callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Run the work here, later: after what the same executor was handed before; the default one keeps no order."""
        done: asyncio.Future[Any] = self.create_future()
        at = self.now + self._delay()
        if executor is not None:
            at = self._free_at[executor] = max(at, self._free_at.get(executor, 0.0) + A_MICROSECOND)
        self.call_at(at, _run, done, func, args)
        return done


def _run(done: asyncio.Future[Any], func: Callable[..., Any], args: Any) -> None:
    if done.cancelled():
        return
    try:
        done.set_result(func(*args))
    except Exception as exc:
        done.set_exception(exc)


def run(main: Callable[[VirtualLoop], Coroutine[Any, Any, Result]], delay: Callable[[], float] = lambda: 0.0) -> Result:
    """Return what `main` returns, run on a virtual loop of its own. Raises NothingWillHappen when it hangs."""
    loop = VirtualLoop(delay)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))
