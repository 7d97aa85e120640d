"""A Zalo that keeps to its own rules: patrons and staff who write, an OpenAPI that refuses with HTTP 200, OAuth.

What a patron or a librarian does is a method (`says`, `taps`, `staff_says`, …) and becomes a signed webhook. What the
gateway calls is `app`, an ASGI app for the OpenAPI and OAuth in one, in process or on a socket. `shown_to` tells what
each user saw, in order. With a `journal` all of it outlives the process.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from starlette.applications import Starlette

from tests.simulators.zalo_api import Fault, OpenApi, Rules
from tests.simulators.zalo_keys import Keys
from tests.simulators.zalo_messages import Choice
from tests.simulators.zalo_state import Shown, State
from tests.simulators.zalo_webhooks import LADDER_S, Deliver, Delivery, Webhooks

__all__ = ["Choice", "Fault", "Rules", "Shown", "Zalo"]

PAYLOADS: dict[str, dict[str, Any]] = {
    "image": {"thumbnail": "http://t.f6.photo.talk.zdn.vn/1", "url": "http://f6.photo.talk.zdn.vn/1"},
    "gif": {"thumbnail": "http://t.f6.photo.talk.zdn.vn/2", "url": "http://f6.photo.talk.zdn.vn/2"},
    "link": {"thumbnail": "", "description": "", "url": "https://example.vn/"},
    "audio": {"url": "http://f6.voice.talk.zdn.vn/1.amr"},
    "video": {"url": "http://f6.video.talk.zdn.vn/1", "thumbnail": "", "description": ""},
    "sticker": {"url": "http://f6.sticker.talk.zdn.vn/1", "id": "20553"},
    "file": {"size": "1024", "name": "a.pdf", "checksum": "0" * 32, "type": "pdf", "url": "http://f6.file.zdn.vn/1"},
    "location": {"coordinates": {"latitude": "10.7923119", "longitude": "106.7820651"}},
}


@dataclass
class Zalo:
    """`deliver(headers, body)` rings at the gateway's webhook and returns its status; `webhooks.deliver` may be set
    later. `first_refresh_token` is what the console gave out. `scale` shortens the waiting between retries, which are
    `ladder_s`."""

    clock: Callable[[], datetime]
    deliver: Deliver
    app_id: str = "360846524940903967"
    oa_id: str = "388613280878808645"
    app_secret: str = "app-secret"
    oa_secret: str = "oa-secret"
    first_refresh_token: str = "refresh-0"
    journal: Path | None = None
    scale: float = 1.0
    ladder_s: Sequence[float] = LADDER_S
    rules: Rules = field(default_factory=Rules)

    def __post_init__(self) -> None:
        self._state = State(self.clock, self.journal, self.oa_id, self.first_refresh_token)
        names = {"app_id": self.app_id, "oa_id": self.oa_id, "app_secret": self.app_secret}
        self._api = OpenApi(self._state, self.rules, self._show_and_echo, **names)
        times: dict[str, Any] = {"scale": self.scale, "ladder_s": self.ladder_s}
        self.webhooks = Webhooks(self.deliver, self._state.journal, app_id=self.app_id, secret=self.oa_secret, **times)
        for entry in self._state.webhook_entries:
            self.webhooks.remember(entry)

    # What tests look at and set

    @property
    def app(self) -> Starlette:
        return self._api.app

    @property
    def faults(self) -> deque[Fault]:
        """What the next calls that send a message get."""
        return self._api.faults

    @property
    def oauth_faults(self) -> deque[Fault]:
        return self._api.oauth_faults

    @property
    def calls(self) -> list[int]:
        """The `error` of each call that was to send a message."""
        return self._api.calls

    @property
    def refreshes(self) -> int:
        return self._api.refreshes

    @property
    def access_token(self) -> str:
        return self._state.keys.access

    def shown_to(self, user: str) -> list[Shown]:
        """Return what this user saw, in order."""
        return [one for one in self._state.shown if one.user == user]

    def texts(self, user: str) -> list[str]:
        return [one.text for one in self.shown_to(user)]

    def issue(self, refresh_token: str) -> None:
        """Give out a new refresh token, as the console does when the operator consents; the old pair dies."""
        self._state.keep(Keys.issued(refresh_token, self.clock(), self._state.keys.count))

    def resume(self, after_s: float = 0.0) -> int:
        """Return how many webhooks the last process left under way, and send them again."""
        return self.webhooks.resume(after_s)

    async def close(self) -> None:
        await self.webhooks.close()
        self._state.journal.close()

    # What people do

    def says(self, user: str, text: str, after_s: Sequence[float] | None = None) -> str:
        """Return the id of the message that the user wrote; `after_s` gives the delay of each copy that is sent."""
        return self._user_event(user, "user_send_text", {"text": text}, after_s)

    def taps(self, user: str, title: str, after_s: Sequence[float] | None = None) -> str | None:
        """Tap the latest choice of this title; return the message's id, or None where a tap opens a page."""
        choices = [choice for one in self.shown_to(user) for choice in one.choices if choice.title == title]
        if not choices:
            raise LookupError(f"nothing to tap: {title}")
        if choices[-1].action not in ("oa.query.show", "oa.query.hide"):
            return None
        return self.says(user, choices[-1].payload, after_s)

    def sends(self, user: str, kind: str, text: str = "", after_s: Sequence[float] | None = None) -> str:
        """Return the id of an image, gif, link, audio, video, sticker, file or location that the user sent."""
        attachment = {"type": kind, "payload": PAYLOADS[kind]}
        message = {"attachments": [attachment], **({"text": text} if text else {})}
        return self._user_event(user, f"user_send_{kind}", message, after_s)

    def follows(self, user: str) -> None:
        self._state.meet(user, follows=True)
        self._emit(
            {"oa_id": self.oa_id, "follower": {"id": user}, "event_name": "follow", "source": "oa_profile"}, user
        )

    def unfollows(self, user: str) -> None:
        self._state.part(user)
        self._emit({"oa_id": self.oa_id, "follower": {"id": user}, "event_name": "unfollow"}, user)

    def opens_chat(self, user: str) -> None:
        self._state.meet(user)
        self._emit({"oa_id": self.oa_id, "user_id": user, "event_name": "user_click_chatnow"}, user)

    def withdraws(self, user: str) -> None:
        """Ask Zalo that all data be deleted."""
        self._emit({**self._pair(user), "event_name": "user_withdraw"}, user)

    def submits_info(self, user: str, info: dict[str, Any]) -> None:
        self._emit({**self._pair(user), "event_name": "user_submit_info", "info": info}, user)

    def happens(self, user: str, event: dict[str, Any]) -> None:
        """Send any other event about this user, as it is given."""
        self._emit({**self._pair(user), **event}, user)

    def staff_says(self, user: str, text: str, admin: str = "5206720984") -> str:
        """Return the id of what a librarian wrote in Zalo's own console."""
        return self._speak_beside(user, text, "staff", admin)

    def other_app_says(self, user: str, text: str) -> str:
        """Return the id of what an automatic reply of the account, or another app, said."""
        return self._speak_beside(user, text, "other", None)

    # Events

    def _user_event(self, user: str, name: str, message: dict[str, Any], after_s: Sequence[float] | None) -> str:
        msg_id = self._state.new_id()
        self._state.meet(user)
        event = {**self._pair(user), "event_name": name, "message": {**message, "msg_id": msg_id}}
        self._emit(event, user, after_s)
        return msg_id

    def _pair(self, user: str) -> dict[str, Any]:
        return {"sender": {"id": user}, "recipient": {"id": self.oa_id}}

    def _emit(self, event: dict[str, Any], user: str, after_s: Sequence[float] | None = None) -> Delivery:
        delivery, entry = self.webhooks.entry(self._whole(event, user))
        self._state.journal.write(entry)
        return self.webhooks.send(delivery, after_s)

    def _whole(self, event: dict[str, Any], user: str) -> dict[str, Any]:
        by_app = str(int(hashlib.sha256(user.encode()).hexdigest()[:14], 16))
        timestamp = str(int(self.clock().timestamp() * 1000))
        return {"app_id": self.app_id, **event, "user_id_by_app": by_app, "timestamp": timestamp}

    def _speak_beside(self, user: str, text: str, by: Literal["staff", "other"], admin: str | None) -> str:
        shown = Shown(self._state.new_id(), user, text, (), self.clock(), by)
        delivery, entry = self.webhooks.entry(self._whole(self._echo(shown, admin), user))
        self._state.show(shown, entry)
        self.webhooks.send(delivery)
        return shown.msg_id

    def _echo(self, shown: Shown, admin: str | None = None) -> dict[str, Any]:
        message: dict[str, Any] = {"text": shown.text, "msg_id": shown.msg_id}
        name = "oa_send_text"
        if shown.choices:  # a template's words stand in the attachment
            name = "oa_send_template"
            payload = {"zinstant_id": "z1", "text": shown.text, "link_url": "", "checksum": "c1"}
            message = {"msg_id": shown.msg_id, "attachments": [{"type": "template", "payload": payload}]}
        sender = {"id": self.oa_id, **({"admin_id": admin} if admin else {})}
        return {"sender": sender, "recipient": {"id": shown.user}, "event_name": name, "message": message}

    async def _show_and_echo(self, shown: Shown) -> None:
        if self.rules.echo == "off":
            self._state.show(shown)
            return
        delivery, entry = self.webhooks.entry(self._whole(self._echo(shown), shown.user))
        self._state.show(shown, entry)
        self.webhooks.send(delivery)
        if self.rules.echo == "before":
            await delivery.attempted.wait()
