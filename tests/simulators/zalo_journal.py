"""What the simulated Zalo remembers although the process that plays it dies at any moment: lines in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """Append-only; without a path nothing is remembered. `write` hands its lines to the system in one call, so that
    `os._exit` right after it loses none of them and right before it all."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if path else None

    def write(self, *entries: dict[str, Any]) -> None:
        if self._handle is not None:
            lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
            os.write(self._handle, lines.encode())

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield what was written, oldest first; a line that was cut in the middle is none."""
        if self._path is None or not self._path.exists():
            return
        for line in self._path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield json.loads(line)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
