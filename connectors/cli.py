"""The `thuthu` command: one line each for what an operator does. The work is done in the rooms."""

from __future__ import annotations

import asyncio
import logging
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from connectors.cli_answers import answers_commands
from connectors.cli_catalogue import catalogue_commands
from connectors.cli_demo import add_demo_commands
from connectors.cli_explain import add_explain_command
from connectors.cli_files import add_file_commands
from connectors.cli_loans import add_loan_commands
from connectors.cli_poster import add_poster_commands
from connectors.cli_privacy import add_privacy_commands
from connectors.cli_staff import add_audit_commands, add_staff_commands
from connectors.places import places_of
from connectors.settings import Settings, SettingsError, load_settings
from retrieval.commands import Places

out = Console()
complain = Console(stderr=True)

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Thủ Thư: trợ lý tra cứu của thư viện.")

DEMO = Path("demo")


class _Chosen:
    """Which settings file this command runs with; read once, when first asked for."""

    path: Path = Path("library.toml")

    @staticmethod
    def settings() -> Settings:
        try:
            return load_settings(_Chosen.path)
        except SettingsError as exc:
            fail(str(exc))


def fail(message: str) -> NoReturn:
    complain.print(message, style="red", markup=False, highlight=False)
    raise typer.Exit(2)


@app.callback()
def _choose(
    config: Annotated[Path | None, typer.Option(help="Settings file; library.toml, or the demo's.")] = None,
) -> None:
    own = Path("library.toml")
    _Chosen.path = config or (own if own.is_file() else DEMO / "library.toml")


@app.command()
def run() -> None:
    """Start everything and keep it alive."""
    from connectors.supervisor import CannotStart
    from connectors.supervisor import run as supervise

    settings = _Chosen.settings()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)

    async def on_ready() -> None:
        out.print(f"\n[bold]{settings.library.name}[/bold] đang phục vụ · is serving")
        out.print(f"  Trò chuyện · chat      {settings.public_url}/")
        out.print(f"  Thủ thư · librarians   {settings.public_url}/console")
        out.print(f"  Lập trình · API        {settings.public_url}/docs")
        out.print("  Dừng · stop            Ctrl+C\n")

    out.print("Đang khởi động, khoảng 20 giây… · starting, about 20 seconds…")
    try:
        asyncio.run(supervise(settings, _Chosen.path, on_ready))
    except CannotStart as exc:
        fail(str(exc))


@app.command()
def prepare() -> None:
    """Make what is missing: the encoder, the demo library, the index, the trained dialogue. Quick when all is there."""
    from connectors.preparing import PreparationError, first_logins
    from connectors.preparing import prepare as make_ready

    settings = _Chosen.settings()
    try:
        make_ready(settings, out)
    except PreparationError as exc:
        fail(str(exc))
    logins = first_logins(settings)
    if logins:
        out.print("Tài khoản thủ thư đầu tiên, chỉ hiện một lần · first console login, shown once:")
    for name, password, role in logins:
        out.print(f"  {name} / {password}  ({role})", markup=False, highlight=False)


@app.command()
def check() -> None:
    """Open every door once and say what is wrong and what to do."""
    from connectors.checks import run_checks

    findings = run_checks(_Chosen.settings(), _Chosen.path)
    for finding in findings:
        mark = "[green]✓[/green]" if finding.ok else "[red]✗[/red]"
        out.print(f"{mark} {finding.what}: ", end="")
        out.print(finding.says, markup=False, highlight=False)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


@app.command()
def train() -> None:
    """Train the dialogue from nlu_data/ and bot/, also when nothing changed."""
    from connectors.preparing import PreparationError, train_dialogue

    try:
        train_dialogue(_Chosen.settings(), out)
    except PreparationError as exc:
        fail(str(exc))


@app.command()
def talk(
    jsonl: Annotated[bool, typer.Option(help="Read one turn a line, write one JSON object a turn.")] = False,
    now: Annotated[datetime | None, typer.Option(help="Set the clock, such as 2027-02-08T10:00.")] = None,
    card: Annotated[str | None, typer.Option("--as", help="Link this demo card first.")] = None,
    channel: Annotated[str, typer.Option(help="The door it comes through: web, telegram or zalo.")] = "web",
) -> None:
    """Chat with the whole product in the terminal."""
    from connectors.talk import TalkError, hold_talk

    try:
        asyncio.run(hold_talk(_Chosen.settings(), sys.stdin, out, jsonl=jsonl, now=now, card=card, channel=channel))
    except TalkError as exc:
        fail(str(exc))


def _places() -> Places:
    return places_of(_Chosen.settings())


app.add_typer(catalogue_commands(_places, out, fail), name="catalogue")
app.add_typer(answers_commands(_places, out, fail), name="answers")
add_file_commands(app, _Chosen.settings, out, fail)
add_explain_command(app, _Chosen.settings, out, fail)
add_demo_commands(app, _Chosen.settings, out, fail)
add_loan_commands(app, _Chosen.settings, out, fail)
add_poster_commands(app, _Chosen.settings, out, fail)
add_privacy_commands(app, _Chosen.settings, out, fail)
add_staff_commands(app, _Chosen.settings, out, fail)
add_audit_commands(app, _Chosen.settings, out, fail)


if __name__ == "__main__":
    app()
