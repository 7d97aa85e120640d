"""The screens of the bench: what trying a revision out has found, and what nobody may change unseen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection

from connectors.console.drawing import page_number, see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.paging import PAGE_SIZE, Page, place
from connectors.console.places import ROOT, conversation_at
from connectors.console.room import Room
from connectors.console.staff import Visitor
from connectors.curation import pins, reports, week
from connectors.curation.pins import Expected, Kind, Pin
from connectors.curation.publisher import Publisher
from connectors.curation.publishing import Refused
from connectors.curation.reports import ReplayLine, Report
from connectors.curation.trying import Said
from connectors.staff import audit
from connectors.staff.roles import Permission
from connectors.teaching.contract import INTENTS

BENCH, PINS = f"{ROOT}/bench", f"{ROOT}/pins"
_KINDS: Mapping[str, Kind] = {"answer": "answer", "none": "none", "intent": "intent"}
# What is shown of a report: how each form is called, in the order of `trying.FORMS`.
FORMS = {
    "plain": "Đúng như đã ghi",
    "unaccented": "Không dấu",
    "nfd": "Dấu rời (một số điện thoại)",
    "teencode": "Viết tắt",
    "typo": "Gõ sai một chữ",
    "hidden": "Khi chưa ai ghi cách hỏi này",
}


@dataclass(frozen=True)
class Line:
    """A pinned question and what is said to it now; `said` is None while it was not asked."""

    pin: Pin
    said: Said | None = None

    @property
    def holds(self) -> bool:
        assert self.said is not None
        return reports.as_expected(self.said, self.pin.expected)


@dataclass(frozen=True)
class Shown:
    """A report as the template `bench_report.html` shows it; patrons' words only to who `may_read` them."""

    report: Report | None
    fresh: bool  # tried out among what is in use now
    replayed: Sequence[ReplayLine]
    may_read: bool
    names: Mapping[str, str]  # the question of every answer it speaks of
    forms: Mapping[str, str] = field(default_factory=lambda: FORMS)


def bench_at(key: str, number: int, **more: str) -> str:
    """Return the page of this revision's report."""
    return f"{BENCH}?{urlencode({'key': key, 'revision': number, **more})}"


def add_bench(router: APIRouter, room: Room, publisher: Publisher) -> None:
    desk = Desk(room, publisher)

    @router.get(BENCH)
    @needs(Permission.READ_ANSWERS)
    async def show(request: Request, visitor: SignedIn) -> Response:
        key, number = _revision(request.query_params)
        return await desk.show(visitor, key, number, request.query_params.get("no", ""))

    @router.post(f"{BENCH}/again")
    @needs(Permission.EDIT_ANSWERS)
    async def again(_visitor: SignedIn, form: Posted) -> Response:
        key, number = _revision({"key": form.get("key"), "revision": form.get("revision")})
        publisher.bench.start(key, number)
        return see_other(bench_at(key, number))

    @router.post(f"{BENCH}/publish")
    @needs(Permission.PUBLISH_ANSWERS)
    async def publish(visitor: SignedIn, form: Posted) -> Response:
        key, number = _revision({"key": form.get("key"), "revision": form.get("revision")})
        outcome = await publisher.publish(key, number, visitor, override=form.get("reason"))
        told = {"no": str(outcome.why)} if isinstance(outcome, Refused) else {}
        return see_other(bench_at(key, number, **told))

    @router.get(PINS)
    @needs(Permission.READ_ANSWERS)
    async def show_pins(request: Request, visitor: SignedIn) -> Response:
        return await desk.pins(visitor, page_number(request), request.query_params)

    @router.post(PINS)
    @needs(Permission.EDIT_ANSWERS)
    async def pin(visitor: SignedIn, form: Posted) -> Response:
        return await desk.pin(visitor, form)

    @router.post(f"{PINS}/{{number:int}}/remove")
    @needs(Permission.EDIT_ANSWERS)
    async def remove(visitor: SignedIn, number: int) -> Response:
        return await desk.unpin(visitor, number)


