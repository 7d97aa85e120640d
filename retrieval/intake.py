"""Brings the records of a file into the catalogue and accounts for every one of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from retrieval.catalogue import Catalogue, Stored
from retrieval.record import Problem, Read, Record, SourceError
from retrieval.sources.files import Position, read_file
from retrieval.sources.table import TableOptions

Progress = Callable[[int, float], None]  # (records read so far, share of the file from 0 to 1; 0 where not known)
_TOLD_EVERY = 500
_LIBRARY = re.compile(r"[A-Za-z0-9_-]{1,20}")


@dataclass(frozen=True)
class ImportOptions:
    """How a file is taken in. `whole`: it is all the library has, so records it lacks are deleted, unless it broke off.

    `library`: whose records they are, in a union. `charset`: of text that is not UTF-8; found out when not given.
    """

    whole: bool = False
    library: str = ""
    charset: str = ""
    table: TableOptions = TableOptions()
    workers: int = 1  # processes that read a large file


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
    library: str = ""
    read: int = 0
    repeated: int = 0
    refused: int = 0
    complete: bool = True
    problems: list[Problem] = field(default_factory=list)
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)  # record_id → (number, hash of the record)


def take_in(
    path: Path, catalogue: Catalogue, options: ImportOptions = ImportOptions(), progress: Progress | None = None
) -> Intake:
    """Store every record of the file and return the account.

    Raises SourceError when the file is none of ours, StorageError when the disk fails; what was stored stays, and the
    same call again goes quickly over it.
    """
    check_library(options.library)
    ledger, position = _Ledger(options.library), Position()
    reads = read_file(
        path, charset=options.charset, workers=options.workers, table_options=options.table, position=position
    )
    stored = catalogue.upsert(_accounted(reads, ledger, position, progress))
    if not ledger.read:
        ledger.problems.append(Problem(0, "", "there is no record in this file", taken=False))
    deleted = 0
    if options.whole and ledger.complete and ledger.read:
        deleted = catalogue.delete(list(_lacking(catalogue, ledger)))
    return Intake(
        ledger.read, stored, ledger.repeated, ledger.refused, deleted, ledger.complete, tuple(ledger.problems)
    )


def check_library(code: str) -> None:
    """Raise SourceError for a library's code that would not do inside a record's id."""
    if code and not _LIBRARY.fullmatch(code):
        raise SourceError(f"{code}: a library's code is of up to 20 letters, digits, - and _")


def _lacking(catalogue: Catalogue, ledger: _Ledger) -> Iterator[str]:
    """Yield the ids of this library's records that the file does not hold; other libraries' stay."""
    unseen = (record_id for record_id in catalogue.ids() if record_id not in ledger.seen)
    while batch := list(islice(unseen, _TOLD_EVERY)):
        records = catalogue.many(batch)
        yield from (record_id for record_id, record in records.items() if record.library == ledger.library)


def _accounted(
    reads: Iterable[Read], ledger: _Ledger, position: Position, progress: Progress | None
) -> Iterator[Record]:
    try:
        for read in reads:
            ledger.problems += read.problems
            if read.number == 0:
                ledger.complete &= all(problem.taken for problem in read.problems)
                continue
            ledger.read += 1
            if progress and ledger.read % _TOLD_EVERY == 0:
                progress(ledger.read, position.share)
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
        progress(ledger.read, 1.0)


def _distinct(number: int, record: Record, ledger: _Ledger) -> Record | None:
    """Return the record under an id of its own in this file, or None for a word-for-word repetition."""
    if ledger.library:
        record = record.of_library(ledger.library)
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
