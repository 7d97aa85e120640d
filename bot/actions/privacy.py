"""Being forgotten: what is kept here is deleted after a yes, and the patron hears what the library system keeps."""

from __future__ import annotations

from collections.abc import Mapping

from rasa_sdk.events import AllSlotsReset, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.answers import TellAnswer
from bot.actions.base import Heard, LibraryAction, question_still_open
from bot.actions.questions import ask, do_if_agreed
from bot.actions.wording import refuses, says
from library.phrasing import Lang, Noun, Words, count, listing

_DELETING = r"xoá|xóa|huỷ|hủy|quên|gỡ|bỏ|dọn|delete|erase|forget|remove|wipe|clear"
DELETE = Words("Xoá đi", "Delete it")

KINDS: Mapping[str, Noun] = {
    "messages": Noun("tin nhắn của bạn", "message of yours", "messages of yours"),
    "replies": Noun("câu trả lời của mình", "answer of mine", "answers of mine"),
    "links": Noun("liên kết thẻ", "card link", "card links"),
    "consents": Noun("đăng ký nhận nhắc", "reminder setting", "reminder settings"),
    "notes": Noun("ghi chú gửi thủ thư", "note to the librarians", "notes to the librarians"),
    "tickets": Noun("phiếu hỏi thủ thư", "librarian ticket", "librarian tickets"),
}


class AskToForget(LibraryAction):
    action_name = "action_ask_to_forget"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if refuses(heard.text, r"xoa|delete|forget|erase"):
            dispatcher.utter_message(response="utter_left_as_it_was")
            return []
        if (done := await do_if_agreed(self.services, dispatcher, heard)) is not None:
            return done
        # "bạn lưu gì về tôi" asks; only words of deleting bring the deed near.
        if not heard.text.startswith("/") and not says(_DELETING, heard.text):
            return await TellAnswer(self.services).act(dispatcher, heard)
        return ask(dispatcher, heard, "forget", "utter_forget_confirm", yes=DELETE)


class DoForget(LibraryAction):
    """Has everything deleted that the open question was about; the talk's own memory goes with it."""

    action_name = "action_do_forget"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        question = question_still_open(heard)
        if question is None or question["kind"] != "forget":
            dispatcher.utter_message(response="utter_question_is_over")
            return []
        gone = await self.services.privacy.forget(heard.turn)
        receipt = await self.services.privacy.receipt(heard.turn)
        dispatcher.utter_message(response="utter_forgotten", what=_what(gone, heard.lang), receipt=receipt)
        return [AllSlotsReset(), SlotSet("locale", heard.lang)]


def _what(gone: Mapping[str, int], lang: Lang) -> str:
    """Return '12 tin nhắn của bạn, 11 câu trả lời của mình và 1 liên kết thẻ'."""
    return listing([count(gone[kind], noun, lang) for kind, noun in KINDS.items() if gone.get(kind)], lang)


ACTIONS: tuple[type[LibraryAction], ...] = (AskToForget, DoForget)
