"""What of a played road survives its crashes: databases, the channels' memories, what patrons did and saw."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.virtual_time import START


@dataclass(frozen=True)
class Files:
    folder: Path

    @property
    def gateway(self) -> Path:
        return self.folder / "gateway.sqlite"

    @property
    def library(self) -> Path:
        return self.folder / "library.sqlite"

    @property
    def telegram(self) -> Path:
        return self.folder / "telegram"

    @property
    def zalo(self) -> Path:
        return self.folder / "zalo"

    @property
    def zalo_token(self) -> Path:
        return self.folder / "zalo_token.json"

    @property
    def browsers(self) -> Path:
        """What browsers know: their conversation, its token, what they were shown."""
        return self.folder / "browsers"

    @property
    def said(self) -> Path:
        """Which line was said, under which key; at the web also that it was acknowledged."""
        return self.folder / "said"

    @property
    def staff(self) -> Path:
        """What librarians and the operator have done."""
        return self.folder / "staff"

    def keys(self) -> dict[str, str]:
        """Return the key under which each line was said, by its mark."""
        return {entry["mark"]: entry["key"] for entry in entries(self.said)}

    def stop_clock(self, now: datetime) -> None:
        note(self.folder / "clock", {"now": now.isoformat()})

    def stopped_at(self) -> datetime:
        """Return what time it was when the last life ended."""
        return max((datetime.fromisoformat(entry["now"]) for entry in entries(self.folder / "clock")), default=START)


def note(file: Path, entry: dict[str, Any]) -> None:
    """Append one entry, in one stroke that outlives the process."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, json.dumps(entry, ensure_ascii=False).encode() + b"\n")
    os.close(handle)


def entries(file: Path) -> Iterator[dict[str, Any]]:
    if file.exists():
        for line in file.read_bytes().splitlines():
            yield json.loads(line)
