"""How one message is understood, step by step: what `thuthu explain` prints and the console shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from connectors.dialogue import RasaDialogue
from library.dates import find_dates
from library.text import normalise


@dataclass(frozen=True)
class Reading:
    """An intent and how sure the classifier is of it, from 0 to 1."""

    intent: str
    confidence: float


@dataclass(frozen=True)
class Example:
    """A training example and how like the message it is, from 0 to 1."""

    text: str
    intent: str
    likeness: float


@dataclass(frozen=True)
class Slot:
    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True)
class Day:
    """Words that name a time and what they mean, as ISO dates; None for a part of day or an hour of no day."""

    text: str
    first: str | None
    last: str | None
    part_of_day: str | None


@dataclass(frozen=True)
class Explanation:
    """`readings` and `nearest`: likeliest first; `requests`: the pieces of a message that asks for several things.

    `slots` and `days` in the order of the text; their places count characters of its NFC.
    """

    text: str
    normalised: str
    intent: str
    readings: tuple[Reading, ...]
    requests: tuple[tuple[str, str], ...]
    nearest: tuple[Example, ...]
    slots: tuple[Slot, ...]
    days: tuple[Day, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def explain(text: str, dialogue: RasaDialogue, today: date) -> Explanation:
    """Return how the text is understood by itself, outside any conversation. Raises DialogueAway."""
    heard = await dialogue.explain(text)
    return Explanation(
        text=text,
        normalised=normalise(text).text,
        intent=heard["intent"],
        readings=tuple(Reading(one["name"], round(one["confidence"], 3)) for one in heard["ranking"]),
        requests=tuple((one["text"], one["intent"]) for one in heard["requests"]),
        nearest=tuple(Example(one["text"], one["intent"], round(one["likeness"], 3)) for one in heard["nearest"]),
        slots=tuple(Slot(one["entity"], str(one["value"]), one["start"], one["end"]) for one in heard["entities"]),
        days=tuple(_days(text, today)),
    )


def _days(text: str, today: date) -> list[Day]:
    return [
        Day(
            found.text,
            found.first.isoformat() if found.first else None,
            found.last.isoformat() if found.last else None,
            found.part_of_day,
        )
        for found in find_dates(text, today)
    ]
