"""`thuthu retention` and `thuthu receipt`: what is deleted by age, and the proof that something was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from connectors.clock import wall_clock
from connectors.privacy import receipt as find_receipt
from connectors.retention import due, policy_of, sweep_all
from connectors.settings import Settings
from connectors.store import Store

Fail = Callable[[str], NoReturn]


def add_privacy_commands(app: typer.Typer, settings: Callable[[], Settings], out: Console, fail: Fail) -> None:
    """Add both commands; `settings` reads the chosen settings file."""

    @app.command()
    def retention(
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    ) -> None:
        """Delete what was kept long enough; the gateway does so by itself every hour."""
        chosen = settings()
        with _opened(chosen) as store:
            if dry_run:
                policy = policy_of(chosen.privacy)
                gone = store.read_now(lambda db: due(db, wall_clock(), policy))
            else:
                gone = asyncio.run(sweep_all(store, wall_clock, policy_of(chosen.privacy)))
        _print(out, gone, "sẽ xoá · would delete" if dry_run else "đã xoá · deleted")

    @app.command()
    def receipt(number: Annotated[int, typer.Argument(help="The number that the patron was told.")]) -> None:
        """Say what a deletion deleted, and whether anything is still kept."""
        with _opened(settings()) as store:
            found = store.read_now(lambda db: find_receipt(db, number))
        if found is None:
            fail(f"no receipt {number} was given")
        at, gone, kept = found
        out.print(f"Biên nhận · receipt {number}: {at:%d/%m/%Y %H:%M}")
        _print(out, gone, "đã xoá · deleted")
        _print(out, kept, "còn giữ · still kept")


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    store = Store(settings.files.var / "gateway.sqlite")
    try:
        yield store
    finally:
        store.close()


def _print(out: Console, counts: dict[str, int], title: str) -> None:
    if not any(counts.values()):
        out.print(f"{title}: 0")
        return
    table = Table(title, "")
    for kind, number in counts.items():
        table.add_row(kind, str(number))
    out.print(table)
