"""Trainings: one at a time, taken up again, judged against the serving model. A small program stands for Rasa's."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from connectors.clock import VIETNAM
from connectors.settings import FilesSection, RasaSection, Settings
from connectors.staff import audit
from connectors.store import Store, trainings
from connectors.teaching import shop
from connectors.teaching.judging import Report, compare
from connectors.teaching.shop import Refusal, Shop, Training

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=VIETNAM)
TRAIN = "import pathlib,sys,time; time.sleep({takes}); {does}"
MAKES = "pathlib.Path(sys.argv[1]).write_text(sys.argv[1])"


@dataclass
class Place:
    """A shop whose commands are Python one-liners; `takes` seconds, then `does`."""

    folder: Path
    store: Store
    takes: float = 0.0
    does: str = MAKES
    hears: str = "right"

    def open(self) -> Shop:
        model = RasaSection(model=self.folder / "models/first.tar.gz")
        settings = Settings(files=FilesSection(var=self.folder), rasa=model)
        return Shop(settings, self.store, lambda: NOW, train_with=self._train, judge_with=self._judge)

    def _train(self, _settings: Settings, name: str) -> list[str]:
        code = TRAIN.format(takes=self.takes, does=self.does)
        return [sys.executable, "-c", code, str(self.folder / f"models/{name}.tar.gz")]

    def _judge(self, _settings: Settings, model: Path, _messages: Path, heard: Path) -> list[str]:
        new = model.name != "first.tar.gz"
        heard_as = "renew_loans" if not new or self.hears == "right" else "greet"
        one = {"text": "gia hạn", "intent": "renew_loans", "heard": heard_as, "tags": ["shipped"]}
        lines = json.dumps(one) + "\n"
        code = f"import pathlib; pathlib.Path({str(heard)!r}).write_text({lines * 40!r})"
        return [sys.executable, "-c", code]

    def job(self, number: int) -> Training:
        found = self.store.read_now(lambda db: shop.find(db, number))
        assert found
        return found

    async def until(self, so: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not so():
                await asyncio.sleep(0.02)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/first.tar.gz").write_text("first")
    store = Store(tmp_path / "gateway.sqlite")
    yield Place(tmp_path, store)
    store.close()


@pytest.fixture
async def working(place: Place) -> AsyncIterator[Shop]:
    opened = place.open()
    work = asyncio.create_task(opened.work())
    yield opened
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def begun(opened: Shop) -> int:
    number = await opened.begin("Lan")
    assert isinstance(number, int)
    return number


async def test_a_training_ends_green_and_its_model_serves_when_that_is_wished(place: Place, working: Shop) -> None:
    number = await begun(working)
    await place.until(lambda: place.job(number).state == "green")
    job = place.job(number)
    assert (job.model, job.examples, set(job.seconds)) == ("taught-1.tar.gz", 0, {"training", "judging"})
    assert working.models.wanted() is None, "nothing changes by itself"
    assert await working.let_serve(number, "Lan", "", may_override=False) is None
    wanted = working.models.wanted()
    assert wanted
    assert wanted.model == "taught-1.tar.gz"
    assert place.store.read_now(audit.verify).rows == 2


async def test_a_second_training_waits_for_nobody(place: Place, working: Shop) -> None:
    place.takes = 5
    number = await begun(working)
    assert await working.begin("Minh") is Refusal.BUSY
    await place.until(lambda: place.job(number).state == "training")
    assert await working.cancel(number, "Minh")
    assert place.job(number).state == "cancelled"
    place.takes = 0
    again = await begun(working)
    await place.until(lambda: place.job(again).state == "green")
    assert place.job(number).state == "cancelled"


async def test_a_worse_model_is_red_and_serves_only_with_a_reason(place: Place, working: Shop) -> None:
    place.hears = "wrong"
    number = await begun(working)
    await place.until(lambda: place.job(number).state == "red")
    assert await working.let_serve(number, "Lan", "", may_override=True) is Refusal.RED
    assert await working.let_serve(number, "Lan", "cần gấp", may_override=False) is Refusal.RED
    assert await working.let_serve(number, "Lan", "cần gấp", may_override=True) is None


@pytest.mark.parametrize("does", ["sys.exit(3)", "pass"])
async def test_a_training_that_fails_says_where_to_look(place: Place, working: Shop, does: str) -> None:
    place.does = does
    number = await begun(working)
    await place.until(lambda: place.job(number).state == "failed")
    assert "train.log" in (place.job(number).problem or "")
    assert await working.let_serve(number, "Lan", "", may_override=True) is Refusal.NO_SUCH


async def test_what_a_crash_cut_off_is_taken_up_again_but_not_for_ever(place: Place) -> None:
    opened = place.open()
    number = await begun(opened)
    for tries, ends in ((1, "green"), (2, "failed")):
        cut = update(trainings).where(trainings.c.number == number).values(state="training", tries=tries)
        place.store.write_now(lambda db, cut=cut: db.execute(cut))  # type: ignore[misc]
        work = asyncio.create_task(place.open().work())
        await place.until(lambda ends=ends: place.job(number).state == ends)  # type: ignore[misc]
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def test_when_the_gateway_ends_the_training_waits_for_its_next_start(place: Place) -> None:
    place.takes = 30
    opened = place.open()
    work = asyncio.create_task(opened.work())
    number = await begun(opened)
    await place.until(lambda: place.job(number).state == "training")
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    assert place.job(number).state == "training"


def test_progress_goes_by_what_the_last_one_took() -> None:
    def job(state: str, began_ago: float, **seconds: float) -> Training:
        began = NOW - timedelta(seconds=began_ago)
        return Training(1, state, "Lan", NOW, began, None, seconds, 0, None, None, None)

    earlier = [job("green", 0, training=180.0, judging=20.0)]
    assert shop.progress(job("waiting", 0), earlier, NOW).share == 0
    half = shop.progress(job("training", 90), earlier, NOW)
    assert (half.share, half.left_s) == (0.45, 110)
    assert shop.progress(job("training", 9000), earlier, NOW).share < 0.9
    assert shop.progress(job("judging", 10, training=200.0), earlier, NOW).share == 0.95


def test_a_report_survives_the_database(tmp_path: Path) -> None:
    heard = [
        {"text": f"câu {n}", "intent": "greet", "heard": "greet" if n else "thank", "tags": ["shipped"]}
        for n in range(3)
    ]
    taught = {"text": "hi", "intent": "greet", "heard": "thank", "tags": ["taught"]}
    for name, lines in (("a", [*heard, taught]), ("b", [*heard[::-1], taught])):
        (tmp_path / name).write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = compare(tmp_path / "a", tmp_path / "b")
    assert (report.better, report.worse, report.not_learned) == (1, 1, ("hi",))
    assert Report.from_plain(json.loads(json.dumps(report.to_plain()))) == report
