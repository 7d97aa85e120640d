"""The circulation rules of the built-in library system, as a library writes them down: who may keep what, how long.

A rule names a category of patrons, a type of item, or both, and what differs from the usual there. The most specific
rule wins, item by item of what it says: both named before one, a category before a type.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from library.text import fold


class CirculationError(Exception):
    """The rules cannot be used; the message names file, rule and fault."""


@dataclass(frozen=True)
class Terms:
    """What holds for one patron and one kind of item."""

    lent: bool = True  # False: for reading in the library only
    loan_days: int = 14
    renewals: int = 2
    renewed_from: Literal["due", "today"] = "due"  # an early renewal costs no days, or counts from its own day
    late_may_renew: bool = False
    holds: int = 3  # of one patron at once
    hold_shelf_days: int = 3  # opening days that a copy waits
    late_fee_vnd: int = 1_000  # an item and a day
    late_fee_most_vnd: int | None = None  # of one item
    debt_limit_vnd: int = 50_000  # owing more than this blocks the card
    closures_extend: bool = True  # a due day on which the library is shut moves to its next opening day


class _Changes(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    lent: bool | None = None
    loan_days: int | None = Field(default=None, ge=1, le=3650)
    renewals: int | None = Field(default=None, ge=0, le=100)
    renewed_from: Literal["due", "today"] | None = None
    late_may_renew: bool | None = None
    holds: int | None = Field(default=None, ge=0, le=1000)
    hold_shelf_days: int | None = Field(default=None, ge=1, le=90)
    late_fee_vnd: int | None = Field(default=None, ge=0)
    late_fee_most_vnd: int | None = Field(default=None, ge=0)
    debt_limit_vnd: int | None = Field(default=None, ge=0)
    closures_extend: bool | None = None

    def changed(self, terms: Terms) -> Terms:
        names = {field.name for field in fields(Terms)}
        said = {name: value for name, value in self.model_dump().items() if name in names and value is not None}
        return replace(terms, **said)


class _Rule(_Changes):
    category: str | None = None  # of patrons
    item_type: str | None = None

    @property
    def weight(self) -> int:
        return 2 * (self.category is not None) + (self.item_type is not None)

    def fits(self, category: str, item_type: str) -> bool:
        return all(
            wanted is None or fold(wanted) == fold(given)
            for wanted, given in ((self.category, category), (self.item_type, item_type))
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    usual: _Changes = _Changes()
    rules: tuple[_Rule, ...] = ()


@dataclass(frozen=True)
class Circulation:
    """The rules of a library; without a file the usual terms hold for everybody and everything."""

    usual: Terms = Terms()
    rules: Sequence[_Rule] = field(default_factory=tuple)

    @classmethod
    def load(cls, path: Path | None) -> Circulation:
        """Return the rules of the file; None: the usual ones. Raises CirculationError."""
        if path is None:
            return cls()
        try:
            told = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
        except FileNotFoundError as exc:
            raise CirculationError(f"{path} is not there: mend [ils] rules, or leave it out") from exc
        except (yaml.YAMLError, UnicodeDecodeError) as exc:
            raise CirculationError(f"{path} is not YAML: {exc}") from exc
        except ValidationError as exc:
            raise CirculationError("\n".join(_plain(path, error) for error in exc.errors())) from exc
        _refuse_twins(path, told.rules)
        return cls(told.usual.changed(Terms()), told.rules)

    def terms(self, category: str = "", item_type: str = "") -> Terms:
        """Return what holds for this category of patrons and this type of item."""
        terms = self.usual
        for rule in sorted(self.rules, key=lambda rule: rule.weight):
            if rule.fits(category, item_type):
                terms = rule.changed(terms)
        return terms

    def named(self) -> list[tuple[str, str]]:
        """Return category and item type of each rule, '' for any."""
        return [(rule.category or "", rule.item_type or "") for rule in self.rules]


def _refuse_twins(path: Path, rules: Sequence[_Rule]) -> None:
    seen: set[tuple[str, str]] = set()
    for number, rule in enumerate(rules, 1):
        key = (fold(rule.category or ""), fold(rule.item_type or ""))
        if rule.weight == 0:
            raise CirculationError(f"{path}: rule {number} names neither category nor item_type: write it under usual")
        if key in seen:
            raise CirculationError(f"{path}: rule {number} is for the same category and item_type as one before it")
        seen.add(key)


def _plain(path: Path, error: Any) -> str:
    where = [f"rule {part + 1}" if isinstance(part, int) else str(part) for part in error["loc"] if part != "rules"]
    what = "unknown key" if error["type"] == "extra_forbidden" else error["msg"]
    return f"{path}: {', '.join(where)}: {what}"
