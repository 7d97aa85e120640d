"""What may be taught, by whom, and how it is written for training."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import yaml

from connectors.clock import VIETNAM
from connectors.staff.accounts import add_staff
from connectors.staff.roles import Role
from connectors.store import Store
from connectors.teaching import contract, examples
from connectors.teaching.examples import Example, Refusal, State, export, listed, problem, propose, settle, twins

AT = datetime(2026, 11, 23, 9, 0, tzinfo=VIETNAM)
CARD = r"\bDT\d{6}\b"
RENEW = Example("gh cuốn Số đỏ giúp em", "renew_loans", (("title", "Số đỏ"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "gateway.sqlite")
    for name in ("Lan", "Minh"):
        store.write_now(lambda db, name=name: add_staff(db, name, "một câu đủ dài", Role.EDITOR, AT))  # type: ignore[misc]
    yield store
    store.close()


def test_the_contract_is_the_dialogues_own() -> None:
    domain = [yaml.safe_load(path.read_text()) for path in Path("bot/domain").glob("*.yml")]
    named = [entry for part in domain for entry in part.get("intents", [])]
    intents = {entry if isinstance(entry, str) else next(iter(entry)) for entry in named}
    assert intents - {"nlu_fallback", "inform"} >= set(contract.INTENTS)
    assert {slot for part in domain for slot in part.get("entities", [])} >= set(contract.SLOTS)


@pytest.mark.parametrize(
    ("example", "refusal"),
    [
        (RENEW, None),
        (Example("  ", "greet"), Refusal.EMPTY),
        (Example("x" * 401, "greet"), Refusal.TOO_LONG),
        (Example("chào", "hello"), Refusal.NO_SUCH_INTENT),
        (Example("chào", "greet", (("colour", "chào"),)), Refusal.NO_SUCH_SLOT),
        (Example("chào", "greet", (("title", "Số đỏ"),)), Refusal.NOT_IN_TEXT),
        (Example("cuốn Số đỏ", "find_item", (("title", "Số đỏ"), ("topic", "đỏ"))), Refusal.OVERLAPS),
        (Example("thẻ DT000101 của em", "link_account"), Refusal.PERSONAL),
        (Example("a a", "greet", (("title", "a"), ("title", "a"))), None),
    ],
)
def test_what_cannot_be_taught_is_refused(example: Example, refusal: Refusal | None) -> None:
    assert problem(example, CARD) is refusal


def test_a_correction_waits_for_a_second_person(store: Store) -> None:
    number = store.write_now(lambda db: propose(db, RENEW, "Lan", AT, CARD, "find_item"))
    assert isinstance(number, int)
    assert store.write_now(lambda db: settle(db, number, State.APPROVED, "Lan", AT)) is Refusal.OWN
    assert store.write_now(lambda db: settle(db, number, State.APPROVED, "Minh", AT)) is None
    assert store.write_now(lambda db: settle(db, number, State.APPROVED, "Minh", AT)) is Refusal.GONE
    (one,) = store.read_now(lambda db: listed(db, State.APPROVED))
    assert (one.example, one.by, one.reviewed_by, one.heard_intent) == (RENEW, "Lan", "Minh", "find_item")


def test_the_same_words_are_not_taught_twice_and_twins_are_told(store: Store) -> None:
    store.write_now(lambda db: propose(db, RENEW, "Lan", AT, CARD))
    again = Example("GH cuon So do giup em", "renew_loans")
    assert store.write_now(lambda db: propose(db, again, "Minh", AT, CARD)) is Refusal.KNOWN
    other = Example("gh cuon so do giup em", "find_item")
    assert store.read_now(lambda db: twins(db, other, {})) == ["renew_loans"]
    assert store.read_now(lambda db: twins(db, Example("xin chào", "greet"), {"xin chao": "chitchat"})) == ["chitchat"]


def test_what_was_approved_is_written_as_training_data(store: Store, tmp_path: Path) -> None:
    for example in (RENEW, Example("chữ [lạ](title) đây", "chitchat"), Example("chào ad", "greet")):
        number = store.write_now(lambda db, one=example: propose(db, one, "Lan", AT, CARD))  # type: ignore[misc]
        if example.intent != "greet":
            store.write_now(lambda db, n=number: settle(db, n, State.APPROVED, "Minh", AT))  # type: ignore[misc]
    assert store.read_now(lambda db: export(db, tmp_path / "taught")) == 2
    written = yaml.safe_load((tmp_path / "taught/taught.yml").read_text())
    assert written["nlu"] == [
        {"intent": "chitchat", "examples": "- chữ lạ (title) đây\n"},
        {"intent": "renew_loans", "examples": "- gh cuốn [Số đỏ](title) giúp em\n"},
    ]


def test_the_shipped_examples_are_known_by_their_folded_words() -> None:
    shipped = examples.shipped_examples(Path("nlu_data/nlu"))
    assert len(shipped) > 8000
    assert not any("](" in words for words in shipped)
