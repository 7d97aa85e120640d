"""Where the console's pages are, and which of them a sign-in may lead to."""

from __future__ import annotations

import re

ROOT = "/console"
SIGN_IN = f"{ROOT}/sign-in"
SIGN_OUT = f"{ROOT}/sign-out"
INBOX = f"{ROOT}/inbox"
TALKS = f"{ROOT}/conversations"
ACCOUNT = f"{ROOT}/account"
STAFF = f"{ROOT}/staff"
AUDIT = f"{ROOT}/audit"
UNDELIVERED = f"{ROOT}/undelivered"
ANSWERS = f"{ROOT}/answers"
QUESTIONS = f"{ROOT}/questions"
REVIEWS = f"{ROOT}/reviews"
EFFECTS = f"{ROOT}/numbers/effects"
ASSETS = f"{ROOT}/assets"
_PAGE = re.compile(rf"{ROOT}(?:/[A-Za-z0-9_-]+)*")


def conversation_at(conversation_id: str) -> str:
    return f"{TALKS}/{conversation_id}"


def page_or_root(wanted: str) -> str:
    """Return the page of ours to go to after signing in; never an address that leads elsewhere."""
    return wanted if _PAGE.fullmatch(wanted) else ROOT
