"""`thuthu staff` and `thuthu audit`: accounts of the librarians' door, and whether the trail of deeds is whole."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from sqlalchemy import Connection

from connectors.clock import wall_clock
from connectors.settings import Settings
from connectors.staff import audit
from connectors.staff.accounts import StaffError, add_staff
from connectors.staff.passwords import plain_name
from connectors.store import Store

Fail = Callable[[str], NoReturn]
AT_THE_MACHINE = "thuthu"  # who did what was done by command, in the trail


def add_staff_commands(app: typer.Typer, settings: Callable[[], Settings], out: Console, fail: Fail) -> None:
    staff_app = typer.Typer(no_args_is_help=True, help="Tài khoản thủ thư.")
    app.add_typer(staff_app, name="staff")

    @staff_app.callback()
    def staff_commands() -> None:
        """Tài khoản thủ thư."""

    @staff_app.command("add")
    def add(
        name: Annotated[str, typer.Argument(help="The name typed at sign-in.")],
        generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it once.")] = False,
        role: Annotated[str, typer.Option(help="reader, editor, approver, content_admin, technical_admin.")] = "editor",
        branch: Annotated[list[str] | None, typer.Option(help="A branch to look after; none: all.")] = None,
    ) -> None:
        """Make an account for the librarians' door."""
        password = secrets.token_urlsafe(12) if generate else _asked()

        def work(db: Connection) -> None:
            add_staff(db, name, password, role, wall_clock(), branch or ())
            detail = {"role": role, "branches": sorted(branch or ())}
            audit.note(db, AT_THE_MACHINE, "staff.added", f"staff:{plain_name(name)}", detail, wall_clock())

        try:
            with _opened(settings()) as store:
                store.write_now(work)
        except StaffError as exc:
            fail(str(exc))
        out.print(f"Đã tạo tài khoản · account made: {name}", markup=False, highlight=False)
        if generate:
            out.print(f"Mật khẩu, chỉ hiện một lần · password, shown once: {password}", markup=False, highlight=False)


def add_audit_commands(app: typer.Typer, settings: Callable[[], Settings], out: Console, fail: Fail) -> None:
    audit_app = typer.Typer(no_args_is_help=True, help="Nhật ký việc của thủ thư.")
    app.add_typer(audit_app, name="audit")

    @audit_app.callback()
    def audit_commands() -> None:
        """Nhật ký việc của thủ thư."""

    @audit_app.command()
    def verify(
        anchor: Annotated[list[str] | None, typer.Option(help="A number:hash kept elsewhere; several may be.")] = None,
    ) -> None:
        """Say whether the trail is what was written; prints the anchor to keep elsewhere. Fails when it is not."""
        kept = {number: seal for number, seal in map(_parted, anchor or ()) if seal}
        if len(kept) < len(anchor or ()):
            fail("an anchor is number:hash, as `thuthu audit verify` prints it")
        with _opened(settings()) as store:
            found = store.read_now(lambda db: audit.verify(db, kept))
        say = partial(out.print, markup=False, highlight=False, soft_wrap=True)
        say(f"Mốc để lưu ở nơi khác · anchor to keep elsewhere: {found.anchor}")
        if not found.ok:
            say(f"Nhật ký không nguyên vẹn · the trail is not whole: {found.problem}")
            raise typer.Exit(1)
        say(f"Nhật ký nguyên vẹn · the trail is whole: {found.rows}")


def _parted(anchor: str) -> tuple[int, str]:
    number, _, seal = anchor.partition(":")
    return (int(number), seal) if number.isascii() and number.isdigit() else (0, "")


def _asked() -> str:
    return str(typer.prompt("Mật khẩu · password", hide_input=True, confirmation_prompt=True))


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    store = Store(settings.files.var / "gateway.sqlite")
    try:
        yield store
    finally:
        store.close()
