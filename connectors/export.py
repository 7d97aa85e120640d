"""The copy of everything stored of one conversation, for its patron to read: Vietnamese labels beside stable keys.

What only opens doors stays out: tokens of buttons and pages, their hashes, and marks of our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select

from connectors.store import (
    announcement_sends,
    buttons,
    card_events,
    cards,
    consents,
    conversations,
    deeds,
    deliveries,
    desk_notes,
    export_pages,
    link_pages,
    links,
    messages,
    pending_links,
    pins,
    questions,
    reminder_jobs,
    replies,
    ticket_replies,
    tickets,
)
from connectors.tokens import hashed

# What is read from each table: the column, the key in the copy and what it means.
Columns = Mapping[str, tuple[str, str]]
_ONE_TIME: Columns = {"expires_at": ("good_until", "dùng được đến"), "used_at": ("used_at", "đã dùng lúc")}
PARTS: Mapping[str, tuple[Table, str, Columns]] = {
    "conversation": (
        conversations,
        "Cuộc trò chuyện",
        {
            "channel": ("channel", "nơi trò chuyện"),
            "address": ("address", "mã người dùng ở nơi đó"),
            "locale": ("language", "ngôn ngữ"),
            "created_at": ("began_at", "bắt đầu lúc"),
            "heard_at": ("last_heard_at", "lần cuối bạn viết hoặc bấm"),
            "lost_at": ("unreachable_since", "không gửi tới được từ"),
            "greeted_at": ("privacy_notice_at", "đã báo về dữ liệu cá nhân lúc"),
            "owner": ("answered_by", "ai trả lời: trống là trợ lý tự động, waiting là đợi thủ thư, person là thủ thư"),
            "owner_since": ("answered_by_since", "từ lúc"),
        },
    ),
    "messages": (
        messages,
        "Tin nhắn của bạn (số thẻ, mật khẩu, số điện thoại, số giấy tờ đã che trước khi lưu)",
        {
            "received_at": ("received_at", "nhận lúc"),
            "said_at": ("said_at", "gửi lúc"),
            "kind": (
                "kind",
                "text là chữ, payload là nút bấm, attachment là tệp (không lưu), command là lệnh",
            ),
            "text": ("text", "nội dung"),
            "masked": ("hidden", "những gì đã che"),
            "answered_at": ("answered_at", "trả lời lúc"),
            "intent": ("understood_as", "máy hiểu là"),
            "confidence": ("confidence", "độ chắc chắn"),
            "outcome": ("led_to", "dẫn tới"),
            "slots": ("understood_details", "chi tiết máy hiểu"),
        },
    ),
    "replies": (
        replies,
        "Câu trả lời gửi bạn",
        {
            "id": ("number", "số"),
            "created_at": ("created_at", "lúc"),
            "kind": ("kind", "loại: wait là báo đợi, final là trả lời, notice là thông báo, person là thủ thư viết"),
            "body": ("said", "nội dung"),
        },
    ),
    "deliveries": (
        deliveries,
        "Việc gửi câu trả lời tới bạn",
        {
            "reply_id": ("reply_number", "câu trả lời số"),
            "state": ("state", "waiting là đang đợi, sent là đã gửi, dead là không gửi được"),
            "tries": ("tries", "số lần thử"),
            "reason": ("reason", "vì sao chưa gửi được"),
            "changed_at": ("changed_at", "lúc"),
        },
    ),
    "card_link": (links, "Thẻ bạn đọc đang dùng", {"name": ("name", "tên trên thẻ")}),
    "cards": (
        cards,
        "Các thẻ bạn đọc đã liên kết",
        {
            "name": ("name", "tên trên thẻ"),
            "linked_at": ("linked_at", "liên kết lúc"),
            "used_on": ("last_used_on", "dùng lần cuối ngày"),
            "child": ("childs_card", "thẻ trẻ em, có đồng ý của người giám hộ (xem mục consents)"),
            "ended_at": ("ended_at", "hết hiệu lực lúc"),
        },
    ),
    "card_deeds": (
        card_events,
        "Việc đã làm với các thẻ",
        {
            "at": ("at", "lúc"),
            "channel": ("channel", "nơi trò chuyện"),
            "deed": (
                "deed",
                "linked là liên kết, unlinked là gỡ, replaced là đổi thẻ, consented là người giám hộ đồng ý, withdrew "
                "là rút đồng ý, refused là từ chối, failed là đăng nhập sai, locked là tạm khoá vì sai nhiều lần, "
                "expired là lâu không dùng, gone là thư viện không còn thẻ này",
            ),
        },
    ),
    "card_link_waiting": (
        pending_links,
        "Liên kết thẻ đang đợi bạn xác nhận",
        {
            "name": ("name", "tên trên thẻ"),
            "guardian": ("guardian", "người giám hộ đã đồng ý"),
            "expires_at": ("good_until", "đợi đến"),
        },
    ),
    "card_link_pages": (link_pages, "Trang đăng nhập thẻ đã mở cho bạn", _ONE_TIME),
    "copy_pages": (export_pages, "Trang tải dữ liệu đã mở cho bạn", _ONE_TIME),
    "deeds": (
        deeds,
        "Việc đã làm giúp bạn ở hệ thống thư viện",
        {
            "key": ("deed", "việc: renew là gia hạn, hold là đặt giữ, cancel là huỷ đặt giữ"),
            "before": ("before", "trước đó"),
            "outcome": ("outcome", "kết quả"),
        },
    ),
    "tickets": (
        tickets,
        "Phiếu hỏi thủ thư",
        {
            "number": ("number", "số phiếu"),
            "reason": ("reason", "vì sao"),
            "opened_at": ("opened_at", "mở lúc"),
            "closed_at": ("closed_at", "đóng lúc"),
        },
    ),
    "ticket_answers": (
        ticket_replies,
        "Lần thủ thư trả lời phiếu (nội dung ở mục replies)",
        {"number": ("ticket", "phiếu số"), "sent_at": ("sent_at", "lúc")},
    ),
    "notes": (
        desk_notes,
        "Ghi chú gửi thủ thư",
        {
            "number": ("number", "số"),
            "kind": (
                "kind",
                "loại: question là câu hỏi chưa có trả lời, purchase là đề nghị mua, praise và complaint là góp ý",
            ),
            "text": ("text", "nội dung"),
            "detail": ("detail", "chi tiết"),
            "noted_at": ("noted_at", "lúc"),
        },
    ),
    "pinned_questions": (
        pins,
        "Câu hỏi của bạn mà thư viện dùng để kiểm câu trả lời",
        {"text": ("text", "nội dung"), "at": ("at", "lúc")},
    ),
    "questions": (
        questions,
        "Câu hỏi của bạn mà thư viện xem lại để trả lời tốt hơn",
        {"text": ("text", "nội dung"), "reason": ("why", "vì sao"), "at": ("at", "lúc")},
    ),
    "consents": (
        consents,
        "Điều bạn đã đồng ý",
        {
            "purpose": ("purpose", "việc gì"),
            "options": ("options", "chi tiết"),
            "given_at": ("given_at", "lúc"),
        },
    ),
    "reminders": (
        reminder_jobs,
        "Lần nhắc hạn (nội dung ở mục replies)",
        {
            "day": ("day", "ngày"),
            "state": ("state", "waiting là đang đợi, sent là đã gửi, skipped là không gửi"),
            "reason": ("reason", "vì sao không gửi"),
        },
    ),
    "announcements": (
        announcement_sends,
        "Thông báo thư viện gửi bạn (nội dung ở mục replies)",
        {
            "number": ("announcement", "thông báo số"),
            "touched": ("why", "vì sao: due là sách đến hạn, hold là sách đặt giữ, opted là bạn đã đồng ý nhận"),
            "state": ("state", "waiting là đang đợi, sent là đã gửi, skipped là không gửi"),
            "reason": ("reason", "vì sao không gửi"),
            "changed_at": ("changed_at", "lúc"),
        },
    ),
}


def everything_of(db: Connection, conversation_id: str, now: datetime) -> dict[str, Any]:
    """Return the copy as JSON can hold it: each part with its label, what its fields mean, and its rows in order."""
    parts = {name: _part(db, conversation_id, *part) for name, part in PARTS.items()}
    _name_presses(db, conversation_id, parts["messages"]["items"])
    for reply in parts["replies"]["items"]:
        reply["said"] = [_read(bubble) for bubble in reply["said"]]
    memory = db.scalar(select(conversations.c.tracker).where(conversations.c.id == conversation_id)) or {}
    return {
        "label": "Bản sao dữ liệu của một cuộc trò chuyện với trợ lý tự động của thư viện",
        "made_at": now.isoformat(),
        **parts,
        "memory": {"label": "Điều máy đang nhớ để nói tiếp với bạn", "items": [_memory(memory)] if memory else []},
    }


def _part(db: Connection, conversation_id: str, table: Table, label: str, columns: Columns) -> dict[str, Any]:
    mine = table.c.id if table is conversations else table.c.conversation_id
    order = table.c.seq if table is messages else next(iter(table.primary_key))
    rows = db.execute(select(table).where(mine == conversation_id).order_by(order)).mappings()
    items = [{key: row[column] for column, (key, _) in columns.items() if row[column] is not None} for row in rows]
    return {"label": label, "fields": dict(columns.values()), "items": items}


def _name_presses(db: Connection, conversation_id: str, heard: Sequence[dict[str, Any]]) -> None:
    """Put the words of a pressed button where its token stands."""
    mine = select(buttons.c.token_hash, buttons.c.title).where(buttons.c.conversation_id == conversation_id)
    titles = {row.token_hash: row.title for row in db.execute(mine)}
    for message in heard:
        if message["kind"] == "payload":
            message["text"] = titles.get(hashed(message["text"]), "")


def _read(bubble: Mapping[str, Any]) -> dict[str, Any]:
    """Return a reply as the patron saw it: of buttons the words, never where they lead."""
    cards = [
        {"title": card["title"], "subtitle": card["subtitle"], "lines": card["lines"], "buttons": _titles(card)}
        for card in bubble["cards"]
    ]
    return {"text": bubble["text"], "buttons": _titles(bubble), "cards": cards}


def _titles(shown: Mapping[str, Any]) -> list[str]:
    return [button["title"] for button in shown["buttons"]]


def _memory(tracker: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is remembered: the details, the form being filled in, and the latest words of both sides."""
    events = tracker.get("events") or ()
    said = [
        {"who": event["event"], "text": event.get("text")} for event in events if event.get("event") in ("user", "bot")
    ]
    return {"details": tracker.get("slots") or {}, "form": tracker.get("active_loop"), "latest": said}
