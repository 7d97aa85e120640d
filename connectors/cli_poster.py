"""`thuthu poster` and `thuthu share`: posters with QR codes, and links that open the chat at a book or a question."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import httpx
import typer
from rich.console import Console

from connectors.places import places_of
from connectors.poster import Lang, Look, PosterError, Size, make_posters, open_doors, unreachable_host
from connectors.settings import Settings, TelegramSection
from connectors.sharing import Share, share_book, share_question
from retrieval.answers import AnswerBook
from retrieval.catalogue import Catalogue

Fail = Callable[[str], NoReturn]
User = Annotated[str | None, typer.Option("--telegram-user", help="The bot's name at Telegram; else it is asked.")]


def add_poster_commands(app: typer.Typer, settings: Callable[[], Settings], out: Console, fail: Fail) -> None:
    """Add both commands; `settings` reads the chosen settings file."""

    @app.command()
    def poster(
        folder: Annotated[Path, typer.Argument(help="Where to put the files.")] = Path("posters"),
        size: Annotated[Size, typer.Option(help="The sheet.")] = "a4",
        lang: Annotated[Lang, typer.Option(help="Vietnamese, or English below it.")] = "vi-en",
        colour: Annotated[str, typer.Option(help="The library's colour, as #rrggbb.")] = Look.colour,
        telegram_user: User = None,
        anyway: Annotated[bool, typer.Option("--anyway", help="Also for an address that phones cannot reach.")] = False,
    ) -> None:
        """Make a poster, PDF and PNG, with QR codes to every door that is open."""
        chosen = settings()
        host = unreachable_host(chosen.public_url)
        if host and not anyway:
            fail(f"patrons' phones cannot reach {host}; set [web] public_url, or use --anyway to try it out")
        user = telegram_user or (_bot_name(chosen.telegram, fail) if chosen.telegram else None)
        doors = open_doors(chosen.public_url, user, chosen.zalo.oa_id if chosen.zalo else None)
        look = Look(chosen.library.name, chosen.library.name_en, colour)
        try:
            made = make_posters(look, doors, folder, size, lang)
        except (PosterError, OSError) as exc:
            fail(str(exc))
        for path in made:
            out.print(str(path), markup=False, highlight=False)

    app.add_typer(_share(settings, out, fail), name="share")


def _share(settings: Callable[[], Settings], out: Console, fail: Fail) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Đường dẫn mở cuộc trò chuyện tại một cuốn sách hay một câu hỏi.")

    def user_of(chosen: Settings, given: str | None) -> str | None:
        return given or (_bot_name(chosen.telegram, fail) if chosen.telegram else None)

    @app.command("book")
    def book(record_id: str, telegram_user: User = None) -> None:
        """Print the links that open the chat at a book."""
        chosen = settings()
        record = Catalogue(places_of(chosen).catalogue).get(record_id)
        if record is None:
            fail(f"the catalogue has no record {record_id}")
        _print(share_book(record_id, chosen.public_url, user_of(chosen, telegram_user)), record.full_title, out)

    @app.command("question")
    def question(answer_id: str, telegram_user: User = None) -> None:
        """Print the links that open the chat with a curated question asked."""
        chosen = settings()
        answer = AnswerBook(places_of(chosen).answers).get(answer_id)
        if answer is None:
            fail(f"no answer {answer_id} is published")
        link = share_question(answer_id, answer.question, chosen.public_url, user_of(chosen, telegram_user))
        _print(link, answer.question, out)

    return app


def _print(share: Share, title: str, out: Console) -> None:
    for line in (title, share.web, share.telegram):
        if line:
            out.print(line, markup=False, highlight=False, soft_wrap=True)


def _bot_name(telegram: TelegramSection, fail: Fail) -> str:
    """Return the bot's name as Telegram knows it. The token is part of the address: no error may show that."""
    try:
        told = httpx.get(f"{telegram.api}/bot{telegram.token}/getMe", timeout=10).json()
        return str(told["result"]["username"])
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        fail("Telegram did not say the bot's name; give it with --telegram-user")
