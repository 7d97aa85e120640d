"""The simulated Telegram is as strict as the real one, for python-telegram-bot and for our webhook."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, RetryAfter
from telegram.request import HTTPXRequest

from tests.simulators.telegram import TelegramServer
from tests.virtual_time import VirtualLoop, run

AN, BINH = 9_007_199_254_740_993, 1002
HOOK = "https://thuvien.example.vn/telegram/webhook"
SECRET = "a-secret_of-32-characters-or-so-x"


def bot_of(server: TelegramServer, token: str = "") -> Bot:
    """Return python-telegram-bot's own bot, as anybody would make it, speaking to the server without a socket."""
    through = {"transport": httpx.ASGITransport(app=server.app)}
    sending, polling = HTTPXRequest(httpx_kwargs=through), HTTPXRequest(httpx_kwargs=through)
    address = "http://telegram.test/bot"
    return Bot(token or server.token, base_url=address, request=sending, get_updates_request=polling)


async def accept(_headers: Mapping[str, str], _body: bytes) -> int:
    return 200


def test_the_library_of_everybody_understands_what_it_says() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        async with bot_of(server) as bot:
            assert (bot.username, bot.id) == ("thu_vien_bot", 7_000_000_001)
            server.says(AN, "xin chào")
            server.writes(AN, photo=[{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}], caption="bìa")
            server.edits(AN, 1, "xin chào thư viện")
            server.taps_data(AN, "token")
            server.blocks(AN)
            said, photo, edited, tapped, left = await bot.get_updates()
            assert said.message
            assert said.message.text == "xin chào"
            assert said.message.chat.id == AN
            assert said.message.date == loop.clock().replace(microsecond=0)
            assert photo.message
            assert photo.message.caption == "bìa"
            assert edited.edited_message
            assert edited.edited_message.edit_date
            assert tapped.callback_query
            assert tapped.callback_query.data == "token"
            assert left.my_chat_member
            assert left.my_chat_member.new_chat_member.status == "kicked"
            info = await bot.get_webhook_info()
            assert (info.url, info.pending_update_count) == ("", 5)

    run(main)


def test_updates_are_confirmed_by_asking_for_later_ones_and_come_again_until_then() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        async with bot_of(server) as bot:
            first, second = server.says(AN, "một"), server.says(AN, "hai")
            assert [update.update_id for update in await bot.get_updates()] == [first, second]
            assert [update.update_id for update in await bot.get_updates(limit=1)] == [first]
            assert [update.update_id for update in await bot.get_updates(offset=second)] == [second]
            assert [update.update_id for update in await bot.get_updates()] == [second]
            assert await bot.get_updates(offset=second + 1) == ()

    run(main)


def test_a_long_poll_returns_when_something_comes_or_when_its_time_is_over() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        async with bot_of(server) as bot:
            loop.call_later(7, server.says, AN, "chào")
            assert len(await bot.get_updates(timeout=30)) == 1
            assert loop.time() == pytest.approx(7, abs=0.01)
            assert await bot.get_updates(offset=server.state.next_update, timeout=30) == ()
            assert loop.time() == pytest.approx(37, abs=0.01)

    run(main)


def test_polling_and_webhook_exclude_each_other_and_so_do_two_pollers() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock, deliver=accept)
        async with bot_of(server) as bot, bot_of(server) as other:
            earlier = asyncio.create_task(bot.get_updates(timeout=30))
            await asyncio.sleep(1)
            later = asyncio.create_task(other.get_updates(timeout=1))
            with pytest.raises(Conflict, match="terminated by other getUpdates request"):
                await earlier
            await later
            await bot.set_webhook(HOOK)
            with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
                await bot.get_updates()
            await bot.delete_webhook()
            assert await bot.get_updates() == ()

    run(main)


