"""Brings the records of a file into the catalogue and accounts for every one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from retrieval.catalogue import Catalogue, Stored
from retrieval.record import Problem, Read, Record, SourceError
from retrieval.sources.files import read_file

Progress = Callable[[int], None]  # called with the number of records read so far


@dataclass(frozen=True)
class Intake:
    """What became of a file: `read == stored.total + repeated + refused`, always."""

    read: int
    stored: Stored
    repeated: int  # the same record again, word for word
    refused: int  # could not be made out; each has a problem with `taken=False`
    deleted: int
    complete: bool  # False when the file broke off
    problems: tuple[Problem, ...] = ()

    @property
    def kinds(self) -> list[tuple[str, bool, int]]:
        """Return (what, taken, how often) for each kind of problem, the ones that cost a record first."""
        counts = Counter((problem.what, problem.taken) for problem in self.problems)
        return sorted(((what, taken, n) for (what, taken), n in counts.items()), key=lambda k: (k[1], -k[2], k[0]))


@dataclass
class _Ledger:
    read: int = 0
    repeated: int = 0
    refused: int = 0
    complete: bool = True
    problems: list[Problem] = field(default_factory=list)
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)  # record_id → (number, hash of the record)


def take_in(path: Path, catalogue: Catalogue, *, whole: bool = False, progress: Progress | None = None) -> Intake:
    """Store every record of the file and return the account.

    `whole`: the file is the whole catalogue, so records it does not hold are deleted, unless it broke off.
    Raises SourceError when the file is none of ours, StorageError when the disk fails; what was stored stays.
    """
    ledger = _Ledger()
    stored = catalogue.upsert(_accounted(read_file(path), ledger, progress))
    if not ledger.read:
        ledger.problems.append(Problem(0, "", "there is no record in this file", taken=False))
    deleted = 0
    if whole and ledger.complete and ledger.read:
        deleted = catalogue.delete([record_id for record_id in catalogue.ids() if record_id not in ledger.seen])
    return Intake(
        ledger.read, stored, ledger.repeated, ledger.refused, deleted, ledger.complete, tuple(ledger.problems)
    )


def _accounted(reads: Iterable[Read], ledger: _Ledger, progress: Progress | None) -> Iterator[Record]:
    try:
        for read in reads:
            ledger.problems += read.problems
            if read.number == 0:
                ledger.complete = False
                continue
            ledger.read += 1
            if progress and ledger.read % 500 == 0:
                progress(ledger.read)
            if read.record is None:
                ledger.refused += 1
            elif record := _distinct(read.number, read.record, ledger):
                yield record
    except SourceError as exc:
        if not ledger.read:
            raise
        ledger.complete = False  # what came before the break is good and is kept
        ledger.problems.append(Problem(0, "", str(exc), taken=False))
    if progress:
        progress(ledger.read)


def _distinct(number: int, record: Record, ledger: _Ledger) -> Record | None:
    """Return the record under an id of its own in this file, or None for a word-for-word repetition."""
    base, copy = record.record_id, 1
    while record.record_id in ledger.seen:
        first, content = ledger.seen[record.record_id]
        if content == hash(replace(record, record_id=base)):
            ledger.repeated += 1
            ledger.problems.append(Problem(number, base, f"the same record again as number {first}", taken=False))
            return None
        copy += 1
        record = replace(record, record_id=f"{base}~{copy}")
    if copy > 1:
        what = "another record has the same number or barcode; this one was kept beside it"
        ledger.problems.append(Problem(number, base, what, taken=True, value=record.record_id))
    ledger.seen[record.record_id] = (number, hash(replace(record, record_id=base)))
    return record
