"""How the simulated Zalo reads a sending call: strictly, with an error for everything that is not as it should be."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

LONGEST_TEXT = 2000
ACTIONS = {"oa.open.url", "oa.query.show", "oa.query.hide", "oa.open.sms", "oa.open.phone"}


class ApiRefusal(Exception):
    """An `error` of the OpenAPI, which comes with HTTP 200."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Choice:
    """A button under a message, or an element of a list."""

    title: str
    action: str
    payload: str


async def json_of(request: Request) -> dict[str, Any]:
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        raise ApiRefusal(-201, "content type is invalid!")
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise ApiRefusal(-201, "body is invalid!") from None
    if not isinstance(body, dict):
        raise ApiRefusal(-201, "body is invalid!")
    return body


def recipient_of(body: dict[str, Any]) -> str:
    recipient = body.get("recipient")
    user = recipient.get("user_id") if isinstance(recipient, dict) else None
    if not isinstance(user, str) or not user.isdigit():
        raise ApiRefusal(-201, "user_id is invalid!")
    return user


def drawn(body: dict[str, Any], buttons: bool, lists: bool) -> tuple[str, tuple[Choice, ...]]:
    """Return the text and the choices of the message; `buttons` and `lists` tell which templates are taken."""
    message = body.get("message")
    text = message.get("text") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(text, str) or not text.strip():
        raise ApiRefusal(-201, "text is invalid!")
    if len(unicodedata.normalize("NFC", text)) > LONGEST_TEXT:
        raise ApiRefusal(-210, "text exceeds limit")
    return text, _choices(message["attachment"], buttons, lists) if "attachment" in message else ()


def _choices(attachment: Any, buttons: bool, lists: bool) -> tuple[Choice, ...]:
    payload = attachment.get("payload") if isinstance(attachment, dict) else None
    if not isinstance(payload, dict) or attachment.get("type") != "template":
        raise ApiRefusal(-201, "attachment is invalid!")
    template = payload.get("template_type")
    if template == "list" and lists:
        return tuple(_element(one) for one in _some(payload.get("elements"), "elements"))
    if template is None and buttons:
        return tuple(_button(one) for one in _some(payload.get("buttons"), "buttons"))
    raise ApiRefusal(-233, "template type is invalid")


def _some(found: Any, name: str) -> list[dict[str, Any]]:
    """Return one to five of what a template holds."""
    if not isinstance(found, list) or not 1 <= len(found) <= 5 or not all(isinstance(one, dict) for one in found):
        raise ApiRefusal(-201, f"{name} is invalid!")
    return found


def _words(holder: dict[str, Any], name: str, longest: int) -> str:
    found = holder.get(name)
    if not isinstance(found, str) or not found.strip() or len(found) > longest:
        raise ApiRefusal(-201, f"{name} is invalid!")
    return found


def _action(holder: dict[str, Any]) -> tuple[str, str]:
    """Return the kind of a button and what it carries: text, or under `url` or `phone_code`."""
    kind = holder.get("type")
    if kind not in ACTIONS:
        raise ApiRefusal(-201, "type is invalid!")
    if kind.startswith("oa.query."):
        return kind, _words(holder, "payload", 1000)
    carried = holder.get("payload")
    if not isinstance(carried, dict):
        raise ApiRefusal(-201, "payload is invalid!")
    return kind, _words(carried, "url" if kind == "oa.open.url" else "phone_code", 1000)


def _button(one: dict[str, Any]) -> Choice:
    title = _words(one, "title", 100)
    return Choice(title, *_checked(_action(one)))


def _element(one: dict[str, Any]) -> Choice:
    title, _subtitle = _words(one, "title", 100), _words(one, "subtitle", 500)
    action = one.get("default_action")
    if not isinstance(action, dict):
        raise ApiRefusal(-201, "default_action is invalid!")
    if "url" in action:  # in a list the address stands in the action itself
        action = {"type": action.get("type"), "payload": {"url": action["url"]}}
    return Choice(title, *_checked(_action(action)))


def _checked(action: tuple[str, str]) -> tuple[str, str]:
    kind, carried = action
    if kind == "oa.open.url" and not carried.startswith(("http://", "https://")):
        raise ApiRefusal(-201, "url is invalid!")
    return action
