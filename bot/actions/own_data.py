"""A patron's wish for a copy of what is stored of them, in whatever words, and the page that gives it."""

from __future__ import annotations

import re

from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from bot.actions.base import Heard, Services
from bot.actions.wording import plainly
from library.phrasing import Words

TAKE_COPY = Words("Tải bản sao", "Download a copy")
_ME = r"(?:minh|toi|tui|em|chau|con|anh|chi|me|my)"
_KEPT = r"(?:toan bo |tat ca |het |moi )?(?:cac |nhung |cai )?(?:du lieu|lich su|tin nhan|doan chat|cuoc tro chuyen)"
_ABOUT = r"(?: (?:ca nhan|chat|tro chuyen|nhan tin|hoi dap))*"
_TAKE = r"(?:xin|tai|xuat|trich xuat|lay|gui|sao|cung cap|download|export)"
_COPY = re.compile(
    # "cho mình xin dữ liệu của mình", "tải lịch sử chat của tôi về", "gửi em bản sao tin nhắn của em"
    rf"\b{_TAKE}(?: (?:lai|ve|ra|xuong|cho|giup|gium|ho|{_ME}|ban|sao|mot|file|tep|xem))* {_KEPT}{_ABOUT}"
    rf"(?: (?:cua|ve|ma|voi|ben|giua|ban|thu vien|luu))* {_ME}\b"
    rf"|\bxuat (?:(?:giup|cho|gium|ho) )?(?:{_ME} )?du lieu(?: (?:ca nhan|giup|cho|gium|ho|voi|{_ME}))*$"
    r"|\bban sao (?:cua )?(?:du lieu|lich su (?:chat|tro chuyen))"
    r"|\b(?:export|download|send me|give me|get|copy of|take out)\b.{0,20}\bmy (?:own |personal |chat )?"
    r"(?:data|messages|chat history|chat|history|conversation)\b"
)


def asks_for_copy(text: str) -> bool:
    """Return whether the message asks for what is stored of its writer, not for a book or a rule."""
    return bool(_COPY.search(plainly(text)))


async def give_copy(services: Services, dispatcher: CollectingDispatcher, heard: Heard) -> list[EventType]:
    """Say where the copy can be taken."""
    page = {"title": TAKE_COPY.to(heard.lang), "url": await services.privacy.export(heard.turn)}
    dispatcher.utter_message(response="utter_export", buttons=[page])
    return []
