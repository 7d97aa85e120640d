"""The scenes in which every adapter is asked the same: a library with Lan and An, set up anew for each test."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from sqlite3 import connect

from sqlalchemy import create_engine, insert, update

from connectors.ils.koha.adapter import KohaILS
from connectors.ils.shelf import Copy, Shelved
from connectors.ils.sip2.adapter import SIP2ILS
from connectors.ils.sqlite_file import fees, loans, patrons
from connectors.settings import KohaILSSection, SIP2ILSSection
from library.ils import ILS, PatronRef
from library.model import Branch, Refusal
from retrieval.sources.marc_text import bare
from tests.connectors.ils.sample import LAN, MAT_BIEC, NHA_GIA_KIM, NOW, PIN, SO_DO, TAT_DEN, Clock, open_library
from tests.simulators.koha import Fault, Koha, serving
from tests.simulators.sip2 import LineFault, line_to, serving_sip2
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, USER

TITLES = {SO_DO: "Số đỏ", MAT_BIEC: "Mắt biếc", NHA_GIA_KIM: "Nhà giả kim", TAT_DEN: "Tắt đèn"}


@dataclass(frozen=True)
class Scene:
    """A library system in which Lan has two loans, the later one waited for by An, and one title is out altogether.

    The callables change the system behind the adapter's back, as life does; of a live one, which cannot be changed so,
    `blocked` and `late` name patrons who are so already.
    """

    ils: ILS
    lan: tuple[str, str]  # card number, PIN
    an: tuple[str, str]  # has a hold ready, a hold waiting for Lan's book, and something to pay
    free_record: str  # a copy stands on the shelf
    lent_out_record: str  # no copy does; Lan has none of them
    go_away: Callable[[], object]  # from here on the system does not answer
    blocked: Callable[[Refusal], tuple[str, str]]  # somebody with a loan, whose card is expired, restricted, in debt
    late: Callable[[], tuple[str, str]]  # somebody whose first loan was due 40 days ago
    writes: Callable[[], int | None]  # how many writes the system has done since the scene began; None: it cannot tell
    lose_answers: Callable[[], object] | None = None  # from here on writes are done, and no answer comes
    knows_as_much_as_most: bool = True  # SIP2 counts no renewals, and tells no places in queues and no last days
    tells_due_of_copies: bool = True
    names: tuple[str, str] = ("Nguyễn Thị Lan", "Trần Văn An")
    titles: tuple[str, str] = ("Số đỏ", "Mắt biếc")  # Lan's loans
    kept: tuple[str, str] = ("Tắt đèn", "Mắt biếc")  # An's holds: the ready one, the waiting one
    lent_out_title: str = "Nhà giả kim"
    places: tuple[str, str] = ("MT", "CL")  # Lan's home branch, and another one
    owed: int = 10_000  # by An
    now: Callable[[], datetime] = lambda: NOW

    async def log_in(self, who: tuple[str, str]) -> PatronRef:
        return await self.ils.authenticate(*who)


@contextlib.asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Scene]:
    library = open_library(folder)
    engine = create_engine(f"sqlite:///{library.path}")
    begun = _sum_of_renewals_and_holds(library.path)

    def change(statement: object) -> None:
        with engine.begin() as db:
            db.execute(statement)  # type: ignore[call-overload]

    def blocked(why: Refusal) -> tuple[str, str]:
        lan = patrons.c.card_number == LAN["card"]
        with engine.begin() as db:
            (patron_id,) = db.execute(patrons.select().with_only_columns(patrons.c.patron_id).where(lan)).one()
        of = {
            Refusal.CARD_EXPIRED: update(patrons).where(lan).values(expires_on=NOW.date() - timedelta(days=1)),
            Refusal.CARD_RESTRICTED: update(patrons).where(lan).values(restricted=True),
            Refusal.IN_DEBT: insert(fees).values(patron_id=patron_id, reason="Mất sách", amount_vnd=90_000),
        }
        change(of[why])
        return LAN["card"], PIN

    def late() -> tuple[str, str]:
        change(update(loans).where(loans.c.barcode == "D1").values(due_on=NOW.date() - timedelta(days=40)))
        return LAN["card"], PIN

    yield Scene(
        ils=library.ils,
        lan=(LAN["card"], PIN),
        an=("DT000002", PIN),
        free_record=SO_DO,
        lent_out_record=NHA_GIA_KIM,
        go_away=library.path.unlink,
        blocked=blocked,
        late=late,
        writes=lambda: _sum_of_renewals_and_holds(library.path) - begun,
    )
    engine.dispose()


def _sum_of_renewals_and_holds(path: Path) -> int:
    with contextlib.closing(connect(path)) as db:
        return int(db.execute("select (select sum(renewals) from loans) + (select count(*) from holds)").fetchone()[0])


@contextlib.asynccontextmanager
async def koha(_folder: Path, *, version: tuple[int, int], ils_di: bool) -> AsyncIterator[Scene]:
    clock = Clock()
    system = koha_with_lan_and_an(clock, version)
    system.ils_di = "on" if ils_di else "off"
    async with serving(system) as served:
        section = KohaILSSection(
            kind="koha", url=served.url, client_id="client", client_secret=given("secret"), ils_di=ils_di, timeout_s=2
        )
        ils = KohaILS(section, clock)
        try:
            yield Scene(
                ils=ils,
                lan=("TV000001", PIN),
                an=("TV000002", PIN),
                free_record="1",
                lent_out_record="3",
                go_away=lambda: served.faults.append(Fault("drop_before")),
                blocked=lambda why: blocked_in_koha(system, why),
                late=lambda: late_in_koha(system),
                writes=lambda: len(system.writes),
                lose_answers=lambda: served.faults.append(Fault("drop_after", r"RenewLoan|POST /(holds|check)|DELETE")),
                tells_due_of_copies=not ils_di,
            )
        finally:
            await ils.close()


@contextlib.asynccontextmanager
async def sip2(_folder: Path, *, error_detection: bool = True, encoding: str = "utf-8") -> AsyncIterator[Scene]:
    clock = Clock()
    system = koha_with_lan_and_an(clock, (19, 11))
    async with serving_sip2(system, encoding=encoding) as port, line_to(port) as line:
        section = SIP2ILSSection(
            kind="sip2",
            host="127.0.0.1",
            port=line.port,
            user=USER,
            password=given(PASSWORD),
            location="MT",
            institution=INSTITUTION,
            encoding=encoding,
            name_order="given_first",
            error_detection=error_detection,
            timeout_s=2,
        )
        ils = SIP2ILS(section, clock, KohasShelf(system), bytes(64))
        try:
            yield Scene(
                ils=ils,
                lan=("TV000001", PIN),
                an=("TV000002", PIN),
                free_record="1",
                lent_out_record="3",
                go_away=lambda: line.faults.append(LineFault("drop_before")),
                blocked=lambda why: blocked_in_koha(system, why),
                late=lambda: late_in_koha(system),
                writes=lambda: len(system.writes),
                lose_answers=lambda: line.faults.append(LineFault("drop_after", "29|15")),
                knows_as_much_as_most=False,
            )
        finally:
            await ils.close()


@dataclass(frozen=True)
class KohasShelf:
    """A catalogue that holds what the simulated system holds."""

    system: Koha

    def titles(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        held = {str(row["biblio_id"]): bare(row["title"]) for row in self.system.biblios.values()}
        return {each: held[each] for each in record_ids if each in held}

    def by_barcode(self, barcodes: Sequence[str]) -> Mapping[str, Shelved]:
        rows = {row["external_id"]: str(row["biblio_id"]) for row in self.system.items.values()}
        return {each: Shelved(rows[each], self.titles([rows[each]])[rows[each]]) for each in barcodes if each in rows}

    def copies_of(self, record_ids: Sequence[str]) -> Mapping[str, Sequence[Copy]]:
        return {each: self._copies(each) for each in self.titles(record_ids)}

    def _copies(self, record_id: str) -> list[Copy]:
        rows = [row for row in self.system.items.values() if str(row["biblio_id"]) == record_id]
        return [Copy(row["external_id"], row["home_library_id"], row["callnumber"]) for row in rows]

    def branches(self) -> Sequence[Branch]:
        rows = self.system.libraries
        return [Branch(row["library_id"], row["name"], row["name"], row["pickup_location"]) for row in rows]


def koha_with_lan_and_an(clock: Callable[[], datetime], version: tuple[int, int]) -> Koha:
    """Return a Koha with the sample's people and books."""
    system = Koha(clock, version)
    for code, name in (("MT", "Mỹ Tho"), ("CL", "Cao Lãnh"), ("SD", "Sa Đéc")):
        system.add_library(code, name)
    system.add_library("LD", "Xe lưu động", pickup=False)
    system.add_patron(51, "TV000001", PIN, "Nguyễn", "Thị Lan")
    system.add_patron(52, "TV000002", PIN, "Trần", "Văn An", date_of_birth="1985-06-07")
    for number, title in enumerate(("Số đỏ /", "Mắt biếc /", "Nhà giả kim :", "Tắt đèn"), 1):
        system.add_biblio(number, title)
    copies = ((1, 1, "MT"), (2, 1, "CL"), (3, 2, "MT"), (4, 3, "CL"), (5, 4, "MT"))
    for number, biblio, library in copies:
        system.add_item(number, biblio, f"VN{number:04}", library, "895.922")
    end = NOW.replace(hour=23, minute=59)
    system.lend(51, 1, end + timedelta(days=3))
    system.lend(51, 3, end + timedelta(days=9))
    system.lend(52, 4, end + timedelta(days=5))
    system.keep(52, 2, "MT")
    system.keep(52, 4, "MT", "W", 5)
    system.fine(52, 10_000, "Làm lại thẻ")
    return system


