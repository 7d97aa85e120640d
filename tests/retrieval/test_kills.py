"""The index through kills and full disks; `python -m tests.retrieval.kills` has the long form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from retrieval import index
from retrieval.catalogue import Catalogue
from tests.retrieval.kills import BATCH, faults, kill, numbered


def test_an_index_is_whole_whenever_its_maker_is_killed(tmp_path: Path) -> None:
    came = kill(tmp_path, times=4, records=2_100, seed=5)
    assert (came["wrong"], came["damaged"]) == ([], [])
    assert came["searches"]
    assert len(came["left"]) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("make", ["build", "update"])
def test_a_full_disk_is_told_and_the_index_in_use_stays(tmp_path: Path, make: str) -> None:
    """No file may grow beyond some size: whichever is written then, the maker says so and cleans up."""
    catalogue = Catalogue(tmp_path / "catalogue.sqlite")
    catalogue.upsert(numbered(number, 0) for number in range(3_000))
    index.build(tmp_path / "index", catalogue)
    before = index.read_manifest(tmp_path / "index")
    catalogue.upsert(numbered(number, 1) for number in range(BATCH * 10))
    catalogue.close()
    for most in (10, 1_000, 4_000, 30_000, 100_000):
        code = (
            "import resource, sys; from pathlib import Path; from retrieval import index;"
            "from retrieval.catalogue import Catalogue; catalogue = Catalogue(Path(sys.argv[1]) / 'catalogue.sqlite');"
            f"catalogue.mark; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {most}));"
            f"index.{make}(Path(sys.argv[1]) / 'index', catalogue, workers=2)"
        )
        said = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
        if said.returncode:
            assert "StorageError" in said.stderr.splitlines()[-1], said.stderr
            assert "Free space" in said.stderr
            assert index.read_manifest(tmp_path / "index") == before
        assert index.verify(tmp_path / "index") == []
        opened = index.open_index(tmp_path / "index")
        assert list(faults(opened, 0, [0, 1])) == []
        assert not list(tmp_path.glob("index.new.*"))
    assert make == "build" or said.returncode == 0
