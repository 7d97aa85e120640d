"""Long lists, fifty to a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select

Item = TypeVar("Item")

PAGE_SIZE = 50


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Up to 50 items; `number` and `last` count from 1."""

    items: Sequence[Item]
    number: int
    last: int
    total: int


def place(page: int, total: int, size: int = PAGE_SIZE) -> tuple[int, int, int]:
    """Return the page to show, the last page and the total; a page beyond the last is the last."""
    last = max(1, -(-total // size))
    return min(max(page, 1), last), last, total


def cut(query: Select[Any], page: int) -> Select[Any]:
    return query.limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
