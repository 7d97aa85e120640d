"""`thuthu talk`: a chat through the whole product, from the terminal or from a script of turns.

It runs on copies of the databases, with its own Rasa and its own clock, so nothing a rehearsal does is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console
from sqlalchemy import Connection, insert, select, update

from connectors import mailbox
from connectors.app import Gateway, build, serving
from connectors.availability import RememberingILS
from connectors.channels.port import Button, Limits, Message, Reply, Sent, reply_from_json, typed_command
from connectors.channels.telegram.door import LIMITS as TELEGRAM_LIMITS
from connectors.channels.view import DoorView
from connectors.channels.zalo.drawing import limits_of
from connectors.clock import VIETNAM, SettableClock, wall_clock
from connectors.ils.circulation import Circulation, CirculationError
from connectors.ils.sqlite import SQLiteILS
from connectors.messages import say
from connectors.preparing import load_demo_patrons, load_nobody
from connectors.processes import Wiring, rasa_command, rasa_environment, start, stop
from connectors.settings import AlertsSection, Settings, SQLiteILSSection
from connectors.store import buttons, conversations, messages, tickets
from connectors.tokens import hashed, new_token
from library.ils import ILS, ILSUnavailable, InvalidCredentials
from library.text import fold

DEMO_CARD = "DT000101"
RASA_STARTS_WITHIN_S = 120.0
ANSWER_WITHIN_S = 90.0
LIBRARIAN = "Thủ thư"  # who answers when a script lets a person write


class TalkError(Exception):
    """The rehearsal cannot go on; the message says why and what to do."""


class SwitchedILS:
    """A library system that can be switched off, as `ils_down` does."""

    def __init__(self, ils: SQLiteILS) -> None:
        self._ils = ils
        self.capabilities = ils.capabilities
        self.as_of = ils.as_of
        self.down = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._ils, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self.down:
                raise ILSUnavailable("switched off in this rehearsal")
            return await method(*args, **kwargs)

        return call


@dataclass
class Rehearsal:
    """One conversation with the product, and the means to change the world around it."""

    gateway: Gateway
    clock: SettableClock
    ils: SwitchedILS
    copies: RememberingILS  # what the gateway asks
    system: SQLiteILS
    channel: str
    limits: Limits | None = None  # of a pushed door; the website shows replies whole
    conversation_id: str = ""
    card: str = DEMO_CARD
    heard_up_to: int = 0
    turns: int = 0
    last: Message | None = None
    view: DoorView | None = None

    async def another(self, card: str | None = None) -> Rehearsal:
        """Return a second conversation with the same product and the same clock, linked to `card` if any."""
        return await _conversation(replace(self, heard_up_to=0, turns=0, last=None), card)

    async def turn(self, line: Any) -> dict[str, Any]:
        """Return what one line of the script brought: intent, slots as typed, replies."""
        message_id = await self._play(line)
        sent = [one for one in await self._news() if one.kind != "wait"]
        heard = await self.gateway.ground.store.read(lambda db: _heard(db, message_id)) if message_id else {}
        return {
            "intent": heard.get("intent"),
            "slots": heard.get("slots") or {},
            "replies": [reply.as_json() for reply in await self._shown(sent)],
        }

    async def _shown(self, sent: list[Sent]) -> list[Reply]:
        if self.view is None:
            return [reply for one in sent for reply in one.replies]
        spoken = select(conversations.c.locale).where(conversations.c.id == self.conversation_id)
        return self.view.shows(sent, str(await self.gateway.ground.store.read(lambda db: db.scalar(spoken))))

    async def _play(self, line: Any) -> str | None:
        said = line if isinstance(line, dict) else {"text": str(line)}
        if "event" in said:
            await self._event(said["event"])
            return None
        if "payload" in said:
            token = await self.gateway.ground.store.write(lambda db: self._token(db, str(said["payload"])))
            return await self._send("payload", token)
        if "attachment" in said:
            return await self._send("attachment", str(said["attachment"]))
        if "text" in said:
            return await self._say(str(said["text"]))
        raise TalkError(f"a turn needs text, payload, attachment or event; this one has {sorted(said)}")

    async def _say(self, text: str) -> str:
        if command := typed_command(text):
            return await self._send("command", command)
        pressed = self.view.pressed(text) if self.view else None
        return await (self._send("payload", pressed) if pressed else self._send("text", text))

    async def _send(self, kind: Any, text: str) -> str:
        self.turns += 1
        self.last = Message(self.conversation_id, f"turn-{self.turns}", kind, text)
        return await self._deliver(self.last)

    async def _deliver(self, message: Message) -> str:
        accepted = await self.gateway.switchboard.receive(message)
        sent = await self.gateway.switchboard.final_for(self.conversation_id, accepted.message_id, ANSWER_WITHIN_S)
        if not any(one.kind == "final" for one in sent):
            raise TalkError(f"no final answer within {ANSWER_WITHIN_S:.0f} s")
        return accepted.message_id

    async def _news(self) -> list[Sent]:
        sent = await self.gateway.switchboard.sent_after(self.conversation_id, self.heard_up_to, 0)
        self.heard_up_to = max([self.heard_up_to, *(one.reply_id for one in sent)])
        return sent

    async def _event(self, event: Any) -> None:
        if isinstance(event, dict) and set(event) == {"wait_min"}:
            self.clock.advance(timedelta(minutes=float(event["wait_min"])))
            await self.gateway.handover.return_the_idle()
            await self.gateway.reminder.remind()
        elif isinstance(event, dict) and set(event) == {"person"}:
            self.turns += 1
            key = f"{self.conversation_id}-{self.turns}"
            await self.gateway.handover.say_as_person(self.conversation_id, LIBRARIAN, str(event["person"]), key)
        elif event in {"ils_down", "ils_up"}:
            self.ils.down = event == "ils_down"
            self.copies.doubt()
        elif event == "link_done":
            who = await self.system.find_card(self.card)
            name = (await self.system.patron(who)).name
            await self.gateway.links.await_confirmation(self.conversation_id, who, name)
            await self.gateway.switchboard.notify(self.conversation_id, say("link_done", "vi", name=name))
        elif event == "link_failed":
            await self.gateway.switchboard.notify(self.conversation_id, say("link_failed", "vi"))
        elif event == "redelivered":
            if self.last:
                await self._deliver(self.last)
        elif event == "handoff_closed":
            await self.gateway.ground.store.write(self._close_tickets)
            await self.gateway.handover.give_back(self.conversation_id)
        else:
            raise TalkError(f"unknown event {event!r}")

    def _close_tickets(self, db: Connection) -> None:
        mine = (tickets.c.conversation_id == self.conversation_id) & tickets.c.closed_at.is_(None)
        db.execute(update(tickets).where(mine).values(closed_at=self.clock().isoformat()))

    def _token(self, db: Connection, chosen: str) -> str:
        """Return the token of a button: given as the token itself, its title, or the payload behind it.

        A script cannot know the random tokens, so an operator may also name a payload that was never shown.
        """
        mine = select(buttons).where(buttons.c.conversation_id == self.conversation_id)
        rows = db.execute(mine.order_by(buttons.c.reply_id.desc())).mappings().all()
        if any(row["token_hash"] == hashed(chosen) for row in rows):
            return chosen
        same = (row["payload"] for row in rows if fold(row["title"]) == fold(chosen) or row["payload"] == chosen)
        payload = next(same, chosen if chosen.startswith("/") else None)
        if payload is None:
            return chosen
        token = new_token()
        expires_at = (self.clock() + mailbox.BUTTON_LIFETIME).isoformat()
        row = {"token_hash": hashed(token), "payload": payload, "title": chosen, "expires_at": expires_at}
        db.execute(insert(buttons).values(**row, conversation_id=self.conversation_id, reply_id=0))
        return token


def _heard(db: Connection, message_id: str) -> dict[str, Any]:
    row = db.execute(select(messages.c.intent, messages.c.slots).where(messages.c.id == message_id)).mappings().one()
    return dict(row)


@contextlib.asynccontextmanager
async def rehearsal(
    settings: Settings, now: datetime | None, card: str | None, channel: str
) -> AsyncIterator[Rehearsal]:
    """Yield a conversation with a whole product of its own, stopped and forgotten at the end."""
    moment = now.replace(tzinfo=VIETNAM) if now else wall_clock()
    clock, wiring, limits = SettableClock(moment), Wiring.fresh(), door_limits(settings, channel)
    with tempfile.TemporaryDirectory(prefix="thuthu-talk-") as folder:
        own = _copied(settings, Path(folder), moment)
        system = SQLiteILS(Path(folder) / "ils.sqlite", clock=clock, circulation=_circulation(own))
        ils = SwitchedILS(system)
        copies = RememberingILS(cast(ILS, ils), clock)
        rasa = await start(rasa_command(own, wiring), rasa_environment(own, wiring), silent=True)
        gateway = build(own, wiring, clock=clock, ils=cast(ILS, copies))
        try:
            async with serving(gateway.action_listener, wiring.action_port):
                await asyncio.to_thread(gateway.warm_up)
                await _until_ready(gateway, rasa)
                yield await _conversation(Rehearsal(gateway, clock, ils, copies, system, channel, limits), card)
        finally:
            await gateway.close()
            await stop(rasa)


def door_limits(settings: Settings, channel: str) -> Limits | None:
    """Return what one message of this door may hold; None for the website. Raises TalkError for no door of ours."""
    if channel == "web":
        return None
    if channel == "telegram":
        return TELEGRAM_LIMITS
    if channel == "zalo":
        return limits_of(settings.zalo.buttons if settings.zalo else "buttons", requests_per_minute=60)
    raise TalkError(f"there is no door {channel!r}: choose web, telegram or zalo")


async def _conversation(talk: Rehearsal, card: str | None) -> Rehearsal:
    conversation_id, _ = await talk.gateway.ground.store.write(
        lambda db: mailbox.open_conversation(db, talk.channel, talk.clock())
    )
    view = DoorView(talk.limits) if talk.limits else None
    opened = replace(talk, conversation_id=conversation_id, card=card or DEMO_CARD, view=view)
    if card:
        await _link(opened, card)
    return opened


def _copied(settings: Settings, folder: Path, moment: datetime) -> Settings:
    """Return settings whose databases are copies in `folder`; the index and the model are only read.

    No door leads out of a rehearsal, and no alert. The demo's loans are dated from the rehearsal's own day, so that a
    clock set ahead does not make all overdue. A library system of others is never touched: nobody has a card then.
    """
    var = settings.files.var
    for name in ("answers.sqlite", "catalogue.sqlite", "vectors.sqlite"):
        if not (var / name).is_file():
            raise TalkError(f"{var / name} is not there: run `make setup` first")
        shutil.copy(var / name, folder / name)
    (folder / "index").symlink_to((var / "index").resolve())
    if settings.library.demo:
        load_demo_patrons(settings, folder / "ils.sqlite", moment.date())
    elif isinstance(settings.ils, SQLiteILSSection):
        shutil.copy(settings.ils.path, folder / "ils.sqlite")
    else:
        load_nobody(settings, folder / "ils.sqlite", moment.date())
    return settings.model_copy(
        update={
            "files": settings.files.model_copy(update={"var": folder}),
            "ils": SQLiteILSSection(path=folder / "ils.sqlite", rules=getattr(settings.ils, "rules", None)),
            "telegram": None,
            "zalo": None,
            "alerts": AlertsSection(),
        }
    )


def _circulation(own: Settings) -> Circulation:
    try:
        return Circulation.load(own.ils.rules if isinstance(own.ils, SQLiteILSSection) else None)
    except CirculationError as exc:
        raise TalkError(str(exc)) from exc


async def _until_ready(gateway: Gateway, rasa: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(RASA_STARTS_WITHIN_S):
        while not await gateway.dialogue.ready():
            if rasa.returncode is not None:
                raise TalkError("Rasa ended while starting: run `thuthu check` to see why")
            await asyncio.sleep(0.2)


async def _link(talk: Rehearsal, card: str) -> None:
    try:
        who = await talk.system.find_card(card)
    except InvalidCredentials as exc:
        raise TalkError(f"no demo patron has the card {card}: demo/patrons.yml lists them") from exc
    await talk.gateway.links.link_now(talk.conversation_id, who, (await talk.system.patron(who)).name)


async def hold_talk(
    settings: Settings,
    lines: TextIO,
    out: Console,
    *,
    jsonl: bool,
    now: datetime | None,
    card: str | None,
    channel: str,
) -> None:
    """Read turns until the input ends. Raises TalkError."""
    if not jsonl:
        out.print("Đang khởi động… · starting…  (Ctrl+D để dừng; #1 bấm nút 1)", style="dim")
    async with rehearsal(settings, now, card, channel) as talk:
        shown: list[Button] = []
        while line := await asyncio.to_thread(_next_line, lines, None if jsonl else "bạn › "):
            text = line.rstrip("\n")
            if jsonl:
                if text.strip():
                    print(json.dumps(await talk.turn(_parsed(text)), ensure_ascii=False), flush=True)
                continue
            shown = _show(out, await talk.turn(_pressed(text, shown)))


def _next_line(lines: TextIO, prompt: str | None) -> str:
    if prompt and lines.isatty():
        print(prompt, end="", flush=True)
    return lines.readline()


def _parsed(text: str) -> Any:
    """Return the turn a line holds: a JSON object or string, or the line as it stands."""
    with contextlib.suppress(json.JSONDecodeError):
        parsed = json.loads(text)
        if isinstance(parsed, dict | str):
            return parsed
    return text


def _pressed(text: str, shown: list[Button]) -> Any:
    number = text[1:]
    if text.startswith("#") and number.isdigit() and 0 < int(number) <= len(shown):
        return {"payload": shown[int(number) - 1].payload}
    return {"text": text}


def _show(out: Console, turn: dict[str, Any]) -> list[Button]:
    out.print(f"[dim]{turn['intent']} {json.dumps(turn['slots'], ensure_ascii=False)}[/dim]")
    shown: list[Button] = []
    for raw in turn["replies"]:
        reply: Reply = reply_from_json(raw)
        out.print("thủ thư › ", style="bold green", end="")
        out.print(reply.text, markup=False, highlight=False)
        for card in reply.cards:
            out.print(f"  ▪ {card.title} · {card.subtitle}", markup=False, highlight=False)
            for line in card.lines:
                out.print(f"    {line}", markup=False, highlight=False)
        for button in [*reply.buttons, *(b for card in reply.cards for b in card.buttons)]:
            if button.url:
                out.print(f"    [{button.title}] {button.url}", markup=False, highlight=False)
            else:
                shown.append(button)
                out.print(f"    #{len(shown)} {button.title}", markup=False, highlight=False)
    return shown
