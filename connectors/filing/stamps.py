"""What a file was when it left: its first line carries the hash of its content, and that content is kept.

So a file that comes back, from git or by mail, is compared with what was changed in it and here since it left, however
many others left in between; and a file nobody changed stays the same to the letter.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_STAMP = re.compile(r"# thuthu ([0-9a-f]{32})\n")


class Stamps:
    """Stamps what leaves, and finds it again in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def stamped(self, text: str) -> str:
        """Return the text with its stamp; what it was is kept for when it comes back."""
        name = hashlib.sha256(text.encode()).hexdigest()[:32]
        kept = self._folder / f"{name}.yml"
        if not kept.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            aside = kept.with_suffix(".new")
            aside.write_text(text, encoding="utf-8")
            aside.replace(kept)
        return f"# thuthu {name}\n{text}"

    def as_it_left(self, text: str) -> str | None:
        """Return what a stamped text was when it left; None for one that did not leave from here."""
        found = _STAMP.match(text)
        kept = self._folder / f"{found[1]}.yml" if found else None
        return kept.read_text(encoding="utf-8") if kept and kept.is_file() else None
