"""The Bot API's methods, with Telegram's limits and the words of its errors."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.simulators.telegram_state import Chat, State

LONGEST_TEXT = 4096  # UTF-16 units
CALLBACK_BYTES = 64
BUTTONS = 100
TAP_LIVES_S = 150.0
ACTIONS = {"typing", "upload_photo", "upload_document", "find_location", "record_voice", "choose_sticker"}
BOT = {"id": 7_000_000_001, "is_bot": True, "first_name": "Thư viện", "username": "thu_vien_bot"}
TOO_OLD = "Bad Request: query is too old and response timeout expired or query ID is invalid"
Params = Mapping[str, Any]


class ApiError(Exception):
    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters


@dataclass
class Fault:
    """What goes wrong with the next calls of a method: an error, or a broken line (any other exception).

    `after`: the call is carried out and only its answer is lost.
    """

    method: str
    error: Exception
    times: int = 1
    after: bool = False


class Flood:
    """Says how long a chat or the whole bot must hold its tongue: one message a second a chat after a short burst."""

    def __init__(self, now: Callable[[], float], burst: int, per_second: int) -> None:
        self._now = now
        self._burst = burst
        self._per_second = per_second
        self._chats: dict[int, tuple[float, float]] = {}  # when looked at last, messages it may still send
        self._sent: deque[float] = deque()

    def take(self, chat_id: int) -> None:
        """Count one message. Raises ApiError 429."""
        now = self._now()
        while self._sent and self._sent[0] <= now - 1.0:
            self._sent.popleft()
        if len(self._sent) >= self._per_second:
            raise _too_many(1)
        seen_at, left = self._chats.get(chat_id, (now, float(self._burst)))
        left = min(float(self._burst), left + max(now - seen_at, 0.0))
        self._chats[chat_id] = (now, left)
        if left < 1 - 1e-6:
            raise _too_many(math.ceil(1 - left))
        self._chats[chat_id] = (now, left - 1)
        self._sent.append(now)


class BotApi:
    """Methods by Telegram's own names: each takes the call's parameters and returns its result."""

    def __init__(
        self,
        state: State,
        token: str,
        now: Callable[[], float],
        *,
        limits: bool,
        http_webhooks: bool,
        burst: int,
        per_second: int,
        on_hook: Callable[[], None],
    ) -> None:
        self._state = state
        self._token = token
        self._now = now
        self._flood = Flood(now, burst, per_second) if limits else None
        self._http_webhooks = http_webhooks
        self._on_hook = on_hook
        self._news = asyncio.Event()
        self._poll = 0
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refused: list[tuple[str, str]] = []
        self.app = Starlette(routes=[Route("/bot{token}/{method}", self._serve, methods=["GET", "POST"])])

    def announce(self) -> None:
        """Wake whoever polls."""
        self._news.set()
        self._news = asyncio.Event()

    async def _serve(self, request: Request) -> JSONResponse:
        method = request.path_params["method"]
        try:
            if request.path_params["token"] != self._token:
                raise ApiError(401, "Unauthorized")
            result = await self._call(method, await _params(request))
        except ApiError as exc:
            self.refused.append((method, exc.description))
            return _refusal(exc)
        return JSONResponse({"ok": True, "result": result})

    async def _call(self, method: str, params: Params) -> Any:
        self.calls.append((method, dict(params)))
        fault = next((one for one in self.faults if one.method == method and one.times > 0), None)
        if fault:
            fault.times -= 1
            if not fault.after:
                raise fault.error
        if method not in METHODS:
            raise ApiError(404, "Not Found")
        result = await getattr(self, method)(params)
        if fault:
            raise fault.error
        return result

    async def getMe(self, _params: Params) -> Any:
        return {**BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def getUpdates(self, params: Params) -> Any:
        if self._state.hook:
            why = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
            raise ApiError(409, f"Conflict: {why}")
        self._poll += 1
        mine = self._poll
        self.announce()  # whoever polled before is sent away
        self._want(params)
        for update_id in [one for one in self._state.pending if one < int(params.get("offset", 0))]:
            self._state.record("over", update_id=update_id, how="confirmed")
        limit = min(max(int(params.get("limit", 100)), 1), 100)
        await self._wait_for_news(mine, float(params.get("timeout", 0)))
        return [json.loads(update.body) for update in list(self._state.pending.values())[:limit]]

    async def _wait_for_news(self, mine: int, timeout_s: float) -> None:
        until = asyncio.get_running_loop().time() + min(timeout_s, 50.0)
        while not self._live() and (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                return
            if self._poll != mine:
                why = "terminated by other getUpdates request; make sure that only one bot instance is running"
                raise ApiError(409, f"Conflict: {why}")

    def _live(self) -> bool:
        for update in list(self._state.pending.values()):
            if self._now() >= update.expires_at:
                self._state.record("over", update_id=update.update_id, how="expired")
        return bool(self._state.pending)

    async def setWebhook(self, params: Params) -> Any:
        url, secret = str(params.get("url", "")), str(params.get("secret_token", ""))
        if url and urlsplit(url).scheme != "https" and not self._http_webhooks:
            raise ApiError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret):
            raise ApiError(400, "Bad Request: secret token contains unallowed characters")
        self._want(params)
        connections = min(max(int(params.get("max_connections", 40)), 1), 100)
        self._state.record("hook", url=url, secret=secret, connections=connections)
        self._on_hook()
        return True

    async def deleteWebhook(self, params: Params) -> Any:
        if params.get("drop_pending_updates") in (True, "true"):
            for update_id in list(self._state.pending):
                self._state.record("over", update_id=update_id, how="dropped")
        self._state.record("hook", url="", secret="", connections=0)
        return True

    async def getWebhookInfo(self, _params: Params) -> Any:
        hook = self._state.hook
        info: dict[str, Any] = {"url": hook.url if hook else "", "has_custom_certificate": False}
        info["pending_update_count"] = len(self._state.pending)
        if hook:
            info["max_connections"] = hook.connections
        if self._state.kinds is not None:
            info["allowed_updates"] = self._state.kinds
        return info

    async def setMyCommands(self, params: Params) -> Any:
        commands = _json(params.get("commands"), "Bad Request: can't parse commands JSON")
        lang = str(params.get("language_code", ""))
        if lang and not re.fullmatch(r"[a-z]{2}", lang):
            raise ApiError(400, "Bad Request: invalid language code specified")
        if not isinstance(commands, list) or len(commands) > 100:
            raise ApiError(400, "Bad Request: BOT_COMMANDS_TOO_MUCH")
        for one in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", one["command"]):
                raise ApiError(400, "Bad Request: BOT_COMMAND_INVALID")
            if not 1 <= len(one["description"]) <= 256:
                raise ApiError(400, "Bad Request: BOT_COMMAND_DESCRIPTION_INVALID")
        self._state.record("menu", lang=lang, commands=commands)
        return True

    async def sendMessage(self, params: Params) -> Any:
        chat_id, _chat = self._open_chat(params)
        text = str(params.get("text", "")).strip()
        if not text:
            raise ApiError(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
            raise ApiError(400, "Bad Request: message is too long")
        if params.get("parse_mode"):
            raise ApiError(400, "Bad Request: can't parse entities: this server takes plain text only")
        buttons = _keyboard(params.get("reply_markup"))
        preview = _json(params.get("link_preview_options", "{}"), "Bad Request: can't parse link preview options")
        return self._show(chat_id, text, buttons, preview=not preview.get("is_disabled", False))

    async def sendDocument(self, params: Params) -> Any:
        chat_id, _chat = self._open_chat(params)
        sent = params.get("document")
        name, content = sent if isinstance(sent, tuple) else ("", b"")
        if not content:
            raise ApiError(400, "Bad Request: file must be non-empty")
        caption = str(params.get("caption", "")).strip()
        if len(caption.encode("utf-16-le")) // 2 > 1024:
            raise ApiError(400, "Bad Request: message caption is too long")
        return self._show(chat_id, caption, _keyboard(params.get("reply_markup")), document=name)

    async def sendChatAction(self, params: Params) -> Any:
        self._open_chat(params, counts=False)
        if params.get("action") not in ACTIONS:
            raise ApiError(400, "Bad Request: wrong parameter action in request")
        return True

    async def answerCallbackQuery(self, params: Params) -> Any:
        tap = str(params.get("callback_query_id", ""))
        made_at = self._state.taps.get(tap)
        if made_at is None or self._now() - made_at > TAP_LIVES_S:
            raise ApiError(400, TOO_OLD)
        self._state.record("tap_answered", tap=tap)
        return True

    def _want(self, params: Params) -> None:
        if "allowed_updates" in params:
            kinds = _json(params["allowed_updates"], "Bad Request: can't parse allowed_updates JSON")
            if kinds != self._state.kinds:
                self._state.record("kinds", kinds=kinds or None)

    def _open_chat(self, params: Params, counts: bool = True) -> tuple[int, Chat]:
        try:
            chat_id = int(params["chat_id"])
        except (KeyError, ValueError):
            raise ApiError(400, "Bad Request: chat_id is empty") from None
        chat = self._state.chat(chat_id)
        if chat is None:
            raise ApiError(400, "Bad Request: chat not found")
        if chat.moved_to is not None:
            said = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, said, migrate_to_chat_id=chat.moved_to)
        if chat.status in CLOSED:
            raise ApiError(403, f"Forbidden: {CLOSED[chat.status]}")
        if counts and self._flood:
            self._flood.take(chat_id)
        return chat_id, chat

    def _show(self, chat_id: int, text: str, buttons: Any, document: str | None = None, preview: bool = True) -> Any:
        message_id, at = self._state.next_message, self._now()
        shown = {"text": text, "buttons": buttons, "at": at, "document": document, "preview": preview}
        self._state.record("shown", chat_id=chat_id, message_id=message_id, **shown)
        chat = {"id": chat_id, "type": "private" if chat_id > 0 else "supergroup"}
        message: dict[str, Any] = {"message_id": message_id, "from": BOT, "chat": chat, "date": int(at)}
        message |= {"document": {"file_id": "f", "file_unique_id": "f"}} if document else {"text": text}
        return message | ({"reply_markup": {"inline_keyboard": buttons}} if buttons else {})


METHODS = {name for name in vars(BotApi) if re.match(r"(get|set|send|delete|answer)[A-Z]", name)}
CLOSED = {
    "blocked": "bot was blocked by the user",
    "deactivated": "user is deactivated",
    "kicked": "bot was kicked from the group chat",
    "stranger": "bot can't initiate conversation with a user",
}


def _keyboard(markup: Any) -> list[list[dict[str, Any]]]:
    """Return the rows of an inline keyboard. Raises ApiError for what Telegram refuses in one."""
    if markup is None:
        return []
    parsed = _json(markup, "Bad Request: can't parse reply keyboard markup JSON object")
    rows = parsed.get("inline_keyboard") if isinstance(parsed, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise ApiError(400, 'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array')
    buttons = [button for row in rows for button in row]
    if len(buttons) > BUTTONS:
        raise ApiError(400, "Bad Request: reply markup is too long")
    for button in buttons:
        _check_button(button)
    return rows


def _check_button(button: dict[str, Any]) -> None:
    if not str(button.get("text", "")).strip():
        raise ApiError(400, "Bad Request: inline keyboard button text must be non-empty")
    if "url" in button:
        _check_url(button["url"])
    elif "callback_data" not in button:
        raise ApiError(400, "Bad Request: text buttons are unallowed in the inline keyboard")
    elif not 1 <= len(str(button["callback_data"]).encode()) <= CALLBACK_BYTES:
        raise ApiError(400, "Bad Request: BUTTON_DATA_INVALID")


def _check_url(url: str) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https", "tg") or "." not in host or re.match(r"127\.|10\.|192\.168\.", host):
        raise ApiError(400, f"Bad Request: inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")


def _json(said: Any, complaint: str) -> Any:
    try:
        return json.loads(said) if isinstance(said, str) else said
    except ValueError:
        raise ApiError(400, complaint) from None


async def _params(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").split(";")[0]
    params: dict[str, Any] = dict(request.query_params)
    if kind == "application/json":
        params |= _json((await request.body()).decode(), "Bad Request: can't parse JSON")
        return params
    if kind == "multipart/form-data":
        async with request.form() as form:
            files = {key: (one.filename, await one.read()) for key, one in form.items() if not isinstance(one, str)}
            fields = {key: one for key, one in form.items() if isinstance(one, str)}
        attached = {key: files.get(one.removeprefix("attach://"), one) for key, one in fields.items()}
        return params | files | attached
    return params | dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))


def _too_many(seconds: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def _refusal(exc: ApiError) -> JSONResponse:
    said: dict[str, Any] = {"ok": False, "error_code": exc.code, "description": exc.description}
    if exc.parameters:
        said["parameters"] = exc.parameters
    wait = exc.parameters.get("retry_after")
    return JSONResponse(said, status_code=exc.code, headers={"Retry-After": str(wait)} if wait else None)
