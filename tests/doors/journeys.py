"""Journeys as data: read from YAML, played line by line at several doors at once, and held against what they bring.

- talk: its name
  at: 2026-11-24 18:00:00    when; a Tuesday morning if it does not say
  linked: DT000101           the card linked from the start; `card` is the one that `link_done` logs in with
  doors: [telegram, zalo]    all three if it does not say
  turns:
    - say: words             or press: a title, send: photo, command: privacy, event: what happens around
      has: what is shown, hasnt: what is not, buttons: what can be chosen, intent: how it was understood,
      replies: how many messages the website shows, silent: true when nothing is shown
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from connectors.channels.port import COMMANDS
from connectors.messages import sentence
from tests.doors.at_telegram import TelegramVisitor
from tests.doors.at_zalo import ZaloVisitor
from tests.doors.house import START, House
from tests.doors.visitor import Bubble, Visitor
from tests.doors.visitors import visitors

TESTS = Path(__file__).parents[1]
FOLDERS = (TESTS / "conversations", Path(__file__).parent / "journeys")
DOORS = ("web", "telegram", "zalo")
AT_ONCE = 6  # journeys, each at three doors: more would be turned away as a crowd on a slow machine
DEMO_CARD = "DT000101"
NOTICE = tuple(
    sentence("privacy_first", lang, library="\n", days="", url="").partition("\n")[0] for lang in ("vi", "en")
)
# What happens to everybody: a journey with one of these is played by itself.
FOR_ALL = frozenset({"ils_down", "ils_up", "ils_drops_an_answer", "wait_min"})


@dataclass(frozen=True)
class Journey:
    file: str
    talk: str
    turns: tuple[Mapping[str, Any], ...]
    at: datetime = START
    linked: str | None = None
    card: str = DEMO_CARD
    doors: tuple[str, ...] = DOORS

    @property
    def id(self) -> str:
        return f"{self.file}: {self.talk}"

    @property
    def alone(self) -> bool:
        """Whether something happens in it that everybody would notice."""
        events = [turn["event"] for turn in self.turns if "event" in turn]
        return any(_name(event) in FOR_ALL for event in events)


def _name(event: Any) -> str:
    """Return what an event is called: it stands alone, or before what it says."""
    return event if isinstance(event, str) else str(next(iter(event)))


def journeys() -> list[Journey]:
    """Return all journeys, in the order of their files."""
    return [journey for folder in FOLDERS for path in sorted(folder.glob("*.yml")) for journey in _read(path)]


def _read(path: Path) -> Iterator[Journey]:
    for raw in yaml.safe_load(path.read_text(encoding="utf-8")):
        given = {**raw, "turns": tuple(raw["turns"]), "doors": tuple(raw.get("doors", DOORS))}
        if "at" in given:
            given["at"] = given["at"].replace(tzinfo=START.tzinfo)
        yield Journey(path.stem, **given)


def acts(all_journeys: Sequence[Journey]) -> list[list[Journey]]:
    """Return which journeys can be played at once, in an order in which the clock never goes back."""
    moments = sorted({journey.at for journey in all_journeys})
    played: list[list[Journey]] = []
    for moment in moments:
        now = [journey for journey in all_journeys if journey.at == moment]
        together = [journey for journey in now if not journey.alone]
        played += [together] if together else []
        played += [[journey] for journey in sorted(now, key=_waits) if journey.alone]
    return played


def _waits(journey: Journey) -> float:
    events = [turn.get("event") for turn in journey.turns]
    return sum(float(event.get("wait_min", 0)) for event in events if isinstance(event, dict))


@dataclass
class Played:
    """What one patron met: what was shown for each turn, and what was wrong with it."""

    patron: Visitor
    shown: list[list[Bubble]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


async def play_all(house: House, chosen: Sequence[Journey]) -> dict[str, dict[str, Played]]:
    """Return, by journey and door, what came of each; those that disturb nobody are played side by side."""
    came: dict[str, dict[str, Played]] = {}
    seats = asyncio.Semaphore(AT_ONCE)

    async def seated(journey: Journey) -> None:
        async with seats:
            came[journey.id] = await play(house, journey, chosen.index(journey))

    for act in acts(chosen):
        house.go_to(act[0].at)
        await asyncio.gather(*map(seated, act))
    return came


async def play(house: House, journey: Journey, number: int) -> dict[str, Played]:
    """Return, by door, what came of the journey. The doors keep step, so that what happens to all happens once."""
    house.ils.down, house.ils.drops_answers = False, 0
    patrons = visitors(house, number, journey.doors)
    played = {patron.door: Played(patron) for patron in patrons}
    if journey.linked:
        await asyncio.gather(*(patron.link_now(journey.linked) for patron in patrons))
    for turn in journey.turns:
        going = [patron for patron in patrons if not played[patron.door].wrong]
        await _happen(house, journey, turn)
        await asyncio.gather(*(_turn(journey, turn, patron, played[patron.door]) for patron in going))
    return played


async def _happen(house: House, journey: Journey, turn: Mapping[str, Any]) -> None:
    """Let happen what happens to everybody."""
    event = turn.get("event")
    if event in ("ils_down", "ils_up"):
        house.ils.down = event == "ils_down"
    elif event == "ils_drops_an_answer":
        house.ils.drops_answers = len(journey.doors)
    elif isinstance(event, dict) and "wait_min" in event:
        house.clock.advance(timedelta(minutes=float(event["wait_min"])))
        await house.gateway.handover.return_the_idle()
        await house.gateway.reminder.remind()


async def _turn(journey: Journey, turn: Mapping[str, Any], patron: Visitor, played: Played) -> None:
    first = not played.shown and not patron.seen
    try:
        await _act(journey, turn, patron)
        new = await patron.news()
        if first and new and patron.door != "web":
            new = _after_the_notice(new, played)
        played.shown.append(new)
        await _check(turn, new, patron)
    except Exception as exc:
        seen = [bubble.text for bubble in (played.shown[-1] if played.shown else [])]
        played.wrong.append(f"{patron.door}: {dict(turn)}: {exc!r}; shown: {seen}")


def _after_the_notice(new: list[Bubble], played: Played) -> list[Bubble]:
    """Return what follows the privacy notice of a first contact, which the website shows in its page."""
    if not new[0].text.startswith(NOTICE):
        played.wrong.append(f"the first contact does not begin with the privacy notice: {new[0].text!r}")
    return new[1:]


_COMMANDS = {payload: word for word, payload in COMMANDS.items() if payload}


async def _act(journey: Journey, turn: Mapping[str, Any], patron: Visitor) -> None:
    if "say" in turn:
        await patron.say(str(turn["say"]))
    elif turn.get("press", "") in _COMMANDS:  # a script may name what a button carries; patrons have a command for it
        await patron.command(_COMMANDS[turn["press"]])
    elif "press" in turn:
        await patron.press(turn["press"])
    elif "send" in turn:
        await patron.send(turn["send"])
    elif "command" in turn:
        await patron.command(turn["command"])
    else:
        await _meet(journey, turn["event"], patron)


async def _meet(journey: Journey, event: Any, patron: Visitor) -> None:
    """Let happen what happens to this patron alone."""
    name = _name(event)
    if event == "link_done":
        await patron.log_in(journey.card)
    elif event == "link_failed":
        await patron.log_in(journey.card, pin="000000")
    elif event == "redelivered":
        await patron.repeat()
    elif event == "leaves":
        await patron.leave()
    elif event == "comes_back":
        await patron.come_back()
    elif name in STAFF:
        await _staff(patron, STAFF[name])
    elif event == "takes_the_copy":
        await patron.take_copy()
    elif event == "is_forgotten":
        await patron.check_forgotten()
    elif name == "staff_says":
        await _staff(patron, "reply", text=event["staff_says"])
    elif isinstance(patron, TelegramVisitor) and name == "edits":
        await patron.edit(event["edits"])
    elif isinstance(patron, ZaloVisitor) and event == "withdraws":
        await patron.withdraw()
    elif isinstance(patron, ZaloVisitor) and name == "staff_says_in_zalo":
        await patron.be_answered_in_zalo(event["staff_says_in_zalo"])
    else:
        assert name in FOR_ALL, f"unknown event {event!r}"
        await patron.settled()


STAFF = {"staff_takes": "take", "staff_gives_back": "give-back", "handoff_closed": "close"}


async def _staff(patron: Visitor, deed: str, **said: str) -> None:
    """Let a librarian do this on the console's page of the conversation."""
    mine = await patron.conversation()
    async with patron.house.standing():
        page = await (await patron.house.librarian()).conversation(mine)
        answer = await page.press(deed, **said)
    assert answer.status_code == 303, f"{deed}: {answer.status_code}"
    await patron.settled()


async def _check(turn: Mapping[str, Any], new: Sequence[Bubble], patron: Visitor) -> None:
    shown = "\n".join(bubble.text for bubble in new)
    choices = [title for bubble in new for title in bubble.choices]
    told = f"shown: {shown} {choices}"
    if turn.get("silent"):
        assert not new, told
    elif "event" not in turn:
        assert shown.strip(), told
    if "intent" in turn:
        assert (await patron.heard()).get("intent") in _listed(turn["intent"]), told
    for words in _listed(turn.get("has", ())):
        assert words in shown, f"{words!r} is missing; {told}"
    for words in _listed(turn.get("hasnt", ())):
        assert words not in shown, f"{words!r} is shown; {told}"
    for title in _listed(turn.get("buttons", ())):
        assert any(choice == title or choice.startswith(f"{title} · ") for choice in choices), f"no {title!r}; {told}"
    if patron.door == "web" and "replies" in turn:
        assert len(new) == turn["replies"], told


def _listed(value: Any) -> list[Any]:
    return [value] if isinstance(value, str) else list(value)
