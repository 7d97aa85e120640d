"""The trail of what the staff did: whatever is done to it shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from connectors.clock import VIETNAM
from connectors.staff import audit
from connectors.store import Store, audit_trail

START = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "gateway.sqlite")
    for number in range(5):
        at = START + timedelta(minutes=number)
        store.write_now(lambda db, n=number, at=at: audit.note(db, "Lan", "answer.published", f"a{n}", {"v": n}, at))  # type: ignore[misc]
    yield store
    store.close()


def verdict(store: Store, anchors: dict[int, str] | None = None) -> audit.Verdict:
    return store.read_now(lambda db: audit.verify(db, anchors))


def meddle(store: Store, *statements: str) -> None:
    """Do what somebody can who has the file and knows the triggers."""

    def work(db: object) -> None:
        for name in ("UPDATE", "DELETE"):
            db.execute(text(f"DROP TRIGGER IF EXISTS audit_trail_keeps_{name}"))  # type: ignore[attr-defined]
        for statement in statements:
            db.execute(text(statement))  # type: ignore[attr-defined]

    store.write_now(work)


def test_an_untouched_trail_holds(store: Store) -> None:
    found = verdict(store)
    assert (found.rows, found.problem) == (5, "")
    assert found.anchor.startswith("5:")


def test_an_empty_trail_holds(tmp_path: Path) -> None:
    assert verdict(Store(tmp_path / "new.sqlite")) == audit.Verdict(0, f"0:{audit.ORIGIN}")


@pytest.mark.parametrize("statement", ["UPDATE audit_trail SET who = 'Minh'", "DELETE FROM audit_trail"])
def test_the_database_refuses_to_change_a_row(store: Store, statement: str) -> None:
    with pytest.raises(IntegrityError, match="only added to"):
        store.write_now(lambda db: db.execute(text(statement)))
    assert verdict(store).rows == 5


def test_the_triggers_are_there_after_the_file_is_opened_again(store: Store, tmp_path: Path) -> None:
    store.close()
    again = Store(tmp_path / "gateway.sqlite")
    with pytest.raises(IntegrityError, match="only added to"):
        again.write_now(lambda db: db.execute(text("DELETE FROM audit_trail")))
    again.close()


@pytest.mark.parametrize("column", ["at", "who", "deed", "about", "detail", "hash", "previous"])
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_changed_field_shows(store: Store, column: str, number: int) -> None:
    meddle(store, f"UPDATE audit_trail SET {column} = {column} || 'x' WHERE number = {number}")
    assert str(number) in verdict(store).problem


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM audit_trail WHERE number = 1"],
        ["DELETE FROM audit_trail WHERE number = 3"],
        ["DELETE FROM audit_trail WHERE number = 5"],
        ["DELETE FROM audit_trail"],
        ["DELETE FROM audit_trail WHERE number = 3", "UPDATE audit_trail SET number = number - 1 WHERE number > 3"],
        [
            "UPDATE audit_trail SET number = 99 WHERE number = 2",
            "UPDATE audit_trail SET number = 2 WHERE number = 3",
            "UPDATE audit_trail SET number = 3 WHERE number = 99",
        ],
        [
            "UPDATE audit_trail SET number = 6 WHERE number = 5",
            "INSERT INTO audit_trail SELECT 5, at, who, deed, about, detail, 'p', 'h' FROM audit_trail LIMIT 1",
        ],
    ],
    ids=["first", "middle", "last", "all", "closed-up", "swapped", "inserted"],
)
def test_rows_taken_out_moved_or_slipped_in_show(store: Store, statements: list[str]) -> None:
    meddle(store, *statements)
    assert not verdict(store).ok


def test_an_end_cut_off_with_its_count_shows_against_an_anchor_kept_elsewhere(store: Store) -> None:
    number, _, seal = verdict(store).anchor.partition(":")
    meddle(
        store,
        "DELETE FROM audit_trail WHERE number > 3",
        "UPDATE sqlite_sequence SET seq = 3 WHERE name = 'audit_trail'",
    )
    assert verdict(store).ok, "nothing in the file itself can show this"
    assert "dòng 5" in verdict(store, {int(number): seal}).problem


def test_a_trail_written_anew_shows_against_an_anchor(store: Store) -> None:
    kept = verdict(store).anchor.partition(":")[2]
    meddle(store, "DELETE FROM audit_trail", "DELETE FROM sqlite_sequence WHERE name = 'audit_trail'")
    for _ in range(6):
        store.write_now(lambda db: audit.note(db, "Lan", "x", "y", {}, START))
    assert verdict(store).ok
    assert "không khớp" in verdict(store, {5: kept}).problem


def test_what_is_not_committed_leaves_no_gap(store: Store) -> None:
    def fails(db: object) -> None:
        audit.note(db, "Lan", "x", "y", {}, START)  # type: ignore[arg-type]
        raise LookupError

    with pytest.raises(LookupError):
        store.write_now(fails)
    assert store.write_now(lambda db: audit.note(db, "Lan", "x", "y", {}, START)) == 6
    assert verdict(store).ok


def test_two_processes_add_to_one_chain(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "gateway.sqlite")
    for number in range(10):
        one = (store, other)[number % 2]
        one.write_now(lambda db: audit.note(db, "Lan", "x", "y", {}, START))
    assert verdict(other).rows == 15
    assert verdict(other).ok
    other.close()


def test_a_conversation_is_named_by_what_does_not_lead_to_it(store: Store) -> None:
    store.write_now(lambda db: audit.note(db, "Lan", "talk.read", audit.talk("c0ffee"), {}, START))
    row = store.read_now(lambda db: db.execute(select(audit_trail).order_by(audit_trail.c.number.desc())).first())
    assert row is not None
    assert "c0ffee" not in str(row)
    assert row.about == audit.talk("c0ffee")
