"""`thuthu export` and `thuthu import`: the library's words as a folder of plain files."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from connectors.clock import wall_clock
from connectors.filing.filing import Filing, FilingError, read_folder
from connectors.settings import Settings
from connectors.timetable.versions import Versions
from library.threeway import MISSING, Choices, Side
from retrieval.answers import AnswerBook

Fail = Callable[[str], NoReturn]
BY = "thuthu import"


class Take(StrEnum):
    """Which side is right where both changed."""

    ASK = "ask"
    FILES = "files"
    OURS = "ours"


def filing_of(settings: Settings) -> Filing:
    """Return the files of this library."""
    var = settings.files.var
    calendar = Versions(var / "calendar", settings.library.calendar)
    return Filing(AnswerBook(var / "answers.sqlite"), calendar, var / "taught", var / "exchanged")


def add_file_commands(app: typer.Typer, settings: Callable[[], Settings], out: Console, fail: Fail) -> None:
    """Add both commands; `settings` reads the chosen settings file."""

    @app.command("export")
    def export(folder: Path) -> None:
        """Write answers, calendar and examples to a folder of plain YAML, one answer a file; made for git."""
        out.print(f"{filing_of(settings()).export(folder)} tệp · files → {folder}", markup=False, highlight=False)

    @app.command("import")
    def import_(
        folder: Path,
        take: Annotated[Take, typer.Option(help="Where both changed: files, ours, or stop and list.")] = Take.ASK,
        publish: Annotated[bool, typer.Option("--publish", help="Put the answers in use, not as drafts.")] = False,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    ) -> None:
        """Bring an exported folder back in; what was changed here meanwhile is kept, clashes are listed."""
        filing = filing_of(settings())
        try:
            files = read_folder(folder)
            intake = filing.look(files)
            if intake.clashes and take is not Take.ASK:
                side: Side = "theirs" if take is Take.FILES else "ours"
                choices: Choices = {clash.path: side for clash in intake.clashes}
                intake = filing.look(files, choices)
            for clash in intake.clashes:
                sides = (("—" if side is MISSING else side) for side in (clash.base, clash.ours, clash.theirs))
                told = "trước {} | ở đây {} | tệp {}".format(*sides)
                out.print(f"! {' › '.join(clash.path)}: {told}", markup=False, highlight=False)
            for change in intake.changes:
                out.print(f"~ {' › '.join(change.path)}", markup=False, highlight=False)
            if intake.clashes:
                fail("hai bên cùng sửa; chưa nhập gì · both changed, nothing was imported: --take files or --take ours")
            if not dry_run:
                filing.take_in(intake, BY, wall_clock(), publish=publish)
        except FilingError as exc:
            fail(str(exc))
        done = "sẽ đổi · would change" if dry_run else "đã đổi · changed"
        out.print(f"{len(intake.changes)} chỗ {done}", markup=False, highlight=False)
