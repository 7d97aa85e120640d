"""Real data beside the checkout: large or not ours to give away, so a test that needs it skips where it is missing."""

from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parent.parent.parent / "shared"


def shared(path: str) -> Path:
    """Return the path of this file or folder beside the checkout, or skip the test that asks for it."""
    found = _SHARED / path
    if not found.exists():
        pytest.skip(f"needs ../shared/{path} beside the checkout; it is not here")
    return found
