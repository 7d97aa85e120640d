"""Which title a copy or a record is of: our catalogue's word first, then Koha's, remembered."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from connectors.ils.koha import rows
from connectors.ils.koha.client import KohaClient
from connectors.ils.koha.spec import Spec
from connectors.ils.shelf import Shelf
from library.ils import ILSError

REMEMBERED = 20_000  # copies; of no patron: only which title a copy is of
NAMELESS = "(chưa rõ nhan đề)"


class Titles:
    """Titles by item and by record."""

    def __init__(self, client: KohaClient, shelf: Shelf | None) -> None:
        self._client = client
        self._shelf = shelf
        self._records: OrderedDict[str, str] = OrderedDict()  # item id -> record id
        self._titles: OrderedDict[str, str] = OrderedDict()  # record id -> Koha's title

    def learn(self, item_id: str, record_id: str, title: str) -> None:
        """Remember what Koha said in passing."""
        if item_id and record_id:
            _remember(self._records, item_id, record_id)
        if record_id and title:
            _remember(self._titles, record_id, rows.shown_title(title))

    def missing(self, record_ids: Sequence[str]) -> bool:
        """Return whether the title of one of these is not known yet."""
        known = self._shelved(record_ids)
        return any(record_id not in known and record_id not in self._titles for record_id in record_ids)

    async def of_items(self, spec: Spec, item_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return record id and title of each copy; what nobody can tell is nameless, its record id empty."""
        unknown = [item_id for item_id in item_ids if item_id not in self._records]
        if unknown and spec.has("get", "/items/{}"):
            await asyncio.gather(*(self._look_up(item_id) for item_id in unknown))
        records = {item_id: self._records.get(item_id, "") for item_id in item_ids}
        titles = await self.of_records(spec, [record_id for record_id in records.values() if record_id])
        return {item_id: (record_id, titles.get(record_id, NAMELESS)) for item_id, record_id in records.items()}

    async def of_records(self, spec: Spec, record_ids: Sequence[str]) -> dict[str, str]:
        known = self._shelved(record_ids)
        unknown = {each for each in record_ids if each not in known and each not in self._titles}
        if unknown and spec.has("get", "/biblios/{}"):
            await asyncio.gather(*(self._name(record_id) for record_id in sorted(unknown)))
        return {each: known.get(each) or self._titles.get(each, NAMELESS) for each in record_ids}

    def _shelved(self, record_ids: Sequence[str]) -> Mapping[str, str]:
        return self._shelf.titles(record_ids) if self._shelf and record_ids else {}

    async def _look_up(self, item_id: str) -> None:
        try:
            told = (await self._client.read(f"/items/{item_id}")).body
        except ILSError:
            return  # a title less is no reason to tell of no loan
        if isinstance(told, dict) and told.get("biblio_id"):
            self.learn(item_id, str(told["biblio_id"]), "")

    async def _name(self, record_id: str) -> None:
        try:
            told = (await self._client.read(f"/biblios/{record_id}")).body
        except ILSError:
            return
        if isinstance(told, dict) and str(told.get("biblio_id", record_id)) == record_id:
            self.learn("", record_id, str(told.get("title") or ""))


def _remember(memory: OrderedDict[str, str], key: str, value: str) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)
