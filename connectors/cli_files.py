"""`thuthu export` and `thuthu import`: the library's words as a folder of plain files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from sqlalchemy import Connection

from connectors.clock import wall_clock
from connectors.filing.filing import Filing, FilingError, Intake, read_folder
from connectors.settings import Settings
from connectors.staff import audit
from connectors.store import Store
from connectors.timetable.versions import Versions
from library.threeway import MISSING, Choices, Side
from retrieval.answers import AnswerBook

Fail = Callable[[str], NoReturn]
BY = "thuthu import"
UNTRIED = "thuthu import --publish: không qua bàn thử, không có người duyệt"


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
        publish: Annotated[
            bool, typer.Option("--publish", help="Put the answers in use at once: untried, unapproved.")
        ] = False,
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
            keys, now = [] if dry_run else filing.take_in(intake, BY, wall_clock(), publish=publish), wall_clock()
        except FilingError as exc:
            fail(str(exc))
        if not dry_run and intake.is_news:
            _noted(settings(), keys, len(intake.changes), publish, now)
        if keys and publish:
            out.print(_unchecked(intake, keys), markup=False, highlight=False, soft_wrap=True)
        done = "sẽ đổi · would change" if dry_run else "đã đổi · changed"
        out.print(f"{len(intake.changes)} chỗ {done}", markup=False, highlight=False)


def _noted(settings: Settings, keys: Sequence[str], changes: int, publish: bool, now: datetime) -> None:
    """Tell the trail what came in, and of each answer that went into use that nothing was asked about it."""

    def work(db: Connection) -> None:
        audit.note(db, BY, "files.imported", "files", {"answers": list(keys), "changes": changes}, now)
        for key in keys if publish else ():
            audit.note(db, BY, "answer.published", f"answer:{key}", {"revision": live.get(key), "reason": UNTRIED}, now)

    live = AnswerBook(settings.files.var / "answers.sqlite").live_numbers()
    with closing(Store(settings.files.var / "gateway.sqlite")) as store:
        store.write_now(work)


def _unchecked(intake: Intake, keys: Sequence[str]) -> str:
    """Return the warning that the bench and a second person were passed by, as who holds the machine may."""
    risky = [key for key in keys if intake.merged["answers"][key].get("risk") == "high"]
    told = f"! {len(keys)} câu vào dùng ngay, không qua bàn thử và người duyệt · in use untried and unapproved"
    return f"{told}; rủi ro cao · high risk: {', '.join(risky)}" if risky else told
