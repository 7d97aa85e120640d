"""`thuthu catalogue …` and `thuthu answers …`: records and answers in, out, found and measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from connectors.clock import wall_clock
from retrieval import commands
from retrieval.answers import AnswerError
from retrieval.commands import Places
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


def retrieval_commands(places: Callable[[], Places], out: Console, fail: Fail) -> tuple[typer.Typer, typer.Typer]:
    """Return the two command groups; `places` says where this library's files are."""
    return _catalogue(places, out, fail), _answers(places, out, fail)


def _catalogue(places: Callable[[], Places], out: Console, fail: Fail) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Mục lục: nhập, xuất, lập chỉ mục, tìm, đo.")

    @app.command("import")
    def import_(
        file: Annotated[Path, typer.Argument(help="ISO 2709 (.mrc), MARCXML (.xml) or CSV.")],
        whole: Annotated[bool, typer.Option(help="The file is the whole catalogue: delete what it lacks.")] = False,
        report: Annotated[Path | None, typer.Option(help="Where to list every record not taken as it stood.")] = None,
    ) -> None:
        """Take in a file of records; finding by words works at once."""
        with _told(fail), _bar(out) as bar:
            task = bar.add_task("đọc · reading", total=None)
            account = commands.import_catalogue(
                file, places(), whole=whole, progress=lambda read: bar.update(task, completed=read)
            )
            listing = report or places().catalogue.parent / "reports" / f"{file.stem}.tsv"
            listing.parent.mkdir(parents=True, exist_ok=True)
            commands.write_problems(account, listing)
        stored = account.stored
        out.print(
            f"{account.read} records read: {stored.added} added, {stored.changed} changed, "
            f"{stored.unchanged} unchanged, {account.repeated} repeated, {account.refused} refused; "
            f"{account.deleted} deleted"
        )
        for what, taken, count in account.kinds:
            out.print(f"  {count:>7}  {'taken  ' if taken else 'refused'}  {what}", markup=False, highlight=False)
        out.print(f"Every record not taken as it stood: {listing}", markup=False, highlight=False)
        out.print("Finding by meaning: run `thuthu catalogue index`")
        if not account.complete:
            fail(f"{file} broke off; what came before the break is kept")

    @app.command("export")
    def export(file: Annotated[Path, typer.Argument(help=".mrc, .xml or .jsonl")]) -> None:
        """Write every record to a file."""
        with _told(fail):
            out.print(f"{commands.export_catalogue(places(), file)} records written to {file}")

    @app.command("index")
    def index() -> None:
        """Make the index anew, meaning included; an interrupted run goes on where it stopped."""
        with _told(fail), _bar(out) as bar:
            tasks: dict[str, Any] = {}

            def progress(what: str, done: int, whole: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(what)
                bar.update(tasks[what], completed=done, total=whole)

            manifest = commands.build_index(places(), progress=progress)
        out.print(f"{manifest.records} records indexed")

    @app.command("search")
    def search(
        query: str,
        n: Annotated[int, typer.Option("-n", help="How many hits.")] = 10,
        as_json: Annotated[bool, typer.Option("--json", help="One JSON list.")] = False,
    ) -> None:
        """Find records as patrons do."""
        with _told(fail):
            found = commands.search(places(), query, n)
        rows: list[dict[str, Any]] = [
            {
                "record_id": record.record_id,
                "title": record.full_title,
                "author": record.author,
                "year": record.year,
                "score": round(score, 4),
                "why": [{"kind": why.kind, "value": why.value} for why in reasons],
            }
            for record, score, reasons in found
        ]
        if as_json:
            print(json.dumps(rows, ensure_ascii=False))
            return
        table = Table("", "nhan đề · title", "tác giả · author", "năm", "khớp vì · why")
        for number, row in enumerate(rows, 1):
            why = ", ".join(f"{w['kind']} {w['value']}".strip() for w in row["why"])
            table.add_row(str(number), row["title"], row["author"], str(row["year"] or ""), why)
        out.print(table if rows else "Không tìm thấy · nothing found")

    @app.command("eval")
    def evaluate(
        queries: Annotated[Path, typer.Argument(help="query, relevant record ids (commas), tags; tab separated")],
        as_json: Annotated[bool, typer.Option("--json")] = False,
    ) -> None:
        """Measure search over judged queries."""
        with _told(fail):
            figures = commands.eval_catalogue(places(), queries)
        rows = {"all": figures["all"], **figures["by_tag"]}
        _figures(out, figures, rows, as_json)

    return app


def _answers(places: Callable[[], Places], out: Console, fail: Fail) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Sổ tay trả lời: nhập, xuất, đo.")

    @app.command("import")
    def import_(folder: Path) -> None:
        """Bring a folder of answers (YAML) into the book; what librarians changed since is kept."""
        with _told(fail):
            intake = commands.import_answers(folder, places(), wall_clock())
        out.print(
            f"{len(intake.added)} added, {len(intake.changed)} changed, {len(intake.unchanged)} unchanged, "
            f"{len(intake.waiting)} kept as drafts because a librarian had changed them"
        )

    @app.command("export")
    def export(folder: Path) -> None:
        """Write the published answers to a folder, one file each."""
        with _told(fail):
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
        with _told(fail):
            if questions and phrasings and paraphrases:
                figures = commands.eval_answers(places(), questions, phrasings, paraphrases)
            else:
                figures = commands.eval_own_answers(places())
        _figures(out, figures, figures, as_json)

    return app


def _figures(out: Console, figures: dict[str, Any], rows: dict[str, dict[str, Any]], as_json: bool) -> None:
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
def _told(fail: Fail) -> Iterator[None]:
    try:
        yield
    except FAILURES as exc:
        fail(str(exc))


@contextmanager
def _bar(out: Console) -> Iterator[Progress]:
    described = TextColumn("{task.description}")
    columns = (SpinnerColumn(), described, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        yield bar
