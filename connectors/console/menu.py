"""The console's screens as the menu lists them: one line a screen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from connectors.console import notes, undelivered, waiting
from connectors.console.places import AUDIT, EFFECTS, QUESTIONS, ROOT, STAFF, TALKS
from connectors.console.staff import Visitor
from connectors.curation import questions
from connectors.staff.roles import Permission
from connectors.teaching import examples


@dataclass(frozen=True)
class Entry:
    """A screen: `key` opens it after "g"; `count` says how many things wait there."""

    name: str
    label: str
    path: str
    permission: Permission
    key: str
    group: str
    count: Callable[[Connection], int] | None = None


READERS, CONTENT, NUMBERS, HOUSE = "Bạn đọc", "Nội dung", "Số liệu", "Quản trị"
_TALKS = Permission.READ_TALKS
ENTRIES: Sequence[Entry] = (
    Entry("inbox", "Hộp thư", f"{ROOT}/inbox", _TALKS, "t", READERS, waiting.count),
    Entry("talks", "Hội thoại", TALKS, _TALKS, "v", READERS),
    Entry("undelivered", "Không gửi được", f"{ROOT}/undelivered", _TALKS, "k", READERS, undelivered.count),
    Entry("purchases", "Đề nghị mua", f"{ROOT}/purchases", _TALKS, "m", READERS, notes.counting("purchases")),
    Entry("feedback", "Góp ý", f"{ROOT}/feedback", _TALKS, "y", READERS, notes.counting("feedback")),
    Entry("questions", "Hộp câu hỏi", QUESTIONS, _TALKS, "i", CONTENT, questions.waiting),
    Entry("teaching", "Huấn luyện", f"{ROOT}/teaching", Permission.TEACH, "d", CONTENT, examples.waiting),
    Entry("answers", "Câu trả lời", f"{ROOT}/answers", Permission.READ_ANSWERS, "c", CONTENT),
    Entry("reviews", "Duyệt", f"{ROOT}/reviews", Permission.READ_ANSWERS, "r", CONTENT),
    Entry("pins", "Bài kiểm", f"{ROOT}/pins", Permission.READ_ANSWERS, "x", CONTENT),
    Entry("numbers", "Số liệu", f"{ROOT}/numbers", Permission.READ_NUMBERS, "h", NUMBERS),
    Entry("effects", "Hiệu quả", EFFECTS, Permission.READ_NUMBERS, "f", NUMBERS),
    Entry("staff", "Tài khoản", STAFF, Permission.MANAGE_STAFF, "s", HOUSE),
    Entry("audit", "Nhật ký", AUDIT, Permission.READ_AUDIT, "n", HOUSE),
    Entry("calendar", "Lịch", f"{ROOT}/calendar", Permission.READ_ANSWERS, "l", CONTENT),
    Entry("files", "Tệp xuất, nhập", f"{ROOT}/files", Permission.EXPORT, "e", HOUSE),
    Entry("announcements", "Thông báo", f"{ROOT}/announcements", Permission.ANNOUNCE, "b", READERS),
)


def open_to(visitor: Visitor) -> Sequence[Entry]:
    return [entry for entry in ENTRIES if visitor.may(entry.permission)]


def grouped(entries: Sequence[Entry]) -> Mapping[str, Sequence[Entry]]:
    """Return the entries by group, both in the order of the menu."""
    groups: dict[str, list[Entry]] = {}
    for group in (READERS, CONTENT, NUMBERS, HOUSE):
        if there := [entry for entry in entries if entry.group == group]:
            groups[group] = there
    return groups


def counts(db: Connection, entries: Sequence[Entry]) -> dict[str, int]:
    return {entry.name: entry.count(db) for entry in entries if entry.count}
