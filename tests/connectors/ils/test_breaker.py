"""A library system that does not answer is left alone for a while, then tried again by one call."""

from __future__ import annotations

import pytest

from connectors.ils.breaker import Breaker
from library.ils import ILSMisconfigured, ILSUnavailable


class Watch:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def breaker(watch: Watch) -> Breaker:
    return Breaker(failures=3, rest_s=20, monotonic=watch)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(ILSUnavailable), breaker.guard():
            raise ILSUnavailable("no answer")


def test_after_failures_in_a_row_calls_fail_without_being_made(breaker):
    fail(breaker, 3)
    made = []
    with pytest.raises(ILSUnavailable, match="a while"), breaker.guard():
        made.append(1)
    assert made == []


def test_an_answer_between_failures_starts_the_count_anew(breaker):
    fail(breaker, 2)
    with breaker.guard():
        pass
    fail(breaker, 2)
    assert not breaker.is_open


def test_a_refusal_of_the_system_is_an_answer(breaker):
    fail(breaker, 2)
    with pytest.raises(ILSMisconfigured), breaker.guard():
        raise ILSMisconfigured("no permission")
    fail(breaker)
    assert not breaker.is_open


def test_after_the_rest_one_call_tries_and_the_others_wait(breaker, watch):
    fail(breaker, 3)
    watch.now = 21
    with breaker.guard():
        assert breaker.is_open  # for everybody else
    assert not breaker.is_open


def test_a_trial_that_fails_opens_it_for_another_rest(breaker, watch):
    fail(breaker, 3)
    watch.now = 21
    fail(breaker)
    watch.now = 40
    assert breaker.is_open
    watch.now = 42
    assert not breaker.is_open


def test_a_trial_that_is_cancelled_lets_the_next_one_try(breaker, watch):
    fail(breaker, 3)
    watch.now = 21
    with pytest.raises(KeyboardInterrupt), breaker.guard():
        raise KeyboardInterrupt
    assert not breaker.is_open
