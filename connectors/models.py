"""Which model of the dialogue serves: what the gateway wishes, what the supervisor runs, and where turns go.

Three small files beside the models, each written by one process alone and put in its place whole, so that either
process may die at any moment and start again from them:

- wanted.json, by the gateway: the model that is to serve
- serving.json, by the supervisor: the model that serves, on which port, the one before it, what came of the last wish
- used.json, by the gateway: the port to which turns go now
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from connectors.settings import Settings
from connectors.tokens import hashed, new_token


@dataclass(frozen=True)
class Wish:
    """The model, a file name beside the configured one, that is to take over; `key` tells one wish from another."""

    model: str
    key: str


@dataclass(frozen=True)
class Serving:
    """`run` names the start of the product this was written in, `wish` the last wish dealt with.

    `problem`: why it was not fulfilled; empty when it was.
    """

    run: str
    model: str
    port: int
    before: str = ""
    wish: str = ""
    problem: str = ""


class Models:
    """The folder of models and the three files in it."""

    def __init__(self, settings: Settings) -> None:
        self.folder = settings.rasa.model.parent
        self.first = settings.rasa.model.name  # trained from what the project ships

    def path(self, model: str) -> Path:
        return self.folder / model

    def there(self, model: str) -> bool:
        return Path(model).name == model and self.path(model).is_file()

    def in_use(self) -> str:
        """Return the model that serves, or served when the product last ran: the first one if that is gone."""
        found = self.serving()
        return found.model if found and self.there(found.model) else self.first

    def wish(self, model: str) -> Wish:
        """Ask the supervisor to let this model take over."""
        wish = Wish(model, new_token())
        self._write("wanted.json", asdict(wish))
        return wish

    def wanted(self) -> Wish | None:
        raw = self._read("wanted.json")
        return Wish(str(raw["model"]), str(raw["key"])) if raw.keys() >= {"model", "key"} else None

    def serving(self) -> Serving | None:
        raw = self._read("serving.json")
        try:
            return Serving(**raw) if raw else None
        except TypeError:
            return None  # written by another release

    def serve(self, serving: Serving) -> None:
        self._write("serving.json", asdict(serving))

    def used_port(self) -> int:
        return int(self._read("used.json").get("port", 0))

    def use(self, port: int) -> None:
        self._write("used.json", {"port": port})

    def back_to_first(self) -> None:
        """Forget what was chosen: the first model, trained anew, has learned all that the others had."""
        for name in ("wanted.json", "serving.json"):
            (self.folder / name).unlink(missing_ok=True)

    def _read(self, name: str) -> dict[str, Any]:
        """Return what the file holds; nothing for a file that is not there or not whole."""
        try:
            raw = json.loads((self.folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return raw if isinstance(raw, dict) else {}

    def _write(self, name: str, value: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        new = self.folder / f".{name}.{os.getpid()}"
        new.write_text(json.dumps(value), encoding="utf-8")
        new.replace(self.folder / name)


def run_of(secret: str) -> str:
    """Return the name of a start of the product: made of the secret that its processes share, and not telling it."""
    return hashed(f"run:{secret}")[:16]
