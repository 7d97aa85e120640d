"""Kills a process that imports, changes and builds, at random moments, with a reader searching all the while.

`python -m tests.retrieval.kills --times 200 [--records 3200] [--seed 1]` prints one JSON line with what came of it.
Every index the reader meets must be whole: all forms of a record tell the same edition, and a batch of changes is in
it altogether or not at all. After each kill every checksum must be right; at the end nothing may lie about.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from retrieval import index
from retrieval.catalogue import Catalogue
from retrieval.embedder import HashingEmbedder
from retrieval.index import Index
from retrieval.passages import words
from retrieval.record import Identifier, Record

SYLLABLES = "bà cá dê gà lá mơ nước ông phố quê rừng sông thơ trăng ước vườn xưa yêu đất đêm".split()
BATCH = 20  # records that change together
_EMBEDDER_SIZE = 32


class Cheap(HashingEmbedder):
    cheap = True


def title_of(number: int, edition: int) -> str:
    title = " ".join(random.Random(number).choices(SYLLABLES, k=4))
    return f"{title} số {number} bản {edition}"


def isbn_of(number: int, edition: int) -> str:
    return f"{number:07}{edition:06}"


def numbered(number: int, edition: int) -> Record:
    """Return a record as this edition has it: its title, its year and its number tell which."""
    return Record(
        f"m{number:06}",
        title_of(number, edition),
        year=edition + 1,
        identifiers=(Identifier("isbn", isbn_of(number, edition)),),
    )


def work(folder: Path, records: int, seed: int) -> None:
    """Import batches and bring the index up to them, now by parts, now anew, telling each deed, until killed."""
    catalogue, pick = Catalogue(folder / "catalogue.sqlite"), random.Random(seed)
    ledger = folder / "ledger"
    edition = len(ledger.read_text().split())
    while True:
        edition += 1
        start = pick.randrange(records // BATCH) * BATCH
        with ledger.open("a") as file:
            file.write(f"{start}\n")  # line by line, the batch that each edition was of
        print("import", flush=True)
        catalogue.upsert(numbered(number, edition) for number in range(start, start + BATCH))
        deed = pick.choice(("build", "update", "update"))
        print(deed, flush=True)
        getattr(index, deed)(folder / "index", catalogue, embedder=Cheap(_EMBEDDER_SIZE), workers=pick.choice((1, 2)))


def faults(opened: Index, start: int, editions: list[int]) -> Iterator[str]:
    """Yield what is wrong about this batch, which may be of one of these editions."""
    told = {}
    for number in range(start, start + BATCH):
        row = opened.row(f"m{number:06}")
        found = [edition for edition in editions if opened.words.by_number(isbn_of(number, edition)) == [row]]
        if row is None or len(found) != 1:
            yield f"record {number}: row {row}, editions {found}"
            continue
        (told[number],) = found
        title = title_of(number, found[0])
        named = [entry.record_ids for entry in opened.titles.entries(title)]
        best = [each for each, _ in opened.words.search(words(title), 1)]
        years = opened.facets.year(row)
        if named != [(f"m{number:06}",)] or best != [row] or years != found[0] + 1:
            yield f"record {number} of edition {found[0]}: titles {named}, words {best} for {row}, year {years}"
    if len(set(told.values())) > 1:
        yield f"half a batch: {sorted(set(told.values()))}"


@dataclass
class Reader:
    """Opens every index that is put in use and searches it, until stopped."""

    folder: Path
    records: int
    searches: int = 0
    indexes: int = 0
    wrong: list[str] = field(default_factory=list)
    stopped: bool = False

    def run(self) -> None:
        pick, link, opened, mark = random.Random(9), "", None, 0
        while not self.stopped:
            try:
                if (target := os.readlink(self.folder / "index")) != link:
                    opened, link = index.open_index(self.folder / "index"), target
                    self.indexes += 1
                    if opened.manifest.mark < mark:
                        self.wrong.append(f"{link}: mark {opened.manifest.mark} after {mark}")
                    mark = opened.manifest.mark
                assert opened
                self.check(opened, pick.randrange(self.records // BATCH) * BATCH)
            except Exception as exc:
                self.wrong.append(repr(exc))

    def check(self, opened: Index, start: int) -> None:
        editions = [
            0,
            *(n for n, line in enumerate((self.folder / "ledger").read_text().split(), 1) if int(line) == start),
        ]
        self.wrong += [f"{opened.manifest.mark}: {fault}" for fault in faults(opened, start, editions)]
        near = (
            opened.meaning.search(Cheap(_EMBEDDER_SIZE).queries([title_of(start, 0)])[0], 5) if opened.meaning else []
        )
        if len(near) != 5 or len(opened.words) != self.records:
            self.wrong.append(f"{len(opened.words)} by words, {len(near)} of 5 by meaning")
        self.searches += 3 * BATCH + 1


def kill(folder: Path, times: int, records: int, seed: int) -> dict[str, object]:
    """Return what came of so many kills, each at a random moment of a random deed."""
    pick, reader = random.Random(seed), Reader(folder, records)
    thread = threading.Thread(target=reader.run)
    index.build(folder / "index", _first(folder, records), embedder=Cheap(_EMBEDDER_SIZE))
    thread.start()
    moments: Counter[str] = Counter()
    took: dict[str, float] = {}
    damaged: list[str] = []
    for life in range(times):
        command = [sys.executable, "-m", "tests.retrieval.kills", "--work", str(folder), "--records", str(records)]
        with subprocess.Popen([*command, "--seed", f"{seed}{life:04}"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            deed, begun = "", 0.0
            for _ in range(pick.randint(2, 6)):
                ended = time.monotonic()
                if deed:
                    took[deed] = max(took.get(deed, 0.0), ended - begun)
                deed, begun = process.stdout.readline().strip(), time.monotonic()
                if not deed:
                    raise RuntimeError("the process that was to be killed ended by itself")
            time.sleep(pick.uniform(0, took.get(deed, 0.2)))
            process.kill()
        half_made = any(folder.glob("index.new.*"))
        moments[f"{deed}, a folder half made" if half_made else deed] += 1
        damaged += index.verify(folder / "index")
    index.build(folder / "index", Catalogue(folder / "catalogue.sqlite"), embedder=Cheap(_EMBEDDER_SIZE))
    reader.stopped = True
    thread.join()
    left = sorted(path.name for path in folder.glob("index.*") if path.is_dir())
    return {"kills": times, "moments": moments, "indexes": reader.indexes, "searches": reader.searches,
            "wrong": reader.wrong[:20], "damaged": damaged, "left": left}  # fmt: skip


def _first(folder: Path, records: int) -> Catalogue:
    catalogue = Catalogue(folder / "catalogue.sqlite")
    catalogue.upsert(numbered(number, 0) for number in range(records))
    (folder / "ledger").touch()
    return catalogue


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=200)
    parser.add_argument("--records", type=int, default=3_200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, help="be the process that is killed, in this folder")
    asked = parser.parse_args()
    if asked.work:
        work(asked.work, asked.records, asked.seed)
    with TemporaryDirectory() as folder:
        print(json.dumps(kill(Path(folder), asked.times, asked.records, asked.seed)))


if __name__ == "__main__":
    main()
