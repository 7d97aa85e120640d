"""How fast the inbox of questions is with 10,000 clusters: its page, and taking in one question more.

python -m bench.inbox [--encoder fast|thorough]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, insert

from connectors.clock import VIETNAM
from connectors.curation import clustering, questions, signals
from connectors.curation.clustering import Clusters, Reader
from connectors.store import Store, clusters, conversations
from connectors.store import questions as stored
from retrieval.embedder import Embedder, open_embedder

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
CLUSTERS, EACH = 10_000, 5
WORDS = "mượn trả sách thẻ phòng đọc máy in wifi giờ mở cửa gia hạn phạt tài liệu số cơ sở đăng ký chỗ ngồi".split()


def fill(db: Connection, embedder: Embedder) -> None:
    """Put ten thousand clusters of five questions each into the store."""
    rng = random.Random(6)
    db.execute(insert(conversations).values(id="c", channel="web", locale="vi", created_at=NOW.isoformat()))
    texts = [" ".join(rng.sample(WORDS, 5)) + f" số {i}?" for i in range(CLUSTERS)]
    vectors = np.random.default_rng(6).standard_normal((CLUSTERS, embedder.dimension)).astype(np.float32)
    common = {
        "state": "open",
        "version": 0,
        "count": EACH,
        "unresolved": EACH,
        "rank": 0.0,
        "encoder": Reader(embedder).name,
    }
    common |= {"founded_at": NOW.isoformat(), "last_at": NOW.isoformat()}
    rows = [{**common, "number": i + 1, "vectors": vectors[i].tobytes()} for i in range(CLUSTERS)]
    db.execute(insert(clusters), rows)
    asked = []
    for i, text in enumerate(texts):
        for n in range(EACH):
            at = (NOW - timedelta(days=rng.randrange(40), hours=rng.randrange(12))).isoformat()
            asked.append(
                {
                    "conversation_id": "c", "message_id": f"{i}-{n}", "cluster": i + 1, "text": f"{text} {n}",
                    "reason": rng.choice(list(signals.Reason)), "folded": signals.folded(f"{text} {n}"), "hidden": 0,
                    "channel": rng.choice(("web", "zalo", "telegram")), "locale": "vi", "unaccented": n % 2, "at": at,
                }
            )  # fmt: skip
    db.execute(insert(stored), asked)
    questions.recount(db)


def took(work: Callable[[], object], times: int = 40) -> tuple[float, float]:
    """Return the median and the longest, in milliseconds."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        spent.append((time.perf_counter() - began) * 1000)
    return statistics.median(spent), max(spent)


def page(store: Store, wanted: dict[str, str], number: int) -> Callable[[], object]:
    def read(db: Connection) -> object:
        fits = questions.shown(NOW, wanted, "Lan")
        return questions.total(db, fits), questions.page(db, fits, NOW, 50, (number - 1) * 50)

    return lambda: store.read_now(read)


async def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--encoder", default="fast")
    embedder = open_embedder(asked.parse_args().encoder)
    assert embedder is not None
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "gateway.sqlite")
        store.write_now(lambda db: fill(db, embedder))
        for name, wanted, number in (
            ("first page", {}, 1),
            ("page 150", {}, 150),
            ("one reason", {"reason": "thiếu kiến thức"}, 1),
            ("channel and unaccented", {"channel": "zalo", "unaccented": "1"}, 3),
        ):
            median, longest = took(page(store, wanted, number))
            print(f"{name}: median {median:.0f} ms, longest {longest:.0f} ms")
        rows = store.read_now(lambda db: questions.vectors(db, Reader(embedder).name))
        loaded = Clusters(Reader(embedder), {number: clustering.read(sums) for number, sums in rows})
        vector = Reader(embedder)(["chỗ để xe máy ở đâu"])[0]
        median, longest = took(lambda: loaded.nearest(vector))
        print(f"nearest of 10,000: median {median:.1f} ms, longest {longest:.1f} ms")
        median, longest = took(lambda: store.read_now(questions.stale), 3)
        print(f"looking for what was deleted: median {median:.0f} ms, longest {longest:.0f} ms")
        store.close()


if __name__ == "__main__":
    asyncio.run(main())
