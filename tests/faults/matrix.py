"""Plays every journey with every fault at every call that it makes, and says what came of it."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from connectors.store import links
from retrieval.catalogue import Catalogue
from retrieval.record import Item, Record
from tests.connectors.ils.sample import NOW
from tests.faults.journeys import JOURNEYS, Before, Journey, faults_in, seen, verdict
from tests.faults.systems import ANS, CARD, FAULTS, PATIENCE_S, PIN, SILENCE_S, SYSTEMS, System
from tests.journeys.patron import Desk, desk_for
from tests.journeys.talk import Said

LAN = ("Nguyễn Thị Lan",)
WITHOUT_EFFECT = "–"  # the call names no patron, so that it cannot tell of another
WRITES = re.compile(r"^(?:RenewLoan|29|15|DELETE .*|POST /(?:holds|checkouts.*))$")


@dataclass(frozen=True)
class Cell:
    system: str
    journey: str
    call: str
    fault: str
    heard: str
    wrong: tuple[str, ...]


async def calls_of(system_name: str, journey: Journey) -> list[str]:
    """Return the calls that the journey makes when all is well, each once, in order."""
    async with SYSTEMS[system_name]() as system:
        with _desk(system) as desk:
            await _linked(desk, system, journey)
            begun = len(system.calls())
            said = await journey.play(desk)
            assert verdict(said) == "đúng", (journey.name, said)
            return list(dict.fromkeys(call for call in system.calls()[begun:]))


async def cells(system_name: str, journey: Journey, *, every: bool = True) -> AsyncIterator[Cell]:
    """Yield one cell for each fault at each call; without `every` two faults a read, by turns, and all a write."""
    for turn, call in enumerate(await calls_of(system_name, journey)):
        some = [FAULTS[(turn + JOURNEYS.index(journey) + step) % len(FAULTS)] for step in (0, 3)]
        for fault in FAULTS if every or WRITES.search(call) else some:
            async with SYSTEMS[system_name]() as system:
                with _desk(system, SILENCE_S if fault == "hang" else PATIENCE_S) as desk:
                    yield await _cell(system, desk, journey, call, fault)


async def _cell(system: System, desk: Desk, journey: Journey, call: str, fault: str) -> Cell:
    await _linked(desk, system, journey)
    before = seen(system)
    system.strike(fault, call)
    said = await journey.play(desk)
    wrong = faults_in(said, before, system) + _leaks(said) + _strange_links(desk, system)
    system.heal()
    if not system.struck() and fault != "other_patron":
        wrong.append("the fault was never met")
    wrong += await _truth_afterwards(system, before)
    heard = verdict(said) if system.struck() else WITHOUT_EFFECT
    return Cell(system.name, journey.name, call, fault, heard, tuple(wrong))


async def _truth_afterwards(system: System, before: Before) -> list[str]:
    """Return what is said wrongly when the patron asks again once the system is well."""
    with _desk(system) as desk:
        await desk.link_to(await desk.ils.authenticate(CARD, PIN))
        said = await desk.talk.hear("list_loans", "em đang mượn gì")
        return faults_in([said], Before(system.loans, system.held, len(system.koha.writes)), system) + _leaks([said])


async def _linked(desk: Desk, system: System, journey: Journey) -> None:
    if journey.linked:
        await desk.link_to(await desk.ils.authenticate(CARD, PIN))


def _leaks(said: list[Said]) -> list[str]:
    shown = " ".join(f"{each.text} {each.buttons} {each.cards}" for each in said)
    return [f"told of another patron: {words}" for words in ANS if words in shown]


def _strange_links(desk: Desk, system: System) -> list[str]:
    names = [row["name"] for row in desk.rows(links)]
    return [] if set(names) <= set(LAN) else [f"linked to {names}"]


@contextmanager
def _desk(system: System, timeout_s: float = PATIENCE_S) -> Iterator[Desk]:
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(Path(folder) / "catalogue.sqlite")
        catalogue.upsert([Record("3", "Nhà giả kim", items=(Item("VN0004", "CL"),))])
        ils = system.open_ils(timeout_s)
        nothing = SimpleNamespace(titled=lambda title: [])
        with desk_for(Path(folder), catalogue=catalogue, searcher=nothing, system=ils, now=NOW) as desk:
            yield desk
        catalogue.close()


def table(found: list[Cell]) -> str:
    """Return the matrix as Markdown, a line a journey and call; what is wrong stands in bold."""
    rows: dict[tuple[str, ...], dict[str, list[Cell]]] = {}
    for cell in found:
        rows.setdefault((cell.system, cell.journey, cell.call), {}).setdefault(cell.fault, []).append(cell)
    return _drawn(("system", "journey", "call"), rows, lambda cells: "; ".join(cells[0].wrong or [cells[0].heard]))


def summary(found: list[Cell]) -> str:
    """Return the matrix by system and journey: how often each answer was heard, over all its calls."""
    rows: dict[tuple[str, ...], dict[str, list[Cell]]] = {}
    for cell in found:
        rows.setdefault((cell.system, cell.journey), {}).setdefault(cell.fault, []).append(cell)

    def told(cells: list[Cell]) -> str:
        heard = Counter("SAI" if cell.wrong else cell.heard for cell in cells)
        del heard[WITHOUT_EFFECT]
        return ", ".join(f"{number} {words}" for words, number in sorted(heard.items())) or WITHOUT_EFFECT

    return _drawn(("system", "journey"), rows, told)


def _drawn(
    names: tuple[str, ...], rows: Mapping[tuple[str, ...], Mapping[str, list[Cell]]], say: Callable[[list[Cell]], str]
) -> str:
    lines = ["| " + " | ".join((*names, *FAULTS)) + " |", "|---" * (len(names) + len(FAULTS)) + "|"]
    for key, by_fault in rows.items():
        told = [
            f"**{say(cells)}**" if any(cell.wrong for cell in cells) else say(cells) if cells else "·"
            for cells in (by_fault.get(fault, []) for fault in FAULTS)
        ]
        lines.append("| " + " | ".join((*key, *told)) + " |")
    return "\n".join(lines)
