"""The gateway's part in changing the model: turns move to the new Rasa once it is warm, and none is cut off."""

from __future__ import annotations

import asyncio
import logging
import time

from connectors.dialogue import DialogueAway, RasaDialogue
from connectors.models import Models

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.3
QUICK_S = 0.2  # an explanation in this time comes from a warm process
WARMING_TAKES_S = 60.0  # at most
# Of several kinds, so that everything that is read on first use has been read: names, dates, English, the mending.
SAID = ("mai mấy giờ mở cửa", "co cuon so do khong", "gia hạn giúp em", "are you open now?", "thu vieen", "chào bạn")


async def follow(models: Models, dialogue: RasaDialogue, run: str, secret: str, port: int) -> None:
    """Let turns go to whichever Rasa the supervisor of this start serves; `port` is where they go now. For ever."""
    models.use(port)
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        serving = models.serving()
        if serving is None or serving.run != run or serving.port == port:
            continue
        url = f"http://127.0.0.1:{serving.port}"
        await warm(RasaDialogue(url, secret))
        await dialogue.move_to(url)
        port = serving.port
        models.use(port)
        logger.info("turns go to %s now", serving.model)


async def warm(dialogue: RasaDialogue) -> None:
    """Return when the process behind this client answers quickly, or has had its time."""
    ends = time.monotonic() + WARMING_TAKES_S
    slowest = QUICK_S
    try:
        while slowest >= QUICK_S and time.monotonic() < ends:
            slowest = max([await _takes_s(dialogue, text) for text in SAID])
    finally:
        await dialogue.close()


async def _takes_s(dialogue: RasaDialogue, text: str) -> float:
    began = time.monotonic()
    try:
        await dialogue.explain(text)
    except DialogueAway:
        await asyncio.sleep(LOOK_EVERY_S)
        return QUICK_S
    return time.monotonic() - began
