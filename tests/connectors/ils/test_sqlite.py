"""The built-in library system: its circulation rules, its counts, and what it says when its file is not well."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from connectors.ils.sqlite import SQLiteILS
from connectors.ils.sqlite_load import ItemRow, LoadError, PatronFile, load_library, read_patron_file
from library.ils import AccountLocked, ILSProtocolError, ILSUnavailable, InvalidCredentials, PatronRef
from library.model import Fee, HoldStatus, ItemState, Refusal
from tests.connectors.ils.sample import (
    AN,
    AP_BAC,
    BRANCHES,
    CHI_PHEO,
    COPIES,
    LAN,
    MAT_BIEC,
    NHA_GIA_KIM,
    NOW,
    PIN,
    QUICK,
    SO_DO,
    TAT_DEN,
    Clock,
    Library,
    kept,
    lent,
    open_library,
    reader,
)

DEMO = Path(__file__).parents[3] / "demo"


async def card(library: Library, number: int = 1) -> PatronRef:
    return await library.ils.find_card(f"DT00000{number}")


async def the_loan(library: Library, number: int = 1):
    return (await library.ils.loans(await card(library, number)))[0]


async def renew_the_loan(library: Library, number: int = 1):
    loan = await the_loan(library, number)
    return (await library.ils.renew(await card(library, number), [loan.loan_id]))[0]


def closed_on_mondays(day: date) -> date:
    return day + timedelta(days=1) if day.weekday() == 0 else day


# Renewing


async def test_two_renewals_make_42_days_and_there_is_no_third(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 14)]))
    lent_on = NOW.date()
    for days in (28, 42):
        outcome = await renew_the_loan(library)
        assert outcome.due_at.date() == lent_on + timedelta(days=days)
    outcome = await renew_the_loan(library)
    assert outcome.refusal is Refusal.TOO_MANY_RENEWALS
    assert outcome.due_at.date() == lent_on + timedelta(days=42)


async def test_a_loan_is_due_at_the_end_of_the_day_here(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 0)]))
    loan = await the_loan(library)
    assert loan.due_at.isoformat() == "2026-11-24T23:59:00+07:00"
    assert loan.renewable
    library.clock.advance(hours=14)  # past midnight
    assert (await the_loan(library)).refusal is Refusal.OVERDUE


async def test_a_due_day_never_falls_on_a_closed_day(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 6)]), open_day=closed_on_mondays)
    assert (await the_loan(library)).due_at.date() == date(2026, 12, 1)  # the 30th is a Monday
    library.clock.now = NOW + timedelta(days=1)
    outcome = await renew_the_loan(library)
    assert outcome.due_at.date() == date(2026, 12, 15)


async def test_a_loan_overdue_is_not_renewed(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", -6)]))
    assert (await renew_the_loan(library)).refusal is Refusal.OVERDUE


async def test_a_waiting_reader_stops_a_renewal_only_while_no_copy_is_free(tmp_path):
    waiting = reader(2, holds=[kept("Số đỏ")])
    free = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 3)]), waiting)
    assert (await the_loan(free)).refusal is None
    out = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 3)]), waiting, reader(3, loans=[lent("Số đỏ", 8)]))
    assert (await the_loan(out)).refusal is Refusal.ON_HOLD


async def test_a_hold_that_is_ready_for_somebody_does_not_stop_a_renewal(tmp_path):
    ready = reader(2, holds=[kept("Số đỏ", status="ready", kept_for_days=2)])
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 3)]), ready)
    assert (await the_loan(library)).renewable


@pytest.mark.parametrize(
    ("state", "refusal"),
    [
        ({"expires_in_days": -1}, Refusal.CARD_EXPIRED),
        ({"expires_in_days": 0}, None),
        ({"restricted": True}, Refusal.CARD_RESTRICTED),
        ({"fees": [{"reason": "Đền sách", "amount_vnd": 50_001}]}, Refusal.IN_DEBT),
        ({"fees": [{"reason": "Đền sách", "amount_vnd": 50_000}]}, None),
    ],
)
async def test_a_blocked_card_neither_renews_nor_holds(tmp_path, state, refusal):
    other = reader(2, loans=[lent("Nhà giả kim", 5)])
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 3)], **state), other)
    who = await card(library)
    assert (await library.ils.patron(who)).blocks == ({refusal} if refusal else set())
    assert (await renew_the_loan(library)).refusal is refusal
    assert (await library.ils.place_hold(who, NHA_GIA_KIM)).refusal is refusal


async def test_ones_own_hold_does_not_stop_a_renewal(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Mắt biếc", 3)], holds=[kept("Mắt biếc")]))
    assert (await the_loan(library)).renewable


async def test_two_renewals_at_once_count_as_two(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 3)]))
    library = Library(library.path, library.clock, SQLiteILS(library.path, library.clock, hasher=QUICK))
    loan, who = await the_loan(library), await card(library)
    outcomes = await asyncio.gather(*(library.ils.renew(who, [loan.loan_id]) for _ in range(4)))
    assert (
        sorted(str(outcome.refusal) for (outcome,) in outcomes)
        == ["None", "None"] + [str(Refusal.TOO_MANY_RENEWALS)] * 2
    )
    assert (await the_loan(library)).renewals == 2


# Holds


async def test_a_copy_on_a_shelf_anywhere_is_not_held(tmp_path):
    library = open_library(tmp_path, reader(1), reader(2, loans=[lent("Số đỏ", 3)]))
    outcome = await library.ils.place_hold(await card(library), SO_DO)
    assert outcome.refusal is Refusal.AVAILABLE_NOW


async def test_a_copy_kept_for_somebody_is_not_free(tmp_path):
    ready = reader(2, holds=[kept("Tắt đèn", status="ready", kept_for_days=2)])
    library = open_library(tmp_path, reader(1), ready)
    assert (await library.ils.place_hold(await card(library), TAT_DEN)).ok


async def test_a_title_read_in_the_house_only_is_not_held(tmp_path):
    library = open_library(tmp_path, reader(1))
    assert (await library.ils.place_hold(await card(library), AP_BAC)).refusal is Refusal.NOT_HOLDABLE


async def test_a_reading_copy_does_not_count_as_a_copy_to_take_home(tmp_path):
    library = open_library(tmp_path, reader(1), reader(2, loans=[lent("Chí Phèo", 3)]))
    assert (await library.ils.place_hold(await card(library), CHI_PHEO)).ok


async def test_ones_own_loan_is_not_held(tmp_path):
    library = open_library(tmp_path)
    assert (await library.ils.place_hold(await card(library), MAT_BIEC)).refusal is Refusal.ALREADY_ON_LOAN


async def test_a_book_overdue_stops_holds(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", -1)]), reader(2, loans=[lent("Nhà giả kim", 5)]))
    assert (await library.ils.place_hold(await card(library), NHA_GIA_KIM)).refusal is Refusal.OVERDUE


async def test_three_holds_are_enough(tmp_path):
    titles = ("Mắt biếc", "Nhà giả kim", "Tắt đèn", "Chí Phèo")
    library = open_library(tmp_path, reader(1), reader(2, loans=[lent(title, 5) for title in titles]))
    who = await card(library)
    outcomes = [await library.ils.place_hold(who, record) for record in (MAT_BIEC, NHA_GIA_KIM, TAT_DEN, CHI_PHEO)]
    assert [outcome.refusal for outcome in outcomes] == [None, None, None, Refusal.TOO_MANY_HOLDS]


async def test_nothing_is_picked_up_where_there_is_no_desk(tmp_path):
    library = open_library(tmp_path)
    for place in ("LD", "XX"):
        assert (await library.ils.place_hold(await card(library), NHA_GIA_KIM, pickup=place)).refusal is Refusal.UNKNOWN


async def test_the_queue_moves_up_when_somebody_lets_go(tmp_path):
    waiting = [reader(number, holds=[kept("Mắt biếc")]) for number in (2, 3, 4)]
    library = open_library(tmp_path, LAN, *waiting)

    async def place_in_queue(number: int) -> int | None:
        return (await library.ils.holds(await card(library, number)))[0].position

    assert [await place_in_queue(number) for number in (2, 3, 4)] == [1, 2, 3]
    first = (await library.ils.holds(await card(library, 2)))[0]
    await library.ils.cancel_hold(await card(library, 2), first.hold_id)
    assert [await place_in_queue(number) for number in (3, 4)] == [1, 2]


@pytest.mark.parametrize(("pickup", "status"), [("MT", HoldStatus.READY), ("CL", HoldStatus.IN_TRANSIT)])
async def test_a_copy_that_is_let_go_is_set_aside_for_the_next(tmp_path, pickup, status):
    following = reader(3, holds=[kept("Tắt đèn", pickup)])
    library = open_library(tmp_path, LAN, AN, following, open_day=closed_on_mondays)
    an, third = await card(library, 2), await card(library, 3)
    ready = (await library.ils.holds(an))[0]
    await library.ils.cancel_hold(an, ready.hold_id)
    (hold,) = await library.ils.holds(third)
    assert (hold.status, hold.position) == (status, None)
    assert hold.expires_on == (date(2026, 11, 27) if status is HoldStatus.READY else None)
    state = {HoldStatus.READY: ItemState.ON_HOLD_SHELF, HoldStatus.IN_TRANSIT: ItemState.IN_TRANSIT}[status]
    assert [copy.state for copy in (await library.ils.availability([TAT_DEN]))[TAT_DEN]] == [state]


async def test_a_copy_that_nobody_else_waits_for_is_free_again(tmp_path):
    library = open_library(tmp_path)
    an = await card(library, 2)
    await library.ils.cancel_hold(an, (await library.ils.holds(an))[0].hold_id)
    assert [copy.state for copy in (await library.ils.availability([TAT_DEN]))[TAT_DEN]] == [ItemState.AVAILABLE]


async def test_the_id_of_a_cancelled_hold_is_never_used_again(tmp_path):
    library = open_library(tmp_path)
    lan = await card(library)
    ids = set()
    for _ in range(3):
        hold = (await library.ils.place_hold(lan, NHA_GIA_KIM)).hold
        ids.add(hold.hold_id)
        await library.ils.cancel_hold(lan, hold.hold_id)
    assert len(ids) == 3


async def test_many_holds_at_once_make_one(tmp_path):
    library = open_library(tmp_path)
    ils, lan = SQLiteILS(library.path, library.clock, hasher=QUICK), await card(library)
    outcomes = await asyncio.gather(*(ils.place_hold(lan, NHA_GIA_KIM) for _ in range(5)))
    assert sum(outcome.ok for outcome in outcomes) == 1
    assert len(await ils.holds(lan)) == 1


# Fees and copies


async def test_a_late_fee_runs_on_by_the_day_and_the_book(tmp_path):
    stored = {"reason": "Làm lại thẻ", "amount_vnd": 10_000}
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", -2), lent("Tắt đèn", 1)], fees=[stored]))
    who = await card(library)
    assert (await library.ils.fees(who)).fees == (
        Fee("Làm lại thẻ", Decimal(10_000)),
        Fee("Trả trễ 2 ngày", Decimal(2_000), "Số đỏ"),
    )
    library.clock.advance(days=3)
    assert (await library.ils.fees(who)).total_vnd == 10_000 + 5_000 + 2_000


async def test_running_late_fees_can_block_a_card(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", -51)]))
    assert (await library.ils.patron(await card(library))).blocks == {Refusal.IN_DEBT}


async def test_copies_are_listed_by_branch_with_what_is_happening_to_them(tmp_path):
    library = open_library(tmp_path, reader(1, loans=[lent("Số đỏ", 3)]))
    first, second = (await library.ils.availability([SO_DO]))[SO_DO]
    assert (first.branch, first.state, first.due_on) == ("MT", ItemState.ON_LOAN, date(2026, 11, 27))
    assert (second.branch, second.state, second.due_on) == ("CL", ItemState.AVAILABLE, None)
    assert (second.barcode, second.call_number, second.room) == ("D2", "895.922 S", "mượn")
    states = [copy.state for copy in (await library.ils.availability([CHI_PHEO]))[CHI_PHEO]]
    assert states == [ItemState.AVAILABLE, ItemState.READING_ONLY]


# Cards and PINs


async def test_a_card_number_is_known_however_it_is_typed(tmp_path):
    library = open_library(tmp_path)
    assert await library.ils.authenticate(" dt 000001 ", PIN) == await card(library)


async def test_five_wrong_pins_lock_the_card_for_an_hour(tmp_path):
    library = open_library(tmp_path)
    for _ in range(5):
        with pytest.raises(InvalidCredentials):
            await library.ils.authenticate("DT000001", "000000")
    with pytest.raises(AccountLocked):
        await library.ils.authenticate("DT000001", PIN)
    assert await library.ils.authenticate("DT000002", PIN) == await card(library, 2)
    library.clock.advance(minutes=61)
    assert await library.ils.authenticate("DT000001", PIN) == await card(library)


async def test_a_right_pin_forgives_the_wrong_ones_before_it(tmp_path):
    library = open_library(tmp_path)
    for pin in ["000000"] * 4 + [PIN] + ["000000"] * 4 + [PIN]:
        if pin == PIN:
            await library.ils.authenticate("DT000001", pin)
        else:
            with pytest.raises(InvalidCredentials):
                await library.ils.authenticate("DT000001", pin)


async def test_trying_many_pins_at_once_gets_no_more_tries(tmp_path):
    library = open_library(tmp_path)
    ils = SQLiteILS(library.path, library.clock, hasher=QUICK)
    tries = (ils.authenticate("DT000001", f"{number:06}") for number in range(12))
    errors = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(error, InvalidCredentials) for error in errors) == 5
    assert sum(isinstance(error, AccountLocked) for error in errors) == 7


async def test_an_unknown_card_costs_as_many_pin_checks_as_a_wrong_pin(tmp_path):
    class Counting(type(QUICK)):
        checks = 0

        def verify(self, *args):
            self.checks += 1
            return super().verify(*args)

    counting = Counting(time_cost=1, memory_cost=8, parallelism=1)
    library = open_library(tmp_path)
    ils = SQLiteILS(library.path, library.clock, hasher=counting)
    for number in ("DT000001", "DT999999"):
        counting.checks = 0
        with pytest.raises(InvalidCredentials):
            await ils.authenticate(number, "000000")
        assert counting.checks == 1


async def test_a_card_without_a_pin_lets_nobody_in(tmp_path):
    library = open_library(tmp_path, reader(1, pin=None))
    for pin in ("", "None", PIN):
        with pytest.raises(InvalidCredentials):
            await library.ils.authenticate("DT000001", pin)


async def test_neither_pin_nor_a_plain_hash_of_it_is_in_the_file(tmp_path):
    library = open_library(tmp_path)
    assert PIN.encode() not in library.path.read_bytes()
    assert b"$argon2id$" in library.path.read_bytes()


async def test_a_patron_who_is_gone_is_an_error_not_an_empty_list(tmp_path):
    library = open_library(tmp_path)
    for call in (library.ils.patron, library.ils.loans, library.ils.holds, library.ils.fees):
        with pytest.raises(ILSProtocolError, match="the card was removed"):
            await call(PatronRef("gone"))


# The file itself


async def test_a_missing_file_is_named_and_not_made(tmp_path):
    path = tmp_path / "nowhere.sqlite"
    with pytest.raises(ILSUnavailable, match=r"nowhere\.sqlite is not there: run"):
        await SQLiteILS(path, lambda: NOW, hasher=QUICK).branches()
    assert not path.exists()


async def test_a_locked_file_is_said_to_be_locked(tmp_path):
    library = open_library(tmp_path)
    lan = await card(library)
    other = sqlite3.connect(library.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ILSUnavailable, match="stayed locked"):
        await library.ils.place_hold(lan, NHA_GIA_KIM)
    other.close()
    assert (await library.ils.place_hold(lan, NHA_GIA_KIM)).ok


@pytest.mark.parametrize(
    ("content", "says"), [(b"this is no database, not even nearly" * 40, "is damaged"), (b"", "holds no library of")]
)
async def test_a_file_that_is_no_library_says_what_to_do(tmp_path, content, says):
    path = tmp_path / "ils.sqlite"
    path.write_bytes(content)
    with pytest.raises(ILSUnavailable, match=f"{says}.*run `make setup`"):
        await SQLiteILS(path, lambda: NOW, hasher=QUICK).branches()


async def test_a_file_with_odd_characters_in_its_name_is_opened(tmp_path):
    folder = tmp_path / "thư viện 100% #1?"
    assert await open_library(folder).ils.branches()
    assert (folder / "ils.sqlite").is_file()


# Loading


def load(tmp_path: Path, *readers, copies=COPIES):
    file = PatronFile.model_validate({"branches": BRANCHES, "patrons": readers})
    return load_library(tmp_path / "ils.sqlite", copies, file, NOW.date(), hasher=QUICK)


async def test_loading_again_replaces_all_and_keeps_patron_ids(tmp_path):
    library = open_library(tmp_path)
    before = await card(library)
    await renew_the_loan(library)
    library = open_library(tmp_path, reader(9), LAN)
    assert await card(library) == before
    assert (await the_loan(library)).renewals == 0


async def test_a_loading_that_fails_leaves_what_was_there(tmp_path):
    library = open_library(tmp_path)
    with pytest.raises(LoadError):
        load(tmp_path, reader(1, loans=[lent("Không có", 1)]))
    assert (await the_loan(library)).title == "Số đỏ"


@pytest.mark.parametrize(
    ("readers", "says"),
    [
        ([reader(1, loans=[lent("Không có", 1)])], "DT000001 names “Không có”, and the catalogue has no copy"),
        ([reader(1, loans=[lent("Ấp Bắc", 1)])], "DT000001 borrows “Ấp Bắc”, but no copy of it is left"),
        ([reader(1, loans=[lent("Tắt đèn", 1)] * 2)], "one more copy"),
        ([reader(1, home="XX")], "card DT000001 names branch 'XX'; the branches are CL, LD, MT, SD"),
        ([reader(1), reader(1)], "every card must be given, and only once; these are not: DT000001"),
    ],
)
def test_a_patron_file_that_does_not_fit_says_where(tmp_path, readers, says):
    with pytest.raises(LoadError, match=says):
        load(tmp_path, *readers)


def test_two_copies_with_one_barcode_are_refused(tmp_path):
    twice = (*COPIES, ItemRow(SO_DO, "Số đỏ", "D1", "SD", "895.922 S"))
    with pytest.raises(LoadError, match="every barcode must be given, and only once; these are not: D1"):
        load(tmp_path, reader(1), copies=twice)


def test_a_misspelt_key_of_the_patron_file_is_named(tmp_path):
    path = tmp_path / "patrons.yml"
    path.write_text(yaml.safe_dump({"branches": list(BRANCHES), "patrons": [reader(1, lones=[])]}), encoding="utf-8")
    with pytest.raises(LoadError, match=r"patrons\.yml: patrons\.0\.lones: Extra inputs"):
        read_patron_file(path)


# The demo


@pytest.fixture(scope="module")
def demo_copies() -> list[ItemRow]:
    """The copies of the demo's catalogue, numbered as they come."""
    files = sorted((DEMO / "catalogue").glob("*.yml"))
    works = [work for file in files for work in yaml.safe_load(file.read_text("utf-8"))]
    return [
        ItemRow(f"r{number}", work["title"], f"{number}-{branch}-{copy}", branch, "", "", "reading_only" in work)
        for number, work in enumerate(works)
        if "part" not in work
        for branch, count in work["copies"].items()
        for copy in range(count)
    ]


