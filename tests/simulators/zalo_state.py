"""What the simulated Zalo knows: who spoke when, what each user saw, which tokens are out. A journal keeps it all."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tests.simulators.zalo_journal import Journal
from tests.simulators.zalo_keys import Keys
from tests.simulators.zalo_messages import Choice


@dataclass(frozen=True)
class Shown:
    """One message that a user saw."""

    msg_id: str
    user: str
    text: str
    choices: tuple[Choice, ...]
    at: datetime
    by: Literal["api", "staff", "other"]


@dataclass
class User:
    follows: bool = False
    heard_at: datetime | None = None
    free_sent: int = 0  # since they were last heard


class State:
    """`clock` is Zalo's own. What the journal holds is taken up at once, but for the webhooks (`webhook_entries`)."""

    def __init__(self, clock: Callable[[], datetime], journal: Path | None, account: str, first_token: str) -> None:
        self.clock = clock
        self.journal = Journal(journal)
        self.users: dict[str, User] = defaultdict(User)
        self.shown: list[Shown] = []
        self.keys = Keys.issued(first_token, clock())
        self.webhook_entries: list[dict[str, Any]] = []
        self._account = account
        self._ids = 0
        for entry in self.journal.read():
            self._remember(entry)

    def new_id(self) -> str:
        self._ids += 1
        return hashlib.sha256(f"{self._account}:{self._ids}".encode()).hexdigest()[:20]

    def meet(self, user: str, follows: bool | None = None) -> None:
        """Note an interaction, which opens the time in which the account may write."""
        known = self.users[user]
        known.follows = known.follows if follows is None else follows
        known.heard_at, known.free_sent = self.clock(), 0
        entry = {"what": "heard", "user": user, "follows": known.follows, "at": known.heard_at.isoformat()}
        self.journal.write({**entry, "ids": self._ids})

    def part(self, user: str) -> None:
        self.users[user] = User()
        self.journal.write({"what": "left", "user": user})

    def show(self, shown: Shown, *more: dict[str, Any]) -> None:
        """Note what a user saw, in one stroke with the webhook that echoes it."""
        self.shown.append(shown)
        kept = {**asdict(shown), "at": shown.at.isoformat()}
        self.journal.write({"what": "shown", "shown": kept, "ids": self._ids}, *more)

    def keep(self, keys: Keys) -> None:
        self.keys = keys
        self.journal.write({"what": "keys", "keys": keys.as_json()})

    def _remember(self, entry: dict[str, Any]) -> None:
        what = entry["what"]
        self._ids = max(self._ids, entry.get("ids", 0))
        if what in ("event", "delivered"):
            self.webhook_entries.append(entry)
        elif what == "heard":
            self.users[entry["user"]] = User(entry["follows"], datetime.fromisoformat(entry["at"]))
        elif what == "left":
            self.users[entry["user"]] = User()
        elif what == "keys":
            self.keys = Keys.from_json(entry["keys"])
        else:
            kept = entry["shown"]
            choices = tuple(Choice(**one) for one in kept["choices"])
            self.shown.append(Shown(**{**kept, "choices": choices, "at": datetime.fromisoformat(kept["at"])}))
