"""The lists that teach names: well-formed, each entry once, each list for a slot of the contract."""

from collections.abc import Iterator
from pathlib import Path

import yaml

from library.text import folded_words, nfc
from tests.nlu_data.test_examples import ROOT, SLOTS


def lists() -> Iterator[tuple[Path, str, list[str]]]:
    for path in sorted((ROOT / "nlu_data/lookups").glob("*.yml")):
        (block,) = yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]
        yield path, block["lookup"], [line.strip().removeprefix("- ") for line in block["examples"].splitlines()]


def test_each_list_is_for_a_slot_of_the_contract() -> None:
    named = [slot for _, slot, _ in lists()]
    assert named
    assert set(named) <= SLOTS
    assert len(named) == len(set(named))


def test_each_entry_stands_once_in_its_list_in_nfc() -> None:
    for path, _, entries in lists():
        keys = [" ".join(folded_words(entry)) for entry in entries]
        assert len(keys) == len(set(keys)), path
        assert all(entry == nfc(entry).strip() and key for entry, key in zip(entries, keys, strict=True)), path
