"""The OpenAPI and OAuth of the simulated Zalo: strict, and saying "no" with HTTP 200."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.simulators.zalo_keys import oauth_error
from tests.simulators.zalo_messages import ApiRefusal, drawn, json_of, recipient_of
from tests.simulators.zalo_state import Shown, State

FREE = timedelta(hours=48)
OPEN = timedelta(days=7)
SUCCESS = 0
EVER_S = 10_000.0


@dataclass(frozen=True)
class Fault:
    """What one call of the OpenAPI or OAuth gets instead of its answer, after `late_s`; `done`: it has its effect
    all the same, and its answer too when nothing else is asked for."""

    error: int | None = None
    status: int = 200
    hang: bool = False
    done: bool = False
    late_s: float = 0.0


@dataclass
class Rules:
    """What differs among accounts, years and bad days."""

    buttons: bool = True  # buttons under a text; else -233
    lists: bool = True
    echo: Literal["after", "before", "off"] = "after"  # "before": the webhook comes while the sending call waits
    bought_messages: int = 0  # from 48 h to 7 d after the last word
    eight_in_48_h: bool = False  # the rule before 2026
    per_minute: int = 100


class OpenApi:
    """`show(shown)` puts a message before the user's eyes, and echoes it."""

    def __init__(
        self,
        state: State,
        rules: Rules,
        show: Callable[[Shown], Awaitable[None]],
        *,
        app_id: str,
        oa_id: str,
        app_secret: str,
    ) -> None:
        self._state = state
        self._rules = rules
        self._show = show
        self._app_id = app_id
        self._oa_id = oa_id
        self._app_secret = app_secret
        self._minute: deque[datetime] = deque()
        self.faults: deque[Fault] = deque()
        self.oauth_faults: deque[Fault] = deque()
        self.calls: list[int] = []
        self.refreshes = 0
        self.app = Starlette(
            routes=[
                Route("/v3.0/oa/message/cs", self._send, methods=["POST"]),
                Route("/v3.0/oa/user/detail", self._profile, methods=["GET"]),
                Route("/v2.0/oa/getoa", self._account, methods=["GET"]),
                Route("/v4/oa/access_token", self._refresh, methods=["POST"]),
            ]
        )

    async def _send(self, request: Request) -> Response:
        left = self._calls_left()
        fault = self.faults.popleft() if self.faults else Fault()
        answer = await self._answer(request, fault, left)
        self.calls.append(answer["error"])
        await _hold(fault)
        headers = {"X-RateLimit-Limit": str(self._rules.per_minute), "X-RateLimit-Remain": str(max(left, 0))}
        if fault.status != 200:
            return Response("<html>", fault.status, headers, "text/html")
        return JSONResponse(answer, headers=headers)

    async def _answer(self, request: Request, fault: Fault, left: int) -> dict[str, Any]:
        answer: dict[str, Any] = {"error": SUCCESS}
        try:
            if left < 0:
                raise ApiRefusal(-32, "Your application reached its limit of calls")
            self._check_token(request)
            if fault.done or fault == Fault():
                answer = await self._accept(await json_of(request))
            if fault.error is not None:
                raise ApiRefusal(fault.error, "by script")
        except ApiRefusal as exc:
            return {"error": exc.code, "message": str(exc)}
        return answer

    def _calls_left(self) -> int:
        """Count a call; return how many more this minute takes, below 0 when this one is too many."""
        now = self._state.clock()
        while self._minute and now - self._minute[0] >= timedelta(minutes=1):
            self._minute.popleft()
        left = self._rules.per_minute - len(self._minute) - 1
        if left >= 0:
            self._minute.append(now)
        return left

    def _check_token(self, request: Request) -> None:
        token = request.headers.get("access_token", "")
        if not token or token != self._state.keys.access:
            raise ApiRefusal(-216, "Access token is invalid")
        if self._state.clock() >= self._state.keys.access_ends:
            raise ApiRefusal(-220, "Access token is expired or removed")

    async def _accept(self, body: dict[str, Any]) -> dict[str, Any]:
        user = recipient_of(body)
        text, choices = drawn(body, self._rules.buttons, self._rules.lists)
        quota = self._open_window(user)
        shown = Shown(self._state.new_id(), user, text, choices, self._state.clock(), "api")
        await self._show(shown)
        sent_time = str(int(shown.at.timestamp() * 1000))
        data = {"message_id": shown.msg_id, "user_id": user, "sent_time": sent_time, "quota": {"quota_type": quota}}
        return {"data": data, "error": SUCCESS, "message": "Success"}

    def _open_window(self, user: str) -> str:
        """Return which quota pays; the time since the user's last interaction decides."""
        known = self._state.users[user]
        if known.heard_at is None:
            raise ApiRefusal(-213, "User has not followed Offical Account")
        silent = self._state.clock() - known.heard_at
        if silent > OPEN:
            raise ApiRefusal(-230, "User has not interacted with the OA in the past 7 days")
        if silent > FREE:
            if self._rules.bought_messages <= 0:
                raise ApiRefusal(-211, "Out of quota")
            self._rules.bought_messages -= 1
            return "sub_quota"
        if self._rules.eight_in_48_h and known.free_sent >= 8:
            raise ApiRefusal(-218, "Out of quota receive")
        known.free_sent += 1
        return "reply"

    async def _profile(self, request: Request) -> Response:
        try:
            self._check_token(request)
            user = str(json.loads(request.query_params["data"])["user_id"])
            if not self._state.users[user].follows:
                raise ApiRefusal(-213, "User has not followed Offical Account")
        except ApiRefusal as exc:
            return JSONResponse({"error": exc.code, "message": str(exc)})
        data = {"user_id": user, "display_name": "Bạn đọc", "user_is_follower": True}
        return JSONResponse({"data": data, "error": SUCCESS, "message": "Success"})

    async def _account(self, request: Request) -> Response:
        try:
            self._check_token(request)
        except ApiRefusal as exc:
            return JSONResponse({"error": exc.code, "message": str(exc)})
        data = {"oaid": self._oa_id, "name": "Thư viện", "oa_type": 4, "is_verified": True, "package_name": "Growth"}
        return JSONResponse({"data": data, "error": SUCCESS, "message": "Success"})

    async def _refresh(self, request: Request) -> Response:
        self.refreshes += 1
        fault = self.oauth_faults.popleft() if self.oauth_faults else Fault()
        form = await request.form()
        answer = self._rotated(request, dict(form)) if fault.done or fault == Fault() else {}
        await _hold(fault)
        if fault.status != 200:
            return Response("<html>", fault.status, media_type="text/html")
        return JSONResponse(answer if fault.error is None else oauth_error(fault.error, "by script"))

    def _rotated(self, request: Request, form: dict[str, Any]) -> dict[str, Any]:
        if request.headers.get("secret_key") != self._app_secret or form.get("app_id") != self._app_id:
            return oauth_error(-14002, "Invalid app id or secret key")
        rotated = self._state.keys.rotated(form, self._state.clock())
        if rotated is None:
            return oauth_error(-14003, "Invalid refresh token")
        self._state.keep(rotated)
        return rotated.answer()


async def _hold(fault: Fault) -> None:
    if fault.hang or fault.late_s:  # to sleep for no time would let others go first
        await asyncio.sleep(EVER_S if fault.hang else fault.late_s)
