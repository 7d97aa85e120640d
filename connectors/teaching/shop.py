"""Training beside the running model: one job at a time, in the table of trainings, taken up again after a crash.

A job exports what was taught, trains a model of its own name, asks it and the serving model the same messages, and
ends green or red. Nothing changes for patrons until somebody lets the model take over.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from connectors.clock import Clock
from connectors.curation import pins
from connectors.models import Models
from connectors.processes import Wiring, rasa_environment, start, stop
from connectors.settings import Settings
from connectors.staff import audit
from connectors.store import Store, trainings
from connectors.teaching import examples
from connectors.teaching.examples import Example, State, shipped_examples
from connectors.teaching.judging import Report, compare, write_messages
from connectors.training import taught_folder, training_command

logger = logging.getLogger(__name__)

STAGES = ("training", "judging")
USUAL_S: Mapping[str, float] = {"training": 300.0, "judging": 90.0}  # until this machine has been measured
MOST_TRIES = 2  # a training that takes the gateway down twice is not tried a third time
KEPT_MODELS = 3
NICENESS = 19  # patrons' turns go first
RUNNING = ("waiting", *STAGES)


class Refusal(StrEnum):
    BUSY = "Đang huấn luyện rồi. Chờ xong hoặc dừng lượt đang chạy."
    NO_SUCH = "Không có lượt huấn luyện này, hoặc mô hình của nó đã bị xoá."
    RED = "Mô hình này chưa đạt. Chỉ người được phép mới cho chạy, và phải ghi lý do."
    SERVING = "Mô hình này đang phục vụ rồi."
    NOTHING_BEFORE = "Không còn mô hình trước đó."


@dataclass(frozen=True)
class Training:
    number: int
    state: str
    by: str
    at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    seconds: Mapping[str, float]
    examples: int | None
    model: str | None
    report: Report | None
    problem: str | None

    @property
    def running(self) -> bool:
        return self.state in RUNNING


@dataclass(frozen=True)
class Progress:
    """`share` of the whole job that is done, from 0 to 1, as far as the last one tells; `left_s` until its end."""

    share: float
    left_s: float


class Broken(Exception):
    """A stage could not be done; the message says which and where to look."""


class Shop:
    """`train_with(name)` and `judge_with(model, messages, heard)` give the commands; both are Rasa's Python."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        *,
        train_with: Callable[[Settings, str], list[str]] = training_command,
        judge_with: Callable[[Settings, Path, Path, Path], list[str]] | None = None,
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._train_with, self._judge_with = train_with, judge_with or judging_command
        self.models = Models(settings)
        self.card_pattern = settings.library.card_pattern
        self._wake = asyncio.Event()
        self._now: asyncio.Task[None] | None = None

    @cache  # noqa: B019 - one shop a process
    def shipped(self) -> Mapping[str, str]:
        """Return the intent of each example that the project ships, by its folded words without slots' marks."""
        return shipped_examples(Path("nlu_data/nlu"))

    async def begin(self, by: str) -> int | Refusal:
        """Ask for a training and return its number."""
        at = self._clock()

        def ask(db: Connection) -> int | Refusal:
            if db.scalar(select(trainings.c.number).where(trainings.c.state.in_(RUNNING))):
                return Refusal.BUSY
            row = {"state": "waiting", "by": by, "at": at.isoformat(), "tries": 0}
            key = db.execute(insert(trainings).values(row)).inserted_primary_key
            number = int(key[0]) if key else 0
            audit.note(db, by, "teaching.trained", f"training:{number}", {}, at)
            return number

        asked = await self._store.write(ask)
        self._wake.set()
        return asked

    async def cancel(self, number: int, by: str) -> bool:
        """Stop a training that is under way; return whether there was one."""
        at = self._clock()

        def mark(db: Connection) -> bool:
            this = (trainings.c.number == number) & trainings.c.state.in_(RUNNING)
            done = db.execute(update(trainings).where(this).values(state="cancelled", ended_at=at.isoformat()))
            if done.rowcount:
                audit.note(db, by, "teaching.cancelled", f"training:{number}", {}, at)
            return done.rowcount > 0

        was_running = await self._store.write(mark)
        if was_running and self._now:
            self._now.cancel()
        return was_running

    async def let_serve(self, number: int, by: str, reason: str, *, may_override: bool) -> Refusal | None:
        """Let the model of this training take over; a red one only with a reason, by who may."""
        job = await self._store.read(lambda db: find(db, number))
        if job is None or job.model is None or job.state not in ("green", "red") or not self.models.there(job.model):
            return Refusal.NO_SUCH
        if job.model == self.models.in_use():
            return Refusal.SERVING
        if job.state == "red" and not (may_override and reason.strip()):
            return Refusal.RED
        detail = {"model": job.model, **({"override": reason.strip()} if job.state == "red" else {})}
        await self._note(by, "teaching.served", f"training:{number}", detail)
        self.models.wish(job.model)
        return None

    async def roll_back(self, by: str) -> Refusal | None:
        """Let the model before take over again."""
        serving = self.models.serving()
        if serving is None or not serving.before or not self.models.there(serving.before):
            return Refusal.NOTHING_BEFORE
        await self._note(by, "teaching.rolled_back", f"model:{serving.before}", {"from": serving.model})
        self.models.wish(serving.before)
        return None

    async def work(self) -> None:
        """Do the trainings that are asked for, one after the other, for ever; first what a crash cut off."""
        await self._store.write(self._take_up_again)
        while True:
            job = await self._store.read(_next)
            if job is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            self._now = asyncio.create_task(self._do(job))
            try:
                await asyncio.shield(self._now)
            except asyncio.CancelledError:
                if not self._now.cancelled():  # not the job: the gateway ends, and takes it up again at its next start
                    self._now.cancel()
                    await asyncio.gather(self._now, return_exceptions=True)
                    raise
            finally:
                self._now = None

    def _take_up_again(self, db: Connection) -> None:
        at = self._clock().isoformat()
        cut_off = trainings.c.state.in_(STAGES)
        tired = cut_off & (trainings.c.tries >= MOST_TRIES)
        gone = "Bị ngắt hai lần giữa chừng; máy có thể thiếu bộ nhớ. Xem var/log/train.log."
        db.execute(update(trainings).where(tired).values(state="failed", ended_at=at, problem=gone))
        db.execute(update(trainings).where(cut_off).values(state="waiting"))

    async def _do(self, job: Training) -> None:
        try:
            model = await self._stage(job, "training", lambda: self._train(job))
            report = await self._stage(job, "judging", lambda: self._judge(model))
        except Broken as exc:
            await self._close(job, "failed", problem=str(exc))
        except OSError as exc:
            await self._close(job, "failed", problem=f"{exc}; còn chỗ trên đĩa không?")
        else:
            await self._close(job, "green" if report.green else "red", model=model, report=report.to_plain())
            await asyncio.to_thread(self._clear_old)

    async def _stage(self, job: Training, name: str, do: Callable[[], Any]) -> Any:
        began = self._clock()
        values: dict[str, Any] = {"state": name, "began_at": began.isoformat()}
        if name == STAGES[0]:
            values["tries"] = trainings.c.tries + 1
        await self._set(job.number, values)
        outcome = await do()
        took = (self._clock() - began).total_seconds()

        def noted(db: Connection) -> None:
            this = trainings.c.number == job.number
            so_far = db.scalar(select(trainings.c.seconds).where(this)) or {}
            db.execute(update(trainings).where(this).values(seconds={**so_far, name: round(took, 1)}))

        await self._store.write(noted)
        return outcome

    async def _train(self, job: Training) -> str:
        folder = taught_folder(self._settings)
        count = await self._store.read(lambda db: examples.export(db, folder))
        await self._set(job.number, {"examples": count})
        name = f"taught-{job.number}"
        await self._run("train.log", self._train_with(self._settings, name))
        if not self.models.there(f"{name}.tar.gz"):
            raise Broken("Huấn luyện không tạo ra mô hình; lý do ở cuối var/log/train.log.")
        return f"{name}.tar.gz"

    async def _judge(self, model: str) -> Report:
        taught = await self._store.read(_must_be_heard)
        work = self._settings.files.var / "judging"
        messages = work / "messages.tsv"
        await asyncio.to_thread(write_messages, messages, taught)
        before = await self._heard(self.models.in_use(), messages)
        return await asyncio.to_thread(compare, before, await self._heard(model, messages))

    async def _heard(self, model: str, messages: Path) -> Path:
        """Return the file of what this model hears; made once for the same model and the same messages."""
        digest = await asyncio.to_thread(_digest, [self.models.path(model), messages])
        heard = messages.with_name(f"{digest}.jsonl")
        if not heard.is_file():
            new = heard.with_suffix(".new")
            command = self._judge_with(self._settings, self.models.path(model), messages, new)
            await self._run("judge.log", command)
            new.replace(heard)
        return heard

    async def _run(self, log: str, command: Sequence[str]) -> None:
        path = self._settings.files.var / "log" / log
        path.parent.mkdir(parents=True, exist_ok=True)
        environment = rasa_environment(self._settings, Wiring.fresh())
        with path.open("wb") as output:
            child = await start(list(command), environment, output=output, niceness=NICENESS)
            try:
                code = await child.wait()
            except asyncio.CancelledError:
                await stop(child)
                raise
        if code != 0:
            raise Broken(f"Không xong (mã {code}); lý do ở cuối var/log/{log}.")

    def _clear_old(self) -> None:
        """Delete the models of earlier trainings but the last ones, the one that serves and the one before it."""
        serving = self.models.serving()
        needed = {serving.model, serving.before} if serving else set()
        made = sorted(self.models.folder.glob("taught-*.tar.gz"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in made[KEPT_MODELS:]:
            if path.name not in needed:
                path.unlink(missing_ok=True)
        heard = sorted((self._settings.files.var / "judging").glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
        for path in heard[: -2 * KEPT_MODELS]:
            path.unlink(missing_ok=True)

    async def _close(self, job: Training, state: str, **values: Any) -> None:
        logger.info("training %s ended %s", job.number, state)
        await self._set(job.number, {"state": state, "ended_at": self._clock().isoformat(), **values})

    async def _set(self, number: int, values: Mapping[str, Any]) -> None:
        """Write to the job, unless it was cancelled meanwhile."""
        this = (trainings.c.number == number) & (trainings.c.state != "cancelled")
        await self._store.write(lambda db: db.execute(update(trainings).where(this).values(**values)))

    async def _note(self, by: str, deed: str, about: str, detail: Mapping[str, Any]) -> None:
        at = self._clock()
        await self._store.write(lambda db: audit.note(db, by, deed, about, detail, at))


def _must_be_heard(db: Connection) -> list[Example]:
    """Return what was taught, the oldest first, and the messages pinned to what they mean."""
    taught = examples.listed(db, State.APPROVED, limit=100_000)
    pinned = [Example(pin.text, pin.expected.what) for pin in pins.pinned(db) if pin.expected.kind == "intent"]
    return [*(one.example for one in reversed(taught)), *pinned]


def judging_command(settings: Settings, model: Path, messages: Path, heard: Path) -> list[str]:
    return [
        *(str(settings.rasa.python), "-W", "ignore", "-m", "bot.evaluate", str(messages)),
        *("--model", str(model), "--heard", str(heard)),
    ]


def progress(job: Training, earlier: Sequence[Training], now: datetime) -> Progress:
    """Return how far a job has come, by what its stages took in the last finished one."""
    measured = next((one.seconds for one in earlier if one.seconds.keys() >= set(STAGES)), USUAL_S)
    whole = sum(measured[stage] for stage in STAGES)
    done = sum(measured[stage] for stage in STAGES if stage in job.seconds)
    if job.state in STAGES and job.began_at:
        done += min((now - job.began_at).total_seconds(), 0.95 * measured[job.state])
    return Progress(min(done / whole, 0.99), max(whole - done, 5.0))


def find(db: Connection, number: int) -> Training | None:
    row = db.execute(select(trainings).where(trainings.c.number == number)).mappings().first()
    return _training(row) if row else None


def latest(db: Connection, limit: int = 20) -> list[Training]:
    """Return the trainings, the newest first."""
    rows = db.execute(select(trainings).order_by(trainings.c.number.desc()).limit(limit)).mappings()
    return [_training(row) for row in rows]


def _next(db: Connection) -> Training | None:
    waiting = select(trainings).where(trainings.c.state == "waiting").order_by(trainings.c.number)
    row = db.execute(waiting).mappings().first()
    return _training(row) if row else None


def _training(row: Any) -> Training:
    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(row[name]) if row[name] else None

    return Training(
        number=row["number"],
        state=row["state"],
        by=row["by"],
        at=datetime.fromisoformat(row["at"]),
        began_at=moment("began_at"),
        ended_at=moment("ended_at"),
        seconds=row["seconds"] or {},
        examples=row["examples"],
        model=row["model"],
        report=Report.from_plain(row["report"]) if row["report"] else None,
        problem=row["problem"],
    )


def _digest(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as content:
            while block := content.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:24]
