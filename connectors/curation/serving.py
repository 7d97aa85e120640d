"""Which answers each process of the gateway answers by: told by the process itself, when it changes and as it lives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.store import Store, serving

ALIVE = timedelta(seconds=60)  # since a process was heard of last; each tells it every quarter of that


@dataclass(frozen=True)
class Serving:
    """On how many processes the book is in use as it is: "đang dùng trên 1/1 tiến trình"."""

    live: int
    all: int

    @property
    def whole(self) -> bool:
        return self.live == self.all


def tell(db: Connection, process: str, mark: int, now: datetime) -> None:
    """Note by which answers this process answers; what was not heard of for long is forgotten."""
    row = {"process": process, "mark": mark, "seen_at": now.isoformat()}
    db.execute(upsert(serving).values(row).on_conflict_do_update(index_elements=[serving.c.process], set_=row))
    db.execute(delete(serving).where(serving.c.seen_at <= (now - ALIVE).isoformat()))


def heard(db: Connection, mark: int, now: datetime) -> Serving:
    """Return how many of the living processes answer by the book of this mark."""
    alive = serving.c.seen_at > (now - ALIVE).isoformat()
    count = select(func.count()).select_from(serving).where(alive)
    return Serving(int(db.scalar(count.where(serving.c.mark >= mark)) or 0), int(db.scalar(count) or 0))


async def tell_alive(store: Store, process: str, mark: Callable[[], int], clock: Callable[[], datetime]) -> None:
    """A chore: say by which answers this process answers."""
    await store.write(lambda db: tell(db, process, mark(), clock()))
