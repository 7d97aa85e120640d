"""Whatever patrons send, in whatever order, with whatever delays and faults: the same promises."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from connectors.channels.port import Reply, Sent
from connectors.dialogue import DialogueAway
from connectors.mailbox import Answer, Stored
from connectors.messages import sentence
from library.ports import Turn
from tests.connectors.small_gateway import SmallGateway, small_gateway, texts
from tests.virtual_time import VirtualLoop, run

HEARS_SOMETHING_WITHIN_S = 10.0
OURS = {sentence(key, "vi") for key in ("fallback", "nothing_said")}


@dataclass(frozen=True)
class Sending:
    """One message of the plan: who sends it, how long after the one before, how often, and how the dialogue fares."""

    patron: int
    after_s: float
    times: int
    takes_s: float
    fate: str  # answered | silent | away for some tries | broken for some tries | gone
    tries: int


sendings = st.builds(
    Sending,
    patron=st.integers(0, 3),
    after_s=st.sampled_from([0.0, 0.0, 0.0, 0.05, 0.4, 3.0, 12.0]),
    times=st.integers(1, 3),
    takes_s=st.sampled_from([0.0, 0.0, 0.1, 1.0, 4.9, 5.1, 20.0, 59.0, 90.0]),
    fate=st.sampled_from(["answered"] * 5 + ["silent", "away", "broken", "gone"]),
    tries=st.integers(1, 4),
)


class Fickle:
    """A dialogue that does to each message what the plan says, and remembers whom it answered."""

    def __init__(self, plan: list[Sending]) -> None:
        self._plan = plan
        self._tries: dict[str, int] = defaultdict(int)
        self.at_work: set[str] = set()

    async def ask(self, message: Stored, turn: Turn, payload: str | None) -> Answer:
        assert turn.conversation_id not in self.at_work, "two turns of one conversation at once"
        self.at_work.add(turn.conversation_id)
        try:
            return await self._ask(message)
        finally:
            self.at_work.discard(turn.conversation_id)

    async def _ask(self, message: Stored) -> Answer:
        sending = self._plan[int(message.text)]
        self._tries[message.id] += 1
        await asyncio.sleep(sending.takes_s)
        early = self._tries[message.id] <= sending.tries
        if sending.fate == "gone" or (sending.fate == "away" and early):
            raise DialogueAway("gone")
        if sending.fate == "broken" and early:
            raise ValueError("broken")
        heard = [*(message.tracker or {"heard": []})["heard"], message.text]
        said = () if sending.fate == "silent" else (Reply(f"{message.conversation_id} {message.text} {heard}"),)
        return Answer(said, {"heard": heard})


async def play(loop: VirtualLoop, path: Path, plan: list[Sending], seats: int) -> None:
    dialogue = Fickle(plan)
    async with small_gateway(loop, path, dialogue=dialogue, turns_at_once=seats) as gateway:
        chats = [await gateway.open() for _ in range(4)]
        shown: dict[str, list[tuple[float, Sent]]] = {chat: [] for chat in chats}
        screens = [asyncio.create_task(_watch(gateway, loop, chat, shown[chat])) for chat in chats]
        posted: dict[str, list[tuple[float, str, str]]] = {chat: [] for chat in chats}
        for number, sending in enumerate(plan):
            await asyncio.sleep(sending.after_s)
            chat = chats[sending.patron]
            sent = await asyncio.gather(
                *(gateway.send(chat, str(number), client_id=str(number)) for _ in range(sending.times))
            )
            assert [one.new for one in sent].count(True) == 1
            posted[chat].append((loop.now, sent[0].message_id, str(number)))
        await gateway.switchboard.idle()
        await asyncio.sleep(1)
        for screen in screens:
            screen.cancel()
        for chat in chats:
            _check(posted[chat], shown[chat], chat, plan, crowded=seats < len(chats))
        assert not gateway.switchboard._failures


async def _watch(gateway: SmallGateway, loop: VirtualLoop, chat: str, screen: list[tuple[float, Sent]]) -> None:
    async for sent in gateway.switchboard.follow(chat, 0, 15.0):
        if sent is not None:
            screen.append((loop.now, sent))


def _check(
    posted: list[tuple[float, str, str]],
    shown: list[tuple[float, Sent]],
    chat: str,
    plan: list[Sending],
    *,
    crowded: bool,
) -> None:
    """`crowded`: with fewer seats than patrons, one may wait for others until its patience ends."""
    finals = [sent for _, sent in shown if sent.kind == "final"]
    assert [one.message_id for one in finals] == [message_id for _, message_id, _ in posted], "one each, in order"
    waits = [sent.message_id for _, sent in shown if sent.kind == "wait"]
    assert len(waits) == len(set(waits)), "told twice to wait"
    for at, message_id, _ in posted:
        heard = [(when, sent.kind) for when, sent in shown if sent.message_id == message_id]
        assert heard[0][0] - at <= HEARS_SOMETHING_WITHIN_S, "silence"
        assert heard[-1][1] == "final", "a word after the final reply"
    remembered: list[str] = []
    for (_, _, number), final in zip(posted, finals, strict=True):
        (said,) = texts(final)
        if said not in OURS:
            remembered.append(number)
            assert said == f"{chat} {number} {remembered}", "another's words, or a memory that is not this talk's"
        else:
            sending = plan[int(number)]
            assert crowded or sending.fate != "answered" or sending.takes_s > 60, "an answer was thrown away"
            if said == sentence("nothing_said", "vi"):
                remembered.append(number)


@settings(max_examples=60, deadline=None, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate])
@given(plan=st.lists(sendings, min_size=1, max_size=14), seats=st.integers(1, 8), seed=st.integers(0, 2**16))
def test_every_message_has_one_final_reply_in_order_in_its_own_conversation(
    plan: list[Sending], seats: int, seed: int
) -> None:
    jitter = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        run(
            lambda loop: play(loop, Path(folder) / "gateway.sqlite", plan, seats),
            delay=lambda: jitter.choice([0.0, 0.0, 0.001, 0.05]),
        )
