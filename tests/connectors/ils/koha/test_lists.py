"""Koha's lists are read whole, and of a patron's lists nothing is told that is another's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from library.ils import PatronRef
from tests.connectors.ils.koha.scripted import SPEC, Scripted, ils
from tests.connectors.ils.koha.test_versions import ROADS, opened
from tests.connectors.ils.sample import NOW, PIN
from tests.simulators.koha import Koha

BINH = PatronRef("5")  # whose number stands within Lan's, who is 51


def lend_binh(koha: Koha) -> None:
    koha.add_patron(5, "TV000005", PIN, "Trần", "Văn Bình")
    koha.lend(5, 2, NOW + timedelta(days=4))
    koha.keep(5, 3, "MT")
    koha.keep(51, 4, "CL")


@pytest.mark.parametrize(("version", "ils_di"), ROADS)
async def test_whose_number_stands_within_anothers_hears_of_his_own_loans_and_holds(version, ils_di):
    async with opened(version, ils_di) as (koha, library, _served):
        lend_binh(koha)
        assert [loan.loan_id for loan in await library.loans(BINH)] == ["2"]
        assert [hold.record_id for hold in await library.holds(BINH)] == ["3"]
        outcomes = await library.renew(BINH, ["2", "1"])
        assert [outcome.ok for outcome in outcomes] == [True, False]
        assert (await library.place_hold(BINH, "2")).ok
        assert not (await library.cancel_hold(BINH, _hold_of_lan(koha))).ok


def _hold_of_lan(koha: Koha) -> str:
    return next(str(hold["hold_id"]) for hold in koha.holds.values() if hold["patron_id"] == 51)


LIBRARIES = [{"library_id": f"L{number}", "name": f"Thư viện {number}"} for number in range(230)]


def paged(most: int, *, counted: bool) -> Scripted:
    """Return a Koha that gives at most so many rows a page, whatever it is asked for."""
    parameters = [{"in": "query", "name": name, "type": "integer"} for name in ("_page", "_per_page")]
    paths: dict[str, Any] = {**SPEC["paths"], "/libraries": {"get": {"parameters": parameters}}}

    def page(request: httpx.Request) -> httpx.Response:
        size, number = min(most, int(request.url.params["_per_page"])), int(request.url.params["_page"])
        count = {"X-Total-Count": str(len(LIBRARIES))} if counted else {}
        return httpx.Response(200, json=LIBRARIES[size * (number - 1) : size * number], headers=count)

    return Scripted(**{"/": {"paths": paths}, "/libraries": page})


@pytest.mark.parametrize(("most", "counted"), [(20, True), (100, True), (500, True), (100, False), (500, False)])
async def test_a_list_is_read_to_its_end_however_short_its_pages(most, counted):
    koha = paged(most, counted=counted)
    assert len(await ils(koha).branches()) == len(LIBRARIES)
    assert koha.asked.count("GET /libraries") == -(-len(LIBRARIES) // min(most, 100))
