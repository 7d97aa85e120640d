"""The steps of a build that need nothing of each other, done one after the other or beside it in processes.

A process is told its step by a line on its standard input, which stays open as long as its starter lives: when that
ends, however it ends, so does the process. It tells how far it is, and what came out, by lines on its standard output.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from retrieval import lexical, writing
from retrieval.catalogue import Catalogue
from retrieval.ids import Ids
from retrieval.manifest import part_folder
from retrieval.record import Record

Progress = Callable[[str, int, int], None]  # (what is being done, done, of how many)
Codes = dict[str, list[str]]
_TOLD_EVERY = 1000  # records
_MOST_MB, _LEAST_MB = 256, 64
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Job:
    """What the steps work on: an index folder with the ids of its base, and the catalogue they are from."""

    folder: Path
    catalogue: Path
    texts: tuple[str, ...]
    count: int

    def records(self) -> Iterator[Record]:
        catalogue = Catalogue(self.catalogue)
        yield from catalogue.in_step(Ids(part_folder(self.folder, 0)))
        catalogue.close()


def _words(job: Job, records: Iterator[Record]) -> None:
    memory = max(_LEAST_MB, min(_MOST_MB, job.count // 2000))
    lexical.build(job.folder / writing.LEXICAL, writing.entries(records), memory_mb=memory)


def _names(job: Job, records: Iterator[Record]) -> Codes:
    return writing.write_names(part_folder(job.folder, 0), records, job.folder / writing.TITLES)


def _spelling(job: Job, records: Iterator[Record]) -> None:
    writing.write_spelling(job.folder, records, job.texts)


_STEPS: Mapping[str, Callable[[Job, Iterator[Record]], Codes | None]] = {
    "words": _words, "names": _names, "spelling": _spelling,
}  # fmt: skip


def do(step: str, job: Job, tell: Progress) -> Codes | None:
    """Do one step here and return the codes of the columns, if it is the one that makes them."""
    return _STEPS[step](job, _counted(step, job, tell))


def _counted(step: str, job: Job, tell: Progress) -> Iterator[Record]:
    for done, record in enumerate(job.records()):
        if done % _TOLD_EVERY == 0:
            tell(step, done, job.count)
        yield record
    tell(step, job.count, job.count)


class StepFailed(RuntimeError):
    """A process of a build ended with an error, which is told in the message."""


class Asides:
    """All the steps of a job: with two workers, in a process beside the caller until `finish`, which lends a hand."""

    def __init__(self, job: Job, progress: Progress, workers: int) -> None:
        self._job, self._progress = job, progress
        self._waiting: Queue[str] = Queue()
        for step in _STEPS:
            self._waiting.put(step)
        self._codes: Codes = {}
        self._failed: list[Exception] = []
        self._running: list[subprocess.Popen[str]] = []
        self._stopped = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers - 1)]

    def __enter__(self) -> Asides:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        for process in self._running:
            process.kill()
        for thread in self._threads:
            thread.join()

    def finish(self) -> Codes:
        """Do what is still to do, wait for the rest, and return the codes of the columns."""
        if self._threads:
            self._work()
        else:
            for step in _STEPS:
                self._codes |= do(step, self._job, self._progress) or {}
        for thread in self._threads:
            thread.join()
        if self._failed:
            raise self._failed[0]
        return self._codes

    def _work(self) -> None:
        while not self._stopped and not self._failed:
            try:
                self._codes |= self._in_process(self._waiting.get_nowait())
            except Empty:
                return
            except Exception as exc:  # told to the caller by `finish`
                self._failed.append(exc)

    def _in_process(self, step: str) -> Codes:
        command = [sys.executable, "-m", "retrieval.asides"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=with_our_path(),
        ) as process:  # fmt: skip
            self._running.append(process)
            assert process.stdin
            assert process.stdout
            assert process.stderr
            job = self._job
            told = [step, str(job.folder.absolute()), str(job.catalogue.absolute()), job.texts, job.count]
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.flush()
            codes: Codes | None = None
            for line in process.stdout:
                message = json.loads(line)
                if "codes" in message:
                    codes = message["codes"]
                else:
                    self._progress(message["step"], message["done"], message["whole"])
            error = process.stderr.read()
        if codes is None:
            raise StepFailed(f"building the index, step {step}: {error.strip() or 'the process was ended'}")
        return codes


def with_our_path() -> dict[str, str]:
    """Return the environment in which a process finds this very code."""
    paths = filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def main() -> None:
    """Do the step that is told on standard input."""
    step, folder, catalogue, texts, count = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_starter, daemon=True).start()
    try:
        codes = do(step, Job(Path(folder), Path(catalogue), tuple(texts), count), _tell)
    except (OSError, RuntimeError, ValueError) as exc:
        sys.exit(str(exc))
    _say({"codes": codes or {}})


def _end_with_starter() -> None:
    while sys.stdin.read(1):
        pass
    os._exit(1)


def _tell(step: str, done: int, whole: int) -> None:
    _say({"step": step, "done": done, "whole": whole})


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
