"""The whole product as an operator starts it, on a free port and with databases of its own; and somebody who talks."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import psutil
import pytest

from connectors.clock import wall_clock
from connectors.preparing import load_demo_patrons
from connectors.settings import load_settings
from connectors.training import is_trained

CHECKOUT = Path(__file__).resolve().parents[2]
VAR = CHECKOUT / "var"
STARTS_WITHIN_S = 120.0
ANSWERS_WITHIN_S = 60.0
PAGE_LINK = re.compile(r"/link/[\w-]+$")


def missing() -> str | None:
    """Return what the checkout lacks to start, or None."""
    needed = ("var/models/dialogue.tar.gz", "var/index", "var/catalogue.sqlite", ".venv-rasa/bin/python")
    lacking = [path for path in needed if not (CHECKOUT / path).exists()]
    if lacking:
        return f"run `make setup` first: {', '.join(lacking)} not there"
    if not is_trained(load_settings(CHECKOUT / "demo" / "library.toml")):
        return "run `make setup` first: the dialogue's model is older than what it learns from"
    return None


def skip_or_fail(reason: str) -> None:
    """Skip the test; where nothing may be left out, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_settings(folder: Path, port: int, extra: str = "") -> Path:
    """Return the demo's settings, moved to `folder` and `port`."""
    demo = (CHECKOUT / "demo" / "library.toml").read_text(encoding="utf-8")
    for section, line in {"web": f"port = {port}", "ils": f'path = "{folder / "var" / "ils.sqlite"}"'}.items():
        demo = demo.replace(f"[{section}]\n", f"[{section}]\n{line}\n")
    model = VAR / "models" / "dialogue.tar.gz"
    lines = (demo, f'[files]\nvar = "{folder / "var"}"', f'[rasa]\nmodel = "{model}"', extra)
    config = folder / "library.toml"
    config.write_text("\n".join(lines), encoding="utf-8")
    assert tomllib.loads(config.read_text(encoding="utf-8"))
    return config


def copy_library(var: Path) -> None:
    """Put copies of the prepared databases and of the index into `var`."""
    var.mkdir(parents=True)
    for name in ("answers.sqlite", "catalogue.sqlite", "vectors.sqlite"):
        with closing(sqlite3.connect(VAR / name)) as prepared, closing(sqlite3.connect(var / name)) as copy:
            prepared.backup(copy)
    index = (VAR / "index").resolve()
    shutil.copytree(index, var / index.name)
    (var / "index").symlink_to(index.name)


def thuthu(config: Path, *command: str, **how: Any) -> subprocess.Popen[bytes]:
    """Return the started `thuthu` command."""
    return subprocess.Popen([sys.executable, "-m", "connectors.cli", "--config", str(config), *command], **how)


