"""What an adapter finds when it looks at its own library system, for `thuthu check`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Health:
    """One thing looked at: how it stands, or what is wrong and what to do, in an operator's words."""

    what: str
    ok: bool
    says: str
