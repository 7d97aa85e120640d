"""The commands a patron may type at Telegram, and the menu that shows them in both languages."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.channels.port import TYPED
from connectors.sharing import start_target

# What Telegram's own menu shows, by language; the first is what it shows to speakers of any other.
MENU: Mapping[str, tuple[str, ...]] = {
    "vi": ("help", "thuthu", "privacy", "xuatdulieu", "xoadulieu"),
    "en": ("help", "librarian", "privacy", "export", "forget"),
}
_COMMAND = re.compile(r"/(?P<word>[A-Za-z0-9_]{1,32})(?:@(?P<bot>[A-Za-z0-9_]{1,32}))?(?:\s+(?P<rest>.*))?", re.DOTALL)


def command(text: str, username: str) -> str | None:
    """Return the command of ours that the text is, `start` with what its link opens; None for any other text.

    A command for another bot ("/help@OtherBot") is none of ours.
    """
    found = _COMMAND.fullmatch(text)
    if found is None or (found["bot"] and found["bot"].lower() != username.lower()):
        return None
    meaning = TYPED.get(found["word"].lower())
    opened = start_target(found["rest"].strip()) if meaning == "start" and found["rest"] else None
    return f"start {opened}" if opened else meaning
