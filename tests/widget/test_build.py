"""The built widget: small enough, current, and its units tested."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

WIDGET = Path(__file__).parents[2] / "connectors/widget"
DIST = WIDGET / "dist"
LOADER_LIMIT = 2_000  # bytes, gzipped
WHOLE_LIMIT = 15_000


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources with what they need to be built, installed as the lock file says."""
    if not shutil.which("npm"):
        reason = "npm is not installed: the widget can be neither built nor its units tested"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    copy = tmp_path_factory.mktemp("widget") / "widget"
    shutil.copytree(WIDGET, copy, ignore=shutil.ignore_patterns("node_modules", "dist", "__pycache__"))
    run(copy, "npm", "ci", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts")
    return copy


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def gzipped(name: str) -> int:
    return len(gzip.compress((DIST / name).read_bytes(), 9, mtime=0))


def test_the_widget_is_as_small_as_promised() -> None:
    sizes = {path.name: gzipped(path.name) for path in DIST.iterdir()}
    assert set(sizes) == {"loader.js", "widget.js"}
    assert sizes["loader.js"] <= LOADER_LIMIT, sizes
    assert sum(sizes.values()) <= WHOLE_LIMIT, sizes


def test_what_is_committed_is_what_the_sources_build(workshop: Path) -> None:
    run(workshop, "npm", "run", "build")
    for path in sorted(DIST.iterdir()):
        same = (workshop / "dist" / path.name).read_bytes() == path.read_bytes()
        assert same, f"{path.name} is not current: run `npm ci && npm run build` in connectors/widget"


def test_the_units_pass_their_own_tests(workshop: Path) -> None:
    assert "passed" in run(workshop, "npm", "test")


def test_the_lock_file_names_no_registry() -> None:
    assert "resolved" not in (WIDGET / "package-lock.json").read_text(encoding="utf-8")


def test_no_tool_or_test_is_in_what_is_served() -> None:
    served = "".join(path.read_text(encoding="utf-8") for path in DIST.iterdir())
    for word in ("axe", "vitest", "happy-dom", "sourceMappingURL"):
        assert word not in served
