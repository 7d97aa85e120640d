"""The inbox of questions: what wants an answer, most wanted first; and one question with what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, select

from connectors.console.drawing import page_number, see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.paging import PAGE_SIZE, Page, place
from connectors.console.places import QUESTIONS
from connectors.console.room import Room
from connectors.console.staff import Visitor
from connectors.curation import questions
from connectors.curation.inbox import Did, Inbox, Outcome, Refusal, Suggestion
from connectors.curation.questions import Cluster, Row
from connectors.curation.signals import Reason
from connectors.staff import audit
from connectors.staff.roles import Permission, may, role_of
from connectors.store import staff

ONE = f"{QUESTIONS}/{{number:int}}"
STATES = {"": "Đang chờ", "snoozed": "Để sau", "solved": "Đã gắn", "not_ours": "Không thuộc thư viện", "spam": "Rác"}
_HEIGHT, _WIDTH = 18, 3  # of a trend: pixels, and a day's


@dataclass(frozen=True)
class Line:
    """A row with its trend as bars of an SVG, x and height each."""

    row: Row
    bars: Sequence[tuple[int, int]]
    best: Suggestion | None


def add_questions(router: APIRouter, room: Room, inbox: Inbox) -> None:
    desk = Desk(room, inbox)

    @router.get(QUESTIONS)
    @needs(Permission.READ_TALKS)
    async def all_of_them(request: Request, visitor: SignedIn) -> Response:
        return await desk.all(visitor, request)

    @router.get(ONE)
    @needs(Permission.READ_TALKS)
    async def one(request: Request, visitor: SignedIn, number: int) -> Response:
        by_timer = request.headers.get("x-requested-with") == "refresh"
        return await desk.one(visitor, number, request.query_params, by_timer=by_timer)

    @router.post(f"{QUESTIONS}/merge")
    @needs(Permission.READ_TALKS, Permission.EDIT_ANSWERS)
    async def merge(visitor: SignedIn, form: Posted) -> Response:
        return await desk.merge(visitor, form)

    @router.post(f"{QUESTIONS}/undo")
    @needs(Permission.READ_TALKS, Permission.EDIT_ANSWERS)
    async def undo(visitor: SignedIn, form: Posted) -> Response:
        refused = await inbox.undo(_number(form.get("deed")), visitor)
        return see_other(f"{QUESTIONS}?{urlencode({'no': refused} if refused else {'done': 'undone'})}")

    @router.post(f"{ONE}/attach")
    @needs(Permission.READ_TALKS, Permission.EDIT_ANSWERS)
    async def attach(visitor: SignedIn, form: Posted, number: int) -> Response:
        key, _, revision = form.get("to").rpartition("@")
        done = await inbox.attach(number, _number(form.get("version")), key, _number(revision), visitor)
        return desk.told(number, "attach", done)

    @router.post(f"{ONE}/split")
    @needs(Permission.READ_TALKS, Permission.EDIT_ANSWERS)
    async def split(visitor: SignedIn, form: Posted, number: int) -> Response:
        chosen = [_number(each) for value in form.all("chosen") for each in value.split(",")]
        done = await inbox.split(number, _number(form.get("version")), chosen, visitor)
        return desk.told(number, "split", done)

    @router.post(f"{ONE}/snooze")
    @needs(Permission.READ_TALKS, Permission.EDIT_ANSWERS)
    async def snooze(visitor: SignedIn, form: Posted, number: int) -> Response:
        days = _number(form.get("days")) or 7
        return desk.told(number, "snooze", await inbox.snooze(number, _number(form.get("version")), visitor, days))

    @router.post(f"{ONE}/assign")
    @needs(Permission.READ_TALKS, Permission.EDIT_ANSWERS)
    async def assign(visitor: SignedIn, form: Posted, number: int) -> Response:
        return await desk.assign(visitor, form, number)

    @router.post(f"{ONE}/aside")
    @needs(Permission.READ_TALKS, Permission.EDIT_ANSWERS)
    async def aside(visitor: SignedIn, form: Posted, number: int) -> Response:
        state = form.get("state") if form.get("state") in ("open", "not_ours", "spam") else "open"
        done = await inbox.put_aside(number, _number(form.get("version")), state, visitor)
        return desk.told(number, state, done)


class Desk:
    def __init__(self, room: Room, inbox: Inbox) -> None:
        self._room, self._inbox = room, inbox

    async def all(self, visitor: Visitor, request: Request) -> Response:
        asked, now = request.query_params, self._room.clock()
        wanted = {name: asked.get(name, "")[:60] for name in ("state", "mine", *questions.FACETS)}
        fits = questions.shown(now, wanted, visitor.name)

        def read(db: Connection) -> tuple[list[Row], int, int, int]:
            number, last, total = place(page_number(request), questions.total(db, fits))
            return questions.page(db, fits, now, PAGE_SIZE, (number - 1) * PAGE_SIZE), number, last, total

        rows, number, last, total = await self._room.store.read(read)
        best = await self._inbox.best([row.text for row in rows])
        lines = [Line(row, _bars(row.days), each) for row, each in zip(rows, best, strict=True)]
        reasons = [(str(each), each.capitalize()) for each in Reason]
        kept = urlencode({name: value for name, value in wanted.items() if value})
        return await self._room.page(
            visitor, "questions", "questions", page=Page(lines, number, last, total), wanted=wanted, kept=kept,
            states=STATES, reasons=reasons, undo=_number(asked.get("undo", "")), done=asked.get("done", ""),
            no=_refused(asked), why=asked.get("why", "")[:200],
        )  # fmt: skip

    async def one(self, visitor: Visitor, number: int, asked: Mapping[str, str], *, by_timer: bool) -> Response:
        now = self._room.clock()

        def read(db: Connection) -> Cluster | None:
            questions.see(db, number, visitor.name, now)
            found = questions.cluster(db, number, visitor.name, now)
            if found and not by_timer:
                audit.note(db, visitor.name, "question.read", f"cluster:{number}", {}, now)
            return found

        cluster = await self._room.store.write(read)
        if cluster is None:
            return await self._room.page(visitor, "question_gone", "questions", 404)
        suggested = await self._inbox.suggestions(cluster.text)
        own = await self._inbox.own_replies(cluster)
        return await self._room.page(
            visitor, "question", "questions", cluster=cluster, suggested=suggested, own=own,
            colleagues=await self._colleagues(visitor.name), states=STATES, no=_refused(asked),
            undo=_number(asked.get("undo", "")), done=asked.get("done", ""),
        )  # fmt: skip

    async def merge(self, visitor: Visitor, form: Form) -> Response:
        pairs = [each.partition("@") for each in form.all("chosen")]
        seen = {_number(number): _number(version) for number, _, version in pairs}
        into = next(iter(seen), 0)
        done = await self._inbox.merge(into, seen, visitor)
        return self.told(into, "merge", done, back=isinstance(done, Refusal))

    async def assign(self, visitor: Visitor, form: Form, number: int) -> Response:
        to = form.get("to", visitor.name)
        if to and to not in (visitor.name, *await self._colleagues(visitor.name)):
            to = visitor.name
        return self.told(number, "assign", await self._inbox.assign(number, _number(form.get("version")), to, visitor))

    def told(self, number: int, deed: str, done: Outcome, *, back: bool = False) -> Response:
        """Return to the list, or to the question where it stays open, with what was done or why it was not."""
        if isinstance(done, Did):
            said = {"done": deed if done.live else "waits", "undo": str(done.undo)}
            said |= {"why": done.why} if done.why else {}
            stays = deed in ("split", "assign", "open")
            return see_other(f"{QUESTIONS}{f'/{number}' if stays else ''}?{urlencode(said)}")
        return see_other(f"{QUESTIONS}{'' if back else f'/{number}'}?{urlencode({'no': done.name})}")

    async def _colleagues(self, name: str) -> list[str]:
        """Return who else may work on questions."""
        rows = await self._room.store.read(lambda db: db.execute(select(staff.c.name, staff.c.role)).all())
        return sorted(row.name for row in rows if row.name != name and _may_edit(row.role))


def _may_edit(role: str) -> bool:
    try:
        return may(role_of(role), Permission.EDIT_ANSWERS) and may(role_of(role), Permission.READ_TALKS)
    except ValueError:
        return False


def _bars(days: Sequence[int]) -> list[tuple[int, int]]:
    most = max(days, default=0) or 1
    return [(i * _WIDTH, max(2, round(_HEIGHT * count / most))) for i, count in enumerate(days) if count]


def _refused(asked: Mapping[str, str]) -> str:
    """Return the words of a refusal by its name; a word that is none of ours says that it was too late."""
    name = asked.get("no", "")
    return str(Refusal[name]) if name in Refusal.__members__ else name[:200]


def _number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 10 else 0
