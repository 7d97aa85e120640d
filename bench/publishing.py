"""Publishing and going back in a book of 2,000 answers of 20 phrasings each, while patrons ask.

Each draft is tried out, published and rolled back in the product's own way. Patrons ask twenty times a second from the
same process; "from_cold" publishes without the bench's shelf at hand, as a planned publication after a restart does.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.turns import figure
from connectors.clock import wall_clock
from connectors.curation.bench import Bench
from connectors.curation.publisher import Publisher
from connectors.curation.publishing import Refused
from connectors.staff.roles import Permission
from connectors.store import Store
from library.hurry import typo
from retrieval.answer_files import import_answers
from retrieval.answering import AnswerSearcher
from retrieval.answers import Answer, AnswerBook
from retrieval.embedder import open_embedder
from retrieval.vectors import VectorStore

DEMO = Path(__file__).resolve().parent.parent / "demo" / "answers"
ANSWERS, PHRASINGS = 2000, 20
ASKS_PER_S = 20
ROUNDS = 5


@dataclass(frozen=True)
class Chief:
    name: str = "bench"
    branches: frozenset[str] = frozenset()

    def may(self, _permission: Permission) -> bool:
        return True


@dataclass
class Patrons:
    """They ask at a steady pace, whether the one before was answered or not."""

    searcher: AnswerSearcher
    questions: Sequence[str]
    took_ms: list[float] = field(default_factory=list)
    failed: int = 0

    async def ask(self) -> None:
        async with asyncio.TaskGroup() as asking:
            for n in range(10**9):
                asking.create_task(self._ask(self.questions[n % len(self.questions)]))
                await asyncio.sleep(1 / ASKS_PER_S)

    async def _ask(self, question: str) -> None:
        began = time.perf_counter()
        try:
            await asyncio.to_thread(self.searcher.ask, question)
        except Exception:
            self.failed += 1
        self.took_ms.append((time.perf_counter() - began) * 1000)

    def figures(self) -> dict[str, object]:
        """Return what the asks took since the last time this was asked."""
        took, self.took_ms = sorted(self.took_ms), []
        if not took:
            return {"asks": 0}
        return {
            "asks": len(took), "failed": self.failed, "p50_ms": round(took[len(took) // 2]),
            "p95_ms": round(took[int(len(took) * 0.95)]), "worst_ms": round(took[-1]),
        }  # fmt: skip


def varied(demo: Sequence[Answer], count: int, each: int) -> Iterator[Answer]:
    """Yield so many answers, each the demo's about something of its own, asked in so many phrasings."""
    chance = random.Random(7)
    things = sorted({word for answer in demo for word in answer.answer.split() if word.isalpha()})
    names: set[str] = set()
    for n in range(count):
        answer = demo[n % len(demo)]
        while (name := " ".join(chance.sample(things, 2))) in names:
            pass
        names.add(name)
        asked: dict[str, None] = {}
        while len(asked) < each:
            about = name if chance.random() < 0.7 else f"{name.split()[0]} {chance.choice(things)}"
            asked[f"{chance.choice(answer.phrasings or (answer.question,))} {about}"] = None
        yield replace(
            answer, key=f"{answer.key}-{n:04d}", question=f"{answer.question} {name}", question_en="", answer_en="",
            phrasings=tuple(asked), risk="low", valid_from=None, valid_until=None,
        )  # fmt: skip


def main() -> None:
    """Measure with the encoder named on the command line; without one, by words alone and with the shipped one."""
    for encoder in sys.argv[2:] or ("", "fast"):
        with tempfile.TemporaryDirectory(prefix="thuthu-bench-") as folder:
            asyncio.run(_measure(Path(folder), encoder))


async def _measure(folder: Path, encoder: str) -> None:
    demo = AnswerBook(folder / "demo.sqlite")
    import_answers(DEMO, demo, wall_clock())
    book, store = AnswerBook(folder / "answers.sqlite"), Store(folder / "gateway.sqlite")
    answers = list(varied(demo.published(), ANSWERS, PHRASINGS))
    for answer in answers:
        book.publish(answer.key, book.draft(answer, "bench", wall_clock()), "bench", wall_clock())
    embedder = open_embedder(encoder)
    searcher = AnswerSearcher(book, embedder=embedder, vectors=VectorStore(folder / "vectors.sqlite"))
    publisher = Publisher(store, book, searcher, Bench(store, book, searcher, wall_clock), wall_clock)
    common = {"answers": ANSWERS, "phrasings": PHRASINGS, "encoder": encoder or "words"}
    began = time.perf_counter()
    searcher.warm_up()
    figure("publishing_first_shelf", **common, s=round(time.perf_counter() - began, 1))
    # With a slip each, since a known wording is answered without being weighed.
    slips = random.Random(11)
    patrons = Patrons(searcher, [typo(answer.phrasings[3], slips) for answer in answers[::7]])
    asking = asyncio.create_task(patrons.ask())
    await asyncio.sleep(5)
    figure("publishing_quiet", **common, **patrons.figures())
    for n in range(ROUNDS):
        await _round(publisher, book, patrons, answers[n * 31], n, common)
    await _from_cold(publisher, book, searcher, patrons, answers[5], common)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    store.close()


async def _round(
    publisher: Publisher, book: AnswerBook, patrons: Patrons, answer: Answer, n: int, common: dict[str, object]
) -> None:
    """Try out, publish and take back one changed answer."""
    asked = tuple(f"{text} lần {n}" for text in answer.phrasings[:5])
    number = book.draft(replace(answer, phrasings=(*answer.phrasings, *asked)), "bench", wall_clock())
    report = await publisher.bench.report(answer.key, number)
    assert report is not None
    figure("publishing_bench", **common, took_ms=report.took_ms, red=report.red, **patrons.figures())
    for name, deed in (
        ("publishing_publish", publisher.publish(answer.key, number, Chief(), override="đo")),
        ("publishing_rollback", publisher.roll_back(answer.key, Chief())),
    ):
        began = time.perf_counter()
        outcome = await deed
        assert not isinstance(outcome, Refused), outcome
        s = round(time.perf_counter() - began, 2)
        figure(name, **common, s=s, live_ms=outcome.took_ms, **patrons.figures())


async def _from_cold(
    publisher: Publisher, book: AnswerBook, searcher: AnswerSearcher, patrons: Patrons, answer: Answer,
    common: dict[str, object],
) -> None:  # fmt: skip
    """Publish beside the bench, so that the shelf has to be built after the word."""
    number = book.draft(replace(answer, phrasings=(*answer.phrasings, "hỏi kiểu khác hẳn")), "bench", wall_clock())
    began = time.perf_counter()
    book.publish(answer.key, number, "bench", wall_clock())
    await asyncio.to_thread(searcher.refresh)
    figure("publishing_from_cold", **common, s=round(time.perf_counter() - began, 2), **patrons.figures())


if __name__ == "__main__":
    main()
