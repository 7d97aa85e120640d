"""What each role of the staff may do.

Whoever keeps the machines running reads no patron's words: `TECHNICAL_ADMIN` has none of the rights to conversations.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    READER = "reader"
    EDITOR = "editor"
    APPROVER = "approver"
    CONTENT_ADMIN = "content_admin"
    TECHNICAL_ADMIN = "technical_admin"

    @property
    def label(self) -> str:
        return LABELS[self]


class Permission(StrEnum):
    READ_TALKS = "read_talks"
    ANSWER_TALKS = "answer_talks"
    READ_ANSWERS = "read_answers"
    EDIT_ANSWERS = "edit_answers"
    APPROVE_ANSWERS = "approve_answers"
    PUBLISH_ANSWERS = "publish_answers"  # low risk, and one's own
    OVERRIDE_BENCH = "override_bench"
    TEACH = "teach"
    TRAIN = "train"
    EDIT_CALENDAR = "edit_calendar"
    ANNOUNCE = "announce"
    READ_NUMBERS = "read_numbers"
    EXPORT = "export"
    MANAGE_STAFF = "manage_staff"
    READ_AUDIT = "read_audit"


LABELS: Mapping[Role, str] = {
    Role.READER: "Xem",
    Role.EDITOR: "Biên tập",
    Role.APPROVER: "Duyệt",
    Role.CONTENT_ADMIN: "Quản trị nội dung",
    Role.TECHNICAL_ADMIN: "Quản trị kỹ thuật",
}
_READS = frozenset({Permission.READ_TALKS, Permission.READ_ANSWERS, Permission.READ_NUMBERS})
_EDITS = _READS | {
    Permission.ANSWER_TALKS,
    Permission.EDIT_ANSWERS,
    Permission.PUBLISH_ANSWERS,
    Permission.TEACH,
}
GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.READER: _READS,
    Role.EDITOR: _EDITS,
    Role.APPROVER: _EDITS | {Permission.APPROVE_ANSWERS, Permission.EDIT_CALENDAR},
    Role.CONTENT_ADMIN: frozenset(Permission),
    Role.TECHNICAL_ADMIN: frozenset(
        {Permission.READ_ANSWERS, Permission.READ_NUMBERS, Permission.READ_AUDIT, Permission.MANAGE_STAFF}
    ),
}
_FORMER = {"librarian": Role.CONTENT_ADMIN}  # the one role there was before there were several


def may(role: Role, permission: Permission) -> bool:
    return permission in GRANTS[role]


def role_of(stored: str) -> Role:
    """Return the role that this word of the database stands for. Raises ValueError for no role of ours."""
    return _FORMER.get(stored) or Role(stored)


def may_grant(own: Role, other: Role) -> bool:
    """Return whether who has the role `own` may give or take the role `other`: nobody hands out more than they have.

    So a technical admin cannot make an account that reads conversations.
    """
    return may(own, Permission.MANAGE_STAFF) and GRANTS[other] <= GRANTS[own]
