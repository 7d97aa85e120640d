"""The calendar as a document: the plain YAML, and the same as a tree whose entries have names, for merging."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml

from library.calendar import CalendarError, LibraryCalendar
from library.calendar_file import plan_of

Document = dict[str, Any]
Tree = dict[str, Any]

ORDER = ("seasons", "weekly_off", "branches", "monthly", "holidays", "closures", "openings")
_DATED = ("closures", "openings")


def parse(text: str, name: str) -> Document:
    """Return the document of a YAML text. Raises CalendarError saying what is wrong, also with what it says."""
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise CalendarError(f"reading the calendar {name}: not YAML ({exc}); mend the line named") from exc
    plan_of(found, name)
    document: Document = found
    return document


def calendar_of(document: Document, name: str = "calendar") -> LibraryCalendar:
    """Return the calendar that the document describes. Raises CalendarError."""
    return LibraryCalendar(plan_of(document, name))


def write(document: Document) -> str:
    """Return the document as YAML that git can compare line by line; `parse` gives the same document back."""
    ordered = {key: document[key] for key in ORDER if key in document}
    ordered |= {key: value for key, value in document.items() if key not in ordered}
    # Without aliases: shared hours are written out where they hold, so that a change to one branch is one line.
    return yaml.dump(copy.deepcopy(_plain(ordered)), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)


def tree_of(document: Document) -> Tree:
    """Return the document with its lists of entries as dicts by what names each entry; `document_of` undoes it."""
    tree: Tree = dict(document)
    for part in ("branches", "monthly", "holidays", *_DATED):
        if part in document:
            tree[part] = _named(document[part], _NAMES[part])
    for code, branch in (tree.get("branches") or {}).items():
        if "rooms" in branch:
            tree["branches"][code] = {**branch, "rooms": _named(branch["rooms"], _code)}
    return tree


def document_of(tree: Tree) -> Document:
    """Return the document of a tree, its entries in the order of the tree; dated ones by day."""
    document: Document = dict(tree)
    for part in ("monthly", "holidays", *_DATED):
        if part in tree:
            document[part] = list(tree[part].values())
    for part in _DATED:
        if part in tree:
            document[part].sort(key=lambda entry: (entry["from"], entry.get("to", entry["from"])))
    if "branches" in tree:
        document["branches"] = [
            {**branch, "rooms": list(branch["rooms"].values())} if "rooms" in branch else branch
            for branch in tree["branches"].values()
        ]
    return document


def entry_key(entry: Mapping[str, Any]) -> str:
    """Return what names a dated closure or opening: its first day and its places."""
    places = ("+".join(sorted(entry.get(part) or ())) for part in ("branches", "rooms"))
    return "|".join([str(entry["from"]), *places])


def _code(entry: Mapping[str, Any]) -> str:
    return str(entry["code"])


def _when(entry: Mapping[str, Any]) -> str:
    return next((f"{kind} {entry[kind]}" for kind in ("solar", "lunar") if kind in entry), "tet")


def _month_days(entry: Mapping[str, Any]) -> str:
    return str(entry["days"])


_NAMES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "branches": _code, "monthly": _month_days, "holidays": _when, "closures": entry_key, "openings": entry_key,
}  # fmt: skip


def _named(entries: Sequence[Mapping[str, Any]], name: Callable[[Mapping[str, Any]], str]) -> dict[str, Any]:
    """Return the entries by name; a second one of the same name is told apart by a number."""
    found: dict[str, Any] = {}
    for entry in entries:
        key, times = name(entry), 1
        while key in found:
            times += 1
            key = f"{name(entry)} ({times})"
        found[key] = dict(entry)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True