def blocked_in_koha(system: Koha, why: Refusal) -> tuple[str, str]:
    if why is Refusal.CARD_EXPIRED:
        system.patrons[51]["expiry_date"] = (NOW - timedelta(days=1)).date().isoformat()
    elif why is Refusal.CARD_RESTRICTED:
        system.patrons[51]["restricted"] = True
    else:
        system.fine(51, 90_000)
    return "TV000001", PIN


def late_in_koha(system: Koha) -> tuple[str, str]:
    system.checkouts[1]["due_date"] = (NOW - timedelta(days=40)).isoformat()
    return "TV000001", PIN


def given(secret: str) -> dict[str, str]:
    """Return a secret as settings want it: by the name of an environment variable."""
    os.environ["THUTHU_TEST_SECRET"] = secret
    return {"env": "THUTHU_TEST_SECRET"}


SCENES = {
    "sqlite": sqlite,
    **{
        f"koha {year}.{month:02}{' and ILS-DI' if ils_di else ''}": partial(koha, version=(year, month), ils_di=ils_di)
        for year, month, ils_di in (
            (19, 5, True),
            (19, 11, True),
            (22, 11, False),
            (23, 5, False),
            (23, 5, True),
            (25, 5, False),
            (25, 5, True),
        )
    },
    "sip2": sip2,
    "sip2 without error detection": partial(sip2, error_detection=False),
}