def test_only_the_kinds_that_were_asked_for_come() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        async with bot_of(server) as bot:
            server.hears("message_reaction", AN, {})
            await bot.get_updates(allowed_updates=["callback_query"])
            server.says(AN, "không ai hỏi")
            server.taps_data(AN, "token")
            assert [update.callback_query is not None for update in await bot.get_updates()] == [True]

    run(main)


@pytest.mark.parametrize(
    ("url", "secret", "said"),
    [
        ("http://thuvien.example.vn/", None, "Bad webhook: an https url must be provided for webhook"),
        (HOOK, "có dấu", "Secret token contains unallowed characters"),
        (HOOK, "x" * 257, "Secret token contains unallowed characters"),
    ],
)
def test_a_webhook_must_be_https_and_its_secret_of_a_few_letters(url: str, secret: str | None, said: str) -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        async with bot_of(server) as bot:
            with pytest.raises(BadRequest) as raised:
                await bot.set_webhook(url, secret_token=secret)
            assert raised.value.message == said
            assert server.state.hook is None

    run(main)


def buttons(*those: InlineKeyboardButton) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([those])


@pytest.mark.parametrize(
    ("text", "markup", "said"),
    [
        ("", None, "Message text is empty"),
        (" \n ", None, "Message text is empty"),
        ("x" * 4097, None, "Message is too long"),
        ("😀" * 2049, None, "Message is too long"),
        ("a", buttons(InlineKeyboardButton("b", callback_data="x" * 65)), "Button_data_invalid"),
        ("a", buttons(InlineKeyboardButton("b", callback_data="ố" * 22)), "Button_data_invalid"),
        ("a", buttons(InlineKeyboardButton("b")), "Text buttons are unallowed in the inline keyboard"),
        ("a", buttons(InlineKeyboardButton(" ", callback_data="x")), "Inline keyboard button text must be non-empty"),
        (
            "a",
            buttons(InlineKeyboardButton("b", url="http://127.0.0.1:8000/")),
            "Inline keyboard button url 'http://127.0.0.1:8000/' is invalid: wrong http url",
        ),
        ("a", buttons(*[InlineKeyboardButton("b", callback_data="x")] * 101), "Reply markup is too long"),
    ],
)
def test_a_message_beyond_the_limits_is_refused_in_telegrams_words(text: str, markup: Any, said: str) -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        server.says(AN, "chào")
        async with bot_of(server) as bot:
            with pytest.raises(BadRequest) as raised:
                await bot.send_message(AN, text, reply_markup=markup)
            assert raised.value.message == said
            assert server.shown_to(AN) == []

    run(main)


def test_what_is_within_the_limits_is_shown_in_order() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        server.says(AN, "chào")
        async with bot_of(server) as bot:
            await bot.send_message(AN, "ố" * 4096)
            sent = await bot.send_message(
                AN, " hai ", reply_markup=buttons(InlineKeyboardButton("b", callback_data="x" * 64))
            )
            assert sent.text == "hai"
            assert sent.reply_markup
            assert sent.reply_markup.inline_keyboard[0][0].callback_data == "x" * 64
            assert server.texts(AN) == ["ố" * 4096, "hai"]
            assert [one.message_id for one in server.shown_to(AN)] == [2, 3]
            document = await bot.send_document(AN, b"csv", filename="du-lieu.json", caption="Dữ liệu của bạn")
            assert document.document
            assert (server.shown_to(AN)[-1].document, server.texts(AN)[-1]) == ("du-lieu.json", "Dữ liệu của bạn")

    run(main)


def test_chats_that_cannot_be_written_to_say_why() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        async with bot_of(server) as bot:
            with pytest.raises(BadRequest, match="Chat not found"):
                await bot.send_message(5, "a")
            for status, said in (
                ("blocked", "bot was blocked by the user"),
                ("deactivated", "user is deactivated"),
                ("stranger", "bot can't initiate conversation with a user"),
                ("kicked", "bot was kicked from the group chat"),
            ):
                server.becomes(AN, status)
                with pytest.raises(Forbidden, match=said):
                    await bot.send_message(AN, "a")
                with pytest.raises(Forbidden, match=said):
                    await bot.send_chat_action(AN, ChatAction.TYPING)
            server.migrates(-42, -1_001_234_567_890)
            with pytest.raises(ChatMigrated) as moved:
                await bot.send_message(-42, "a")
            assert moved.value.new_chat_id == -1_001_234_567_890
            assert await bot.send_message(-1_001_234_567_890, "a")

    run(main)


