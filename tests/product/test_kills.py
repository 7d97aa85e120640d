"""What patrons notice when the gateway and Rasa are killed again and again: a wait, and nothing else.

The long run: `python -m tests.product.kills --gateway 300 --rasa 50`.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from tests.product.kills import run
from tests.product.product import missing, skip_or_fail

pytestmark = pytest.mark.product


def test_nothing_is_lost_doubled_or_done_twice_through_kills_at_random_moments(tmp_path: Path) -> None:
    if reason := missing():
        skip_or_fail(reason)
    report = run(tmp_path, gateway=10, rasa=2)
    assert report.gateway_kills >= 10
    assert report.rasa_kills >= 2
    assert report.promises_kept(), asdict(report)
    assert report.answered_without_rasa == 0
    assert report.messages.keys() == {"web", "telegram", "zalo"}
