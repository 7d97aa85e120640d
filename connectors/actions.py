"""The action route: Rasa's calls for actions, on their own loopback port.

It wants the secret made at this start, serves only the conversation whose turn is open, and runs `rasa_sdk`'s
executor in this process. Anything else is refused and does nothing.
"""

from __future__ import annotations

import logging
import secrets
from typing import Any

from fastapi import FastAPI, HTTPException, Request, status
from fastapi.responses import JSONResponse
from rasa_sdk import Action
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException

from connectors.turns import NoOpenTurn, OpenTurns

logger = logging.getLogger(__name__)


def action_app(actions: list[Action], turns: OpenTurns, secret: str) -> FastAPI:
    """Return the app of the action listener; it has one route and no documentation pages."""
    executor = ActionExecutor()
    for action in actions:
        executor.register_action(action)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/webhook")
    async def run_action(request: Request) -> JSONResponse:
        if not secrets.compare_digest(request.headers.get("X-Thuthu-Secret", "").encode(), secret.encode()):
            raise HTTPException(status.HTTP_403_FORBIDDEN, "forbidden")
        # Rasa 3.6 leaves the domain out, no action of ours reads it, and the newer SDK insists that there is one.
        call = {"domain": {}, **await _call_in(request)}
        try:
            turns.check(str(call.get("sender_id")), _message_of(call))
            result = await executor.run(call)
            return JSONResponse(result.model_dump() if result else {})
        except NoOpenTurn as exc:
            raise HTTPException(status.HTTP_409_CONFLICT, str(exc)) from exc
        except ActionExecutionRejection as exc:
            body = {"error": str(exc), "action_name": exc.action_name}
            return JSONResponse(body, status_code=status.HTTP_400_BAD_REQUEST)
        except ActionNotFoundException as exc:
            body = {"error": str(exc), "action_name": exc.action_name}
            return JSONResponse(body, status_code=status.HTTP_404_NOT_FOUND)

    return app


async def _call_in(request: Request) -> dict[str, Any]:
    try:
        call = await request.json()
    except ValueError:
        call = None
    if not isinstance(call, dict):
        raise HTTPException(status.HTTP_400_BAD_REQUEST, "not a call for an action")
    return call


def _message_of(call: dict[str, Any]) -> str | None:
    """Return which message Rasa says it is answering: the gateway sent its id along."""
    found: Any = call
    for key in ("tracker", "latest_message", "metadata", "message"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None
