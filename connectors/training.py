"""Training the dialogue in Rasa's own Python, only when something it learns from has changed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from connectors.models import Models
from connectors.processes import Wiring, rasa_environment
from connectors.settings import Settings

LEARNED_FROM = ("bot/config.yml", "bot/domain", "bot/rules", "bot/components", "nlu_data", "library")


class TrainingFailed(Exception):
    """Rasa could not train; the message names the log to read."""


def fingerprint() -> str:
    """Return a digest of every file the dialogue learns from, and of the code that learns."""
    digest = hashlib.sha256()
    for path in _files():
        digest.update(str(path).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files() -> Iterator[Path]:
    for root in map(Path, LEARNED_FROM):
        found = [root] if root.is_file() else sorted(root.rglob("*"))
        yield from (path for path in found if path.suffix in {".yml", ".py"})


def is_trained(settings: Settings) -> bool:
    note = _note(settings)
    return settings.rasa.model.is_file() and note.is_file() and note.read_text() == fingerprint()


def train(settings: Settings) -> None:
    """Train and put the model where the settings say; the old one stays until the new one is complete.

    It learns what librarians taught as well, so it takes the place of every model before it.
    """
    model, log = settings.rasa.model, settings.files.var / "log" / "train.log"
    new = model.name.removesuffix(".tar.gz") + "-new"
    before = fingerprint()
    _make_folders(settings, log)
    with log.open("w") as output:
        try:
            done = subprocess.run(
                training_command(settings, new),
                env=rasa_environment(settings, Wiring.fresh()),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except FileNotFoundError as exc:
            what = f"{settings.rasa.python} is not there: run `make setup` to make Rasa's environment"
            raise TrainingFailed(what) from exc
    made = model.with_name(new + ".tar.gz")
    if done.returncode != 0 or not made.is_file():
        raise TrainingFailed(f"training the dialogue failed; the reason is at the end of {log}")
    made.replace(model)
    _note(settings).write_text(before)
    Models(settings).back_to_first()


def _make_folders(settings: Settings, log: Path) -> None:
    settings.rasa.model.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)


def taught_folder(settings: Settings) -> Path:
    """Return where the examples that librarians taught are written for Rasa to read."""
    return settings.files.var / "taught"


def training_command(settings: Settings, name: str) -> list[str]:
    """Return the command that makes the model `name` beside the others, from what is shipped and what was taught."""
    taught = taught_folder(settings)
    return [
        *(str(settings.rasa.python), "-m", "rasa", "train", "--quiet"),
        "--force",  # its cache does not see a change in a module that a component imports
        *("--config", "bot/config.yml", "--domain", "bot/domain"),
        *("--data", "bot/rules", "nlu_data/nlu", "nlu_data/lookups", *([str(taught)] if taught.is_dir() else [])),
        *("--out", str(settings.rasa.model.parent), "--fixed-model-name", name),
    ]


def _note(settings: Settings) -> Path:
    return settings.rasa.model.with_suffix(".fingerprint")
