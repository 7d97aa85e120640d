"""`thuthu catalogue …`: records in, out, indexed, found and measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from os import cpu_count
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from connectors.cli_output import Fail, counting_bar, figures_table, reading_bar, told
from retrieval import commands
from retrieval.commands import Places
from retrieval.harvest import Plan
from retrieval.intake import ImportOptions, Intake
from retrieval.sources.columns import ColumnMap, read_map
from retrieval.sources.files import guess_columns, is_table
from retrieval.sources.table import TableOptions

Report = Annotated[Path | None, typer.Option(help="Where to list every record not taken as it stood.")]
Library = Annotated[str, typer.Option(help="Code of the library whose records they are, in a union of several.")]
Sheet = Annotated[str, typer.Option(help="Sheet of an Excel file; the first with headings when not given.")]
Charset = Annotated[
    str, typer.Option(help="Text that is not UTF-8: TCVN3, VNI, VISCII, CP1258, MARC-8; else found out.")
]


def catalogue_commands(places: Callable[[], Places], out: Console, fail: Fail) -> typer.Typer:
    """Return the commands; `places` says where this library's files are."""
    app = typer.Typer(no_args_is_help=True, help="Mục lục: nhập, thu hoạch, xuất, lập chỉ mục, tìm, đo.")

    @app.command("import")
    def import_(
        file: Annotated[Path, typer.Argument(help="ISO 2709 (.mrc), MARCXML (.xml), CSV or Excel (.xlsx).")],
        whole: Annotated[bool, typer.Option(help="The file is the whole catalogue: delete what it lacks.")] = False,
        report: Report = None,
        library: Library = "",
        charset: Charset = "",
        columns: Annotated[Path | None, typer.Option(help="Map of a table's columns; see `columns`.")] = None,
        sheet: Sheet = "",
        yes: Annotated[bool, typer.Option("--yes", help="Take a table's columns as guessed.")] = False,
    ) -> None:
        """Take in a file of records; finding by words works at once."""
        with told(fail):
            known = read_map(columns) if columns else None
            if known is None and is_table(file):
                known = guess_columns(file, sheet=sheet, charset=charset)
                _show_columns(out, known)
                if sys.stdin.isatty() and not yes and not typer.confirm("Đúng chưa? · Is this right?", default=True):
                    fail(f"write the map with `thuthu catalogue columns {file} MAP.toml`, correct it, give --columns")
            table = TableOptions(columns=known, sheet=sheet)
            options = ImportOptions(
                whole=whole, library=library, charset=charset, table=table, workers=cpu_count() or 1
            )
            with reading_bar(out, "đọc · reading") as moved:
                account = commands.import_catalogue(file, places(), options, moved)
            _show_account(out, account, report or _listing(places(), file.stem))
        if not account.complete:
            fail(f"{file} broke off; what came before the break is kept")

    @app.command("columns")
    def columns_(
        file: Annotated[Path, typer.Argument(help="CSV or Excel (.xlsx).")],
        to: Annotated[Path | None, typer.Argument(help="Where to write the map; printed when not given.")] = None,
        sheet: Sheet = "",
        charset: Charset = "",
    ) -> None:
        """Guess what a table's columns are, as a map to correct and give to `import --columns`."""
        with told(fail):
            found = guess_columns(file, sheet=sheet, charset=charset)
            if to:
                to.write_text(found.to_toml(), encoding="utf-8")
                _show_columns(out, found)
                out.print(f"The map: {to}", markup=False, highlight=False)
            else:
                print(found.to_toml(), end="")

    @app.command("harvest")
    def harvest(
        url: Annotated[str, typer.Argument(help="Base address of an OAI-PMH server (Koha, DSpace …).")],
        set_spec: Annotated[str, typer.Option("--set", help="Only this set.")] = "",
        prefix: Annotated[str, typer.Option(help="Format; marcxml where the server has it, else oai_dc.")] = "",
        since: Annotated[str, typer.Option("--from", help="YYYY-MM-DD; since the last harvest when not given.")] = "",
        library: Library = "",
        whole: Annotated[bool, typer.Option(help="Everything anew; delete what the server no longer has.")] = False,
        report: Report = None,
    ) -> None:
        """Bring in what an OAI-PMH server has new; interrupted, the same command goes on."""
        plan = Plan(set_spec=set_spec, prefix=prefix, since=since, library=library, whole=whole)
        with told(fail):
            with reading_bar(out, "thu hoạch · harvesting") as moved:
                account = commands.harvest_catalogue(
                    url, places(), plan, lambda done, of: moved(done, min(1.0, done / of) if of else 0.0)
                )
            _show_account(out, account, report or _listing(places(), library or "harvest"))
        if not account.complete:
            fail("the harvest did not come to its end; what came is kept, and the same command goes on")

    @app.command("export")
    def export(file: Annotated[Path, typer.Argument(help=".mrc, .xml or .jsonl")]) -> None:
        """Write every record to a file."""
        with told(fail):
            out.print(f"{commands.export_catalogue(places(), file)} records written to {file}")

    @app.command("index")
    def index() -> None:
        """Make the index anew, meaning included; an interrupted run goes on where it stopped."""
        with told(fail), counting_bar(out) as bar:
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
        with told(fail):
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

    @app.command("queries")
    def queries(
        file: Annotated[Path, typer.Argument(help="Where to write them, as `eval` reads them.")],
        n: Annotated[int, typer.Option("-n", help="How many records to ask for.", min=1)] = 2000,
        seed: Annotated[int, typer.Option(help="The same seed draws the same queries.")] = 1,
    ) -> None:
        """Draw queries for records of the catalogue, each typed with marks, without, and in a hurry."""
        with told(fail):
            out.print(f"{commands.draw_queries(places(), file, n, seed)} queries written to {file}")

    @app.command("eval")
    def evaluate(
        queries: Annotated[Path, typer.Argument(help="query, relevant record ids (commas), tags; tab separated")],
        as_json: Annotated[bool, typer.Option("--json")] = False,
    ) -> None:
        """Measure search over judged queries."""
        with told(fail):
            figures = commands.eval_catalogue(places(), queries)
        rows = {"all": figures["all"], **figures["by_tag"]}
        figures_table(out, figures, rows, as_json)

    return app


def _listing(places: Places, name: str) -> Path:
    return places.catalogue.parent / "reports" / f"{name}.tsv"


def _show_columns(out: Console, found: ColumnMap) -> None:
    title = f"{found.sheet}: dòng tiêu đề {found.heading_row} · headings in row {found.heading_row}".lstrip(": ")
    table = Table("", "cột · column", "là · is", "ví dụ · samples", title=title)
    for each in found.columns:
        table.add_row(str(each.number), each.heading, each.field or "—", " · ".join(each.samples))
    out.print(table, markup=False)


def _show_account(out: Console, account: Intake, listing: Path) -> None:
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
