"""`thuthu demo`: the invented month of talks, put in and taken away."""

from __future__ import annotations

from collections.abc import Callable

import typer
from rich.console import Console

from connectors.cli_output import Fail
from connectors.settings import Settings


def add_demo_commands(app: typer.Typer, settings: Callable[[], Settings], out: Console, fail: Fail) -> None:
    demo = typer.Typer(help="The invented month of talks of the demo library.", no_args_is_help=True)
    app.add_typer(demo, name="demo")

    @demo.command()
    def load() -> None:
        """Put a month of invented talks before today into an empty store, to try the console with."""
        from connectors.preparing import load_demo_month

        count = load_demo_month(settings())
        if not count:
            fail("the store has talks already: the invented month goes only into an empty one")
        out.print(f"{count} messages, from the last 30 days")

    @demo.command()
    def clear() -> None:
        """Take the invented talks away again; real ones stay."""
        from connectors import month
        from connectors.clock import wall_clock
        from connectors.store import Store

        store = Store(settings().files.var / "gateway.sqlite")
        try:
            out.print(f"{store.write_now(lambda db: month.clear(db, wall_clock()))} invented conversations gone")
        finally:
            store.close()
