"""Writes that wait together are committed together, and each stands or falls by itself."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, func, insert, select
from sqlalchemy.exc import IntegrityError

from connectors.store import Store, receipts


def _note(key: str):
    def work(db: Connection) -> str:
        db.execute(insert(receipts).values(key_hash=key, seen_at="2026-11-22"))
        return key

    return work


def _kept(store: Store) -> set[str]:
    return set(store.read_now(lambda db: db.scalars(select(receipts.c.key_hash)).all()))


async def _all_at_once(store: Store, *works):
    """Write these while the writer is held, so that they wait together."""
    held = threading.Event()
    first = asyncio.ensure_future(store.write(lambda db: held.wait(10) and db.scalar(select(func.count()))))
    await asyncio.sleep(0.05)
    later = [asyncio.ensure_future(store.write(work)) for work in works]
    await asyncio.sleep(0.05)
    held.set()
    await first
    return await asyncio.gather(*later, return_exceptions=True)


async def test_what_waits_together_is_one_commit_in_the_order_it_came(tmp_path: Path) -> None:
    store, commits, order = Store(tmp_path / "gateway.sqlite"), [], []
    event.listen(store.engine, "commit", commits.append)

    def work(db: Connection, key: str) -> str:
        order.append(key)
        return _note(key)(db)

    keys = [f"k{number}" for number in range(20)]
    told = await _all_at_once(store, *(lambda db, key=key: work(db, key) for key in keys))
    assert (told, order, _kept(store)) == (keys, keys, set(keys))
    assert len(commits) == 2
    store.close()


async def test_one_that_fails_takes_nothing_from_the_others_and_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "gateway.sqlite")

    def half_done(db: Connection) -> None:
        _note("half")(db)
        raise RuntimeError("ours")

    told = await _all_at_once(store, _note("a"), half_done, _note("a"), _note("b"))
    assert told[0] == "a"
    assert isinstance(told[1], RuntimeError)
    assert isinstance(told[2], IntegrityError)
    assert told[3] == "b"
    assert _kept(store) == {"a", "b"}
    store.close()


async def test_none_is_told_done_when_the_commit_fails(tmp_path: Path) -> None:
    store = Store(tmp_path / "gateway.sqlite")

    def full(connection: Connection) -> None:
        raise OSError("disk full")

    held = asyncio.create_task(_all_at_once(store, _note("a"), _note("b")))
    await asyncio.sleep(0.08)
    event.listen(store.engine, "commit", full)
    with pytest.raises(OSError, match="disk full"):
        await held  # the first, which was held, fails as well
    await asyncio.sleep(0.1)
    event.remove(store.engine, "commit", full)
    assert _kept(store) == set()
    store.close()


async def test_one_given_up_while_it_waits_is_not_done(tmp_path: Path) -> None:
    store, held = Store(tmp_path / "gateway.sqlite"), threading.Event()
    first = asyncio.ensure_future(store.write(lambda db: held.wait(10)))
    await asyncio.sleep(0.05)
    given_up, kept = asyncio.ensure_future(store.write(_note("a"))), asyncio.ensure_future(store.write(_note("b")))
    await asyncio.sleep(0.05)
    given_up.cancel()
    await asyncio.sleep(0)
    held.set()
    await first
    assert await kept == "b"
    assert _kept(store) == {"b"}
    store.close()
