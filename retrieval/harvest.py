"""Brings the records of an OAI-PMH server into the catalogue, page by page, and accounts for every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from retrieval.catalogue import Catalogue, Stored
from retrieval.harvests import Harvests, Position
from retrieval.intake import Intake, check_library
from retrieval.record import Problem, Record, SourceError
from retrieval.sources import oai
from retrieval.sources.oai import Got, Turned
from retrieval.sources.oai_http import Refused, Server

Progress = Callable[[int, int | None], None]  # (entries so far, of how many if the server says)
_BATCH = 500
_MOST_STALE_PAGES = 2
_FORGOTTEN = ("badResumptionToken", "badArgument")  # some servers call a token they have forgotten a bad argument


@dataclass(frozen=True)
class Plan:
    """What to harvest. What is left empty: every set, the server's best format, since the last harvest."""

    set_spec: str = ""
    prefix: str = ""
    since: str = ""  # YYYY-MM-DD, or with Thh:mm:ssZ
    library: str = ""
    whole: bool = False  # everything anew; what the server no longer has is deleted


def harvest(
    server: Server, plan: Plan, catalogue: Catalogue, harvests: Harvests, progress: Progress | None = None
) -> Intake:
    """Store what the server has new and return the account, `complete` when its list was read to the end.

    A page once stored is not asked for again: after a crash or a silent server the same call goes on behind it.
    Raises SourceError when the server gives nothing of use, StorageError when the disk fails.
    """
    check_library(plan.library)
    told = oai.about(server)
    prefix = plan.prefix or told.best_prefix
    source = "|".join((str(server.url), plan.set_spec, prefix, plan.library))
    run = _Run(plan, source, catalogue, harvests, progress)
    at = harvests.position(source)
    if not at.token or plan.whole or plan.since:
        at = harvests.begin(source, plan.since or ("" if plan.whole else at.finished))
    while not run.ended:
        arguments = {"metadataPrefix": prefix}
        if plan.set_spec:
            arguments["set"] = plan.set_spec
        if at.since:
            arguments["from"] = told.stamp(at.since)
        at = run.through(server, arguments, prefix, at)
    return run.account()


@dataclass
class _Run:
    plan: Plan
    source: str
    catalogue: Catalogue
    harvests: Harvests
    progress: Progress | None
    ended: bool = False
    complete: bool = True
    stored: Stored = Stored()
    read: int = 0
    refused: int = 0
    deleted: int = 0
    entries: int = 0
    problems: list[Problem] = field(default_factory=list)
    _batch: dict[str, Record | None] = field(default_factory=dict)  # identifier → its record; None: deleted
    _told_size: int | None = None
    _fresh: int = 0  # entries of this page that the harvest had not seen
    _on_page: int = 0
    _stale_pages: int = 0
    _restarted: bool = False
    _without_record: set[int] = field(default_factory=set)

    def through(self, server: Server, arguments: dict[str, str], prefix: str, at: Position) -> Position:
        """Go through the list from where it stands; return where to begin again when the server forgot the place."""
        resumed, self.ended = bool(at.token), True
        try:
            for each in oai.pages(server, arguments, prefix, at.token, self.entries):
                if isinstance(each, Got):
                    self._take(each, at.run)
                else:
                    self._turn(each, at.run)
        except Refused as exc:
            if exc.code in _FORGOTTEN and not self._restarted and (at.token or exc.code == "badResumptionToken"):
                return self._again(at)
            if exc.code != "noRecordsMatch":
                return self._stopped(exc, at)
        except SourceError as exc:
            return self._stopped(exc, at)
        return self._finish(at, resumed)

    def _take(self, got: Got, run: int) -> None:
        self.entries += 1
        self._on_page += 1
        if got.read is not None:
            self.read += 1
            self.problems += got.read.problems
            if got.read.record is None:
                self.refused += 1
                self._seen_before(got.identifier)
                return
        if got.identifier in self._batch or len(self._batch) >= _BATCH:
            self._store(run)
        self._batch[got.identifier] = got.read.record if got.read else None

    def _store(self, run: int) -> None:
        """Put the batch into the catalogue first: a crash before it is noted only asks for the page again."""
        known = self.harvests.known(self.source, list(self._batch))
        self._fresh += sum(bool(record) and known.get(each, ("", 0))[1] < run for each, record in self._batch.items())
        records: dict[str, Record] = {}
        taken: set[str] = set()
        for identifier, record in self._batch.items():
            if record:
                records[identifier] = self._named(record, known.get(identifier, ("", 0))[0], taken)
        gone = [identifier for identifier, record in self._batch.items() if record is None]
        for identifier in gone:
            self._seen_before(identifier)
        self.stored += self.catalogue.upsert(records.values())
        self.deleted += self.catalogue.delete([known[each][0] for each in gone if each in known])
        self.harvests.note(self.source, run, {each: record.record_id for each, record in records.items()}, gone)
        self._batch.clear()
        if self.progress:
            self.progress(self.entries, self._told_size)

    def _seen_before(self, identifier: str) -> None:
        """Count an entry of which no record is kept as fresh the first time."""
        self._fresh += hash(identifier) not in self._without_record
        self._without_record.add(hash(identifier))

    def _named(self, record: Record, before: str, taken: set[str]) -> Record:
        """Return the record under the id its OAI identifier has had, or under one that no other of the source has."""
        if self.plan.library:
            record = record.of_library(self.plan.library)
        base, copy = record.record_id, 1
        while not before and (record.record_id in taken or self.harvests.is_taken(self.source, record.record_id)):
            copy += 1
            record = replace(record, record_id=f"{base}~{copy}")
        taken.add(before or record.record_id)
        return replace(record, record_id=before) if before else record

    def _turn(self, turned: Turned, run: int) -> None:
        self._store(run)
        self.problems += turned.problems
        self.complete &= all(problem.taken for problem in turned.problems)
        self._told_size = self._told_size or turned.complete_size
        self.harvests.turn(self.source, turned.token, turned.response_date)
        self._stale_pages = self._stale_pages + 1 if self._on_page and not self._fresh else 0
        self._fresh = self._on_page = 0
        if self._stale_pages >= _MOST_STALE_PAGES and turned.token:
            raise oai.Circle("the server goes in a circle: page after page holds only records that came before")

    def _again(self, at: Position) -> Position:
        """Begin the list anew from its date: the server has forgotten the place where it stood."""
        self._store(at.run)
        self.problems.append(Problem(0, "", "the server has forgotten the resumption token; begun anew", taken=True))
        self._restarted, self.ended = True, False
        return self.harvests.begin(self.source, at.since)

    def _stopped(self, why: SourceError, at: Position) -> Position:
        self._store(at.run)
        if not self.entries:
            raise why
        self.complete = False
        self.problems.append(Problem(0, "", str(why), taken=False))
        return self.harvests.abandon(self.source) if isinstance(why, oai.Circle) else at

    def _finish(self, at: Position, resumed: bool) -> Position:
        if not self.complete:
            return self.harvests.abandon(self.source)
        told = None if resumed or self._restarted else self._told_size
        if told is not None and self.entries != told:
            what = "the server said another number of records than it gave"
            self.problems.append(Problem(0, "", what, True, f"{told} said, {self.entries} given"))
        if not at.since and self.read and self.entries >= (told or 0):
            lost = self.harvests.unseen(self.source, at.run)
            self.deleted += self.catalogue.delete(lost.values())
            self.harvests.note(self.source, at.run, {}, lost)
        return self.harvests.finish(self.source)

    def account(self) -> Intake:
        return Intake(self.read, self.stored, 0, self.refused, self.deleted, self.complete, tuple(self.problems))
