"""Fills the built-in library system: copies from the catalogue, patrons with their loans and holds from a YAML file.

Days in the file are relative to the day of loading, so that a demo library never goes stale.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from argon2 import PasswordHasher
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection, insert

from connectors.ils.rules import OpenDay, every_day
from connectors.ils.sqlite_file import SQLiteFile, branches, fees, holds, items, loans, metadata, patrons, records
from library.model import HoldStatus
from library.text import nfc

_CARDS = uuid.UUID("6f1c3c1e-52a8-4d0b-9a54-6f2b8f0d7a11")  # names patron ids: the same card, the same id at every load


class LoadError(Exception):
    """The library cannot be loaded; the message says which entry is wrong and what to write instead."""


@dataclass(frozen=True)
class ItemRow:
    """One copy, as the catalogue knows it. `title` is the record's full title, part included."""

    record_id: str
    title: str
    barcode: str
    branch: str
    call_number: str
    room: str = ""
    reading_only: bool = False
    item_type: str = "book"  # for the circulation rules


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoanEntry(_Entry):
    title: str
    due_in_days: int  # before 0: overdue
    renewals: int = 0


class HoldEntry(_Entry):
    title: str
    pickup: str
    status: HoldStatus = HoldStatus.WAITING
    kept_for_days: int | None = None  # of a copy that is ready


class FeeEntry(_Entry):
    reason: str
    amount_vnd: int
    title: str | None = None


class PatronEntry(_Entry):
    card: str
    pin: str | None = None  # none: nobody can log in
    name: str
    category: str
    home: str
    age: int | None = None
    expires_in_days: int = 200
    restricted: bool = False
    loans: tuple[LoanEntry, ...] = ()
    takes_the_rest_of: tuple[LoanEntry, ...] = ()  # every copy that nobody else in this file has
    holds: tuple[HoldEntry, ...] = ()
    fees: tuple[FeeEntry, ...] = ()


class BranchEntry(_Entry):
    code: str
    name: str
    name_en: str
    pickup: bool = True


class PatronFile(_Entry):
    """The branches and patrons of a library, as `demo/patrons.yml` writes them."""

    branches: tuple[BranchEntry, ...]
    patrons: tuple[PatronEntry, ...]


@dataclass(frozen=True)
class Loaded:
    copies: int
    patrons: int
    loans: int
    holds: int


def read_patron_file(path: Path) -> PatronFile:
    """Return what the file says. Raises LoadError naming the file, the entry and the fault."""
    try:
        return PatronFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as exc:
        raise LoadError(f"{path} is not there") from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise LoadError(f"{path} is not YAML: {exc}") from exc
    except ValidationError as exc:
        faults = (f"{path}: {'.'.join(map(str, error['loc']))}: {error['msg']}" for error in exc.errors())
        raise LoadError("\n".join(faults)) from exc


def load_library(
    path: Path,
    copies: Iterable[ItemRow],
    file: PatronFile,
    today: date,
    *,
    next_open_day: OpenDay = every_day,
    hasher: PasswordHasher | None = None,
) -> Loaded:
    """Return how much was loaded into the library system at `path`; what was there before is replaced, or all is kept.

    Raises LoadError when the file and the catalogue do not fit, ILSUnavailable when `path` cannot be written.
    """
    hasher = hasher or PasswordHasher()
    hashes = {one.card: one.pin and hasher.hash(one.pin) for one in file.patrons}  # slow, so before the transaction
    loading = _Loading(list(copies), file, today, next_open_day)
    path.parent.mkdir(parents=True, exist_ok=True)

    def work(db: Connection) -> Loaded:
        metadata.drop_all(db)
        metadata.create_all(db)
        return loading.into(db, hashes)

    return SQLiteFile(path, create=True).write_now(work)


