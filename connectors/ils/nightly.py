"""The nightly file: loans (and patrons) of a library system without an interface, as it writes them to a table.

What cannot be read is reported by its line and passed by. The new figures take the place of the old ones in one
transaction, or nothing changes.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from connectors.ils.sqlite_file import (
    AS_OF,
    TELLS_FEES,
    SQLiteFile,
    branches,
    fees,
    holds,
    items,
    loans,
    meta,
    patrons,
    records,
)
from connectors.ils.sqlite_load import card_id
from library.text import fold, nfc
from retrieval.record import SourceError
from retrieval.sources.csv_rows import csv_rows

Progress = Callable[[str, int, int], None]
LOAN_HEADINGS: Mapping[str, str] = {
    "card": "so the, ma the, the, ma ban doc, so the ban doc, the ban doc, ma the ban doc, card, card number, patron",
    "name": "ho ten, ho va ten, ten ban doc, ban doc, ten, name, patron name",
    "barcode": "dkcb, so dkcb, ma dkcb, ma vach, so dang ky ca biet, barcode, item barcode",
    "record_id": "ma bieu ghi, ma tai lieu, ma an pham, record id, bib id, biblionumber",
    "title": "nhan de, ten sach, ten tai lieu, ten an pham, nhan de sach, title",
    "due": "han tra, ngay tra, ngay het han, ngay phai tra, ngay den han, han, due, due date, date due",
    "renewals": "so lan gia han, gia han, lan gia han, renewals",
}
PATRON_HEADINGS: Mapping[str, str] = {
    "card": LOAN_HEADINGS["card"],
    "name": LOAN_HEADINGS["name"],
    "category": "doi tuong, loai ban doc, loai the, nhom, nhom ban doc, category",
    "home": "chi nhanh, co so, thu vien, branch, home branch",
    "born": "ngay sinh, sinh ngay, birth date, date of birth",
    "expires": "han the, ngay het han the, the het han, han su dung, ngay het han, expires, expiry date",
    "restricted": "khoa, bi khoa, tam khoa, restricted, blocked",
    "pin": "mat khau, ma pin, pin, password",
    "owed": "no, tien no, con no, phi, tien phat, owed, fees, balance",
}
_SHAPES = ("%d/%m/%Y", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d", "%d/%m/%y")
_TWO_NUMBERS = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-]\d{2,4}\b")
_ZIP = b"PK\x03\x04"  # how an .xlsx begins
_DAYS = {"born": "birth date", "expires": "expiry date"}
_YES = frozenset({"1", "x", "co", "yes", "y", "true", "dung", "khoa", "bi khoa"})


class NightlyError(Exception):
    """The file cannot be taken at all; the message says why and what to do."""


@dataclass(frozen=True)
class Problem:
    """A row, or a cell of it, that was passed by. Its words are not repeated: they are patrons' data."""

    line: int
    why: str


@dataclass(frozen=True)
class LoanRow:
    card: str
    name: str
    barcode: str
    record_id: str
    title: str
    due_on: date
    renewals: int


@dataclass(frozen=True)
class PatronRow:
    card: str
    name: str
    category: str
    home: str
    born_on: date | None
    expires_on: date | None
    restricted: bool
    pin: str
    owed_vnd: int | None


@dataclass
class Read:
    """What a table held: its rows, what was passed by, and the headings that nobody knows."""

    rows: list[Any] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Taken:
    loans: int
    patrons: int
    before: int  # loans until now


def read_loans(path: Path) -> Read:
    """Return the loans of a table. Raises NightlyError when it is none."""
    read = Read()
    seen: set[str] = set()
    told: list[str] = []
    for line, cells in _table(path, LOAN_HEADINGS, ("card", "due"), read):
        told.append(cells.get("due", ""))
        due_on, title = day(cells.get("due", "")), cells.get("title", "")
        # A system that tells no copies: one loan of a title by a card, so that a row told twice is noticed too.
        barcode = cells.get("barcode") or f"{_card(cells.get('card', ''))}-{fold(title)}"
        if why := _wrong_loan(cells, due_on, barcode in seen):
            read.problems.append(Problem(line, why))
            continue
        assert due_on is not None
        seen.add(barcode)
        renewals = cells.get("renewals", "")
        read.rows.append(
            LoanRow(
                card=_card(cells["card"]),
                name=cells.get("name", ""),
                barcode=barcode,
                record_id=cells.get("record_id", ""),
                title=title,
                due_on=due_on,
                renewals=int(renewals) if renewals.isdecimal() else 0,
            )
        )
    _refuse_months_first(path, told)
    return read