def test_a_wrong_token_and_an_unknown_method_are_refused() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        with pytest.raises(InvalidToken):
            await bot_of(server, "1:wrong").get_me()
        async with bot_of(server) as bot:
            with pytest.raises(Exception, match="not found"):
                await bot.do_api_request("sendNothing")

    run(main)


def test_more_than_one_message_a_second_to_a_chat_is_refused_after_a_short_burst() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock, burst=3)
        server.says(AN, "chào")
        server.says(BINH, "chào")
        async with bot_of(server) as bot:
            for _ in range(3):
                await bot.send_message(AN, "a")
            with pytest.raises(RetryAfter):
                await bot.send_message(AN, "a")
            await bot.send_message(BINH, "a")  # another chat does not suffer
            await asyncio.sleep(1)
            await bot.send_message(AN, "a")
        form = {"chat_id": str(AN), "text": "a"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=server.app)) as client:
            answered = await client.post(f"http://t/bot{server.token}/sendMessage", data=form)
        assert answered.status_code == 429
        assert answered.headers["Retry-After"] == "1"
        assert answered.json() == {
            "ok": False,
            "error_code": 429,
            "description": "Too Many Requests: retry after 1",
            "parameters": {"retry_after": 1},
        }

    run(main)


def test_more_than_thirty_messages_a_second_are_refused_unless_limits_are_off() -> None:
    async def main(loop: VirtualLoop) -> None:
        for limits in (True, False):
            server = TelegramServer(clock=loop.clock, limits=limits)
            async with bot_of(server) as bot:
                refused = 0
                for chat_id in range(1, 41):
                    server.becomes(chat_id, "open")
                    try:
                        await bot.send_message(chat_id, "a")
                    except RetryAfter:
                        refused += 1
                assert refused == (10 if limits else 0)

    run(main)


def test_a_tap_is_answered_once_and_only_while_it_is_young() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        async with bot_of(server) as bot:
            for data in ("a", "b"):
                server.taps_data(AN, data)
            young, old = [update.callback_query for update in await bot.get_updates()]
            assert young
            assert old
            await young.answer()
            await asyncio.sleep(151)
            for query_id in (old.id, young.id, "0"):
                with pytest.raises(BadRequest, match="Query is too old and response timeout expired"):
                    await bot.answer_callback_query(query_id)

    run(main)


def test_a_patron_taps_what_was_shown_last() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        server.says(AN, "chào")
        async with bot_of(server) as bot:
            for data in ("cũ", "mới"):
                await bot.send_message(AN, "a", reply_markup=buttons(InlineKeyboardButton("Có", callback_data=data)))
            server.taps(AN, "Có")
            query = (await bot.get_updates())[-1].callback_query
            assert query
            assert query.data == "mới"
            with pytest.raises(LookupError):
                server.taps(AN, "Không")
            with pytest.raises(LookupError):
                server.taps(BINH, "Có")

    run(main)


def test_menus_must_be_of_lower_case_words_with_a_description() -> None:
    async def main(loop: VirtualLoop) -> None:
        server = TelegramServer(clock=loop.clock)
        async with bot_of(server) as bot:
            await bot.set_my_commands([("help", "Xem mình làm được gì")], language_code="vi")
            assert server.state.menus == {"vi": [{"command": "help", "description": "Xem mình làm được gì"}]}
            for word, says, said in (("Trợ", "x", "Bot_command_invalid"), ("a", "", "Bot_command_description_invalid")):
                with pytest.raises(BadRequest, match=said):
                    await bot.set_my_commands([(word, says)])

    run(main)
