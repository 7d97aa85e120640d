"""`make test-live` does what its guide says: the documented seed, served as strangers would, passes whole."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.serve_seed import LATE_DAYS, seeded
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, USER

RENEWALS_A_RUN = 6  # of Lan's first loan, counted at the simulated Koha
ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs" / "live-suite.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "tests.contract.serve_seed"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url, port = server.stdout.readline().split()
        yield url, port
        server.terminate()


def play(which: str, **given: str) -> str:
    """Run the suite as `make test-live` does and return what it printed; it must have passed."""
    command = [sys.executable, "-m", "pytest", "tests/contract/test_ils.py", "-k", "live", "-rA"]
    given = {**os.environ, "LIVE_PIN": "1234", **given}
    told = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout[-3000:]
    assert which in told.stdout
    return told.stdout


def test_the_suite_passes_against_a_koha_named_by_the_environment(served):
    told = play("[live koha]", KOHA_URL=served[0], KOHA_CLIENT_ID="client", KOHA_SECRET="secret")
    assert "[live sip2]" not in told
    assert not re.search(r"\d+ skipped", told)


def test_the_suite_passes_against_a_sip2_server_named_by_the_environment(served):
    more = {"SIP2_USER": USER, "SIP2_PASSWORD": PASSWORD, "SIP2_INSTITUTION": INSTITUTION, "SIP2_LOCATION": "MT"}
    told = play("[live sip2]", SIP2_HOST="127.0.0.1", SIP2_PORT=served[1], **more)
    assert not re.search(r"\d+ skipped", told)


def test_the_seed_lasts_for_as_many_runs_as_the_guide_says():
    system = seeded()
    runs = int(re.search(r"good for (\d+) runs", GUIDE)[1])
    assert f"due {LATE_DAYS} days ago" in GUIDE
    assert runs * system.renewal_days < LATE_DAYS
    assert runs * RENEWALS_A_RUN <= system.max_renewals


def test_every_variable_that_is_read_is_in_the_guide():
    read = (ROOT / "tests" / "contract" / "live.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"((?:KOHA|SIP2|LIVE)_[A-Z0-9_]+)"', read))
    assert len(named) > 12
    assert {name for name in named if name not in GUIDE} == set()


def test_without_anything_live_the_target_says_what_to_set():
    told = subprocess.run(["make", "-s", "-o", ".venv/ready", "test-live"], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode != 0
    assert "docs/live-suite.md" in told.stdout
