"""The sentences that the gateway itself says, from `messages.<lang>.yml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from connectors.channels.port import Button, Reply


@cache
def _sentences(lang: str) -> dict[str, Any]:
    path = Path(__file__).with_name(f"messages.{lang}.yml")
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def sentence(key: str, lang: str, **values: object) -> str:
    """Return one sentence, its `{names}` filled in. Raises KeyError for a sentence that is not written."""
    return str(_sentences(lang)[key]["text"]).format(**values).strip()


def say(key: str, lang: str, **values: object) -> Reply:
    """Return the sentence as a reply, with the buttons that are written beside it."""
    buttons = _sentences(lang)[key].get("buttons", ())
    return Reply(sentence(key, lang, **values), tuple(Button(**button) for button in buttons))
