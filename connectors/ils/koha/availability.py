"""How the copies of records stand, by ILS-DI in one call or by REST, joined with the copies our catalogue knows.

ILS-DI names a branch and says nothing of call numbers, so these come from the catalogue. Neither way tells that a copy
waits on the hold shelf or travels there, and calls it available: the record's holds tell that.
"""

from __future__ import annotations

import asyncio
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from connectors.ils.koha import rows
from connectors.ils.koha.client import KohaClient
from connectors.ils.koha.ilsdi import ILSDI
from connectors.ils.koha.lists import every_row, matched_exactly
from connectors.ils.koha.spec import Spec
from connectors.ils.shelf import Copy, Shelf
from library.ils import ILSMisconfigured, ILSProtocolError, ILSUnavailable, NotSupported
from library.model import Branch, ItemState, ItemStatus

AT_ONCE = 4
MOST_COPIES = 200  # of one record
ASIDE = {"W": ItemState.ON_HOLD_SHELF, "T": ItemState.IN_TRANSIT, "P": ItemState.IN_TRANSIT}  # of a hold's states
_UNKNOWN = "could not retrieve"


class Copies:
    """Asks for copies; `shelf` is our catalogue."""

    def __init__(self, client: KohaClient, shelf: Shelf | None) -> None:
        self._client = client
        self._shelf = shelf

    async def by_ils_di(
        self, spec: Spec, ils_di: ILSDI, record_ids: Sequence[str], branches: Sequence[Branch]
    ) -> dict[str, list[ItemStatus]]:
        """Return the copies of each record, from one call, and one for their holds beside it."""
        found: dict[str, list[ItemStatus]] = {record_id: [] for record_id in record_ids}
        asked = [record_id for record_id in found if record_id.isdecimal()]
        if not asked:
            return found
        answer, aside = await asyncio.gather(
            ils_di.read("GetAvailability", id=" ".join(asked), id_type="biblio"), self._set_aside(spec, asked)
        )
        told = {record_id: items for record_id, items in _records(answer) if record_id in found}
        codes, ours = {branch.name: branch.code for branch in branches}, self._ours(asked)
        for record_id, items in told.items():
            shelf = _Shelves(ours.get(record_id, ()))
            found[record_id] = [_copy(item, codes, shelf, aside) for item in items]
        return found

    async def by_rest(self, spec: Spec, record_ids: Sequence[str]) -> dict[str, list[ItemStatus]]:
        """Return the copies of each record, a few calls at a time. Raises NotSupported where Koha has no such route."""
        if not spec.has("get", "/biblios/{}/items"):
            raise NotSupported("this Koha tells of its copies only by ILS-DI")
        # Without being asked for more, Koha tells of the first twenty copies only.
        page = {"_per_page": MOST_COPIES} if spec.parameter("get", "/biblios/{}/items", "_per_page") else {}
        seats = asyncio.Semaphore(AT_ONCE)

        async def ask(record_id: str) -> list[Mapping[str, Any]]:
            if not record_id.isdecimal():
                return []
            async with seats:
                answer = await self._client.read(f"/biblios/{record_id}/items", **page)
            return rows.rows(answer.body) if answer.ok else []

        unique = list(dict.fromkeys(record_ids))
        numbers = [each for each in unique if each.isdecimal()]
        aside, *parts = await asyncio.gather(self._set_aside(spec, numbers), *map(ask, unique))
        told = dict(zip(unique, parts, strict=True))
        return {record_id: [_item(each, aside) for each in items] for record_id, items in told.items()}

    async def _set_aside(self, spec: Spec, record_ids: Sequence[str]) -> dict[str, ItemState]:
        """Return the copies of these records that wait on the hold shelf or travel there, by their number in Koha.

        One call for all, where lists can be searched so; where not, only when one record is asked for.
        """
        if record_ids and spec.parameter("get", "/holds", "q"):
            query = {"q": json.dumps({"biblio_id": list(record_ids), "status": list(ASIDE)})}
        elif len(record_ids) == 1 and spec.parameter("get", "/holds", "biblio_id"):
            query = {"biblio_id": record_ids[0], **matched_exactly(spec, "/holds")}
        else:
            return {}
        try:
            told = await every_row(self._client, spec, "/holds", **query)
        except (ILSUnavailable, ILSMisconfigured, ILSProtocolError):
            return {}  # then they are told of as Koha told of them
        return {str(row.get("item_id")): ASIDE[row["status"]] for row in told if row.get("status") in ASIDE}

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


def _state(told: Mapping[str, str]) -> ItemState:
    return rows.state(told.get("availabilitystatus", ""), told.get("availabilitymsg", ""))


def _copy(
    told: Mapping[str, str], codes: Mapping[str, str], shelf: _Shelves, aside: Mapping[str, ItemState]
) -> ItemStatus:
    where = rows.shown_title(told.get("location", ""))  # as the names of branches are kept
    branch = codes.get(where, where)
    ours = shelf.take(branch)
    state = _state(told)
    if state is ItemState.AVAILABLE:
        state = aside.get(told.get("identifier", ""), state)
    if ours and ours.reading_only and state is ItemState.AVAILABLE:
        state = ItemState.READING_ONLY
    barcode = ours.barcode if ours else told.get("identifier", "")
    return ItemStatus(
        barcode, branch, ours.call_number if ours else "", state, room=(ours.room or None) if ours else None
    )


def _item(told: Mapping[str, Any], aside: Mapping[str, ItemState]) -> ItemStatus:
    state = rows.item_state(told)
    if state is ItemState.AVAILABLE:
        state = aside.get(str(told.get("item_id")), state)
    due_on: date | None = rows.day(told.get("checked_out_date")) if state is ItemState.ON_LOAN else None
    return ItemStatus(
        barcode=str(told.get("external_id") or rows.number(told, "item_id")),
        branch=str(told.get("holding_library_id") or told.get("home_library_id") or ""),
        call_number=str(told.get("callnumber") or ""),
        state=state,
        due_on=due_on,
    )
