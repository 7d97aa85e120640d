"""Children: they die with us, their ports are free, their errors are plain."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors.processes import Wiring, port_taken, rasa_command, rasa_environment, start, stop
from connectors.settings import Settings, WebSection
from connectors.supervisor import CannotStart, run

PARENT = """
import asyncio, sys
from connectors.processes import start
async def main():
    child = await start([sys.executable, "-c", "import time; time.sleep(60)"], {})
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_dies_when_its_parent_is_killed() -> None:
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env={**os.environ}) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert alive(child)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(child)


async def test_a_child_that_ignores_the_request_to_end_is_killed() -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = await start([sys.executable, "-c", deaf], {})
    await asyncio.sleep(0.3)
    await stop(child, patience_s=0.3)
    assert child.returncode is not None


def test_each_start_has_its_own_ports_and_secrets() -> None:
    one, other = Wiring.fresh(), Wiring.fresh()
    assert len({one.rasa_secret, one.action_secret, other.rasa_secret, other.action_secret}) == 4
    assert one.rasa_port != one.action_port


def test_the_wiring_survives_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    wiring = Wiring.fresh()
    for name, value in wiring.environment().items():
        monkeypatch.setenv(name, value)
    assert Wiring.from_environment() == wiring


def test_rasa_is_started_on_loopback_without_an_open_api() -> None:
    wiring = Wiring.fresh()
    command = rasa_command(Settings(), wiring)
    assert command[command.index("--interface") + 1] == "127.0.0.1"
    assert "--enable-api" not in command
    assert wiring.rasa_secret not in " ".join(command), "anybody on the machine can read a command line"
    assert all(not command[at + 1].startswith("-") for at, word in enumerate(command) if word == "--auth-token")
    assert rasa_environment(Settings(), wiring)["RASA_TELEMETRY_ENABLED"] == "false"


async def test_a_taken_port_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port_taken("127.0.0.1", port)
        with pytest.raises(CannotStart, match=rf"port {port} .*set another \[web\] port in library\.toml"):
            await run(Settings(web=WebSection(port=port)), Path("library.toml"), _never)


async def _never() -> None:
    raise AssertionError("nothing was to start")
