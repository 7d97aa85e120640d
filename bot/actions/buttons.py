"""Buttons of replies: what they say and the intent they carry."""

from __future__ import annotations

import json
from typing import Any

from library.phrasing import Lang, Words

Button = dict[str, str]


def button(words: Words, lang: Lang, intent: str, /, **slots: Any) -> Button:
    """Return a button that means the intent with these slots; a slot of None is left out."""
    given = {name: value for name, value in slots.items() if value is not None}
    payload = f"/{intent}" + (json.dumps(given, ensure_ascii=False) if given else "")
    return {"title": words.to(lang), "payload": payload}
