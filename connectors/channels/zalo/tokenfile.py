"""Where the pair of tokens is kept: a file that is whole at every moment, and a lock that a dying process lets go."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import logging
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from connectors.channels.port import DoorShut, TryLater

logger = logging.getLogger(__name__)

LOCK_POLL_S = 0.05
LOCK_PATIENCE_S = 60.0


@dataclass(frozen=True)
class TokenPair:
    """`born_of` is the hash of the settings' token that this pair descends from."""

    access: str = field(repr=False)  # no token reaches a log by accident
    refresh: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    born_of: str = field(repr=False)


def origin(settings_token: str) -> str:
    return hashlib.sha256(settings_token.encode()).hexdigest()


class TokenFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> TokenPair | None:
        """Return the kept pair, or None when there is none that can be read."""
        try:
            return _pair(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            logger.error("the token file cannot be read path=%s error=%s", self._path, type(exc).__name__)
            return None

    def write(self, pair: TokenPair) -> None:
        """Return once the pair is on disk, in place of the one before; only its owner may read it."""
        kept = {name: str(value) for name, value in asdict(pair).items()}
        beside = self._path.with_name(f"{self._path.name}.new")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        _sync_folder(self._path.parent)

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Hold the file for this process alone. Raises TryLater when another one does not let it go."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            logger.error("the token file's folder cannot be used path=%s error=%s", self._path, type(exc).__name__)
            raise DoorShut("zalo_token_file") from exc
        try:
            await _lock(lock)
            yield
        finally:
            os.close(lock)


def _pair(kept: Mapping[str, str]) -> TokenPair:
    issued_at, expires_at = (datetime.fromisoformat(kept[name]) for name in ("issued_at", "expires_at"))
    return TokenPair(kept["access"], kept["refresh"], issued_at, expires_at, kept["born_of"])


async def _lock(lock: int) -> None:
    for _ in range(int(LOCK_PATIENCE_S / LOCK_POLL_S)):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            await asyncio.sleep(LOCK_POLL_S)
    raise TryLater("token_file_locked")


def _sync_folder(folder: Path) -> None:
    """Make the renaming outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
