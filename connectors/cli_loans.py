"""`thuthu loans`: the nightly file of a library system without an interface, and the rules of the built-in one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from connectors.cli_output import Fail
from connectors.settings import Settings

SHOWN = 20  # problems on the screen; a report file takes all


def add_loan_commands(app: typer.Typer, settings: Callable[[], Settings], out: Console, fail: Fail) -> None:
    loans = typer.Typer(help="Loans from another system's nightly file; circulation rules.", no_args_is_help=True)
    app.add_typer(loans, name="loans")

    @loans.command("import")
    def take_in(
        file: Annotated[Path, typer.Argument(help="CSV of loans: card, barcode or title, due date …")],
        patrons: Annotated[Path | None, typer.Option(help="CSV of patrons: card, name, PIN, birth date …")] = None,
        as_of: Annotated[datetime | None, typer.Option(help="when it was made; else the file's own time")] = None,
        report: Annotated[Path | None, typer.Option(help="where every row that was passed by is written")] = None,
        force: Annotated[bool, typer.Option(help="take it even if more than half of the loans are gone")] = False,
    ) -> None:
        """Put the loans of a nightly file in the place of yesterday's."""
        from connectors.clock import VIETNAM, wall_clock
        from connectors.ils.nightly import NightlyError, read_loans, read_patrons, take
        from connectors.preparing import load_nobody
        from connectors.settings import SQLiteILSSection
        from library.ils import ILSError

        section = settings().ils
        if not isinstance(section, SQLiteILSSection) or not section.nightly:
            fail('a nightly file needs [ils] kind = "sqlite" and nightly = true in the settings')
        try:
            lent, people = read_loans(file), read_patrons(patrons) if patrons else None
            made = as_of or datetime.fromtimestamp(file.stat().st_mtime)
            made = made.replace(tzinfo=VIETNAM) if made.tzinfo is None else made
            if not section.path.is_file():
                load_nobody(settings(), section.path, wall_clock().date())
            with Progress(console=out, transient=True) as bar:
                task = bar.add_task("PIN", visible=False)

                def show(what: str, done: int, whole: int) -> None:
                    bar.update(task, description=what, completed=done, total=whole, visible=True)

                taken = take(section.path, lent, people, made, force=force, progress=show)
        except (NightlyError, ILSError) as exc:
            fail(str(exc))
        out.print(f"{taken.loans} loans (before: {taken.before}), {taken.patrons} patrons, as of {made:%d/%m/%Y %H:%M}")
        passed = [(file, each) for each in lent.problems] + [
            (patrons, each) for each in (people.problems if people else ())
        ]
        unknown = [*lent.unknown, *(people.unknown if people else ())]
        if unknown:
            out.print(f"columns that were not used: {', '.join(unknown)}", markup=False)
        for where, problem in passed[:SHOWN]:
            out.print(f"{where}:{problem.line}: {problem.why}: passed by", markup=False)
        if len(passed) > SHOWN:
            out.print(f"… and {len(passed) - SHOWN} more: --report FILE writes all")
        if report:
            lines = "".join(f"{where}:{each.line}: {each.why}\n" for where, each in passed)
            try:
                report.write_text(lines, encoding="utf-8")
            except OSError as exc:
                fail(f"the loans were taken, but {report} cannot be written: {exc.strerror}; name another --report")

    @loans.command()
    def rules() -> None:
        """Show the circulation rules, checked, as they come out for each group and kind."""
        from connectors.ils.circulation import Circulation, CirculationError, Terms
        from connectors.settings import SQLiteILSSection

        section = settings().ils
        if not isinstance(section, SQLiteILSSection):
            fail("circulation rules are of the built-in library system; yours keeps its own")
        try:
            found = Circulation.load(section.rules)
        except CirculationError as exc:
            fail(str(exc))
        table = Table("bạn đọc · patrons", "tài liệu · items", *(each.name for each in fields(Terms)))
        for category, kind in [("", ""), *found.named()]:
            terms = found.terms(category, kind)
            told = (getattr(terms, each.name) for each in fields(Terms))
            table.add_row(category or "*", kind or "*", *("–" if value is None else str(value) for value in told))
        out.print(table)
