"""The trained dialogue as an ear outside the product: what a text means to it. Runs in Rasa's Python."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}
TITLES = "var/index/titles.bin"  # the slot extractor looks titles up in the catalogue
MODEL = Path("var/models/dialogue.tar.gz")


@dataclass(frozen=True)
class Heard:
    """An intent's name, the likeliest ones as Rasa reports them, and the slots found."""

    intent: str
    ranking: list[dict[str, Any]]
    entities: list[dict[str, Any]]


Ear = Callable[[str], Awaitable[Heard]]


def open_ear(model: Path) -> Ear:
    """Return what hears a text with this model. Loading takes seconds."""
    for name, value in {**QUIET, "THUTHU_TITLES": TITLES}.items():
        os.environ.setdefault(name, value)
    # Rasa's old dependencies warn about themselves, and switch warnings on again when they are switched off.
    warnings.showwarning = lambda *_args, **_kwargs: None
    from rasa.core.agent import Agent  # heavy: only when there is something to hear
    from rasa.utils.log_utils import configure_structlog

    from bot.components.channel import plain
    from bot.components.requests import understood

    configure_structlog(logging.WARNING)  # unconfigured, it prints every message
    agent = Agent.load(str(model))

    async def hear(text: str) -> Heard:
        parsed = await understood(plain(text), agent.parse_message)  # as the channel hears it
        return Heard(parsed["intent"]["name"], parsed.get("intent_ranking", []), parsed["entities"])

    return hear
