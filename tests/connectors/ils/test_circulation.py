"""Circulation rules as a library writes them: the most specific wins, and what is wrong is named."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from connectors.ils.circulation import Circulation, CirculationError, Terms
from connectors.ils.rules import late_fee, renewed_until
from connectors.ils.sqlite import SQLiteILS
from connectors.ils.sqlite_load import ItemRow, PatronFile, load_library
from library.model import ItemState, Refusal
from tests.connectors.ils.sample import BRANCHES, NOW, PIN, QUICK, Clock, lent, reader

DEMO = Path(__file__).resolve().parents[3] / "demo" / "circulation.yml"
DUE = date(2026, 11, 27)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "circulation.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_the_usual_terms_hold_for_everybody():
    assert Circulation.load(None).terms("thiếu nhi", "video") == Terms()


def test_the_most_specific_rule_wins_word_by_word(tmp_path):
    rules = Circulation.load(
        written(
            tmp_path,
            """
usual: {loan_days: 10}
rules:
  - {category: cán bộ, item_type: video, renewals: 9}
  - {item_type: video, loan_days: 3, renewals: 0, holds: 1}
  - {category: cán bộ, loan_days: 30, renewals: 5}
""",
        )
    )
    assert rules.terms("người lớn", "book").loan_days == 10
    both = rules.terms("CÁN BỘ", "video")
    assert (both.renewals, both.loan_days, both.holds) == (9, 30, 1)
    assert rules.terms("can bo", "book").renewals == 5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules: [{loan_days: 3}]", "rule 1 names neither"),
        ("rules: [{category: a}, {category: A, loan_days: 2}]", "rule 2 is for the same"),
        ("rules: [{category: a, loan_dys: 3}]", "rule 1, loan_dys: unknown key"),
        ("usual: {loan_days: 0}", "usual, loan_days"),
        ("usual: {renewed_from: tomorrow}", "renewed_from"),
        ("rules: {", "not YAML"),
    ],
)
def test_what_is_wrong_is_named_with_its_rule(tmp_path, text, says):
    with pytest.raises(CirculationError, match=r"circulation\.yml") as caught:
        Circulation.load(written(tmp_path, text))
    assert says in str(caught.value)


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(CirculationError, match=r"\[ils\] rules"):
        Circulation.load(tmp_path / "none.yml")


def test_the_demos_rules_leave_an_adults_books_as_usual():
    rules = Circulation.load(DEMO)
    assert rules.terms("người lớn", "book") == Terms()
    assert not rules.terms("người lớn", "newspaper").lent
    assert rules.terms("cán bộ", "book").loan_days == 30


def test_a_renewal_counts_from_the_due_day_or_from_today_and_keeps_off_closed_days():
    def shut_on_the_eleventh(day: date) -> date:
        return day + timedelta(days=1) if day == date(2026, 12, 11) else day

    today = NOW.date()
    assert renewed_until(DUE, shut_on_the_eleventh, Terms(), today) == date(2026, 12, 12)
    assert renewed_until(DUE, shut_on_the_eleventh, Terms(closures_extend=False), today) == date(2026, 12, 11)
    assert renewed_until(DUE, shut_on_the_eleventh, Terms(renewed_from="today"), today) == date(2026, 12, 8)


def test_a_late_fee_has_its_most():
    terms = Terms(late_fee_vnd=500, late_fee_most_vnd=2_000)
    fees = [late_fee(DUE, DUE + timedelta(days=late), terms) for late in (0, 3, 30)]
    assert fees == [0, 1_500, 2_000]


@pytest.fixture
def library(tmp_path: Path) -> SQLiteILS:
    """A library in which a child and an officer have a book and a magazine each, and newspapers stay in the house."""
    copies = [ItemRow("b", "Dế Mèn", f"B{n}", "MT", "x") for n in range(2)]
    copies += [ItemRow("m", "Mực Tím", f"M{n}", "MT", "x", item_type="periodical") for n in range(2)]
    copies += [ItemRow("n", "Ấp Bắc", "N1", "MT", "x", item_type="newspaper")]
    loans = [lent("Dế Mèn", 3, renewals=2), lent("Mực Tím", 3)]
    child, officer = reader(1, category="thiếu nhi", loans=loans), reader(2, category="cán bộ", loans=loans)
    path, clock = tmp_path / "ils.sqlite", Clock()
    file = PatronFile.model_validate({"branches": BRANCHES, "patrons": (child, officer)})
    load_library(path, copies, file, clock().date(), hasher=QUICK)
    rules = """
rules:
  - {category: cán bộ, loan_days: 30, renewals: 5}
  - {item_type: periodical, renewals: 0}
  - {item_type: newspaper, lent: false}
  - {category: cán bộ, item_type: periodical, renewals: 1, loan_days: 7}
"""
    return SQLiteILS(path, clock, hasher=QUICK, circulation=Circulation.load(written(tmp_path, rules)))


async def test_each_patron_and_each_kind_of_item_has_its_own_terms(library):
    child = await library.authenticate("DT000001", PIN)
    officer = await library.authenticate("DT000002", PIN)
    for who, wanted in ((child, [Refusal.TOO_MANY_RENEWALS] * 2), (officer, [None, None])):
        loans = await library.loans(who)
        outcomes = await library.renew(who, [loan.loan_id for loan in loans])
        assert [outcome.refusal for outcome in outcomes] == wanted
    days = {outcome.title: (outcome.due_at.date() - NOW.date()).days for outcome in outcomes}
    assert days == {"Dế Mèn": 33, "Mực Tím": 10}


async def test_what_is_not_lent_is_for_reading_and_cannot_be_held(library):
    child = await library.authenticate("DT000001", PIN)
    assert (await library.availability(["n"]))["n"][0].state is ItemState.READING_ONLY
    assert (await library.place_hold(child, "n")).refusal is Refusal.NOT_HOLDABLE
