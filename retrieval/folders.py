"""Folders of an index: one in use, named by a link; one being made beside it; nothing half made is ever named.

`var/index` is a link to `var/index.<number>`. A folder is made under another name (`index.new.…`), on which its maker
holds a lock that ends with the maker, however it ends; so what a killed one left is known and cleared away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LOCK = "making.lock"


@contextmanager
def alone(index: Path, deed: str, *, wait: bool = True) -> Iterator[bool]:
    """Hold this deed's lock on the index for a block and give True; a killed process holds none.

    Where another has it: wait for that to end, or, with `wait` false, give False.
    """
    index.parent.mkdir(parents=True, exist_ok=True)
    with index.with_name(f"{index.name}.{deed}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def beside(index: Path) -> Iterator[Path]:
    """Give an empty folder beside the index for a block; gone after it unless `put_in_use` took it.

    Call it while `alone` with the deed "swap".
    """
    clear(index)
    folder = Path(tempfile.mkdtemp(prefix=f"{index.name}.new.", dir=index.parent))
    folder.chmod(0o755)
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def put_in_use(index: Path, folder: Path) -> Path:
    """Give the finished folder its number, point the link to it, and return it. Call it alone with "swap"."""
    before = in_use(index)
    numbered = index.with_name(f"{index.name}.{max(_numbers(index), default=0) + 1}")
    (folder / _LOCK).unlink(missing_ok=True)
    os.replace(folder, numbered)
    link = index.with_name(index.name + ".link")
    link.unlink(missing_ok=True)
    link.symlink_to(numbered.name, target_is_directory=True)
    os.replace(link, index)
    _sync(index.parent)
    _clear(index, keep={numbered, before})  # the one before stays for readers that are just opening it
    return numbered


def in_use(index: Path) -> Path | None:
    """Return the folder the link points to, or None before there is one."""
    return index.with_name(os.readlink(index)) if index.is_symlink() else None


def clear(index: Path) -> None:
    """Remove what a killed process left behind. Call it alone with "swap"."""
    now = in_use(index)
    older = [number for number in _numbers(index) if now and number < int(now.suffix[1:])]
    before = index.with_name(f"{index.name}.{max(older)}") if older else None
    _clear(index, keep={now, before})


def linked(old: Path, new: Path) -> None:
    """Give every file of one folder a second name in the other; copied where the disk knows no second names."""
    for path in sorted(old.rglob("*")):
        beneath = new / path.relative_to(old)
        if path.is_dir():
            beneath.mkdir(exist_ok=True)
        elif not path.name.endswith(".lock"):
            try:
                os.link(path, beneath)
            except OSError:
                shutil.copy2(path, beneath)


def _clear(index: Path, keep: set[Path | None]) -> None:
    for number in _numbers(index):
        if (path := index.with_name(f"{index.name}.{number}")) not in keep:
            shutil.rmtree(path, ignore_errors=True)
    for path in index.parent.glob(f"{index.name}.new.*"):
        if not _is_being_made(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_being_made(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _numbers(index: Path) -> list[int]:
    suffixes = (path.suffix[1:] for path in index.parent.glob(f"{index.name}.*") if path.stem == index.name)
    return [int(suffix) for suffix in suffixes if suffix.isdecimal()]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