@pytest.fixture
def demo(tmp_path, demo_copies) -> Library:
    path, clock = tmp_path / "ils.sqlite", Clock()
    load_library(path, demo_copies, read_patron_file(DEMO / "patrons.yml"), clock().date(), hasher=QUICK)
    return Library(path, clock, SQLiteILS(path, clock, hasher=QUICK))


async def test_every_demo_patron_shows_what_its_comment_says(demo):
    async def of(number: int):
        who = await demo.ils.find_card(f"DT000{number}")
        return await demo.ils.patron(who), await demo.ils.loans(who), await demo.ils.holds(who)

    _, loans, _ = await of(101)
    assert {loan.title: loan.refusal for loan in loans} == {
        "Số đỏ": None,
        "Đất rừng phương Nam": None,
        "Mắt biếc": Refusal.ON_HOLD,
    }
    _, loans, _ = await of(102)
    assert [loan.refusal for loan in loans] == [Refusal.OVERDUE, None]
    _, _, holds = await of(103)
    assert [(hold.status, hold.position) for hold in holds] == [(HoldStatus.READY, None), (HoldStatus.WAITING, 2)]
    assert [(await of(number))[0].blocks for number in (104, 105, 106)] == [
        {Refusal.CARD_EXPIRED},
        {Refusal.CARD_RESTRICTED},
        {Refusal.IN_DEBT},
    ]
    child, _, _ = await of(107)
    assert (child.category, child.born_on) == ("thiếu nhi", date(2017, 11, 1))
    assert (await of(108))[1:] == ([], [])
    _, loans, _ = await of(109)
    assert [loan.refusal for loan in loans] == [None, Refusal.TOO_MANY_RENEWALS]


async def test_the_demo_pins_open_the_demo_cards(demo):
    for one in read_patron_file(DEMO / "patrons.yml").patrons:
        if one.pin:
            assert len(one.pin) == 6
            assert await demo.ils.authenticate(one.card, one.pin) == await demo.ils.find_card(one.card)


async def test_the_demo_has_a_title_that_can_only_be_held(demo):
    lan = await demo.ils.find_card("DT000101")
    outcome = await demo.ils.place_hold(lan, (await demo.ils.holds(await demo.ils.find_card("DT000103")))[1].record_id)
    assert (outcome.hold.title, outcome.hold.position) == ("Nhà giả kim", 3)
