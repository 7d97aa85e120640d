"""Starting when something is wrong: each says in words what it is and what to do, and nothing is lost."""

from __future__ import annotations

import copy
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pymarc
import pytest

from connectors.processes import Wiring
from tests.product.product import CHECKOUT, copy_library, free_port, missing, skip_or_fail, thuthu, write_settings

pytestmark = pytest.mark.product

CATALOGUE = CHECKOUT / "demo" / "catalogue.mrc"
ROOM = 512 * 1024  # bytes left on the disk that fills up


@pytest.fixture
def config(tmp_path: Path) -> Path:
    if reason := missing():
        skip_or_fail(reason)
    copy_library(tmp_path / "var")
    return write_settings(tmp_path, free_port())


def ran(config: Path, *command: str, **how: object) -> tuple[int, str]:
    """Return the command's exit code and what it said, in one line of words."""
    process = thuthu(config, *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=CHECKOUT, **how)
    said = process.communicate(timeout=120)[0].decode()
    assert "Traceback" not in said
    return process.returncode, " ".join(said.split())


def fails(config: Path, *command: str, **how: object) -> str:
    """Return what the command said when it gave up."""
    code, said = ran(config, *command, **how)
    assert code == 2, said
    return said


def records(var: Path) -> dict[str, bytes]:
    """Return the digest of every record of the catalogue, whose file must be sound."""
    with closing(sqlite3.connect(var / "catalogue.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return dict(db.execute("SELECT record_id, digest FROM records WHERE record IS NOT NULL").fetchall())


def test_a_taken_port_is_named_with_the_setting_to_change(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = fails(write_settings(config.parent, port), "run")
    assert f"port {port} on 127.0.0.1 is taken" in said
    assert "[web] port" in said


def test_an_unknown_key_is_named_with_the_file_that_lists_them_all(config: Path) -> None:
    said = fails(write_settings(config.parent, 1, extra="[console]\nsesion_hours = 3"), "run")
    assert "[console] sesion_hours: unknown key; library.example.toml lists every setting" in said


def test_a_model_that_is_not_there_is_missed_before_anything_starts(config: Path) -> None:
    text = config.read_text(encoding="utf-8").replace("dialogue.tar.gz", "no-such.tar.gz")
    config.write_text(text, encoding="utf-8")
    assert "no-such.tar.gz is not there: run `make setup`" in fails(config, "run")


def test_a_missing_environment_for_rasa_is_missed_before_anything_starts(config: Path) -> None:
    text = config.read_text(encoding="utf-8").replace("[rasa]", '[rasa]\npython = "nowhere/bin/python"')
    config.write_text(text, encoding="utf-8")
    assert "nowhere/bin/python is not there: run `make setup`" in fails(config, "run")


@pytest.mark.parametrize("secret", ["THUTHU_RASA_SECRET", "THUTHU_ACTION_SECRET"])
def test_the_gateway_does_not_start_without_its_secrets(config: Path, secret: str) -> None:
    environment = {**os.environ, **Wiring.fresh().environment()}
    del environment[secret]
    command = [sys.executable, "-m", "connectors.app", str(config)]
    alone = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=60)
    assert alone.returncode == 1
    assert alone.stderr.strip() == f"{secret} is not set: start everything with `thuthu run`"


def test_an_index_that_is_not_there_is_named_while_the_supervisor_goes_on(config: Path) -> None:
    (config.parent / "var" / "index").unlink()
    log = config.parent / "output.log"
    with log.open("wb") as output:
        process = thuthu(config, "run", stdout=output, stderr=subprocess.STDOUT, cwd=CHECKOUT)
    try:
        until(lambda: "gateway ended with code 1; starting it again" in log.read_text())
    finally:
        process.terminate()
        assert process.wait(25) == 0
    assert "Traceback" not in log.read_text().partition("gateway ended")[0]
    assert "thuthu catalogue index" in log.read_text()


def until(what: Callable[[], bool], patience_s: float = 30.0) -> None:
    deadline = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_without_python_3_10_the_ways_to_get_one_are_named(tmp_path: Path) -> None:
    # The script looks at /usr/bin by its full name; a machine may have one there.
    script = (CHECKOUT / "bot" / "python310.sh").read_text().replace("/usr/bin/python3.10", f"{tmp_path}/no/python3.10")
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("sh", "cat"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    for broken in ("python3.10", "pyenv", "uv"):  # a shim of pyenv's without a Python behind it
        (tools / broken).write_text("#!/bin/sh\nexit 127\n")
        (tools / broken).chmod(0o755)
    environment = {"PATH": str(tools), "HOME": str(tmp_path)}
    looked = subprocess.run(
        ["/bin/sh", "-c", script, "python310.sh", ""], env=environment, capture_output=True, text=True, timeout=60
    )
    assert looked.returncode == 1
    assert looked.stdout == ""
    for way in ("apt install python3.10", "pyenv install 3.10", "uv python install 3.10", "make RASA_PYTHON="):
        assert way in looked.stderr


def many_records(file: Path, times: int) -> Path:
    """Write the demo's records so many times, each time under other numbers."""
    with CATALOGUE.open("rb") as source, file.open("wb") as out:
        for record in filter(None, pymarc.MARCReader(source)):
            for time_ in range(times):
                again = copy.deepcopy(record)
                again["001"].data = f"{again['001'].data}x{time_}"
                out.write(again.as_marc())
    return file


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Make `folder` a disk of its own that has little room left. Raises OSError where we may not."""
    kept = folder.with_name("kept")
    folder.rename(kept)
    folder.mkdir()
    size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file()) + ROOM
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        folder.rmdir()
        kept.rename(folder)
        raise OSError(mounted.stderr.decode())
    try:
        shutil.copytree(kept, folder, symlinks=True, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_during_an_import_loses_nothing(config: Path, tmp_path: Path) -> None:
    var, file = tmp_path / "var", many_records(tmp_path / "many.mrc", 3)
    before = records(var)
    try:
        with small_disk(var):
            said = fails(config, "catalogue", "import", str(file))
            after = records(var)
    except OSError:  # not allowed to mount: no file may grow instead
        limit = (var / "catalogue.sqlite").stat().st_size + ROOM
        said = fails(
            config,
            *("catalogue", "import", str(file)),
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        after = records(var)
    assert "disk" in said
    assert before.items() <= after.items()


def cut_short(file: Path) -> Path:
    """Write half a file of records, as when a transfer breaks off."""
    whole = many_records(file, 1).read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    return file


def test_a_broken_file_of_records_keeps_what_was_there_and_what_could_be_read(config: Path, tmp_path: Path) -> None:
    var, broken = tmp_path / "var", cut_short(tmp_path / "broken.mrc")
    before = records(var)
    _, said = ran(config, "catalogue", "import", str(broken))
    assert "the file ends inside this record" in said
    assert "broken.tsv" in said.replace(" ", "")
    after = records(var)
    assert before.items() <= after.items()
    assert len(after) > len(before) * 1.4


def test_a_broken_file_of_the_whole_catalogue_deletes_nothing(config: Path, tmp_path: Path) -> None:
    before = records(tmp_path / "var")
    code, _ = ran(config, "catalogue", "import", str(cut_short(tmp_path / "broken.mrc")), "--whole")
    assert code == 2
    assert before.items() <= records(tmp_path / "var").items()


def test_a_file_that_holds_no_records_changes_nothing(config: Path, tmp_path: Path) -> None:
    before, nonsense = records(tmp_path / "var"), tmp_path / "nonsense.mrc"
    nonsense.write_bytes(b"\x00\xff this is no MARC \x1d" * 500)
    said = fails(config, "catalogue", "import", str(nonsense))
    assert "nonsense.mrc" in said
    assert records(tmp_path / "var") == before
