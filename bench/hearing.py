"""Training the dialogue from nothing, then what a message costs in Rasa's own process (`bench/ear.py`)."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from connectors.settings import load_settings
from connectors.training import train

MESSAGES = Path("nlu_data/development.tsv")


def main() -> None:
    settings = load_settings(Path("demo/library.toml"))
    with tempfile.TemporaryDirectory(prefix="thuthu-bench-") as name:
        os.environ["RASA_CACHE_DIRECTORY"] = f"{name}/cache"  # what was learned before does not count
        model = Path(name) / "dialogue.tar.gz"
        started = time.perf_counter()
        train(replace(settings, rasa=replace(settings.rasa, model=model)))
        print(json.dumps({"bench": "training", "seconds": round(time.perf_counter() - started)}), flush=True)
        command = [str(settings.rasa.python), "-W", "ignore", "-m", "bench.ear", str(model), str(MESSAGES)]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
