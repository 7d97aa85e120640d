"""The screens of Huấn luyện: correct what was misheard, look at what others corrected, train, let a model take over."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sqlalchemy import Connection, select

from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.places import ROOT
from connectors.console.room import Room
from connectors.console.staff import Visitor
from connectors.staff.roles import Permission
from connectors.store import messages
from connectors.teaching import examples, shop
from connectors.teaching.contract import INTENTS, SLOTS
from connectors.teaching.examples import Example, Refusal, State
from connectors.teaching.shop import Shop

PATH = f"{ROOT}/teaching"
ROWS = 6  # boxes for slots on the form


class Classroom:
    """What the screens do; `shop` trains."""

    def __init__(self, room: Room, training: Shop) -> None:
        self._room, self._shop = room, training

    async def overview(self, visitor: Visitor, code: int = 200, problem: str = "", done: str = "") -> Response:
        def read(db: Connection) -> dict[str, object]:
            return {
                "proposed": examples.listed(db, State.PROPOSED),
                "approved": examples.counted(db, State.APPROVED),
                "jobs": shop.latest(db),
            }

        shown = await self._room.store.read(read)
        jobs: list[shop.Training] = shown["jobs"]  # type: ignore[assignment]
        running = next((job for job in jobs if job.running), None)
        progress = shop.progress(running, jobs, self._room.clock()) if running else None
        serving = self._shop.models.serving()
        return await self._room.page(
            visitor,
            "teaching",
            "teaching",
            code,
            **shown,
            running=running,
            progress=progress,
            serving=serving,
            in_use=self._shop.models.in_use(),
            first=self._shop.models.first,
            may_train=visitor.may(Permission.TRAIN),
            problem=problem,
            done=done,
            intents=INTENTS,
            slots=SLOTS,
        )

    async def correcting(self, visitor: Visitor, message_id: str) -> Response:
        """Return the form, with the message it is about and how it was heard."""
        row = await self._room.store.read(lambda db: _message(db, message_id)) if message_id else None
        heard = (row.intent or "", _pairs(row.slots or {})) if row else ("", ())
        example = Example(row.text if row else "", heard[0] if heard[0] in INTENTS else "", heard[1])
        return await self._form(visitor, example, heard[0])

    async def propose(self, visitor: Visitor, form: Form) -> Response:
        example = _example(form)
        heard, at = form.get("heard"), self._room.clock()
        pattern = self._shop.card_pattern
        twins = await self._room.store.read(lambda db: examples.twins(db, example, self._shop.shipped()))
        if twins and form.get("sure") != "yes":
            return await self._form(visitor, example, heard, 409, twins=[INTENTS.get(one, one) for one in twins])
        stored = await self._room.store.write(
            lambda db: examples.propose(db, example, visitor.name, at, pattern, heard if heard in INTENTS else None)
        )
        if isinstance(stored, Refusal):
            return await self._form(visitor, example, heard, 422, problem=stored)
        return see_other(f"{PATH}?done=proposed")

    async def settle(self, visitor: Visitor, number: int, state: State) -> Response:
        at = self._room.clock()
        refusal = await self._room.store.write(lambda db: examples.settle(db, number, state, visitor.name, at))
        if refusal:
            return await self.overview(visitor, 409, refusal)
        return see_other(f"{PATH}?done={state}")

    async def _form(
        self,
        visitor: Visitor,
        example: Example,
        heard: str,
        code: int = 200,
        *,
        problem: str = "",
        twins: list[str] | None = None,
    ) -> Response:
        boxes = [*example.slots, *[("", "")] * ROWS][:ROWS]
        return await self._room.page(
            visitor,
            "correcting",
            "teaching",
            code,
            example=example,
            boxes=boxes,
            heard=heard,
            heard_label=INTENTS.get(heard, ""),
            intents=INTENTS,
            slots=SLOTS,
            longest=examples.LONGEST,
            problem=problem,
            twins=twins or [],
        )


def add_teaching(router: APIRouter, room: Room, training: Shop) -> None:
    classroom = Classroom(room, training)

    @router.get(PATH)
    @needs(Permission.TEACH)
    async def overview(request: Request, visitor: SignedIn) -> Response:
        return await classroom.overview(visitor, done=request.query_params.get("done", ""))

    @router.get(f"{PATH}/correct")
    @needs(Permission.TEACH, Permission.READ_TALKS)
    async def correcting(request: Request, visitor: SignedIn) -> Response:
        return await classroom.correcting(visitor, request.query_params.get("message", ""))

    @router.post(f"{PATH}/correct")
    @needs(Permission.TEACH)
    async def propose(visitor: SignedIn, form: Posted) -> Response:
        return await classroom.propose(visitor, form)

    @router.post(f"{PATH}/corrections/{{number:int}}/approve")
    @needs(Permission.TEACH)
    async def approve(visitor: SignedIn, number: int) -> Response:
        return await classroom.settle(visitor, number, State.APPROVED)

    @router.post(f"{PATH}/corrections/{{number:int}}/drop")
    @needs(Permission.TEACH)
    async def drop(visitor: SignedIn, number: int) -> Response:
        return await classroom.settle(visitor, number, State.DROPPED)

    @router.post(f"{PATH}/trainings")
    @needs(Permission.TRAIN)
    async def begin(visitor: SignedIn) -> Response:
        begun = await training.begin(visitor.name)
        if isinstance(begun, shop.Refusal):
            return await classroom.overview(visitor, 409, begun)
        return see_other(f"{PATH}?done=begun#running")

    @router.get(f"{PATH}/trainings/{{number:int}}")
    @needs(Permission.TEACH)
    async def report(visitor: SignedIn, number: int) -> Response:
        job = await room.store.read(lambda db: shop.find(db, number))
        if job is None:
            return await room.page(visitor, "gone", "teaching", 404, number=None)
        return await room.page(
            visitor,
            "training",
            "teaching",
            job=job,
            in_use=training.models.in_use(),
            intents=INTENTS,
            may_train=visitor.may(Permission.TRAIN),
            may_override=visitor.may(Permission.OVERRIDE_BENCH),
        )

    @router.post(f"{PATH}/trainings/{{number:int}}/cancel")
    @needs(Permission.TRAIN)
    async def cancel(visitor: SignedIn, number: int) -> Response:
        await training.cancel(number, visitor.name)
        return see_other(f"{PATH}?done=cancelled")

    @router.post(f"{PATH}/trainings/{{number:int}}/serve")
    @needs(Permission.TRAIN)
    async def serve(visitor: SignedIn, form: Posted, number: int) -> Response:
        override = visitor.may(Permission.OVERRIDE_BENCH)
        refusal = await training.let_serve(number, visitor.name, form.get("reason"), may_override=override)
        return await classroom.overview(visitor, 409, refusal) if refusal else see_other(f"{PATH}?done=wished#serving")

    @router.post(f"{PATH}/roll-back")
    @needs(Permission.TRAIN)
    async def roll_back(visitor: SignedIn) -> Response:
        refusal = await training.roll_back(visitor.name)
        return await classroom.overview(visitor, 409, refusal) if refusal else see_other(f"{PATH}?done=wished#serving")


def _message(db: Connection, message_id: str):  # type: ignore[no-untyped-def]
    columns = (messages.c.text, messages.c.intent, messages.c.slots)
    return db.execute(select(*columns).where(messages.c.id == message_id, messages.c.kind == "text")).first()


def _pairs(slots: dict[str, object]) -> tuple[tuple[str, str], ...]:
    """Return the slots of a stored message one by one; one slot may hold several words."""
    listed = ((name, value if isinstance(value, list) else [value]) for name, value in slots.items())
    return tuple((name, str(words)) for name, values in listed for words in values if name in SLOTS)


def _example(form: Form) -> Example:
    boxes = zip(form.all("slot"), form.all("words"), strict=False)
    return Example(form.get("text"), form.get("intent"), tuple((name, words) for name, words in boxes if words.strip()))
