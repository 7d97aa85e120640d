"""The screen of what the staff did."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from connectors.clock import VIETNAM
from connectors.console.drawing import page_number
from connectors.console.gate import SignedIn, needs
from connectors.console.paging import PAGE_SIZE, Page, place
from connectors.console.places import AUDIT
from connectors.console.room import Room
from connectors.staff import audit
from connectors.staff.audit import Sought
from connectors.staff.roles import Permission

# Words of deeds by how they begin, for the filter; a deed that has no words of its own is shown by its name.
KINDS = {
    "staff.": "Tài khoản và đăng nhập",
    "talk.": "Hội thoại",
    "answer": "Câu trả lời",
    "question": "Hộp câu hỏi",
    "bench": "Bàn thử",
    "teach": "Huấn luyện",
    "calendar": "Lịch",
    "announce": "Thông báo",
    "export": "Xuất dữ liệu",
}
DEEDS = {
    "staff.signed_in": "đăng nhập",
    "staff.last_try": "thử đăng nhập lần cuối trước khi bị khoá tạm",
    "staff.added": "thêm tài khoản",
    "staff.changed": "đổi vai trò, chi nhánh hoặc thư điện tử",
    "staff.locked": "khoá tài khoản",
    "staff.unlocked": "mở khoá tài khoản",
    "staff.password_reset": "cấp mật khẩu mới",
    "staff.password_changed": "đổi mật khẩu",
    "staff.signed_out_everywhere": "đăng xuất ở mọi nơi",
    "staff.second_step_on": "bật bước thứ hai",
    "staff.second_step_off": "tắt bước thứ hai",
    "staff.recovery_code_used": "dùng một mã dự phòng",
    "staff.linked": "nối với tài khoản cơ quan",
    "talk.read": "đọc hội thoại",
    "talk.searched": "tìm chữ trong mọi hội thoại",
    "answer.asked_read": "đọc lời bạn đọc đã hỏi câu trả lời này",
    "answer.marked": "đánh dấu cần xem lại",
    "answer.saved": "lưu nháp câu trả lời",
    "answer.submitted": "gửi duyệt",
    "answer.published": "phát hành câu trả lời",
    "answer.overridden": "phát hành dù Bàn thử báo đỏ",
    "answer.scheduled": "hẹn giờ phát hành",
    "answer.unscheduled": "bỏ hẹn giờ phát hành",
    "answer.approved": "duyệt câu trả lời",
    "answer.returned": "trả lại câu trả lời",
    "answer.rolled_back": "dùng lại bản cũ của câu trả lời",
    "answer.withdrawn": "rút câu trả lời xuống",
    "answer.archived": "lưu trữ câu trả lời",
    "question.attach": "gắn câu hỏi vào câu trả lời",
    "question.split": "tách nhóm câu hỏi",
    "question.merge": "gộp nhóm câu hỏi",
    "question.snooze": "để sau một nhóm câu hỏi",
    "question.assign": "giao một nhóm câu hỏi",
    "question.not_ours": "ghi là không thuộc thư viện",
    "question.spam": "bỏ một nhóm câu hỏi vào rác",
    "question.open": "mở lại một nhóm câu hỏi",
    "question.read": "đọc một nhóm câu hỏi",
    "question.undone": "hoàn tác ở Hộp câu hỏi",
    "pin.made": "ghim bài kiểm",
    "pin.removed": "bỏ ghim bài kiểm",
    "teaching.proposed": "dạy một câu",
    "teaching.approved": "đồng ý một câu dạy",
    "teaching.dropped": "bỏ một câu dạy",
    "teaching.trained": "huấn luyện",
    "teaching.cancelled": "dừng huấn luyện",
    "teaching.served": "cho mô hình mới phục vụ",
    "teaching.rolled_back": "quay lại mô hình trước",
    "calendar.saved": "đổi lịch",
    "calendar.undone": "hoàn tác lịch",
    "announcement.sent": "gửi thông báo",
    "announcement.stopped": "dừng gửi thông báo",
    "announcement.dropped": "bỏ nháp thông báo",
    "export.numbers": "tải số liệu",
    "files.exported": "xuất tệp",
    "files.imported": "nhập tệp",
}


def add_trail(router: APIRouter, room: Room) -> None:
    @router.get(AUDIT)
    @needs(Permission.READ_AUDIT)
    async def show_trail(request: Request, visitor: SignedIn) -> Response:
        asked = {name: request.query_params.get(name, "") for name in ("who", "deed", "about", "since", "until")}
        sought = _sought(asked)
        total = await room.store.read(lambda db: audit.count(db, sought))
        number, last, total = place(page_number(request), total)
        start = (number - 1) * PAGE_SIZE
        rows = await room.store.read(lambda db: audit.entries(db, sought, PAGE_SIZE, start))
        verdict = await room.store.read(audit.verify) if request.query_params.get("verify") else None
        shown: dict[str, object] = {"page": Page(rows, number, last, total), "asked": asked, "verdict": verdict}
        shown |= {"names": await room.store.read(audit.names), "kinds": KINDS, "deeds": DEEDS, "told": _told}
        shown["filters"] = urlencode({name: value for name, value in asked.items() if value})
        return await room.page(visitor, "audit", "audit", 200, **shown)


def _told(detail: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {value if isinstance(value, str) else _json(value)}" for name, value in detail.items())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _sought(asked: dict[str, str]) -> Sought:
    since, last = _day(asked["since"]), _day(asked["until"])
    sought = Sought(asked["who"], asked["deed"], asked["about"], since=since)
    return replace(sought, until=last + timedelta(days=1)) if last else sought


def _day(typed: str) -> datetime | None:
    """Return the first moment of this day; None for what is no date of this millennium."""
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        return None
    return datetime.combine(day, time(), VIETNAM) if 2000 <= day.year < 3000 else None
