"""Buttons as Telegram draws them under a message, and which of them it would refuse."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from connectors.channels.port import Button

ROW_CHARACTERS = 28  # what a narrow phone shows in one row before it cuts titles short
ROW_BUTTONS = 3
TOKEN_BYTES = 64


def keyboard(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    """Return the buttons in rows, in the order given: short ones side by side, a long one alone."""
    rows: list[list[Button]] = []
    for button in buttons:
        if rows and _fits(rows[-1], button):
            rows[-1].append(button)
        else:
            rows.append([button])
    return InlineKeyboardMarkup([[_drawn(button) for button in row] for row in rows]) if rows else None


def drawable(button: Button) -> bool:
    """Return whether Telegram can show this as a button: a token that fits, or an address anybody can open."""
    if button.url:
        return public(button.url)
    return button.payload is not None and 0 < len(button.payload.encode()) <= TOKEN_BYTES


def public(url: str) -> bool:
    """Return whether this is a web address outside our own network; Telegram refuses a message with any other."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or parts.username is not None or not url.isprintable() or " " in url:
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host.strip(".") and not host.endswith((".local", ".localhost", ".internal"))


def _fits(row: Sequence[Button], button: Button) -> bool:
    # Buttons of a row are equally wide, so the longest title counts for each.
    longest = max(len(one.title) for one in (*row, button))
    return len(row) < ROW_BUTTONS and longest * (len(row) + 1) <= ROW_CHARACTERS


def _drawn(button: Button) -> InlineKeyboardButton:
    if button.url:
        return InlineKeyboardButton(button.title, url=button.url)
    return InlineKeyboardButton(button.title, callback_data=button.payload)
