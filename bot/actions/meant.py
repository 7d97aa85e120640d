"""Which record a message means: a button's, a title, a place among the hits, or the one being talked about."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from bot.actions.base import Heard, Services
from bot.actions.finding import PAGE, Wish, likeness, search
from bot.actions.ordinals import place_in, position
from bot.actions.repair import THE_OTHER
from bot.actions.wording import plainly
from library.text import fold, tokens
from retrieval.record import Record
from retrieval.searcher import Query

_FAR = 99  # places that can be named, whether shown or not


@dataclass(frozen=True)
class Meant:
    """The record meant, or why it is not clear: one to ask about, several, a title not held, a place too far."""

    record: Record | None = None
    doubtful: Record | None = None
    several: tuple[Record, ...] = ()
    not_held: str = ""
    beyond: bool = False
    gone: bool = False


async def record_meant(services: Services, heard: Heard) -> Meant:
    """Return which record this message is about; an empty `Meant` when it names none and none was talked about."""
    record_id = heard.one("record_id")
    if record_id:
        return await _by_id(services, record_id)
    title = heard.one("title")
    if title:
        return await _by_title(services, heard, title)
    said = heard.one("item_ordinal") or place_in(heard.text)
    if said:
        return await _by_place(services, heard, said)
    return await _talked_about(services, heard)


async def _by_id(services: Services, record_id: str) -> Meant:
    record = await asyncio.to_thread(services.catalogue.get, record_id)
    return Meant(record=record) if record else Meant(gone=True)


async def _by_title(services: Services, heard: Heard, title: str) -> Meant:
    """Look among the hits first, then in the whole catalogue."""
    shown = [item for item in _shown(heard) if _same_words(title, item["title"])]
    if len(shown) == 1:
        return await _by_id(services, shown[0]["record_id"])
    author = heard.one("author")
    records = await asyncio.to_thread(services.searcher.titled, title)
    if author:
        records = [record for record in records if _by(author, record)] or records
    agreeing = [record for record in records if likeness(title, record) in ("exact", "unaccented")]
    if agreeing:
        return _one_or_several(agreeing)
    if records:
        return Meant(doubtful=records[0])
    found = await search(services, Wish(Query(title=title, author=author or "")))
    by_likeness = [(likeness(title, record), record) for record, _ in found]
    parts = [record for kind, record in by_likeness if kind == "part"]
    if parts:
        return _one_or_several(parts)
    near = next((record for kind, record in by_likeness if kind == "near"), None)
    return Meant(doubtful=near) if near else Meant(not_held=title)


async def _by_place(services: Services, heard: Heard, said: str) -> Meant:
    page, shown = _page(heard), _shown(heard)
    place = position(said, len(page))
    if page and place is not None:
        return await _by_id(services, page[place]["record_id"])
    further = position(said, _FAR)
    if not page or further is None:
        return await _talked_about(services, heard)
    return await _by_id(services, shown[further]["record_id"]) if further < len(shown) else Meant(beyond=True)


async def _talked_about(services: Services, heard: Heard) -> Meant:
    record, page = heard.remembered("record"), _page(heard)
    if THE_OTHER.search(plainly(heard.text)):
        return await _the_other(services, heard, page)
    if isinstance(record, dict):
        return await _by_id(services, record["record_id"])
    named = await asyncio.to_thread(_named_in, services, heard.text)
    if named:
        return _one_or_several(named)
    if page:
        records = await asyncio.to_thread(services.catalogue.many, [item["record_id"] for item in page])
        return Meant(several=tuple(records.values()))
    remembered = heard.remembered("title")
    return await _by_title(services, heard, str(remembered)) if remembered else Meant()


async def _the_other(services: Services, heard: Heard, page: list[dict[str, Any]]) -> Meant:
    """Return the one of two shown that is not talked about, or the book talked about before this one."""
    record, before = heard.remembered("record") or {}, heard.remembered("record_before")
    others = [item for item in page if item["record_id"] != record.get("record_id")]
    if len(others) == 1 < len(page):
        return await _by_id(services, others[0]["record_id"])
    if before:
        return await _by_id(services, before["record_id"])
    records = await asyncio.to_thread(services.catalogue.many, [item["record_id"] for item in others])
    if records:
        return Meant(several=tuple(records.values()))
    return await _by_id(services, record["record_id"]) if record else Meant()


def _named_in(services: Services, text: str) -> list[Record]:
    """Return the records of a title of two words or more that stands in the text as it is written."""
    if text.startswith("/"):
        return []
    matches = [match for match in services.searcher.index.titles.find(text) if match.kind == "title"]
    sure = [match for match in matches if match.exactness != "folded" and len(tokens(match.value)) > 1]
    return list(services.catalogue.many(sure[0].record_ids).values()) if sure else []


def _one_or_several(records: list[Record]) -> Meant:
    return Meant(record=records[0]) if len(records) == 1 else Meant(several=tuple(records[:PAGE]))


def _page(heard: Heard) -> list[dict[str, Any]]:
    hits = heard.remembered("hits")
    return list(hits["items"]) if isinstance(hits, dict) else []


def _shown(heard: Heard) -> list[dict[str, Any]]:
    hits = heard.remembered("hits")
    return [*hits["earlier"], *hits["items"]] if isinstance(hits, dict) else []


def _same_words(said: str, title: str) -> bool:
    return [token.folded for token in tokens(said)] == [token.folded for token in tokens(title)]


def _by(author: str, record: Record) -> bool:
    return any(fold(author) in fold(who.name) for who in record.contributors)
