"""The sending side of the Official Account's door."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from connectors.channels.port import DoorShut, Limits, Part, PlainerPlease, Unreachable
from connectors.channels.zalo.api import MESSAGE, Answer, ZaloApi
from connectors.channels.zalo.drawing import PLAINER, Mode, limits_of, message_json
from connectors.channels.zalo.errors import BUTTONS_REFUSED, TOKEN_REFUSED, error_of
from connectors.channels.zalo.tokens import Tokens
from connectors.clock import Clock

logger = logging.getLogger(__name__)

FREE = timedelta(hours=48)
OPEN = timedelta(days=7)
TYPE_INVALID = -233

LastHeard = Callable[[str], Awaitable[datetime | None]]


class ZaloDoor:
    """`last_heard(address)` gives when the patron last wrote, tapped or came, or None where that is not known.

    Which kind of buttons this account may send is found by trying: a kind that Zalo refuses is not used again in
    this run. The refused message itself goes out as numbered text.
    """

    name = "zalo"
    echoes = True

    def __init__(
        self,
        api: ZaloApi,
        tokens: Tokens,
        clock: Clock,
        last_heard: LastHeard,
        *,
        mode: Mode,
        paid: bool,
        requests_per_minute: int,
    ) -> None:
        self._api = api
        self._tokens = tokens
        self._clock = clock
        self._last_heard = last_heard
        self._mode = mode
        self._proven: set[Mode] = set()  # kinds of buttons that Zalo has taken
        self._paid = paid
        self._requests_per_minute = requests_per_minute

    @property
    def limits(self) -> Limits:
        return limits_of(self._mode, self._requests_per_minute)

    async def send(self, address: str, part: Part) -> str:
        """Return Zalo's id of the sent message. Raises NotSent, by class of what to do next."""
        await self._check_window(address)
        mode = self._mode
        if part.buttons and mode == "numbered":
            raise PlainerPlease("no_buttons")
        answer = await self._post(message_json(address, part, mode))
        if answer.error == 0:
            self._proven.update({mode} if part.buttons else set())
            return str(answer.data.get("message_id", ""))
        if part.buttons and answer.error in BUTTONS_REFUSED:
            self._degrade(mode, answer.error)
            raise PlainerPlease(f"zalo_{-answer.error}")
        raise error_of(answer.error)

    async def show_typing(self, address: str) -> None:
        """Do nothing: Zalo has no such sign."""

    async def _check_window(self, address: str) -> None:
        """Raise Unreachable, without asking Zalo, when the patron has been silent for too long."""
        heard = await self._last_heard(address)
        silent = self._clock() - heard if heard else timedelta()
        if silent > OPEN:
            raise Unreachable("window_7d")
        if silent > FREE and not self._paid:
            raise Unreachable("window_48h")

    async def _post(self, body: dict[str, object]) -> Answer:
        """Return the answer; a token that Zalo refuses is renewed once."""
        token = await self._tokens.access()
        answer = await self._api.post(MESSAGE, body, token)
        if answer.error not in TOKEN_REFUSED:
            return answer
        answer = await self._api.post(MESSAGE, body, await self._tokens.after_refusal(token))
        if answer.error in TOKEN_REFUSED:
            raise DoorShut("zalo_token_refused")
        return answer

    def _degrade(self, mode: Mode, error: int) -> None:
        # An invalid field may be this one message's fault; when such buttons were taken before, it is.
        if error != TYPE_INVALID and mode in self._proven:
            return
        self._mode = PLAINER[mode]
        logger.warning("buttons refused channel=zalo error=%s from=%s to=%s", error, mode, self._mode)
