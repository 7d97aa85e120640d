"""Three-way merge of plain trees: what two changed since the same base, put together; clashes are shown, not decided.

A tree is dicts down to leaves; a leaf may be anything that can be compared. A list of entries goes in as a dict by a
key of its own (see `connectors.timetable.document`), a list without keys is one leaf.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal


class Missing:
    """Stands for what is not there; there is one of it."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()
Path = tuple[str, ...]
Side = Literal["ours", "theirs"]
Choices = Mapping[Path, Side]
NOTHING_CHOSEN: Choices = {}


@dataclass(frozen=True)
class Clash:
    """A place that both sides changed, each in its own way. MISSING: was not there, or was taken away."""

    path: Path
    base: Any
    ours: Any
    theirs: Any


@dataclass(frozen=True)
class Merged:
    """What both sides make together; at a clash it holds ours until somebody has chosen."""

    tree: dict[str, Any]
    clashes: tuple[Clash, ...]


@dataclass(frozen=True)
class Change:
    """One place that differs between two trees."""

    path: Path
    before: Any
    after: Any


def merge(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any], choices: Choices = NOTHING_CHOSEN
) -> Merged:
    """Return the merged tree in our order, then what only they have; `choices` say who is right at a clash."""
    clashes: list[Clash] = []
    tree = _merge(base, ours, theirs, (), clashes)
    for clash in clashes:
        if choices.get(clash.path) == "theirs":
            _put(tree, clash.path, clash.theirs)
    return Merged(tree, tuple(clash for clash in clashes if clash.path not in choices))


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return where two trees differ; an entry that is wholly new or gone is one change."""
    return list(_changes(before, after, ()))


def _merge(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any], path: Path, clashes: list[Clash]
) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key in dict.fromkeys([*ours, *theirs]):
        at = (*path, key)
        was, mine, yours = (side.get(key, MISSING) for side in (base, ours, theirs))
        if isinstance(mine, Mapping) and isinstance(yours, Mapping):
            value: Any = _merge(was if isinstance(was, Mapping) else {}, mine, yours, at, clashes)
        elif same(mine, yours) or same(yours, was):
            value = mine
        elif same(mine, was):
            value = yours
        else:
            clashes.append(Clash(at, was, mine, yours))
            value = mine
        if value is not MISSING:
            merged[key] = value
    return merged


def same(one: Any, other: Any) -> bool:
    """Return whether two values are alike and of one kind: 1, 1.0 and True are three things in a file."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _changes(before: Mapping[str, Any], after: Mapping[str, Any], path: Path) -> list[Change]:
    found: list[Change] = []
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key, MISSING), after.get(key, MISSING)
        if isinstance(was, Mapping) and isinstance(now, Mapping):
            found += _changes(was, now, (*path, key))
        elif not same(was, now):
            found.append(Change((*path, key), was, now))
    return found


def _put(tree: dict[str, Any], path: Path, value: Any) -> None:
    *above, last = path
    for key in above:
        tree = tree[key]
    if value is MISSING:
        tree.pop(last, None)
    else:
        tree[last] = value
