"""Every action of the assistant, built once for the gateway."""

from __future__ import annotations

from rasa_sdk import Action

from bot.actions import (
    account,
    answers,
    feedback,
    handoff,
    holds,
    hours,
    loans,
    privacy,
    purchases,
    reminders,
    search,
    talk,
)
from bot.actions.base import Services

JOURNEYS = (hours, answers, search, purchases, loans, holds, account, reminders, handoff, feedback, privacy, talk)


def all_actions(services: Services) -> list[Action]:
    """Return one object of each action of each journey."""
    return [action(services) for journey in JOURNEYS for action in journey.ACTIONS]
