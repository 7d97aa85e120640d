"""What two people changed since the same base is put together, and nothing of either is lost."""

from __future__ import annotations

import random
from typing import Any

import pytest

from library.threeway import MISSING, changes, merge

BASE = {"a": 1, "b": {"x": "một", "y": "hai"}, "c": [1, 2]}


def test_changes_in_different_places_are_both_kept() -> None:
    merged = merge(BASE, {**BASE, "a": 2}, {**BASE, "b": {"x": "một", "y": "ba"}, "d": 4})
    assert merged.tree == {"a": 2, "b": {"x": "một", "y": "ba"}, "c": [1, 2], "d": 4}
    assert merged.clashes == ()


def test_the_same_change_on_both_sides_is_no_clash() -> None:
    assert merge(BASE, {**BASE, "a": 5}, {**BASE, "a": 5}).clashes == ()


def test_a_clash_shows_all_three_and_keeps_ours_until_theirs_is_chosen() -> None:
    ours, theirs = {**BASE, "a": 2}, {**BASE, "a": 3}
    [clash] = merge(BASE, ours, theirs).clashes
    assert (clash.path, clash.base, clash.ours, clash.theirs) == (("a",), 1, 2, 3)
    chosen = merge(BASE, ours, theirs, {("a",): "theirs"})
    assert chosen.tree["a"] == 3
    assert chosen.clashes == ()


def test_an_entry_that_one_took_away_and_the_other_changed_is_a_clash() -> None:
    ours = {"a": 1, "c": [1, 2]}
    [clash] = merge(BASE, ours, {**BASE, "b": {"x": "bốn", "y": "hai"}}).clashes
    assert clash.path == ("b",)
    assert clash.ours is MISSING
    assert "b" not in merge(BASE, {**BASE, "b": {"x": "bốn", "y": "hai"}}, ours, {("b",): "theirs"}).tree


def test_true_is_not_one() -> None:
    assert len(changes({"a": 1}, {"a": True})) == 1


def _tree(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    def value() -> Any:
        if depth < 3 and dice.random() < 0.4:
            return _tree(dice, depth + 1)
        return dice.choice([0, 1, True, "a", "b", [1], [2], ""])

    return {key: value() for key in dice.sample("abcdef", dice.randint(0, 5))}


@pytest.mark.parametrize("seed", range(300))
def test_merging_is_even_and_loses_nothing(seed: int) -> None:
    dice = random.Random(seed)
    base, ours, theirs = _tree(dice), _tree(dice), _tree(dice)
    assert merge(base, ours, base).tree == ours
    assert merge(base, base, theirs).tree == theirs
    assert merge(base, ours, ours).tree == ours
    one, other = merge(base, ours, theirs), merge(base, theirs, ours)
    assert {clash.path for clash in one.clashes} == {clash.path for clash in other.clashes}
    clashing = {clash.path for clash in one.clashes}
    assert merge(base, ours, theirs, dict.fromkeys(clashing, "theirs")).tree == other.tree
    assert merge(base, ours, theirs, dict.fromkeys(clashing, "ours")).clashes == ()
    if not clashing:
        assert one.tree == other.tree