class _Loading:
    """One loading: which copies are still on their shelves, and who takes them."""

    def __init__(self, copies: list[ItemRow], file: PatronFile, today: date, open_day: OpenDay) -> None:
        self._copies = copies
        self._file = file
        self._today = today
        self._open_day = open_day
        self._records: dict[str, str] = {}  # title -> record id, the first where several share it
        for copy in copies:
            self._records.setdefault(nfc(copy.title), copy.record_id)
        self._shelf: dict[str, list[ItemRow]] = {}
        for copy in copies:
            if not copy.reading_only:
                self._shelf.setdefault(copy.record_id, []).append(copy)

    def into(self, db: Connection, hashes: Mapping[str, str | None]) -> Loaded:
        self._check()
        _fill(db, branches, [{"position": at, **one.model_dump()} for at, one in enumerate(self._file.branches)])
        titles = {copy.record_id: nfc(copy.title) for copy in self._copies}
        _fill(db, records, [{"record_id": record_id, "title": title} for record_id, title in titles.items()])
        _fill(db, items, [_without_title(copy) for copy in self._copies])
        _fill(db, patrons, [self._patron(one, hashes[one.card]) for one in self._file.patrons])
        _fill(db, fees, [{"patron_id": _id(one), **fee.model_dump()} for one in self._file.patrons for fee in one.fees])
        lent = [self._lend(one, loan) for one in self._file.patrons for loan in one.loans]
        kept = [self._keep(one, hold) for one in self._file.patrons for hold in one.holds]
        lent += [row for one in self._file.patrons for loan in one.takes_the_rest_of for row in self._rest(one, loan)]
        _fill(db, loans, lent)
        _fill(db, holds, kept)
        return Loaded(len(self._copies), len(self._file.patrons), len(lent), len(kept))

    def _check(self) -> None:
        _unique("barcode", [copy.barcode for copy in self._copies])
        _unique("card", [one.card for one in self._file.patrons])
        codes = {one.code for one in self._file.branches}
        named = {copy.branch: f"copy {copy.barcode}" for copy in self._copies}
        named |= {one.home: f"card {one.card}" for one in self._file.patrons}
        named |= {hold.pickup: f"card {one.card}" for one in self._file.patrons for hold in one.holds}
        for code in named.keys() - codes:
            raise LoadError(f"{named[code]} names branch {code!r}; the branches are {', '.join(sorted(codes))}")

    def _patron(self, one: PatronEntry, pin_hash: str | None) -> dict[str, Any]:
        return {
            "patron_id": _id(one),
            "card_number": one.card,
            "pin_hash": pin_hash,
            "name": nfc(one.name),
            "category": nfc(one.category),
            "home": one.home,
            # The first of this month: the birthday of this year is past, so the age is as written.
            "born_on": date(self._today.year - one.age, self._today.month, 1) if one.age is not None else None,
            "expires_on": self._today + timedelta(days=one.expires_in_days),
            "restricted": one.restricted,
        }

    def _lend(self, one: PatronEntry, loan: LoanEntry) -> dict[str, Any]:
        copy = self._take(one, loan.title, one.home, "borrows")
        return self._loan_row(one, loan, copy)

    def _rest(self, one: PatronEntry, loan: LoanEntry) -> list[dict[str, Any]]:
        shelf = self._shelf.get(self._record(one, loan.title), [])
        taken, shelf[:] = list(shelf), []
        return [self._loan_row(one, loan, copy) for copy in taken]

    def _loan_row(self, one: PatronEntry, loan: LoanEntry, copy: ItemRow) -> dict[str, Any]:
        due_on = self._today + timedelta(days=loan.due_in_days)
        if loan.due_in_days >= 0:
            due_on = self._open_day(due_on)  # an overdue loan stays as overdue as the file says
        return {"barcode": copy.barcode, "patron_id": _id(one), "due_on": due_on, "renewals": loan.renewals}

    def _keep(self, one: PatronEntry, hold: HoldEntry) -> dict[str, Any]:
        waits = hold.status is HoldStatus.WAITING
        kept_for = None if hold.kept_for_days is None else timedelta(days=hold.kept_for_days)
        return {
            "record_id": self._record(one, hold.title),
            "patron_id": _id(one),
            "pickup": hold.pickup,
            "status": hold.status.value,
            "barcode": None if waits else self._take(one, hold.title, hold.pickup, "is kept").barcode,
            "expires_on": None if kept_for is None else self._open_day(self._today + kept_for),
        }

    def _take(self, one: PatronEntry, title: str, branch: str, does: str) -> ItemRow:
        """Return a copy taken off its shelf, from this branch if it has one."""
        shelf = self._shelf.get(self._record(one, title), [])
        if not shelf:
            raise LoadError(
                f"card {one.card} {does} “{title}”, but no copy of it is left that may leave the house: "
                "give the catalogue one more copy, or the patron another title"
            )
        chosen = next((copy for copy in shelf if copy.branch == branch), shelf[0])
        shelf.remove(chosen)
        return chosen

    def _record(self, one: PatronEntry, title: str) -> str:
        if nfc(title) not in self._records:
            raise LoadError(
                f"card {one.card} names “{title}”, and the catalogue has no copy of such a title: "
                "write it exactly as in the catalogue, volume included, or name another"
            )
        return self._records[nfc(title)]


def card_id(card: str) -> str:
    """Return the key of a patron: the same for the same card, and not the card."""
    return uuid.uuid5(_CARDS, card).hex


def _id(one: PatronEntry) -> str:
    return card_id(one.card)


def _without_title(copy: ItemRow) -> dict[str, Any]:
    return {key: value for key, value in asdict(copy).items() if key != "title"}


def _unique(kind: str, values: list[str]) -> None:
    wrong = sorted(value or "(empty)" for value, times in Counter(values).items() if times > 1 or not value)
    if wrong:
        raise LoadError(f"every {kind} must be given, and only once; these are not: {', '.join(wrong)}")


def _fill(db: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.execute(insert(table), rows)
