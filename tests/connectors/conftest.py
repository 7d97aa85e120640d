from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the gateway under test keeps its database."""
    return tmp_path / "gateway.sqlite"
