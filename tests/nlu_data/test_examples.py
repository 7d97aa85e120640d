"""What patrons say: every line of nlu_data/ is well-formed, different from every other, and within the contract."""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from library.text import fold, nfc

ROOT = Path(__file__).resolve().parents[2]
DEVELOPMENT = ROOT / "nlu_data/development.tsv"
ANNOTATION = re.compile(r"\[([^\]]+)\]\((\w+)\)")
INTENTS = frozenset(
    """greet goodbye thank affirm deny cancel bot_challenge ask_capabilities ask_opening_hours ask_library_info
    find_item refine_search select_item check_availability locate_item recommend_items list_new_items suggest_purchase
    link_account unlink_account list_loans renew_loans ask_charges place_hold list_holds cancel_hold
    subscribe_reminders unsubscribe_reminders delete_my_data talk_to_librarian give_feedback change_language chitchat
    out_of_scope""".split()
)
SLOTS = frozenset(
    """title author topic isbn audience language material year_from year_to branch room date part_of_day item_ordinal
    loan_scope""".split()
)
FEWEST_EXAMPLES = 40
FEWEST_IN_ALL, FEWEST_DIFFERENT = 8000, 5000  # different once slots are masked and marks folded
FEWEST_HELD_APART = 1500


def examples() -> Iterator[tuple[str, str, str]]:
    """Yield (file, intent, line) of every training example."""
    for path in sorted((ROOT / "nlu_data/nlu").glob("*.yml")):
        for block in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            for line in block["examples"].splitlines():
                if line.strip():
                    yield path.name, block["intent"], line.strip().removeprefix("- ")


def plain(line: str) -> str:
    return ANNOTATION.sub(r"\1", line)


def key(text: str) -> str:
    return " ".join(re.findall(r"\w+", fold(text)))


def development() -> Iterator[tuple[str, str, dict[str, object], list[str]]]:
    for line in DEVELOPMENT.read_text(encoding="utf-8").splitlines():
        text, intent, slots, tags = line.split("\t")
        yield text, intent, json.loads(slots), tags.split(",")


def test_every_intent_of_the_contract_has_enough_examples() -> None:
    counts = Counter(intent for _, intent, _ in examples())
    assert set(counts) == INTENTS
    assert {intent: n for intent, n in counts.items() if n < FEWEST_EXAMPLES} == {}


def test_there_are_many_examples_and_most_differ_in_more_than_their_titles() -> None:
    lines = [line for *_, line in examples()]
    assert len(lines) >= FEWEST_IN_ALL
    assert len({key(ANNOTATION.sub(r" slot\2 ", line)) for line in lines}) >= FEWEST_DIFFERENT
    assert len(list(development())) >= FEWEST_HELD_APART


def test_no_message_of_the_development_set_stands_twice() -> None:
    seen = Counter(key(text) for text, *_ in development())
    assert [text for text, n in seen.items() if n > 1] == []


def test_examples_are_nfc() -> None:
    assert [line for *_, line in examples() if not unicodedata.is_normalized("NFC", line)] == []


def test_examples_name_only_slots_of_the_contract() -> None:
    assert {slot for *_, line in examples() for _, slot in ANNOTATION.findall(line)} <= SLOTS


def test_no_example_stands_twice_even_without_diacritics() -> None:
    seen = Counter(key(plain(line)) for *_, line in examples())
    assert [text for text, n in seen.items() if n > 1] == []


def test_the_development_set_is_apart_from_the_training_data() -> None:
    trained = {key(plain(line)) for *_, line in examples()}
    assert [text for text, *_ in development() if key(text) in trained] == []


@pytest.mark.parametrize(("text", "intent", "slots", "tags"), list(development()))
def test_the_development_set_is_labelled_within_the_contract(
    text: str, intent: str, slots: dict[str, object], tags: list[str]
) -> None:
    assert intent in INTENTS
    assert set(slots) <= SLOTS
    values = [v for value in slots.values() for v in (value if isinstance(value, list) else [value])]
    assert all(str(value) in nfc(text) for value in values), "a slot's value is the span as typed, in NFC"
    assert len({"accented", "unaccented", "half", "teencode"} & set(tags)) == 1
