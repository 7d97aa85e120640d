"""Library systems that can be made to fail at one call, and what is true in them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from connectors.ils.koha.adapter import KohaILS
from connectors.ils.sip2.adapter import SIP2ILS
from connectors.settings import KohaILSSection, SIP2ILSSection
from library.ils import ILS
from tests.connectors.ils.sample import NOW, PIN, Clock
from tests.contract.scenes import KohasShelf, given, koha_with_lan_and_an
from tests.simulators.koha import Fault, Koha, serving
from tests.simulators.koha.serving import Served
from tests.simulators.sip2 import Line, LineFault, line_to, serving_sip2
from tests.simulators.sip2.desk import INSTITUTION, PASSWORD, USER

CARD, ANS_CARD = "TV000001", "TV000002"
FAULTS = ("hang", "drop_before", "drop_after", "500", "garbage", "other_patron")
SILENCE_S = 0.6  # after which the adapter gives up on a system that hangs
PATIENCE_S = 20.0  # and on one that does not, so that a busy machine is not taken for silence
# Nobody but An may ever read these.
ANS = ("Trần Văn An", "Văn An Trần", ANS_CARD, "Làm lại thẻ", "Tắt đèn", "Nhật ký của An")


@dataclass
class System:
    """A library system with Lan and An, its adapter, and a way to make it fail."""

    name: str
    koha: Koha
    open_ils: Callable[[float], ILS]  # by how long it waits for an answer
    strike: Callable[[str, str], object]  # fault, call
    heal: Callable[[], object]
    calls: Callable[[], Sequence[str]]  # what was asked, in order
    struck: Callable[[], int]  # how often the fault made a difference

    @property
    def loans(self) -> dict[str, tuple[str, int]]:
        """Return Lan's loans as they are: title → due time and renewals."""
        mine = [row for row in self.koha.checkouts.values() if row["patron_id"] == 51]
        return {self._title(row["item_id"]): (row["due_date"], row["renewals"]) for row in mine}

    @property
    def held(self) -> set[str]:
        """Return the titles that Lan has on hold."""
        titles = {row["biblio_id"]: row["title"] for row in self.koha.biblios.values()}
        return {titles[row["biblio_id"]].rstrip(" /:") for row in self.koha.holds.values() if row["patron_id"] == 51}

    def _title(self, item: int) -> str:
        return str(self.koha.biblios[self.koha.items[item]["biblio_id"]]["title"]).rstrip(" /:")


def _library() -> Koha:
    """Return the sample's Koha with more for Lan to ask about, and a book that only An may know of."""
    system = koha_with_lan_and_an(Clock(), (23, 5))
    system.add_biblio(5, "Dế Mèn phiêu lưu ký /")
    system.add_biblio(6, "Nhật ký của An")
    system.add_biblio(7, "Đất rừng phương Nam")
    for number, biblio in ((6, 5), (7, 6), (8, 7)):
        system.add_item(number, biblio, f"VN{number:04}", "MT")
    end = NOW.replace(hour=23, minute=59)
    system.lend(51, 6, end - timedelta(days=40))
    system.lend(52, 7, end + timedelta(days=1))
    system.lend(52, 8, end + timedelta(days=2))
    system.keep(51, 7, "MT")
    system.fine(51, 12_000)
    return system


@contextlib.asynccontextmanager
async def koha(*, ils_di: bool) -> AsyncIterator[System]:
    system = _library()
    async with serving(system) as served:
        section = KohaILSSection(
            kind="koha",
            url=served.url,
            client_id="client",
            client_secret=given("secret"),
            ils_di=ils_di,
        )
        opened: list[KohaILS] = []

        def open_ils(timeout_s: float) -> ILS:
            waits = section.model_copy(update={"timeout_s": timeout_s})
            opened.append(KohaILS(waits, system.clock, KohasShelf(system)))
            return opened[-1]

        name = "Koha, ILS-DI" if ils_di else "Koha, REST"
        strike, heal = partial(_at_koha, served), served.faults.clear
        yield System(name, system, open_ils, strike, heal, lambda: system.asked, lambda: served.struck)
        for ils in opened:
            await ils.close()


def _at_koha(served: Served, kind: str, call: str) -> None:
    served.faults[:] = [Fault(kind, f"^{call}$", other=52)]  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def sip2() -> AsyncIterator[System]:
    system = _library()
    async with serving_sip2(system) as port, line_to(port) as line:
        section = SIP2ILSSection(
            kind="sip2",
            host="127.0.0.1",
            port=line.port,
            user=USER,
            password=given(PASSWORD),
            location="MT",
            institution=INSTITUTION,
            name_order="given_first",
        )
        opened: list[SIP2ILS] = []

        def open_ils(timeout_s: float) -> ILS:
            waits = section.model_copy(update={"timeout_s": timeout_s})
            opened.append(SIP2ILS(waits, system.clock, KohasShelf(system), bytes(64)))
            return opened[-1]

        strike, heal = partial(_at_line, line), line.faults.clear
        yield System("SIP2", system, open_ils, strike, heal, lambda: line.codes, lambda: line.struck)
        for ils in opened:
            await ils.close()


def _at_line(line: Line, kind: str, call: str) -> None:
    """Fail at the messages of one code. SIP2 has no 500; its like is "say that again", for ever."""
    kinds = {"500": "again"}
    line.faults[:] = [LineFault(kinds.get(kind, kind), call, other=(CARD, ANS_CARD))]  # type: ignore[arg-type]


SYSTEMS = {
    "Koha, ILS-DI": partial(koha, ils_di=True),
    "Koha, REST": partial(koha, ils_di=False),
    "SIP2": sip2,
}

__all__ = ["ANS", "CARD", "FAULTS", "PATIENCE_S", "PIN", "SILENCE_S", "SYSTEMS", "System"]
