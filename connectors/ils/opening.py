"""Which library system the settings name, opened: the one place that knows every adapter."""

from __future__ import annotations

from connectors.clock import Clock
from connectors.ils.circulation import Circulation, CirculationError
from connectors.ils.health import Health
from connectors.ils.koha.adapter import KohaILS
from connectors.ils.koha.check import check as check_koha
from connectors.ils.rules import OpenDay, every_day
from connectors.ils.shelf import Shelf
from connectors.ils.sip2.adapter import SIP2ILS
from connectors.ils.sip2.cards import key_at
from connectors.ils.sip2.check import check as check_sip2
from connectors.ils.sqlite import SQLiteILS
from connectors.settings import KohaILSSection, Settings, SettingsError, SQLiteILSSection
from library.ils import ILS, ILSError

SIP2_KEY = "sip2.key"  # under [files] var: seals card numbers


def open_ils(settings: Settings, clock: Clock, shelf: Shelf, *, next_open_day: OpenDay = every_day) -> ILS:
    """Return the library system of the settings; nothing is asked of it yet. `shelf` is our catalogue."""
    section = settings.ils
    if isinstance(section, SQLiteILSSection):
        circulation = _circulation(section)
        return SQLiteILS(
            section.path, clock, next_open_day=next_open_day, circulation=circulation, nightly=section.nightly
        )
    if isinstance(section, KohaILSSection):
        return KohaILS(section, clock, shelf)
    return SIP2ILS(section, clock, shelf, key_at(settings.files.var / SIP2_KEY))


async def check_ils(settings: Settings, clock: Clock) -> list[Health]:
    """Return what `thuthu check` says of the library system of the settings."""
    section = settings.ils
    if isinstance(section, SQLiteILSSection):
        return [_rules(section), await _answers(SQLiteILS(section.path, clock))]
    if isinstance(section, KohaILSSection):
        return await check_koha(section, clock)
    return await check_sip2(section, clock)


def _circulation(section: SQLiteILSSection) -> Circulation:
    try:
        return Circulation.load(section.rules)
    except CirculationError as exc:
        raise SettingsError(str(exc)) from exc


def _rules(section: SQLiteILSSection) -> Health:
    name = "nội quy mượn trả · circulation rules"
    try:
        found = Circulation.load(section.rules)
    except CirculationError as exc:
        return Health(name, False, str(exc))
    return Health(name, True, f"{len(found.named())} rules of their own" if section.rules else "the usual ones")


async def _answers(ils: ILS) -> Health:
    try:
        return Health("SQLite", True, f"answers; {len(await ils.branches())} branches")
    except ILSError as exc:
        return Health("SQLite", False, str(exc))
