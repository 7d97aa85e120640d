"""An answer as each door would send it today, drawn by the doors' own rendering within their own limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from connectors.channels.port import Button, Limits, Reply
from connectors.channels.rendering import render
from connectors.channels.telegram.door import LIMITS as TELEGRAM
from connectors.channels.zalo.drawing import limits_of
from library.phrasing import Lang
from retrieval.answers import Answer

_VARIABLE = re.compile(r"\{(\w+)\}")
_PAGE = Limits(text=100_000, buttons=50, button_title=200, per_second=1.0, chat_every_s=0.0)  # a page scrolls
DOORS: Mapping[str, Limits] = {"zalo": limits_of("buttons", 60), "telegram": TELEGRAM, "web": _PAGE}
Variables = Callable[[date, Lang], Mapping[str, str]]
Utterance = Callable[[Answer, Mapping[str, str], Lang], Mapping[str, Any] | None]
Frames = Mapping[tuple[str, Lang], str]


@dataclass(frozen=True)
class Shown:
    """One message: its text, the titles of its buttons, and how many characters it takes."""

    text: str
    buttons: tuple[str, ...]
    length: int


@dataclass(frozen=True)
class Preview:
    """An answer at one door in one language; `limit` 0: the door takes any length."""

    door: str
    lang: Lang
    parts: tuple[Shown, ...]
    limit: int


def unknown_variables(answer: Answer, known: Mapping[str, str]) -> list[str]:
    """Return the names in braces, in either language, that nothing stands for."""
    named = [name for text in (answer.answer, answer.answer_en) for name in _VARIABLE.findall(text)]
    return [name for name in dict.fromkeys(named) if name not in known]


def reply_of(said: Mapping[str, Any], frames: Frames, lang: Lang) -> Reply:
    """Return the bubble that an utterance of the dialogue becomes: its frame filled in, its buttons under it."""
    frame = frames[(said["response"], lang)]
    text = _VARIABLE.sub(lambda place: str(said.get(place[1], place[0])), frame)
    buttons = tuple(Button(each["title"], url=each.get("url")) for each in said.get("buttons", ()))
    return Reply(text, buttons)


def preview(reply: Reply, door: str, lang: Lang) -> Preview:
    limits = DOORS[door]
    parts = render([reply], limits, lang)
    shown = tuple(Shown(part.text, tuple(one.title for one in part.buttons), len(part.text)) for part in parts)
    return Preview(door, lang, shown, 0 if limits is _PAGE else limits.text)


def frames_of(domain: Mapping[str, Any]) -> Frames:
    """Return the texts around curated answers by name and language, as the dialogue's domain file holds them."""
    frames: dict[tuple[str, Lang], str] = {}
    for name in ("utter_answer", "utter_answer_without_source"):
        for variant in domain["responses"][name]:
            frames[(name, "en" if variant.get("condition") else "vi")] = variant["text"]
    return frames
