"""Koha's rows in the library's words: days, counts and the state of copies."""

from __future__ import annotations

import httpx
import pytest

from connectors.ils.koha.rows import item_state, moment
from library.ils import PatronRef
from library.model import ItemState
from tests.connectors.ils.koha.scripted import Scripted, ils


@pytest.mark.parametrize(
    ("told", "due"),
    [
        ("2026-11-27T23:59:00+07:00", "2026-11-27T23:59:00+07:00"),
        ("2026-11-27T23:59:00.123456+07:00", "2026-11-27T23:59:00.123456+07:00"),
        ("2026-11-27T23:59:00Z", "2026-11-27T23:59:00+07:00"),  # a Koha whose machine runs in UTC
        ("2026-11-27T23:59:00+00:00", "2026-11-27T23:59:00+07:00"),
        ("2026-11-27T09:30:00Z", "2026-11-27T16:30:00+07:00"),  # lent by the hour
        ("2026-11-27 23:59:00", "2026-11-27T23:59:00+07:00"),
        ("2026-11-27", "2026-11-27T23:59:00+07:00"),
    ],
)
def test_the_end_of_a_day_is_that_of_the_librarys_day(told, due):
    assert moment(told).isoformat() == due


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"not_for_loan_status": 1}, ItemState.READING_ONLY),
        ({"effective_not_for_loan_status": 2, "not_for_loan_status": 0}, ItemState.READING_ONLY),
        ({"not_for_loan_status": -1}, ItemState.UNKNOWN),
        ({"not_for_loan_status": 0, "effective_not_for_loan_status": None}, ItemState.AVAILABLE),
    ],
)
def test_a_copy_on_order_is_not_there_to_be_read(told, state):
    assert item_state(told) is state


LOAN = "<itemnumber>4</itemnumber><biblionumber>2</biblionumber><date_due>2026-11-27 23:59:00</date_due>"


@pytest.mark.parametrize(
    ("counts", "renewals"),
    [("<renewals>1</renewals>", 1), ("<renewals>17</renewals><renewals_count>1</renewals_count>", 1)],
)
async def test_a_loans_renewals_are_its_own_and_not_those_of_its_copy(counts, renewals):
    loans = f"<borrowernumber>51</borrowernumber><loans><loan>{LOAN}{counts}</loan></loans>"
    told = httpx.Response(200, text=f"<GetPatronInfo>{loans}</GetPatronInfo>")
    koha = Scripted(**{"/cgi-bin/koha/ilsdi.pl": told})
    [loan] = await ils(koha, ils_di=True).loans(PatronRef("51"), renewable=False)
    assert loan.renewals == renewals
