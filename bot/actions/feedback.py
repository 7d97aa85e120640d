"""Praise and complaints: stored, acknowledged; a complaint offers a person, anger offers one at once."""

from __future__ import annotations

import re

from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, LibraryAction
from bot.actions.forms import interrupted, leave_form
from bot.actions.handoff import offer_librarian
from bot.actions.wording import angry, plainly, says

PRAISE, SUGGESTION, COMPLAINT = "praise", "suggestion", "complaint"

# With all marks, as `says` reads them.
_GOOD = (
    r"tuyệt vời|tuyệt|dễ thương|tốt|hài lòng|khen|xịn|thích|ưng|nhiệt tình|tận tình|thoáng|đẹp|yên tĩnh|5 sao|năm sao"
    r"|mười điểm|10 điểm|hay|vui|nhờ bạn|cảm ơn|đàng hoàng|dắt|giỏi|chu đáo"
    r"|great|love|helpful|excellent|thanks?|good|nice|wonderful"
)
_BAD = (
    r"(?:không|chẳng|chả|chưa|not)(?: \w+){0,2} (?:hài lòng|tốt|hay|đẹp|thích|giúp được|giúp|vui|đồng ý|good|helpful)"
    r"|tệ|dở ẹc|quá dở|dơ quá|quá dơ|bẩn quá|bị rách|rách|hư|ồn ào|ồn quá|quá ồn|nóng|đợi lâu|lâu quá"
    r"|thái độ|cộc lốc|quát|thất vọng|chê|phàn nàn|khiếu nại|phản ánh|tính sai|bị sai|gãy|lung lay|muỗi|bị chích"
    r"|chảy nước|lộn xộn|ít sách|ít quá|quá ít|cao quá|vô lý|về sớm|lag|cũ rích|không ai"
    r"|chậm (?:quá|thế|vậy|ghê|như)|(?:quá|rep|hơi) chậm"
    r"|bad|slow|rude|dirty|broken|complaint|worst|awful|terrible"
)
# These without their marks are everyday words: "bạn", "lời", "đó", "cảm ơn".
_BAD_AS_TYPED = r"bẩn|dơ|dở|ồn|lỗi|hỏng|chán|buồn|sai|chậm"
_WISH = re.compile(r"\b(?:mong|nen|de nghi|gop y|kien nghi|uoc gi|y kien|bo sung|suggest|suggestion|should|wish)\b")
# Words of announcing that feedback is coming; a message of nothing else holds none yet.
_ANNOUNCING = re.compile(
    r"\b(?:xin|cho|toi|tui|minh|em|con|chau|anh|chi|bac|co|da|a|thu vien|muon|can|gop y|phan nan|khieu nai|phan anh"
    r"|danh gia|y kien|gui|loi|khen|mot|vai|chut|ban|oi|ad|nha|nhe|voi|duoc|khong|o dau|gi|ve|viec"
    r"|i|d|want|to|would|like|make|give|leave|send|some|complain|complaint|feedback|suggestion)\b"
)


def kind_of(text: str) -> str:
    """Return praise, suggestion or complaint; what cannot be told is a suggestion, which pleases and offends nobody."""
    if angry(text) or says(_BAD, text) or says(_BAD_AS_TYPED, text, bare=False):
        return COMPLAINT
    return PRAISE if says(_GOOD, text) and not _WISH.search(plainly(text)) else SUGGESTION


def only_announces(text: str) -> bool:
    """Return whether the message says that feedback is coming but not what it is ("tôi muốn góp ý")."""
    return text.startswith("/") or not _ANNOUNCING.sub(" ", plainly(text)).strip()


class TakeFeedback(LibraryAction):
    """Takes the feedback from this message; when it holds none, opens the form."""

    action_name = "action_take_feedback"

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if only_announces(heard.text):
            return [SlotSet("feedback_text", None), FollowupAction("feedback_form")]
        return await _store(self, dispatcher, heard, heard.text)


class AskFeedback(LibraryAction):
    """The form's question; it is not put again to a patron who went on to other matters."""

    action_name = "action_ask_feedback_text"
    keeps_question = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        if interrupted(heard, "give_feedback"):
            return leave_form()
        dispatcher.utter_message(response="utter_feedback_go_ahead")
        return []


class StoreFeedback(LibraryAction):
    """The form has its text, or was dropped."""

    action_name = "action_store_feedback"
    keeps_question = True

    async def act(self, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
        text = str(heard.remembered("feedback_text") or "")
        if not text:
            return []
        if text.startswith("/"):  # a button was pressed instead
            dispatcher.utter_message(response="utter_left_as_it_was")
            return [SlotSet("feedback_text", None)]
        return [SlotSet("feedback_text", None), *await _store(self, dispatcher, heard, text)]


async def _store(action: LibraryAction, dispatcher: CollectingDispatcher, heard: Heard, text: str) -> list[EventType]:
    kind = kind_of(text)
    number = await action.services.desk.feedback(heard.turn, text, kind)
    if angry(text):
        return offer_librarian(dispatcher, heard, "utter_offer_after_anger")
    if kind == COMPLAINT:
        return offer_librarian(dispatcher, heard, "utter_complaint_stored", number=number)
    dispatcher.utter_message(response=f"utter_{kind}_stored", number=number)
    return []


ACTIONS: tuple[type[LibraryAction], ...] = (TakeFeedback, AskFeedback, StoreFeedback)
