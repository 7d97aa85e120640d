"""“Thử lại” after the library system was silent: the request that got no answer is heard as if it were said again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.actions.wording import plainly

TRY_AGAIN = "try_again"  # the button's intent; whoever types it says it in words
LIFETIME = timedelta(minutes=15)
_AGAIN = re.compile(
    r"\b(?:thu|lam|xem|coi|hoi|goi|gui|kiem tra)(?: thu| giup| gium| dum| cho \w+)? lai\b|\bthu (?:lan|phat) nua\b"
    r"|\b(?:lan|phat) nua\b|\b(?:duoc|xong|chay lai|len lai|tra loi)(?: chua| roi(?: chua)?)\b"
    r"|\b(?:try|check|do it)(?: it| that)? (?:again|once more)\b|\b(?:again|once more|retry)\b"
)
_REFUSES = re.compile(r"\b(?:khong|chua|dung|khoi|thoi|no|not|don t)\b.*\b(?:lai|nua|again|retry)\b")
_AROUND = re.compile(
    r"\b(?:bay gio|gio|ok|oke|okay|vay|roi|thi|u|uh|a|oi|di|nhe|nha|nhen|hen|hng|coi|xem|sao|nao|luon|ngay|cai"
    r"|lai|thu|giup|gium|dum|ho|cho|minh|em|toi|tui|con|chau|anh|chi|bac|ban|ad|da|he thong|may|xin|voi|duoc|khong"
    r"|please|now|can|could|you|it|is|the system|system|back|up|yet|for|me|let|s|working)\b"
)


def unanswered(action: str, message: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return what is kept of a request that the library system did not answer; nothing of it was done."""
    kept = {key: message.get(key) for key in ("text", "intent", "entities")}
    return {"action": action, "message": kept, "at": now.isoformat()}


def tried_again(
    message: Mapping[str, Any], kept: Mapping[str, Any] | None, now: datetime
) -> tuple[str, Mapping[str, Any]] | None:
    """Return the action and the message that are to be tried again; None when these words ask for something else."""
    if not kept or not timedelta(0) <= now - datetime.fromisoformat(kept["at"]) <= LIFETIME:
        return None
    pressed = (message.get("intent") or {}).get("name") == TRY_AGAIN
    return (kept["action"], kept["message"]) if pressed or _asks_again(str(message.get("text") or "")) else None


def _asks_again(text: str) -> bool:
    words = plainly(text)
    if _REFUSES.search(words):
        return False
    return bool(_AGAIN.search(words)) and not _AROUND.sub(" ", _AGAIN.sub(" ", words)).strip()
