"""A part as the JSON of Zalo's message: buttons under the text, a list of choices, or text alone."""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

from connectors.channels.port import Button, Limits, Part

Mode = Literal["buttons", "list", "numbered"]

PLAINER: dict[Mode, Mode] = {"buttons": "list", "list": "numbered", "numbered": "numbered"}
TEXT = 2000  # characters
BUTTONS = 5
TITLE = 100  # characters
CHAT_EVERY_S = 1.0  # our own manners: Zalo tells of no limit for one chat
TAP = "Bấm để chọn · Tap to choose"  # Zalo refuses a choice without a second line


def limits_of(mode: Mode, requests_per_minute: int) -> Limits:
    """Return what one message may hold in this mode."""
    buttons = 0 if mode == "numbered" else BUTTONS
    return Limits(TEXT, buttons, TITLE, requests_per_minute / 60, CHAT_EVERY_S)


def message_json(address: str, part: Part, mode: Mode) -> dict[str, Any]:
    """Return the body of the sending call; a part with buttons needs a mode that has them."""
    message: dict[str, Any] = {"text": unicodedata.normalize("NFC", part.text)}
    if part.buttons:
        payload = _list(part.buttons) if mode == "list" else {"buttons": [_button(one) for one in part.buttons]}
        message["attachment"] = {"type": "template", "payload": payload}
    return {"recipient": {"user_id": address}, "message": message}


def _list(buttons: tuple[Button, ...]) -> dict[str, Any]:
    elements = [{"title": one.title, "subtitle": TAP, "default_action": _action(one)} for one in buttons]
    return {"template_type": "list", "elements": elements}


def _button(button: Button) -> dict[str, Any]:
    action = _action(button)
    if "url" in action:
        return {"title": button.title, "type": action["type"], "payload": {"url": action["url"]}}
    return {"title": button.title, **action}


def _action(button: Button) -> dict[str, str]:
    """Return what a tap does: opens a page, or says the button's token to us, unseen, with a "#" before it."""
    if button.url:
        return {"type": "oa.open.url", "url": button.url}
    return {"type": "oa.query.hide", "payload": f"#{button.payload}" if button.payload else button.title}
