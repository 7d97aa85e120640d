"""A message in, one final reply out: what a patron can rely on. In virtual time, with a dialogue of one function."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors import mailbox
from connectors.answerer import Patience
from connectors.channels.port import Button, Reply, Sent
from connectors.desk import StoredDesk
from connectors.dialogue import DialogueAway
from connectors.mailbox import Answer, Stored
from connectors.messages import sentence
from connectors.privacy import StoredPrivacy
from connectors.store import Store, conversations, messages
from connectors.turns import NoOpenTurn
from library.ports import Turn
from tests.connectors.small_gateway import SmallGateway, echo, small_gateway, texts
from tests.virtual_time import VirtualLoop, run

Scene = Callable[[SmallGateway, VirtualLoop], Awaitable[None]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.sqlite"


def play(file: Path, scene: Scene, *args: Any, **kwargs: Any) -> None:
    async def main(loop: VirtualLoop) -> None:
        async with small_gateway(loop, file, *args, **kwargs) as gateway:
            await scene(gateway, loop)

    run(main)


def taking(seconds: float) -> Callable[[Stored, Turn, str | None], Awaitable[Answer]]:
    async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(seconds)
        return await echo(message, turn, payload)

    return ask


async def always_away(message: Stored, turn: Turn, payload: str | None) -> Answer:
    raise DialogueAway("not started")


def kinds(sent: list[Sent]) -> list[str]:
    return [one.kind for one in sent]


# --- stored, once, in order ------------------------------------------------------------------------------------------


def test_a_message_is_in_the_file_when_it_is_acknowledged(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        await gateway.send(chat, "mấy giờ mở cửa")
        other_process = Store(file)
        assert other_process.read_now(lambda db: db.scalars(select(messages.c.text)).all()) == ["mấy giờ mở cửa"]
        other_process.close()

    play(file, scene, taking(3))


def test_the_same_message_sent_again_is_answered_once(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        sent = await asyncio.gather(*(gateway.send(chat, "chào", client_id="same") for _ in range(5)))
        await gateway.switchboard.idle()
        sent.append(await gateway.send(chat, "chào", client_id="same"))
        await gateway.switchboard.idle()
        assert [one.new for one in sent].count(True) == 1
        assert len({one.message_id for one in sent}) == 1
        assert kinds(await gateway.said(chat)) == ["final"]

    play(file, scene)


def test_the_same_client_id_in_two_conversations_is_two_messages(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        one, other = await gateway.open(), await gateway.open()
        assert (await gateway.send(one, "chào", client_id="1")).new
        assert (await gateway.send(other, "chào", client_id="1")).new

    play(file, scene)


def test_three_hundred_messages_at_once_are_answered_in_the_order_they_came(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        words = [f"câu {n}" for n in range(300)]
        for word in words:
            await gateway.send(chat, word)
        await gateway.switchboard.idle()
        assert [texts(one)[0] for one in await gateway.said(chat) if one.kind == "final"] == [
            f"{chat}: {word}" for word in words
        ]
        last = await gateway.store.read(lambda db: mailbox.next_unanswered(db, chat))
        assert last is None

    play(file, scene, taking(0.01))


def test_a_slow_conversation_holds_up_nobody_else(file: Path) -> None:
    async def slow_for_one(message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(50 if message.text == "chậm" else 0)
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        slow, quick = await gateway.open(), await gateway.open()
        await gateway.send(slow, "chậm")
        await gateway.ask(quick, "chào")
        assert loop.now < 1

    play(file, scene, slow_for_one)


def test_the_talks_memory_goes_on_from_message_to_message(file: Path) -> None:
    seen: list[Any] = []

    async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
        seen.append(message.tracker)
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat, other = await gateway.open(), await gateway.open()
        await gateway.ask(chat, "một")
        await gateway.ask(other, "khác")
        await gateway.ask(chat, "hai")
        assert seen == [None, None, {"heard": ["một"]}]

    play(file, scene, ask)


def test_a_turn_is_open_while_its_message_is_answered_and_only_then(file: Path) -> None:
    open_ones: list[str] = []
    gateways: list[SmallGateway] = []

    async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
        open_ones.append(gateways[0].turns.of(turn.conversation_id).message_id)
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        gateways.append(gateway)
        chat = await gateway.open()
        accepted = await gateway.send(chat, "chào")
        await gateway.switchboard.idle()
        assert open_ones == [accepted.message_id]
        with pytest.raises(NoOpenTurn):
            gateway.turns.of(chat)

    play(file, scene, ask)


def test_a_turn_carries_the_time_the_patron_spoke_however_late_it_runs(file: Path) -> None:
    times: list[Any] = []

    async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
        times.append(turn.now)
        await asyncio.sleep(40)
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        await gateway.send(chat, "một")
        await gateway.send(chat, "ừ")
        spoken = loop.clock()
        await gateway.switchboard.idle()
        assert spoken - times[1] < timedelta(seconds=1)
        assert loop.clock() - times[1] > timedelta(seconds=79)

    play(file, scene, ask)


def test_what_was_left_unanswered_is_taken_up_at_the_next_start(file: Path) -> None:
    chats: list[str] = []

    async def first_life(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chats.extend([await gateway.open(), await gateway.open()])
        for chat in chats:
            await gateway.send(chat, "một")
            await gateway.send(chat, "hai")

    async def second_life(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert await gateway.switchboard.recover() == 2
        await gateway.switchboard.idle()
        for chat in chats:
            finals = [texts(one) for one in await gateway.said(chat) if one.kind == "final"]
            assert finals == [[f"{chat}: một"], [f"{chat}: hai"]]
        assert await gateway.switchboard.recover() == 0

    play(file, first_life, taking(30))
    play(file, second_life)


def test_a_message_that_cannot_be_stored_is_not_acknowledged(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        with pytest.raises(Exception, match="FOREIGN KEY"):
            await gateway.send("no such conversation", "chào")

    play(file, scene)


# --- the wait notice -------------------------------------------------------------------------------------------------


def test_an_answer_that_takes_long_is_preceded_by_one_wait_notice_within_ten_seconds(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        accepted = await gateway.send(chat, "chậm")
        (notice,) = await gateway.switchboard.sent_after(chat, 0, 10)
        assert (notice.kind, texts(notice)) == ("wait", [sentence("wait", "vi")])
        assert 5 <= loop.now <= 7
        sent = await gateway.switchboard.final_for(chat, accepted.message_id, 60)
        assert kinds(sent) == ["wait", "final"]
        assert texts(sent[1]) == [f"{chat}: chậm"]

    play(file, scene, taking(30))


def test_a_quick_answer_needs_no_wait_notice(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert kinds(await gateway.ask(await gateway.open(), "chào")) == ["final"]

    play(file, scene, taking(4.5))


def test_a_message_behind_a_slow_one_hears_something_within_ten_seconds_too(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        sent = [await gateway.send(chat, word) for word in ("một", "hai", "ba")]
        await asyncio.sleep(10)
        for accepted in sent:
            assert kinds(await gateway.switchboard.final_for(chat, accepted.message_id, 0)) == ["wait"]
        await gateway.switchboard.idle()
        assert kinds(await gateway.said(chat)) == ["wait"] * 3 + ["final"] * 3

    play(file, scene, taking(25))


def test_with_every_seat_taken_by_a_hanging_dialogue_nobody_is_left_in_silence(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chats = [await gateway.open() for _ in range(20)]
        for chat in chats:
            await gateway.send(chat, "chào")
        await asyncio.sleep(10)
        assert [kinds(await gateway.said(chat)) for chat in chats] == [["wait"]] * 20
        await gateway.switchboard.idle()
        assert [kinds(await gateway.said(chat)) for chat in chats] == [["wait", "final"]] * 20
        assert loop.now < 75, "the last one waited for the patience of those before it"

    play(file, scene, taking(1e6), turns_at_once=2)


def test_a_message_that_waited_before_a_crash_is_told_so_soon_after_the_restart_and_once(file: Path) -> None:
    chats: list[str] = []

    async def first_life(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chats.extend([await gateway.open(), await gateway.open()])
        await gateway.send(chats[0], "một")
        await asyncio.sleep(7)
        await gateway.send(chats[1], "hai")
        assert kinds(await gateway.said(chats[0])) == ["wait"]

    async def second_life(gateway: SmallGateway, loop: VirtualLoop) -> None:
        loop.start += timedelta(seconds=8)
        await gateway.switchboard.recover()
        await asyncio.sleep(9)
        assert [kinds(await gateway.said(chat)) for chat in chats] == [["wait"], ["wait"]]
        await gateway.switchboard.idle()
        assert [kinds(await gateway.said(chat)) for chat in chats] == [["wait", "final"]] * 2

    play(file, first_life, taking(30))
    play(file, second_life, taking(30))


# --- Rasa away, empty, broken ----------------------------------------------------------------------------------------


def test_a_dialogue_that_is_away_for_a_moment_is_asked_again(file: Path) -> None:
    tries: list[str] = []

    async def away_twice(message: Stored, turn: Turn, payload: str | None) -> Answer:
        tries.append(message.id)
        if len(tries) <= 2:
            raise DialogueAway("starting")
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        assert await gateway.final(chat, "chào") == [f"{chat}: chào"]

    play(file, scene, away_twice)


def test_a_dialogue_away_past_patience_is_answered_for_once_and_its_late_answer_adds_nothing(file: Path) -> None:
    late: list[asyncio.Task[Any]] = []

    async def hangs(message: Stored, turn: Turn, payload: str | None) -> Answer:
        if message.text == "chào":
            late.append(asyncio.create_task(asyncio.sleep(90)))
            await asyncio.shield(late[0])
        return await echo(message, turn, payload)

    async def handbook(text: str, lang: str) -> tuple[Reply, ...]:
        return (Reply(f"sổ tay: {text}"),)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        assert await gateway.final(chat, "chào") == ["sổ tay: chào"]
        assert 60 <= loop.now < 61
        await late[0]
        await gateway.switchboard.idle()
        assert kinds(await gateway.said(chat)) == ["wait", "final"]
        assert await gateway.final(chat, "hai") == [f"{chat}: hai"]

    play(file, scene, hangs, without_dialogue=handbook)


def test_the_apology_while_the_dialogue_is_away_leaves_the_talks_memory_as_it_was(file: Path) -> None:
    async def away_for_one(message: Stored, turn: Turn, payload: str | None) -> Answer:
        if message.text == "vắng":
            raise DialogueAway("gone")
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        await gateway.ask(chat, "một")
        assert await gateway.final(chat, "vắng") == [sentence("fallback", "vi")]
        await gateway.ask(chat, "hai")
        tracker = select(conversations.c.tracker).where(conversations.c.id == chat)
        assert await gateway.store.read(lambda db: db.scalar(tracker)) == {"heard": ["một", "hai"]}

    play(file, scene, away_for_one)


@pytest.mark.parametrize("nothing", [(), (Reply(),), (Reply(), Reply())])
def test_an_empty_answer_is_never_silence(file: Path, nothing: tuple[Reply, ...]) -> None:
    async def says_nothing(message: Stored, turn: Turn, payload: str | None) -> Answer:
        return Answer(nothing, {"heard": []})

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert await gateway.final(await gateway.open(), "chào") == [sentence("nothing_said", "vi")]

    play(file, scene, says_nothing)


def test_a_handbook_that_knows_nothing_is_never_silence(file: Path) -> None:
    async def empty_handbook(text: str, lang: str) -> tuple[Reply, ...]:
        return ()

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert await gateway.final(await gateway.open(), "chào") == [sentence("nothing_said", "vi")]

    play(file, scene, always_away, without_dialogue=empty_handbook)


def test_a_message_that_always_breaks_the_dialogue_gets_one_apology_and_the_next_is_answered(file: Path) -> None:
    asked: list[str] = []

    async def breaks(message: Stored, turn: Turn, payload: str | None) -> Answer:
        asked.append(message.text)
        if message.text == "hỏng":
            raise ValueError("this one breaks it every time")
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        broken, fine = await gateway.send(chat, "hỏng"), await gateway.send(chat, "chào")
        await gateway.switchboard.idle()
        assert asked == ["hỏng", "hỏng", "hỏng", "chào"]
        sent = await gateway.said(chat)
        assert [(one.message_id, texts(one)) for one in sent] == [
            (broken.message_id, [sentence("fallback", "vi")]),
            (fine.message_id, [f"{chat}: chào"]),
        ]
        assert loop.now < 10

    play(file, scene, breaks)


def test_an_answer_that_cannot_be_stored_becomes_an_apology(file: Path) -> None:
    async def unstorable(message: Stored, turn: Turn, payload: str | None) -> Answer:
        return Answer((Reply("xin chào"),), {"heard": object()})

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert await gateway.final(await gateway.open(), "chào") == [sentence("fallback", "vi")]

    play(file, scene, unstorable)


def test_a_handbook_that_breaks_becomes_an_apology(file: Path) -> None:
    async def broken_handbook(text: str, lang: str) -> tuple[Reply, ...]:
        raise RuntimeError("the answers cannot be read")

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert await gateway.final(await gateway.open(), "chào") == [sentence("fallback", "vi")]

    play(file, scene, always_away, without_dialogue=broken_handbook, patience=Patience(give_up_s=2))


# --- what a message is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["photo", "voice", "sticker", "location", "file"])
def test_an_attachment_is_answered_by_its_kind_without_the_dialogue(file: Path, kind: str) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert await gateway.final(await gateway.open(), kind, "attachment") == [sentence(f"attachment_{kind}", "vi")]

    play(file, scene, always_away)


@pytest.mark.parametrize("blank", ["", "  \n "])
def test_an_empty_message_is_answered_without_the_dialogue(file: Path, blank: str) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert await gateway.final(await gateway.open(), blank) == [sentence("empty", "vi")]

    play(file, scene, always_away)


async def offer(message: Stored, turn: Turn, payload: str | None) -> Answer:
    """Answer "ừ" buttons by doing, and everything else by offering one."""
    if payload:
        return Answer((Reply(f"làm {payload}"),), None)
    return Answer(
        (Reply(f"bạn gõ {message.text}", (Button("Ừ", "/affirm"), Button("Trang", url="https://x.vn"))),), None
    )


def test_a_button_shows_a_token_and_brings_back_its_payload(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        press, visit = (await gateway.ask(chat, "gia hạn"))[-1].replies[0].buttons
        assert press.payload
        assert "affirm" not in press.payload
        assert len(press.payload.encode()) <= 64
        assert (visit.payload, visit.url) == (None, "https://x.vn")
        assert await gateway.final(chat, press.payload, "payload") == ["làm /affirm"]

    play(file, scene, offer)


def test_a_button_works_in_its_own_conversation_only(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat, other = await gateway.open(), await gateway.open()
        token = (await gateway.ask(chat, "gia hạn"))[-1].replies[0].buttons[0].payload
        assert await gateway.final(other, token or "", "payload") == [sentence("button_gone", "vi")]
        assert await gateway.final(chat, token or "", "payload") == ["làm /affirm"]

    play(file, scene, offer)


def test_a_button_expires(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        token = (await gateway.ask(chat, "gia hạn"))[-1].replies[0].buttons[0].payload
        await asyncio.sleep(timedelta(hours=47).total_seconds())
        assert await gateway.final(chat, token or "", "payload") == ["làm /affirm"]
        await asyncio.sleep(timedelta(hours=2).total_seconds())
        assert await gateway.final(chat, token or "", "payload") == [sentence("button_gone", "vi")]

    play(file, scene, offer)


@pytest.mark.parametrize("forged", ["/affirm", '/renew{"loan":"1"}', "x" * 64, ""])
def test_a_payload_that_no_button_showed_does_nothing(file: Path, forged: str) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        await gateway.ask(chat, "gia hạn")
        assert await gateway.final(chat, forged, "payload") == [sentence("button_gone", "vi")]

    play(file, scene, offer)


def test_a_payload_typed_as_words_is_only_words(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        button = (await gateway.ask(chat, "gia hạn"))[-1].replies[0].buttons[0]
        assert await gateway.final(chat, "/affirm") == ["bạn gõ /affirm"]
        assert await gateway.final(chat, button.payload or "") == [f"bạn gõ {button.payload}"]

    play(file, scene, offer)


# --- what is kept, and for whom --------------------------------------------------------------------------------------


def bytes_on_disk(file: Path) -> bytes:
    return b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))


def test_a_card_number_and_a_pin_never_reach_the_disk_or_the_dialogue(file: Path) -> None:
    heard: list[str] = []

    async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
        heard.append(message.text)
        return Answer((Reply("đây"),), {"heard": message.text}, intent="renew_loans", slots={"title": message.text})

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        final = await gateway.final(chat, "gia hạn thẻ DT000123 mật khẩu 845172 giúp em")
        assert final == [sentence("masked", "vi"), "đây"]
        assert "gia hạn" in heard[0]
        for secret in ("DT000123", "000123", "845172"):
            assert secret not in heard[0]
            assert secret.encode() not in bytes_on_disk(file)
        assert "gia hạn".encode() in bytes_on_disk(file) or b"gia h" in bytes_on_disk(file)

    play(file, scene, ask)


def test_the_word_about_hidden_numbers_stands_alone_when_the_rest_was_not_understood(file: Path) -> None:
    async def puzzled(message: Stored, turn: Turn, payload: str | None) -> Answer:
        return Answer((Reply("mình chưa hiểu"),), None, intent="nlu_fallback")

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        assert await gateway.final(await gateway.open(), "DT000123") == [sentence("masked", "vi")]

    play(file, scene, puzzled)


def test_the_word_about_hidden_numbers_replaces_no_apology(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        final = await gateway.final(await gateway.open(), "thẻ DT000123 còn hạn không")
        assert final == [sentence("masked", "vi"), sentence("fallback", "vi")]

    play(file, scene, always_away)


def test_a_faulty_write_is_logged_without_what_the_patron_wrote(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def unstorable(message: Stored, turn: Turn, payload: str | None) -> Answer:
        return Answer((Reply("chuyện riêng"),), {}, slots={"title": "chuyện riêng"}, confidence=object())  # type: ignore[arg-type]

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        await gateway.ask(await gateway.open(), "chuyện riêng")
        assert "a turn failed" in caplog.text
        assert "chuyện riêng" not in caplog.text
        assert r"chuy\u1ec7n" not in caplog.text

    play(file, scene, unstorable)


def test_forgetting_leaves_nothing_but_the_final_reply(file: Path) -> None:
    gateways: list[SmallGateway] = []

    async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
        store, words = gateways[0].store, message.text
        if words == "xoá hết":
            await StoredPrivacy(store, "https://hoi.example").forget(turn)
            return Answer((Reply("Đã xoá."),), {"heard": "ohnetname"}, slots={"name": "ohnetname"})
        await StoredDesk(store).feedback(turn, words, "complaint")
        await StoredDesk(store).ticket(turn, words)
        return Answer((Reply(words, (Button(words, f"/{words}"),)),), {"heard": words}, slots={"name": words})

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        gateways.append(gateway)
        chat, other = await gateway.open(), await gateway.open()
        await gateway.ask(other, "others")
        for _ in range(30):
            await gateway.ask(chat, "ohnetname")
        await gateway.switchboard.notify(chat, Reply("ohnetname"))
        assert b"ohnetname" in bytes_on_disk(file)
        assert await gateway.final(chat, "xoá hết") == ["Đã xoá."]
        await gateway.switchboard.idle()
        assert [texts(one) for one in await gateway.said(chat)] == [["Đã xoá."]]
        assert b"ohnetname" not in bytes_on_disk(file)
        assert [texts(one) for one in await gateway.said(other)] == [["others"]]
        assert (await gateway.store.read(lambda db: mailbox.history(db, other)))[0]["text"] == "others"

    play(file, scene, ask)


def test_a_conversation_forgotten_just_before_a_crash_leaves_no_trace_after_the_restart(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        await gateway.ask(chat, "ohnetname")
        await gateway.store.write(lambda db: mailbox.forget_conversation(db, chat, answering=""))
        assert b"ohnetname" in bytes_on_disk(file), "the log of writes no longer keeps old pages: scrub is not needed"
        Store(file).close()
        assert b"ohnetname" not in bytes_on_disk(file)

    play(file, scene, forgetful)


async def forgetful(message: Stored, turn: Turn, payload: str | None) -> Answer:
    return Answer((Reply("vâng"),), None)


def test_what_was_sent_after_asking_to_be_forgotten_is_still_answered(file: Path) -> None:
    gateways: list[SmallGateway] = []

    async def ask(message: Stored, turn: Turn, payload: str | None) -> Answer:
        await asyncio.sleep(9)
        if message.text == "xoá hết":
            await StoredPrivacy(gateways[0].store, "https://hoi.example").forget(turn)
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        gateways.append(gateway)
        chat = await gateway.open()
        for word in ("một", "xoá hết", "chào lại"):
            await gateway.send(chat, word)
        await gateway.switchboard.idle()
        said = await gateway.said(chat)
        assert [texts(one) for one in said if one.kind == "final"] == [[f"{chat}: xoá hết"], [f"{chat}: chào lại"]]
        assert kinds(said).count("wait") == 1, "the last message was told twice to wait"

    play(file, scene, ask)


# --- listening -------------------------------------------------------------------------------------------------------


def test_a_listener_hears_everything_once_in_order_and_silence_as_none(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat, other = await gateway.open(), await gateway.open()
        heard: list[str | None] = []

        async def listen() -> None:
            async for sent in gateway.switchboard.follow(chat, 0, 15.0):
                heard.append(None if sent is None else texts(sent)[0])

        listening = asyncio.create_task(listen())
        for word in ("một", "hai"):
            await gateway.send(chat, word)
            await gateway.send(other, "khác")
        await gateway.switchboard.notify(chat, Reply("tin nhắn"))
        await asyncio.sleep(40)
        listening.cancel()
        assert sorted(word for word in heard if word) == sorted([f"{chat}: một", f"{chat}: hai", "tin nhắn"])
        assert heard.index(f"{chat}: một") < heard.index(f"{chat}: hai")
        assert heard.count(None) == 2

    play(file, scene)


def test_a_listener_that_comes_back_hears_only_what_is_new(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        seen = (await gateway.ask(chat, "một"))[-1].reply_id
        await gateway.ask(chat, "hai")
        sent = await anext(gateway.switchboard.follow(chat, seen, 15.0))
        assert sent is not None
        assert texts(sent) == [f"{chat}: hai"]

    play(file, scene)


def test_waiting_for_a_final_reply_ends_with_what_there_is(file: Path) -> None:
    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        chat = await gateway.open()
        accepted = await gateway.send(chat, "chậm")
        assert await gateway.switchboard.final_for(chat, accepted.message_id, 2) == []
        assert 2 <= loop.now < 2.1
        assert kinds(await gateway.switchboard.final_for(chat, accepted.message_id, 10)) == ["wait"]

    play(file, scene, taking(30))


def test_nothing_is_left_in_memory_once_everybody_is_answered(file: Path) -> None:
    tries: dict[str, int] = {}

    async def breaks_once(message: Stored, turn: Turn, payload: str | None) -> Answer:
        tries[message.id] = tries.get(message.id, 0) + 1
        if tries[message.id] == 1:
            raise ValueError("once")
        return await echo(message, turn, payload)

    async def scene(gateway: SmallGateway, loop: VirtualLoop) -> None:
        for _ in range(20):
            chat = await gateway.open()
            await gateway.ask(chat, "chào")
            await gateway.switchboard.sent_after(chat, 10_000, 1.0)
            await gateway.switchboard.sent_after(chat, 0, 0)
        await gateway.switchboard.idle()
        await asyncio.sleep(10)
        board = gateway.switchboard
        assert not board.workers
        assert not board._failures
        assert not dict(board._news)
        assert not gateway.turns._open
        assert len(asyncio.all_tasks()) == 1

    play(file, scene, breaks_once)
