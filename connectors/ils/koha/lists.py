"""Koha's lists, whole: all their pages, and of a patron's lists what is of that patron alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.ils.koha import rows
from connectors.ils.koha.client import KohaClient
from connectors.ils.koha.spec import Spec
from library.ils import ILSProtocolError, PatronRef

PAGE, MOST_PAGES = 100, 500


async def every_row(client: KohaClient, spec: Spec, path: str, **query: Any) -> list[Mapping[str, Any]]:
    """Return every row of a list, page by page where this version has pages.

    A page may be shorter than was asked for, so the end is where Koha's own count (X-Total-Count) is reached; a list
    without a count ends at the first short page. Raises ILSProtocolError for one without an end.
    """
    if not spec.parameter("get", path, "_per_page"):
        return rows.rows((await client.read(path, **query)).body)
    found: list[Mapping[str, Any]] = []
    for page in range(1, MOST_PAGES + 1):
        answer = await client.read(path, **query, _page=page, _per_page=PAGE)
        part = rows.rows(answer.body)
        found += part
        if not part or (len(part) < PAGE if answer.total is None else len(found) >= answer.total):
            return found
    raise ILSProtocolError("Koha's list has no end")


async def own_rows(client: KohaClient, spec: Spec, path: str, who: PatronRef) -> list[Mapping[str, Any]]:
    """Return the patron's rows of a list.

    Koha looks for a number anywhere within: asked for patron 5 it tells of 15 and 51 as well, unless it is asked for
    an exact match, which /checkouts does not take in every version.
    """
    exact = matched_exactly(spec, path)
    told = await every_row(client, spec, path, patron_id=who.patron_id, **exact)
    return [row for row in told if exact or not _found_within(rows.number(row, "patron_id"), who.patron_id)]


def matched_exactly(spec: Spec, path: str) -> dict[str, str]:
    """Return what asks for an exact match, where this version's list takes it."""
    return {"_match": "exact"} if spec.parameter("get", path, "_match") else {}


def _found_within(patron_id: str, wanted: str) -> bool:
    return wanted in patron_id and wanted != patron_id
