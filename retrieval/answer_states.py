"""The life of a wording: draft, waiting, returned or approved, in use, past; and who may move it on.

The state is nothing that is stored: it is read from the deeds, which are only ever added. A rule returns why a deed is
refused, or None. High risk (fees, penalties, law, personal data) wants a second person; low risk does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property

from retrieval.answer import Deed, Event, Revision


class State(StrEnum):
    DRAFT = "nháp"
    WAITING = "chờ duyệt"
    RETURNED = "trả lại"
    APPROVED = "đã duyệt"
    LIVE = "đang dùng"
    REVIEW = "cần xem lại"  # in use, and its day of review has come or somebody marked it
    PAST = "bản cũ"  # was in use, or a newer wording took its place before it was
    ARCHIVED = "lưu trữ"


class Refusal(StrEnum):
    UNKNOWN = "không có bản này"
    OLD = "đã có bản mới hơn, hãy mở bản mới"
    LIVE = "bản này đang dùng"
    NOT_LIVE = "câu trả lời này không có bản nào đang dùng"
    NOT_WAITING = "bản này không chờ duyệt"
    RETURNED = "bản này đã bị trả lại, hãy sửa rồi gửi duyệt lại"
    SECOND_PERSON = "rủi ro cao: người duyệt phải khác người viết"
    NOT_APPROVED = "rủi ro cao: cần người thứ hai duyệt trước khi phát hành"
    NO_REASON = "hãy ghi lý do"
    PAST_TIME = "giờ hẹn đã qua"
    ARCHIVED = "câu trả lời đã lưu trữ, hãy soạn bản mới"


_STATES: dict[Deed, State] = {
    "imported": State.DRAFT,
    "drafted": State.DRAFT,
    "submitted": State.WAITING,
    "returned": State.RETURNED,
    "approved": State.APPROVED,
    "published": State.PAST,  # of the one in use, the pointer tells
    "withdrawn": State.PAST,
    "archived": State.ARCHIVED,
}


@dataclass(frozen=True)
class Standing:
    """All that was ever saved and done under one key, oldest first."""

    revisions: tuple[Revision, ...]
    events: tuple[Event, ...]

    @property
    def newest(self) -> Revision:
        return self.revisions[-1]

    @cached_property
    def live(self) -> Revision | None:
        return next((revision for revision in self.revisions if revision.live), None)

    def revision(self, number: int) -> Revision | None:
        return next((revision for revision in self.revisions if revision.number == number), None)

    def events_of(self, number: int) -> list[Event]:
        return [event for event in self.events if event.number == number]

    @property
    def archived(self) -> bool:
        """Whether the last word on this answer was that it is put away."""
        lasting = [event for event in self.events if event.deed in ("archived", "drafted", "imported", "published")]
        return bool(lasting) and lasting[-1].deed == "archived"

    def state(self, number: int, today: date | None = None) -> State:
        """Return the state of this revision; with `today`, one in use whose day of review has come is for review."""
        revision = self.revision(number)
        if revision is not None and revision.live:
            return State.REVIEW if self._is_for_review(revision, today) else State.LIVE
        if self.archived:
            return State.ARCHIVED
        state = self._said_of(number)
        return State.PAST if number != self.newest.number else state

    def _said_of(self, number: int) -> State:
        told = [state for event in self.events_of(number) if (state := _STATES.get(event.deed))]
        return told[-1] if told else State.DRAFT

    def _is_for_review(self, revision: Revision, today: date | None) -> bool:
        answer, deeds = revision.answer, [event.deed for event in self.events_of(revision.number)]
        marked = "marked" in deeds and "published" not in deeds[deeds.index("marked") :]
        over = today is not None and not answer.holds_on(today) and answer.valid_until is not None
        return marked or over or bool(today and answer.review_by and answer.review_by <= today)

    def was_live(self, number: int) -> bool:
        return any(event.deed == "published" for event in self.events_of(number))

    def authors(self, number: int) -> frozenset[str]:
        """Return who wrote anything of this revision that is not in use: nobody may approve their own part of it."""
        since = self.live.number if self.live and self.live.number < number else 0
        return frozenset(revision.by for revision in self.revisions if since < revision.number <= number)

    def is_high_risk(self, number: int) -> bool:
        """Return whether the revision, or the one it would replace, is of high risk: both ways it wants two people."""
        revision = self.revision(number)
        return any(each is not None and each.answer.risk == "high" for each in (revision, self.live))

    def approver(self, number: int) -> str:
        """Return who approved this revision, if nobody returned it since; else an empty name."""
        for event in reversed(self.events_of(number)):
            if event.deed in ("approved", "returned"):
                return event.by if event.deed == "approved" else ""
        return ""

    def scheduled(self) -> Event | None:
        """Return the publication that is still to come, if there is one."""
        deeds = ("scheduled", "unscheduled", "published", "withdrawn", "archived")
        told = [event for event in self.events if event.deed in deeds]
        return told[-1] if told and told[-1].deed == "scheduled" else None


def may_submit(standing: Standing, number: int) -> Refusal | None:
    if refused := _is_open(standing, number):
        return refused
    return None if standing.state(number) in (State.DRAFT, State.RETURNED) else Refusal.NOT_WAITING


def may_return(standing: Standing, number: int, reason: str) -> Refusal | None:
    if refused := _is_open(standing, number):
        return refused
    if standing.state(number) not in (State.WAITING, State.APPROVED):
        return Refusal.NOT_WAITING
    return None if reason.strip() else Refusal.NO_REASON


def may_approve(standing: Standing, number: int, by: str) -> Refusal | None:
    """Return why this person may not approve; a draft of low risk may be approved by who wrote it, unsubmitted."""
    if refused := _is_open(standing, number):
        return refused
    high = standing.is_high_risk(number)
    if standing.state(number) not in ((State.WAITING,) if high else (State.WAITING, State.DRAFT)):
        return Refusal.NOT_WAITING
    return Refusal.SECOND_PERSON if high and by in standing.authors(number) else None


def may_publish(standing: Standing, number: int) -> Refusal | None:
    """Return why the revision may not be put in use now; one that was in use before may always come back."""
    revision = standing.revision(number)
    if revision is None:
        return Refusal.UNKNOWN
    if revision.live:
        return Refusal.LIVE
    if standing.was_live(number):
        return None
    if refused := _is_open(standing, number):
        return refused
    if standing.state(number) is State.RETURNED:
        return Refusal.RETURNED
    approver = standing.approver(number)
    high = standing.is_high_risk(number)
    return Refusal.NOT_APPROVED if high and (not approver or approver in standing.authors(number)) else None


def may_schedule(standing: Standing, number: int, due_at: datetime, now: datetime) -> Refusal | None:
    return may_publish(standing, number) or (Refusal.PAST_TIME if due_at <= now else None)


def may_mark(standing: Standing, reason: str) -> Refusal | None:
    """Return why the answer may not be marked for review."""
    if standing.live is None:
        return Refusal.NOT_LIVE
    return None if reason.strip() else Refusal.NO_REASON


def _is_open(standing: Standing, number: int) -> Refusal | None:
    revision = standing.revision(number)
    if revision is None:
        return Refusal.UNKNOWN
    if revision.live:
        return Refusal.LIVE
    if standing.archived:
        return Refusal.ARCHIVED
    return Refusal.OLD if number != standing.newest.number else None
