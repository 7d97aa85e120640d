"""Which copies are in: asked for once a minute, told with its time while the library system is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from connectors.availability import MOST_RECORDS, RememberingILS
from library.ils import ILSUnavailable, PatronRef
from library.model import Hold, HoldOutcome, HoldStatus, ItemState, ItemStatus
from tests.connectors.ils.sample import Clock

LAN = PatronRef("p-lan")


class Library:
    """A library system that counts how it is asked; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.away = False
        self.gate: asyncio.Event | None = None
        self.state = ItemState.AVAILABLE

    async def availability(self, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        self.asked.append(list(record_ids))
        if self.gate:
            await self.gate.wait()
        if self.away:
            raise ILSUnavailable("away")
        return {each: [ItemStatus(f"b-{each}", "MT", "895", self.state)] for each in record_ids}

    async def place_hold(self, who: PatronRef, record_id: str, *, pickup: str | None = None) -> HoldOutcome:
        return HoldOutcome(Hold("h1", record_id, "Số đỏ", HoldStatus.WAITING, "MT"))

    async def cancel_hold(self, who: PatronRef, hold_id: str) -> HoldOutcome:
        return HoldOutcome(Hold(hold_id, "1", "Số đỏ", HoldStatus.WAITING, "MT"))

    async def holds(self, who: PatronRef) -> list[Hold]:
        return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def ils(library: Library, clock: Clock) -> RememberingILS:
    return RememberingILS(library, clock)  # type: ignore[arg-type]


async def test_a_page_is_asked_for_in_one_call_and_for_a_minute_not_again(ils, library, clock):
    first = await ils.availability(["1", "2", "1"])
    clock.advance(seconds=59)
    assert await ils.availability(["2", "1"]) == first
    assert library.asked == [["1", "2"]]
    clock.advance(seconds=2)
    await ils.availability(["1"])
    assert library.asked == [["1", "2"], ["1"]]


async def test_only_what_is_not_known_is_asked_for(ils, library):
    await ils.availability(["1"])
    assert set(await ils.availability(["1", "2"])) == {"1", "2"}
    assert library.asked == [["1"], ["2"]]


async def test_a_silent_system_is_told_of_with_its_time_and_not_for_ever(ils, library, clock):
    begun = clock()
    await ils.availability(["1"])
    library.away = True
    clock.advance(minutes=14)
    (copy,) = (await ils.availability(["1"]))["1"]
    assert (copy.state, copy.as_of) == (ItemState.AVAILABLE, begun)
    clock.advance(minutes=2)
    with pytest.raises(ILSUnavailable):
        await ils.availability(["1"])


async def test_what_is_doubted_is_asked_again_and_told_with_its_time_when_nobody_answers(ils, library, clock):
    begun = clock()
    await ils.availability(["1", "2"])
    library.away = True
    ils.doubt()
    told = await ils.availability(["1", "2"])
    assert {copy.as_of for copies in told.values() for copy in copies} == {begun}
    library.away = False
    assert (await ils.availability(["1"]))["1"][0].as_of is None
    assert library.asked == [["1", "2"], ["1", "2"], ["1"]]


async def test_a_clock_that_was_set_back_knows_nothing(ils, library, clock):
    await ils.availability(["1"])
    clock.advance(minutes=-30)
    library.away = True
    with pytest.raises(ILSUnavailable):
        await ils.availability(["1"])


async def test_a_page_of_which_one_hit_is_unknown_is_not_half_told(ils, library, clock):
    await ils.availability(["1"])
    library.away = True
    clock.advance(minutes=2)
    with pytest.raises(ILSUnavailable):
        await ils.availability(["1", "2"])


async def test_who_asks_for_the_same_at_the_same_time_waits_for_one_answer(ils, library):
    library.gate = asyncio.Event()
    asking = [asyncio.create_task(ils.availability(["1", "2"])) for _ in range(20)]
    await asyncio.sleep(0)
    asking.append(asyncio.create_task(ils.availability(["2", "3"])))
    await asyncio.sleep(0)
    asking[0].cancel()  # one gives up; the others do not suffer
    await asyncio.sleep(0)
    library.gate.set()
    answers = await asyncio.gather(*asking[1:])
    assert library.asked == [["1", "2"], ["3"]]
    assert set(answers[-1]) == {"2", "3"}


async def test_an_answer_that_fails_fails_for_all_who_wait_and_is_asked_again_afterwards(ils, library):
    library.away = True
    failed = await asyncio.gather(*(ils.availability(["1"]) for _ in range(3)), return_exceptions=True)
    assert {type(each) for each in failed} == {ILSUnavailable}
    library.away = False
    assert await ils.availability(["1"])


@pytest.mark.parametrize("deed", ["place_hold", "cancel_hold"])
async def test_a_hold_of_ours_is_seen_at_once(ils, library, deed):
    await ils.availability(["1"])
    library.state = ItemState.ON_LOAN
    await getattr(ils, deed)(LAN, "1")
    assert (await ils.availability(["1"]))["1"][0].state is ItemState.ON_LOAN


async def test_everything_else_goes_straight_through(ils):
    assert await ils.holds(LAN) == []


async def test_the_memory_is_bounded(ils, library):
    for number in range(0, MOST_RECORDS + 100, 100):
        await ils.availability([str(number + more) for more in range(100)])
    library.asked.clear()
    await ils.availability([str(MOST_RECORDS + 99)])
    assert library.asked == []
    await ils.availability(["0"])
    assert library.asked == [["0"]]


async def test_nothing_asked_is_nothing_told(ils, library):
    assert await ils.availability([]) == {}
    assert library.asked == []


async def test_what_is_fresh_is_not_dated_beside_what_is_old(ils, library, clock):
    await ils.availability(["1"])
    clock.advance(minutes=5)
    await ils.availability(["2"])
    library.away = True
    found = await ils.availability(["1", "2"])
    assert found["1"][0].as_of == clock() - timedelta(minutes=5)
    assert found["2"][0].as_of is None
