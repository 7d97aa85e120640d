"""Nothing is lost and nothing is done twice through any door, wherever the process dies.

The long run: `python -m tests.crash.harness FOLDER --crashes 10000`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

IN_MEMORY = Path("/dev/shm")  # a killed process loses nothing that it wrote, so a real disk would prove no more


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    roads = IN_MEMORY / f"roads-{os.getpid()}" if os.access(IN_MEMORY, os.W_OK) else tmp_path / "roads"
    yield roads
    shutil.rmtree(roads, ignore_errors=True)


def test_every_message_is_answered_once_and_every_deed_done_once_wherever_the_process_dies(folder: Path) -> None:
    # A process of its own: forking needs one without threads.
    played = subprocess.run(
        [sys.executable, "-m", "tests.crash.harness", str(folder)], capture_output=True, text=True, check=False
    )
    assert played.returncode == 0, played.stderr
    report = json.loads(played.stdout)
    print({key: value for key, value in report.items() if key != "broken"})  # shown by pytest -s
    assert report["broken"] == []
    assert report["shares_ended"] == [0, 0]
    assert report["crashes"] >= 400
    assert report["repeated_without_crash"] == {}
    assert min(report["points"]) >= 4000, "the road has become so short that its crashes prove little"
    assert report["places_crashed_at"] >= 30, "the crashes fall on too few places to prove much"
