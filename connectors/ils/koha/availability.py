"""How the copies of records stand, by ILS-DI in one call or by REST, joined with the copies our catalogue knows.

ILS-DI names a branch and says nothing of call numbers, so these come from the catalogue.
"""

from __future__ import annotations

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from connectors.ils.koha import rows
from connectors.ils.koha.client import KohaClient
from connectors.ils.koha.ilsdi import ILSDI
from connectors.ils.koha.spec import Spec
from connectors.ils.shelf import Copy, Shelf
from library.ils import NotSupported
from library.model import Branch, ItemState, ItemStatus

AT_ONCE = 4
MOST_COPIES = 200  # of one record
_UNKNOWN = "could not retrieve"


class Copies:
    """Asks for copies; `shelf` is our catalogue."""

    def __init__(self, client: KohaClient, shelf: Shelf | None) -> None:
        self._client = client
        self._shelf = shelf

    async def by_ils_di(
        self, ils_di: ILSDI, record_ids: Sequence[str], branches: Sequence[Branch]
    ) -> dict[str, list[ItemStatus]]:
        """Return the copies of each record, from one call."""
        found: dict[str, list[ItemStatus]] = {record_id: [] for record_id in record_ids}
        asked = [record_id for record_id in found if record_id.isdecimal()]
        if not asked:
            return found
        told = await ils_di.read("GetAvailability", id=" ".join(asked), id_type="biblio")
        codes, ours = {branch.name: branch.code for branch in branches}, self._ours(asked)
        for record_id, items in _records(told):
            if record_id in found:
                shelf = _Shelves(ours.get(record_id, ()))
                found[record_id] = [_copy(item, codes, shelf) for item in items]
        return found

    async def by_rest(self, spec: Spec, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        """Return the copies of each record, a few calls at a time. Raises NotSupported where Koha has no such route."""
        if not spec.has("get", "/biblios/{}/items"):
            raise NotSupported("this Koha tells of its copies only by ILS-DI")
        # Without being asked for more, Koha tells of the first twenty copies only.
        page = {"_per_page": MOST_COPIES} if spec.parameter("get", "/biblios/{}/items", "_per_page") else {}
        seats = asyncio.Semaphore(AT_ONCE)

        async def ask(record_id: str) -> list[ItemStatus]:
            if not record_id.isdecimal():
                return []
            async with seats:
                answer = await self._client.read(f"/biblios/{record_id}/items", **page)
            return [_item(each) for each in rows.rows(answer.body)] if answer.ok else []

        unique = list(dict.fromkeys(record_ids))
        return dict(zip(unique, await asyncio.gather(*map(ask, unique)), strict=True))

    def _ours(self, record_ids: Sequence[str]) -> Mapping[str, Sequence[Copy]]:
        return self._shelf.copies_of(record_ids) if self._shelf else {}


class _Shelves:
    """The catalogue's copies of one record, handed out branch by branch in their order."""

    def __init__(self, copies: Sequence[Copy]) -> None:
        self._left = list(copies)

    def take(self, branch: str) -> Copy | None:
        copy = next((each for each in self._left if each.branch == branch), None)
        if copy is not None:
            self._left.remove(copy)
        return copy


def _records(told: ET.Element) -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    """Yield each record's id with its copies' fields; a record that Koha does not know has none."""
    for record in _named(told, "record"):
        ids = [each.get("id", "") for each in _named(record, "bibliographic")]
        copies = [{_local(part): (part.text or "").strip() for part in item.iter()} for item in _named(record, "item")]
        yield (ids or [""])[0], [copy for copy in copies if _UNKNOWN not in copy.get("availabilitymsg", "")]


def _named(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (each for each in element.iter() if _local(each) == name)


def _local(element: ET.Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def _copy(told: Mapping[str, str], codes: Mapping[str, str], shelf: _Shelves) -> ItemStatus:
    where = rows.shown_title(told.get("location", ""))  # as the names of branches are kept
    branch = codes.get(where, where)
    ours = shelf.take(branch)
    state = rows.state(told.get("availabilitystatus", ""), told.get("availabilitymsg", ""))
    if ours and ours.reading_only and state is ItemState.AVAILABLE:
        state = ItemState.READING_ONLY
    barcode = ours.barcode if ours else told.get("identifier", "")
    return ItemStatus(
        barcode, branch, ours.call_number if ours else "", state, room=(ours.room or None) if ours else None
    )


def _item(told: Mapping[str, Any]) -> ItemStatus:
    state = rows.item_state(told)
    due_on: date | None = rows.day(told.get("checked_out_date")) if state is ItemState.ON_LOAN else None
    return ItemStatus(
        barcode=str(told.get("external_id") or rows.number(told, "item_id")),
        branch=str(told.get("holding_library_id") or told.get("home_library_id") or ""),
        call_number=str(told.get("callnumber") or ""),
        state=state,
        due_on=due_on,
    )