def read_patrons(path: Path) -> Read:
    """Return the patrons of a table. Raises NightlyError when it is none."""
    read = Read()
    seen: set[str] = set()
    for line, cells in _table(path, PATRON_HEADINGS, ("card", "name"), read):
        card = _card(cells.get("card", ""))
        if not card or card in seen:
            read.problems.append(Problem(line, "no card number" if not card else "the card stands in the file twice"))
            continue
        seen.add(card)
        unread = [what for key, what in _DAYS.items() if cells.get(key) and day(cells[key]) is None]
        read.problems += [Problem(line, f"the {what} cannot be read: the row is taken without it") for what in unread]
        read.rows.append(
            PatronRow(
                card=card,
                name=cells.get("name", ""),
                category=cells.get("category", ""),
                home=cells.get("home", ""),
                born_on=day(cells.get("born", "")),
                expires_on=day(cells.get("expires", "")),
                restricted=fold(cells.get("restricted", "")) in _YES,
                pin=cells.get("pin", ""),
                owed_vnd=owed_in(cells.get("owed", "")),
            )
        )
    return read


def take(
    path: Path,
    lent: Read,
    people: Read | None,
    as_of: datetime,
    *,
    force: bool = False,
    hasher: PasswordHasher | None = None,
    progress: Progress = lambda what, done, whole: None,
) -> Taken:
    """Return how much was taken into the library system's file, which holds the copies of the catalogue already.

    Raises NightlyError for a file that would lose more than half of the loans, unless `force`; ILSUnavailable.
    """
    hashed = _hashed(people, hasher or PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1), progress)

    def work(db: Connection) -> Taken:
        before = int(db.scalar(select(func.count()).select_from(loans)) or 0)
        if len(lent.rows) * 2 < before and not force:
            raise NightlyError(
                f"the file has {len(lent.rows)} loans, and there were {before}: is it whole? --force takes it as it is"
            )
        first = db.scalar(select(branches.c.code).order_by(branches.c.position))
        _put_patrons(db, lent.rows, people, hashed, str(first))
        _put_copies(db, lent.rows, str(first))
        db.execute(delete(loans))
        db.execute(delete(holds))
        rows = [_loan_row(each) for each in lent.rows]
        if rows:
            db.execute(insert(loans), rows)
        _note(db, AS_OF, as_of.isoformat())
        _note(db, TELLS_FEES, "1" if people and "owed" in people.known else "")
        return Taken(len(rows), int(db.scalar(select(func.count()).select_from(patrons)) or 0), before)

    return SQLiteFile(path).write_now(work)


def owed_in(told: str) -> int | None:
    """Return the debt that a cell gives, in VND: "12.000", "12,000.00 đ"; 0 for money in favour, None for no amount."""
    whole = re.sub(r"[.,]\d{1,2}$", "", re.sub(r"[^\d.,-]", "", told))  # groups of thousands have three digits
    digits = re.sub(r"[.,]", "", whole)
    return max(0, int(digits)) if re.fullmatch(r"-?\d+", digits) else None


def day(told: str) -> date | None:
    """Return the day that a cell gives, in the shapes that Vietnamese libraries write; None for none."""
    words = told.strip().split(" ")[0].split("T")[0]
    for shape in _SHAPES:
        try:
            return datetime.strptime(words, shape).date()
        except ValueError:
            continue
    return None


def _refuse_months_first(path: Path, told: Sequence[str]) -> None:
    """Raise NightlyError where no due date must be day/month and some can only be month/day: 12/05 would be wrong."""
    pairs = [(int(one), int(two)) for each in told for one, two in _TWO_NUMBERS.findall(each)]
    if any(two > 12 for _, two in pairs) and not any(one > 12 for one, _ in pairs):
        raise NightlyError(
            f"{path}: the due dates have the month first (11/27/2026): "
            "let the other system write the day first (27/11/2026) or 2026-11-27"
        )


def _wrong_loan(cells: Mapping[str, str], due_on: date | None, again: bool) -> str:
    if not cells.get("card"):
        return "no card number"
    if not (cells.get("barcode") or cells.get("title")):
        return "neither barcode nor title"
    if due_on is None:
        return "no due date that can be read"
    if again:
        return (
            "the copy is lent twice in the file" if cells.get("barcode") else "the same loan stands in the file twice"
        )
    return ""


