"""`thuthu explain`: how one message is understood and answered, for who wonders why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from connectors.cli_output import Fail
from connectors.settings import Settings


def add_explain_command(app: typer.Typer, settings: Callable[[], Settings], out: Console, fail: Fail) -> None:
    @app.command()
    def explain(
        text: Annotated[str, typer.Argument(help="A message as a patron would type it.")],
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
        now: Annotated[datetime | None, typer.Option(help="Set the clock, such as 2027-02-08T10:00.")] = None,
        card: Annotated[str | None, typer.Option("--as", help="Link this demo card first.")] = None,
    ) -> None:
        """Show how a message is understood: words, intents, nearest examples, slots, dates, and the reply."""
        from connectors.dialogue import DialogueAway
        from connectors.talk import TalkError

        if not as_json:
            out.print("Đang khởi động… · starting…", style="dim")
        try:
            told = asyncio.run(_told(settings(), text, now, card))
        except (TalkError, DialogueAway) as exc:
            fail(f"{exc}. Try `thuthu check`; a model older than this command needs `thuthu train`.")
        if as_json:
            print(json.dumps(told, ensure_ascii=False))
        else:
            _show(told, out)


async def _told(settings: Settings, text: str, now: datetime | None, card: str | None) -> dict[str, Any]:
    """Return the explanation and the replies as JSON has them, from a product of its own that is forgotten after."""
    from connectors.explaining import explain
    from connectors.talk import TalkError, rehearsal

    if not settings.rasa.model.is_file():
        raise TalkError(f"{settings.rasa.model} is not there: run `make setup`, or `thuthu train`")
    async with rehearsal(settings, now, card, "web") as talk:
        explanation = await explain(text, talk.gateway.dialogue, talk.clock().date())
        heard = await talk.turn({"text": text})
    return {**explanation.as_json(), "replies": heard["replies"]}


def _show(told: dict[str, Any], out: Console) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, lines in _rows(told):
        table.add_row(name, "\n".join(lines) or "–")
    out.print(table, markup=False, highlight=False)


def _rows(told: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        ("Câu đã chuẩn hoá · normalised", [told["normalised"]]),
        ("Ý định · intents", [f"{one['confidence']:.2f}  {one['intent']}" for one in told["readings"]]),
        ("Nhiều việc · requests", [f"{intent}  {piece}" for piece, intent in told["requests"]]),
        (
            "Câu mẫu gần nhất · nearest",
            [f"{one['likeness']:.2f}  {one['intent']}  {one['text']}" for one in told["nearest"]],
        ),
        ("Ô · slots", [f"{one['name']} = {one['value']}" for one in told["slots"]]),
        ("Ngày giờ · dates", [_day(one) for one in told["days"]]),
        ("Sẽ trả lời · reply", [line for reply in told["replies"] for line in _reply(reply)]),
    ]


def _day(day: dict[str, Any]) -> str:
    meant = [day["first"], day["last"] if day["last"] != day["first"] else None, day["part_of_day"]]
    return f"{day['text']} = {', '.join(part for part in meant if part)}"


def _reply(reply: dict[str, Any]) -> list[str]:
    buttons = " ".join(f"[{button['title']}]" for button in reply.get("buttons", ()))
    cards = [f"· {card['title']}" for card in reply.get("cards", ())]
    return [line for line in (reply["text"], *cards, buttons) if line]
