"""The child processes and what they need to find each other: ports on loopback and secrets made at this start."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from connectors.settings import Settings

PR_SET_PDEATHSIG = 1


class NoWiring(Exception):
    """This process was not started by the supervisor; the message says what to do."""


@dataclass(frozen=True)
class Wiring:
    """Where Rasa and the action listener are in this start, and the secrets between them."""

    rasa_port: int
    rasa_secret: str
    action_port: int
    action_secret: str

    @staticmethod
    def fresh() -> Wiring:
        rasa_port, action_port = _free_ports(2)
        return Wiring(rasa_port, secrets.token_urlsafe(32), action_port, secrets.token_urlsafe(32))

    @staticmethod
    def from_environment() -> Wiring:
        """Return the wiring the supervisor handed down. Raises NoWiring when there was no supervisor."""
        env = os.environ
        try:
            return Wiring(
                int(env["THUTHU_RASA_PORT"]),
                env["THUTHU_RASA_SECRET"],
                int(env["THUTHU_ACTION_PORT"]),
                env["THUTHU_ACTION_SECRET"],
            )
        except KeyError as exc:
            raise NoWiring(f"{exc.args[0]} is not set: start everything with `thuthu run`") from exc

    def environment(self) -> dict[str, str]:
        return {
            "THUTHU_RASA_PORT": str(self.rasa_port),
            "THUTHU_RASA_SECRET": self.rasa_secret,
            "THUTHU_ACTION_PORT": str(self.action_port),
            "THUTHU_ACTION_SECRET": self.action_secret,
            "THUTHU_ACTION_URL": f"http://127.0.0.1:{self.action_port}/webhook",
        }

    @property
    def rasa_url(self) -> str:
        return f"http://127.0.0.1:{self.rasa_port}"


def rasa_command(settings: Settings, wiring: Wiring, model: Path | None = None) -> list[str]:
    """Return the command that serves the dialogue on loopback; without `--enable-api` there is no tracker route."""
    return [
        *(str(settings.rasa.python), "-m", "rasa", "run", "--quiet"),
        *("--model", str(model or settings.rasa.model)),
        *("--endpoints", "bot/endpoints.yml", "--credentials", "bot/credentials.yml"),
        *("--interface", "127.0.0.1", "--port", str(wiring.rasa_port)),
        # Our channel's secret goes by the environment, where other users of the machine cannot read it. This token
        # locks what else Rasa may serve, and is thrown away. Hex: an argument may not begin with "-".
        *("--auth-token", secrets.token_hex(32)),
    ]


def rasa_environment(settings: Settings, wiring: Wiring) -> dict[str, str]:
    return {
        **os.environ,
        **wiring.environment(),
        "PYTHONPATH": os.getcwd(),
        "RASA_TELEMETRY_ENABLED": "false",
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "PYTHONWARNINGS": "ignore",
        "THUTHU_TITLES": str(settings.files.var / "index" / "titles.bin"),
    }


def gateway_command(config: Path) -> list[str]:
    return [sys.executable, "-m", "connectors.app", str(config)]


async def start(
    command: list[str],
    environment: Mapping[str, str],
    *,
    silent: bool = False,
    output: IO[bytes] | None = None,
    niceness: int = 0,
) -> asyncio.subprocess.Process:
    """Return the started child. It dies when we die, even by kill -9, so that no orphan keeps a port.

    `silent`: what it prints is dropped, for a terminal that has something else to show; `output`: where it goes instead
    of ours. `niceness`: how far it stands back for others.
    """
    told = asyncio.subprocess.DEVNULL if silent else output
    return await asyncio.create_subprocess_exec(
        *command, env=dict(environment), stdout=told, stderr=told, preexec_fn=partial(_as_child, niceness)
    )


async def stop(child: asyncio.subprocess.Process, patience_s: float = 8.0) -> None:
    """Return when the child is gone: asked first, killed if it does not go."""
    if child.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(child.wait(), patience_s)
    except TimeoutError:
        child.kill()
        await child.wait()


def port_taken(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port() -> int:
    return _free_ports(1)[0]


def _as_child(niceness: int) -> None:
    os.nice(niceness)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