def _table(
    path: Path, headings: Mapping[str, str], needed: Sequence[str], read: Read
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and named cells of each row under the first row that names the needed columns."""
    names = {heading: name for name, all_of in headings.items() for heading in all_of.split(", ")}
    columns: dict[int, str] = {}
    try:
        with path.open("rb") as file:
            if file.read(4) == _ZIP:
                raise NightlyError(f"{path} is an Excel workbook: save it as “CSV UTF-8” there, and import that file")
            file.seek(0)
            for row in csv_rows(file):
                cells = [nfc(" ".join(cell.split())) for cell in row.cells]
                if columns:
                    yield row.number, {name: cells[at] for at, name in columns.items() if at < len(cells)}
                    continue
                found = {at: names[fold(cell)] for at, cell in enumerate(cells) if fold(cell) in names}
                if set(needed) <= set(found.values()):
                    columns = _first_of_each(found)
                    read.known |= set(columns.values())
                    read.unknown += [cell for at, cell in enumerate(cells) if cell and at not in found]
    except OSError as exc:
        raise NightlyError(f"{path} cannot be read: {exc.strerror}") from exc
    except SourceError as exc:
        raise NightlyError(f"{path}: {exc}") from exc
    if not path.stat().st_size:
        raise NightlyError(f"{path} is empty: did the other system finish writing it? Nothing was changed")
    if not columns:
        wanted = "; ".join(f"{name} ({headings[name].split(', ')[0]} …)" for name in needed)
        raise NightlyError(f"{path}: no row names the columns {wanted}: write the headings above the columns")


def _first_of_each(found: Mapping[int, str]) -> dict[int, str]:
    columns: dict[int, str] = {}
    for at, name in found.items():
        if name not in columns.values():
            columns[at] = name
    return columns


def _hashed(people: Read | None, hasher: PasswordHasher, progress: Progress) -> dict[str, str]:
    """Return the hash of each PIN: a PIN itself is never stored."""
    rows = [row for row in people.rows if row.pin] if people else []
    found = {}
    for done, row in enumerate(rows, 1):
        found[row.card] = hasher.hash(row.pin)
        progress("PIN", done, len(rows))
    return found


def _put_patrons(
    db: Connection, lent: Iterable[LoanRow], people: Read | None, hashed: Mapping[str, str], home: str
) -> None:
    """Write the patrons: those of the patrons' file anew, those that only have a loan with what the loan tells."""
    codes = set(db.scalars(select(branches.c.code)))
    known = set(db.scalars(select(patrons.c.card_number)))
    for row in people.rows if people else ():
        place = row.home if row.home in codes else home
        values: dict[str, Any] = {"name": row.name, "category": row.category, "home": place, "born_on": row.born_on}
        values |= {"expires_on": row.expires_on, "restricted": row.restricted}
        values |= {"pin_hash": hashed[row.card]} if row.card in hashed else {}
        new = upsert(patrons).values(patron_id=card_id(row.card), card_number=row.card, **values)
        db.execute(new.on_conflict_do_update(index_elements=["patron_id"], set_=values))
        known.add(row.card)
    if people and "owed" in people.known:
        db.execute(delete(fees))
        owed = [
            {"patron_id": card_id(row.card), "reason": "Phí ở thư viện", "amount_vnd": row.owed_vnd}
            for row in people.rows
            if row.owed_vnd
        ]
        if owed:
            db.execute(insert(fees), owed)
    for loan in lent:
        if loan.card not in known:
            known.add(loan.card)
            plain = {"name": loan.name or "Bạn đọc", "category": "", "home": home, "restricted": False}
            db.execute(insert(patrons).values(patron_id=card_id(loan.card), card_number=loan.card, **plain))


def _put_copies(db: Connection, lent: Iterable[LoanRow], home: str) -> None:
    """Write the copies that the catalogue does not have, under the title that the file gives."""
    known = set(db.scalars(select(items.c.barcode)))
    titled = set(db.scalars(select(records.c.record_id)))
    for loan in lent:
        if loan.barcode in known:
            continue
        known.add(loan.barcode)
        record_id = loan.record_id or f"nightly:{uuid.uuid5(uuid.NAMESPACE_URL, loan.barcode).hex}"
        if record_id not in titled:
            titled.add(record_id)
            db.execute(insert(records).values(record_id=record_id, title=loan.title or loan.barcode))
        place = {"barcode": loan.barcode, "record_id": record_id, "branch": home, "room": "", "call_number": ""}
        db.execute(insert(items).values(**place, reading_only=False, item_type="book"))


def _loan_row(loan: LoanRow) -> dict[str, Any]:
    patron = {"barcode": loan.barcode, "patron_id": card_id(loan.card)}
    return {**patron, "due_on": loan.due_on, "renewals": loan.renewals}


def _note(db: Connection, key: str, value: str) -> None:
    new = upsert(meta).values(key=key, value=value)
    db.execute(new.on_conflict_do_update(index_elements=["key"], set_={"value": value}))


def _card(told: str) -> str:
    """Return the card number as it is stored."""
    return "".join(told.split()).upper()
