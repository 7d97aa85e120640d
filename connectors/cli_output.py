"""What the commands on the catalogue and the answers share: failures told in a line, bars, tables of figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from retrieval.answers import AnswerError
from retrieval.embedder import EmbedderUnavailable
from retrieval.evaluate import EvaluationError
from retrieval.index import IndexUnreadable
from retrieval.record import SourceError
from retrieval.storage import StorageError

Fail = Callable[[str], NoReturn]
FAILURES = (
    SourceError,
    StorageError,
    AnswerError,
    IndexUnreadable,
    EmbedderUnavailable,
    EvaluationError,
    OSError,
)


def figures_table(out: Console, figures: dict[str, Any], rows: dict[str, dict[str, Any]], as_json: bool) -> None:
    """Print figures as one JSON object, or as a table with a row each."""
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = Table("", *names)
    for label, row in rows.items():
        table.add_row(label, *(_shown(row.get(name)) for name in names))
    out.print(table)


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)


@contextmanager
def told(fail: Fail) -> Iterator[None]:
    """Turn what an operator can mend into one line."""
    try:
        yield
    except FAILURES as exc:
        fail(str(exc))


@contextmanager
def counting_bar(out: Console) -> Iterator[Progress]:
    """Show how many of how many."""
    described = TextColumn("{task.description}")
    columns = (SpinnerColumn(), described, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        yield bar


@contextmanager
def reading_bar(out: Console, what: str) -> Iterator[Callable[[int, float], None]]:
    """Show records read, and the share of the whole once it is known (0 until then); yield what moves it."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
               TextColumn("{task.fields[records]:,}"), TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(what, total=None, records=0)

        def moved(records: int, share: float) -> None:
            bar.update(task, completed=share, total=1.0 if share else None, records=records)

        yield moved
