"""A circuit breaker: a library system that does not answer is left alone for a while, and patrons hear so at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from library.ils import ILSOutcomeUnknown, ILSUnavailable

logger = logging.getLogger(__name__)

FAILURES, REST_S = 4, 20.0


class Breaker:
    """Guards every call to one library system: `with breaker.guard(): …`.

    After `failures` calls in a row without an answer, calls fail at once with ILSUnavailable for `rest_s` seconds;
    then one call is let through to try. An answer of any kind, a refusal included, closes it again.
    """

    def __init__(
        self, failures: int = FAILURES, rest_s: float = REST_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures = failures
        self._rest_s = rest_s
        self._monotonic = monotonic
        self._in_a_row = 0
        self._opened_at: float | None = None
        self._trying = False

    @property
    def is_open(self) -> bool:
        """Return whether a call would fail at once now."""
        return self._opened_at is not None and (self._trying or self._monotonic() - self._opened_at < self._rest_s)

    @contextmanager
    def guard(self) -> Iterator[None]:
        if self.is_open:
            raise ILSUnavailable("the library system has not answered for a while; it is tried again soon")
        trial = self._trying = self._opened_at is not None
        try:
            yield
        except (ILSUnavailable, ILSOutcomeUnknown):
            self._failed()
            raise
        except Exception:
            self._answered()
            raise
        else:
            self._answered()
        finally:
            if trial:
                self._trying = False

    def _failed(self) -> None:
        self._in_a_row += 1
        if self._in_a_row >= self._failures:
            if self._opened_at is None:
                logger.warning("library system left alone for %.0f s after %d failures", self._rest_s, self._in_a_row)
            self._opened_at = self._monotonic()

    def _answered(self) -> None:
        if self._opened_at is not None:
            logger.info("library system answers again")
        self._in_a_row, self._opened_at = 0, None