class Desk:
    def __init__(self, room: Room, publisher: Publisher) -> None:
        self._room, self._publisher, self._bench = room, publisher, publisher.bench

    async def show(self, visitor: Visitor, key: str, number: int, refused: str) -> Response:
        """Show the report of this revision; where there is none yet, it is being tried out from now on."""
        answer = await self._bench.wording(key, number)
        if answer is None:
            return await self._room.page(visitor, "no_bench", "pins", 404)
        report = await self._bench.known(key, number)
        if report is None and visitor.may(Permission.EDIT_ANSWERS):
            self._bench.start(key, number)
        report = report or await self._room.store.read(lambda db: reports.latest(db, key, number))
        found = await shown(self._room, self._publisher, visitor, report)
        live = await self._bench.live_number(key)
        return await self._room.page(
            visitor, "bench", "answers", answer=answer, number=number, live=live, refused=refused,
            progress=self._bench.progress(key, number), serving=await self._publisher.serving(), found=found,
        )  # fmt: skip

    async def pins(self, visitor: Visitor, page: int, asked: Mapping[str, str]) -> Response:
        found = await self._room.store.read(lambda db: pins.pinned(db))
        number, last, total = place(page, len(found))
        here = found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
        said = await self._bench.say([pin.text for pin in found]) if "run" in asked else []
        lines = (
            [Line(pin, each) for pin, each in zip(found, said, strict=True)] if said else [Line(pin) for pin in here]
        )
        broken = [line for line in lines if line.said and line.pin.expected.kind != "intent" and not line.holds]
        shown_lines = [*broken, *(line for line in lines if line not in broken)] if said else lines
        return await self._room.page(
            visitor, "pins", "pins", page=Page(shown_lines, number, 1 if said else last, total), broken=len(broken),
            ran=bool(said), questions=self._bench.questions(), done=asked.get("done", ""), typed=asked.get("text", ""),
        )  # fmt: skip

    async def pin(self, visitor: Visitor, form: Form) -> Response:
        """Pin what was typed, or the words of the message named, which only who may read them can pin.

        Who pins a message goes back to its conversation.
        """
        kind, key, now = _KINDS.get(form.get("kind"), "answer"), form.get("what"), self._room.clock()
        known = kind == "none" or key in (INTENTS if kind == "intent" else await self._bench.names([key]))
        message = form.get("message") if visitor.may(Permission.READ_TALKS) else ""

        def write(db: Connection) -> str | None:
            text, conversation = form.get("text"), None
            if message:
                text, conversation = week.texts_of(db, [message]).get(message, ("", None))
            if not known or not text.strip():
                return None
            expected = Expected(kind, "" if kind == "none" else key)
            of = {"conversation_id": conversation, "message_id": message or None}
            number = pins.pin(db, text if message else self._bench.masked(text), expected, visitor.name, now, **of)
            audit.note(db, visitor.name, "pin.made", f"pin:{number}", {"kind": kind, "what": expected.what}, now)
            return conversation_at(conversation) if conversation else PINS

        back = await self._room.store.write(write)
        if back is None:
            typed = "" if message else form.get("text")[:200]
            return see_other(f"{PINS}?{urlencode({'done': 'unknown', 'text': typed})}")
        return see_other(f"{back}?done=made" if back == PINS else f"{back}?done=pinned#m{message}")

    async def unpin(self, visitor: Visitor, number: int) -> Response:
        now = self._room.clock()

        def write(db: Connection) -> None:
            if pins.unpin(db, number):
                audit.note(db, visitor.name, "pin.removed", f"pin:{number}", {}, now)

        await self._room.store.write(write)
        return see_other(f"{PINS}?done=removed")


async def shown(room: Room, publisher: Publisher, visitor: Visitor, report: Report | None) -> Shown:
    """Return the report as this visitor may see it."""
    lines: Sequence[ReplayLine] = []
    fresh = False
    if report is not None:
        this = report
        fresh = this.tried_among == await publisher.bench.among()
        lines = await room.store.read(lambda db: reports.replayed(db, this))
    may_read = visitor.may(Permission.READ_TALKS)
    names = {**publisher.bench.questions(), **(await publisher.bench.names(report.keys) if report else {})}
    return Shown(report, fresh, lines, may_read, names)


def _revision(asked: Mapping[str, str]) -> tuple[str, int]:
    number = asked.get("revision", "")
    return asked.get("key", ""), int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 0