@dataclass
class Product:
    """A running product: the supervisor, the gateway and Rasa."""

    url: str
    config: Path
    var: Path
    log: Path
    process: subprocess.Popen[bytes]

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Self]:
        """Yield the product once it answers; stopped at the end."""
        port = free_port()
        config, log, var = write_settings(folder, port), folder / "output.log", folder / "var"
        if not var.exists():
            copy_library(var)
            load_demo_patrons(load_settings(config), var / "ils.sqlite", wall_clock().date())
        with log.open("ab") as output:
            process = thuthu(config, "run", stdout=output, stderr=subprocess.STDOUT, cwd=CHECKOUT)
        product = cls(f"http://127.0.0.1:{port}", config, var, log, process)
        try:
            product.wait_until_ready()
            yield product
        finally:
            product.stop()

    def wait_until_ready(self) -> None:
        """Return when every part answers, search by meaning included."""
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                ready = httpx.get(f"{self.url}/readyz", timeout=5)
                if ready.status_code == 200 and all(ready.json().values()):
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise AssertionError(f"the product did not become ready; its output:\n{self.output()[-3000:]}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(25)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def child(self, name: str) -> psutil.Process | None:
        """Return the living `gateway` or `rasa`."""
        mark = {"gateway": "connectors.app", "rasa": "rasa"}[name]
        for child in psutil.Process(self.process.pid).children():
            try:
                if mark in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                    return child
            except psutil.NoSuchProcess:
                continue
        return None

    def wiring(self) -> dict[str, str]:
        """Return the secrets and ports of this start, as the gateway was handed them."""
        gateway = self.child("gateway")
        assert gateway
        return {name: value for name, value in gateway.environ().items() if name.startswith("THUTHU_")}

    def rows(self, query: str, *values: object, database: str = "gateway.sqlite") -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.var / database}?mode=ro", uri=True)) as db:
            return db.execute(query, values).fetchall()

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return every row of the two databases in which anything is ever written for patrons."""
        tables = [
            (database, name)
            for database in ("gateway.sqlite", "ils.sqlite")
            for (name,) in self.rows("SELECT name FROM sqlite_master WHERE type = 'table'", database=database)
        ]
        return {f"{base} {name}": self.rows(f'SELECT * FROM "{name}"', database=base) for base, name in tables}


@dataclass
class Chat:
    """One conversation over HTTP. `replies` are the newest answer's bubbles."""

    http: httpx.Client
    conversation: str
    token: str
    replies: list[dict[str, Any]] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @classmethod
    def open(cls, url: str) -> Self:
        http = httpx.Client(base_url=url, timeout=ANSWERS_WITHIN_S + 10)
        opened = http.post("/api/conversations").raise_for_status().json()
        return cls(http, opened["conversation"], opened["token"])

    def say(self, text: str) -> str:
        """Return the answer's words; its bubbles stay in `replies`."""
        return self.post({"text": text})

    def press(self, title: str) -> str:
        """Return the answer to the shown button of this title."""
        payload = self.button(title)["payload"]
        return self.post({"payload": payload})

    def post(self, part: dict[str, str]) -> str:
        posted = self.http.post(
            f"{self.here}/messages",
            params={"wait": ANSWERS_WITHIN_S},
            json={"id": f"c{next(self._numbers)}", **part},
            headers=self.key,
        ).raise_for_status()
        finals = [sent for sent in posted.json()["replies"] if sent["kind"] == "final"]
        assert len(finals) == 1, posted.text
        self.replies = finals[0]["replies"]
        return self.words()

    def link_page(self) -> str:
        """Return the address of the one-time page that the answer hands out."""
        return next(one["url"] for one in self.buttons() if PAGE_LINK.search(one["url"] or ""))

    def link(self, card: str, pin: str) -> str:
        """Log in on the one-time page and return what the chat says of it."""
        page = self.http.post(self.link_page(), data={"card": card, "pin": pin})
        assert page.status_code == 200, page.text
        self.replies = [entry for entry in self.history() if entry["from"] == "library"][-1]["replies"]
        return self.words()

    def history(self) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = self.http.get(f"{self.here}/history", headers=self.key).raise_for_status().json()
        return told

    @property
    def here(self) -> str:
        return f"/api/conversations/{self.conversation}"

    @property
    def key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def words(self) -> str:
        """Return all that the answer shows, cards included."""
        shown = [reply["text"] for reply in self.replies]
        for card in self.cards():
            shown += [card["title"], card["subtitle"], *card["lines"]]
        return "\n".join(shown)

    def cards(self) -> list[dict[str, Any]]:
        return [card for reply in self.replies for card in reply["cards"]]

    def buttons(self) -> list[dict[str, Any]]:
        own = [button for reply in self.replies for button in reply["buttons"]]
        return own + [button for card in self.cards() for button in card["buttons"]]

    def button(self, title: str) -> dict[str, Any]:
        found = [one for one in self.buttons() if title in one["title"]]
        assert found, f"no button {title!r} among {[one['title'] for one in self.buttons()]}"
        return found[0]
