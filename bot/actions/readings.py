"""What a message that was not understood for sure may have meant: at most three readings, each a button."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.actions.base import Heard
from bot.actions.buttons import Button, button
from bot.actions.wording import plainly
from library.phrasing import Words

MOST = 3
FEWEST_WORDS = 3  # of fewer, any reading is a guess
LEAST, NEAR = 0.2, 2.5  # a reading's confidence, and how many times likelier the best may be than it
_NAMED: Mapping[str, Words] = {
    "find_item": Words("Tìm {title}", "Find {title}"),
    "check_availability": Words("{title} còn không", "Is {title} in?"),
    "place_hold": Words("Đặt giữ {title}", "Reserve {title}"),
    "locate_item": Words("{title} ở kệ nào", "Where is {title}?"),
    "suggest_purchase": Words("Đề nghị mua {title}", "Suggest buying {title}"),
    "renew_loans": Words("Gia hạn {title}", "Renew {title}"),
}
_POLITELY = r"(?:(?:da|a|oi|ad|ban|cho|em|minh|toi|tui|con|chau|nho|giup|lam on|muon|can|xin|vui long|thu vien)\b ?)*"
_BEGINS: Mapping[str, re.Pattern[str]] = {
    "renew_loans": re.compile(rf"{_POLITELY}(?:gia han|keo dai han|renew|extend)\b(?! the)"),
    "cancel_hold": re.compile(rf"{_POLITELY}(?:huy|bo|cancel) (?:dat|giu|luot|the hold|my hold)\b"),
    "place_hold": re.compile(rf"{_POLITELY}(?:dat (?:giu|truoc|cho|muon)|giu (?:cho|giup|truoc)|reserve|hold)\b"),
}
_MEANINGS: Mapping[str, Words] = {
    "ask_charges": Words("Xem tiền còn nợ", "What I owe"),
    "ask_library_info": Words("Hỏi quy định, dịch vụ", "Rules and services"),
    "ask_opening_hours": Words("Giờ mở cửa", "Opening hours"),
    "cancel_hold": Words("Huỷ đặt giữ", "Cancel a hold"),
    "check_availability": Words("Xem sách còn không", "Is a book in?"),
    "find_item": Words("Tìm sách", "Find a book"),
    "give_feedback": Words("Góp ý", "Give feedback"),
    "link_account": Words("Đăng nhập thẻ", "Sign in with my card"),
    "list_holds": Words("Sách đặt giữ", "My holds"),
    "list_loans": Words("Sách đang mượn", "My loans"),
    "list_new_items": Words("Sách mới về", "New books"),
    "locate_item": Words("Sách nằm ở kệ nào", "Where a book stands"),
    "place_hold": Words("Đặt giữ sách", "Reserve a book"),
    "recommend_items": Words("Gợi ý sách hay", "Something good to read"),
    "renew_loans": Words("Gia hạn sách", "Renew my books"),
    "subscribe_reminders": Words("Bật nhắc hạn", "Turn reminders on"),
    "suggest_purchase": Words("Đề nghị mua sách", "Suggest a book to buy"),
    "talk_to_librarian": Words("Gặp thủ thư", "Ask a librarian"),
    "unlink_account": Words("Gỡ thẻ", "Unlink my card"),
    "unsubscribe_reminders": Words("Tắt nhắc hạn", "Turn reminders off"),
}


def near_readings(heard: Heard) -> list[Button]:
    """Return a button for each likely reading, the likeliest first; a question about rules is asked again as typed."""
    if len(plainly(heard.text).split()) < FEWEST_WORDS:
        return []
    ranking = heard.tracker.latest_message.get("intent_ranking") or []
    likely = [each for each in ranking if each.get("name") in _MEANINGS and each["confidence"] >= LEAST]
    near = [each for each in likely if each["confidence"] * NEAR >= likely[0]["confidence"]]
    return [_button(each["name"], heard) for each in near[:MOST]]


def deed_named_first(heard: Heard) -> str | None:
    """Return the action of a deed that a likely reading takes the message for and that its first words name.

    "gia hạn cuốn Kỹ thuật nuôi tôm" may read like a search by its title; and a deed only ever asks first.
    """
    words = plainly(heard.text)
    ranking = heard.tracker.latest_message.get("intent_ranking") or []
    likely = {each.get("name") for each in ranking[:MOST]}
    return next(
        (f"action_{intent}" for intent, begins in _BEGINS.items() if intent in likely and begins.match(words)), None
    )


def _button(intent: str, heard: Heard) -> Button:
    title = heard.one("title")
    names: dict[str, Any] = {slot: heard.one(slot) for slot in ("title", "author", "topic", "branch", "date")}
    words = _MEANINGS[intent]
    if title and intent in _NAMED:
        words = Words(*(each.format(title=f"“{title}”") for each in (_NAMED[intent].vi, _NAMED[intent].en)))
    return button(words, heard.lang, intent, **names, said=heard.text if intent == "ask_library_info" else None)
