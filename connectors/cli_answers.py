"""`thuthu answers …`: answers in, out and measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from connectors.cli_output import Fail, figures_table, told
from connectors.clock import wall_clock
from retrieval import commands
from retrieval.commands import Places


def answers_commands(places: Callable[[], Places], out: Console, fail: Fail) -> typer.Typer:
    """Return the commands; `places` says where this library's files are."""
    app = typer.Typer(no_args_is_help=True, help="Sổ tay trả lời: nhập, xuất, đo.")

    @app.command("import")
    def import_(folder: Path) -> None:
        """Bring a folder of answers (YAML) into the book; what librarians changed since is kept."""
        with told(fail):
            intake = commands.import_answers(folder, places(), wall_clock())
        out.print(
            f"{len(intake.added)} added, {len(intake.changed)} changed, {len(intake.unchanged)} unchanged, "
            f"{len(intake.waiting)} kept as drafts because a librarian had changed them"
        )

    @app.command("export")
    def export(folder: Path) -> None:
        """Write the published answers to a folder, one file each."""
        with told(fail):
            out.print(f"{commands.export_answers(places(), folder)} answers written to {folder}")

    @app.command("eval")
    def evaluate(
        questions: Annotated[Path | None, typer.Option(help="qid, category, question")] = None,
        phrasings: Annotated[Path | None, typer.Option(help="qid, phrasing: stored")] = None,
        paraphrases: Annotated[Path | None, typer.Option(help="qid, paraphrase: asked")] = None,
        as_json: Annotated[bool, typer.Option("--json")] = False,
    ) -> None:
        """Measure answering: over the three files, or over the library's own book when none is given."""
        if len({bool(questions), bool(phrasings), bool(paraphrases)}) > 1:
            fail("give --questions, --phrasings and --paraphrases, or none to measure the library's own book")
        with told(fail):
            if questions and phrasings and paraphrases:
                figures = commands.eval_answers(places(), questions, phrasings, paraphrases)
            else:
                figures = commands.eval_own_answers(places())
        figures_table(out, figures, figures, as_json)

    return app
