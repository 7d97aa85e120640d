"""Whose card is a child's, and what a guardian agrees to before it is linked.

The age is the Children Act's (under 16). Law 91/2025/QH15 wants consent that is given, not presumed: a named adult
ticks a box; without it nothing is linked, and it ends with the link.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from library.model import Patron
from library.text import fold

TEXT = "2026-11"  # which wording the guardian saw; a new one when its meaning changes
LONGEST = 80  # characters of a name or a relation


@dataclass(frozen=True)
class Guardian:
    """Who consents, as typed on the page."""

    name: str
    relation: str

    @property
    def complete(self) -> bool:
        return all(part and len(part) <= LONGEST and part.isprintable() for part in (self.name, self.relation))


@dataclass(frozen=True)
class Childhood:
    """What makes a card a child's: its birth date, or its category at the library."""

    adult_age: int = 16
    categories: Sequence[str] = ()

    def is_child(self, patron: Patron, today: date) -> bool:
        if patron.born_on and age(patron.born_on, today) < self.adult_age:
            return True
        return fold(patron.category) in {fold(category) for category in self.categories}


def age(born_on: date, today: date) -> int:
    """Return the whole years lived."""
    return today.year - born_on.year - ((today.month, today.day) < (born_on.month, born_on.day))
