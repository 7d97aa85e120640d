"""The editor: one answer's form, how every door would send it today, and what there is to say about it.

What is typed is kept as it is typed (with the script) and nothing is overwritten: a form that was opened before a
colleague saved comes back with both wordings put together, to be looked at and saved again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from connectors.console import answer_form, answer_origin
from connectors.console.answer_form import answer_at, answer_of, editor_at, fields_of, key_of
from connectors.console.bench import bench_at
from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.places import ANSWERS
from connectors.console.room import Room
from connectors.console.staff import Visitor, within
from connectors.curation import sketches
from connectors.curation.editing import Editing, Judged, Overtaken
from connectors.curation.merging import FIELDS, Merge
from connectors.curation.publisher import Publisher
from connectors.curation.publishing import Refused
from connectors.staff import audit
from connectors.staff.roles import Permission
from retrieval.answer_states import Standing
from retrieval.answers import Answer

logger = logging.getLogger(__name__)

NEW = f"{ANSWERS}/new"
LOOK = f"{ANSWERS}/look"
EDIT = f"{ANSWERS}/{{written}}/edit"


def add_answer_editor(router: APIRouter, room: Room, editing: Editing, publishing: Publisher) -> None:
    editor = Editor(room, editing, publishing)

    @router.get(NEW)
    @needs(Permission.EDIT_ANSWERS)
    async def new(request: Request, visitor: SignedIn) -> Response:
        return await editor.new(visitor, request.query_params)

    @router.post(NEW)
    @needs(Permission.EDIT_ANSWERS)
    async def create(visitor: SignedIn, form: Posted) -> Response:
        return await editor.save("", visitor, form)

    @router.post(LOOK)
    @needs(Permission.EDIT_ANSWERS)
    async def look(visitor: SignedIn, form: Posted) -> Response:
        return await editor.look(visitor, form)

    @router.get(EDIT)
    @needs(Permission.EDIT_ANSWERS)
    async def edit(request: Request, visitor: SignedIn, written: str) -> Response:
        return await editor.edit(key_of(written), visitor, request.query_params.get("done", ""))

    @router.post(EDIT)
    @needs(Permission.EDIT_ANSWERS)
    async def save(request: Request, visitor: SignedIn, form: Posted, written: str) -> Response:
        return await editor.save(key_of(written), visitor, form, request.headers.get("if-match", ""))


class Editor:
    def __init__(self, room: Room, editing: Editing, publishing: Publisher) -> None:
        self._room, self._editing, self._publishing = room, editing, publishing

    async def new(self, visitor: Visitor, asked: Mapping[str, str]) -> Response:
        """Show an empty form, or one begun: by this person before, or from a patron's question."""
        start = await self._room.store.read(lambda db: answer_origin.started(db, asked, visitor))
        sketch = await self._room.store.read(lambda db: sketches.sketch(db, "", visitor.name))
        fields = {**fields_of(Answer("", "", "", "")), **start}
        taken_up = sketch if sketch and not start else None
        return await self._page(visitor, "", taken_up.fields if taken_up else fields, 0, taken_up_at=_at(taken_up))

    async def edit(self, key: str, visitor: Visitor, done: str = "") -> Response:
        standing = await asyncio.to_thread(self._editing.book.standing, key)
        if standing is None:
            return await self._gone(visitor)
        if not _within(visitor, standing):
            return await self._elsewhere(visitor)
        sketch = await self._room.store.read(lambda db: sketches.sketch(db, key, visitor.name))
        now = self._room.clock()
        await self._room.store.write(lambda db: sketches.come(db, key, visitor.name, now))
        fields = sketch.fields if sketch else fields_of(standing.newest.answer)
        base = sketch.base if sketch else standing.newest.number
        return await self._page(visitor, key, fields, base, taken_up_at=_at(sketch), done=done)

    async def look(self, visitor: Visitor, form: Form) -> Response:
        """Keep what is typed, and show how it looks."""
        key, base, now = form.get("key"), _number(form.get("base")), self._room.clock()
        fields = answer_form.typed(form.get)
        await self._room.store.write(lambda db: sketches.keep(db, key, visitor.name, base, fields, now))
        seen = await self._seen(visitor, key, answer_form.cut(fields))
        return self._room.draw("answer_look", kept_at=now, labels=FIELDS, problems=answer_form.problems(fields), **seen)

    async def save(self, key: str, visitor: Visitor, form: Form, if_match: str = "") -> Response:
        """Save, and send on or publish where that was asked; a form that cannot be saved comes back as it was."""
        if form.get("deed") == "discard":
            return await self._discard(key, visitor)
        fields, base = answer_form.typed(form.get), _number(if_match.strip('"') or form.get("base"))
        if wrong := answer_form.problems(fields):
            return await self._page(visitor, key, fields, base, 422, problems=wrong)
        standing = await asyncio.to_thread(self._editing.book.standing, key) if key else None
        if key and standing is None:
            return await self._gone(visitor)
        answer = answer_of(key or self._editing.free_key(fields["question"]), fields)
        if not _within(visitor, standing, answer):
            return await self._page(visitor, key, fields, base, 403, refused="Ngoài cơ sở của bạn: chưa lưu.")
        saved = await asyncio.to_thread(self._editing.save, answer, visitor.name, base)
        if isinstance(saved, Overtaken):
            code = 412 if if_match else 409
            return await self._page(
                visitor, key, fields_of(saved.merge.answer), saved.number, code, merge=saved.merge, merged_with=saved.by
            )
        await self._room.store.write(lambda db: sketches.drop(db, key, visitor.name))
        await self._note(visitor, "answer.saved", answer.key, saved.number)
        return await self._go_on(visitor, answer, saved.number, form.get("deed"))

    async def _go_on(self, visitor: Visitor, answer: Answer, number: int, deed: str) -> Response:
        """Do with the saved wording what was asked: nothing, send it for approval, or put it in use."""
        self._publishing.bench.start(answer.key, number)
        if deed not in ("submit", "publish"):
            return see_other(f"{editor_at(answer.key)}?done=saved")
        judged = await self._editing.judge(answer, visit=True)
        if judged.stops:
            why = "Đã lưu nháp, chưa gửi được: còn lỗi phải sửa."
            return await self._page(visitor, answer.key, fields_of(answer), number, 422, judged=judged, refused=why)
        if deed == "publish":
            outcome = await self._publishing.publish(answer.key, number, visitor)
            if not isinstance(outcome, Refused):
                return see_other(f"{answer_at(answer.key)}?done=published")
            return see_other(f"{answer_form.review_at(answer.key, number)}?refused={outcome.why.name}")
        refused = await asyncio.to_thread(self._editing.submit, answer.key, number, visitor.name)
        if refused:
            return await self._page(
                visitor, answer.key, fields_of(answer), number, 409, refused=f"Chưa gửi: {refused}."
            )
        await self._note(visitor, "answer.submitted", answer.key, number)
        return see_other(f"{answer_at(answer.key)}?done=submitted")

    async def _discard(self, key: str, visitor: Visitor) -> Response:
        await self._room.store.write(lambda db: sketches.drop(db, key, visitor.name))
        return see_other(editor_at(key) if key else NEW)

    async def _page(
        self,
        visitor: Visitor,
        key: str,
        fields: Mapping[str, str],
        base: int,
        code: int = 200,
        *,
        problems: list[answer_form.Problem] | None = None,
        merge: Merge | None = None,
        judged: Judged | None = None,
        **more: Any,
    ) -> Response:
        seen = await self._seen(visitor, key, fields, judged)
        standing = await asyncio.to_thread(self._editing.book.standing, key) if key else None
        values = {
            "key": key, "fields": fields, "base": base, "problems": problems or [], "merge": merge, "merged_with": "",
            "refused": "", "done": "", "taken_up_at": None, "kept_at": None, "standing": standing, "labels": FIELDS,
            "topics": self._editing.topics(), "branches": _branches(self._editing, visitor),
            "bench": bench_at(key, standing.newest.number) if standing else "",
            "post_to": editor_at(key) if key else NEW, "here_at": answer_at(key) if key else ANSWERS,
        }  # fmt: skip
        response = await self._room.page(visitor, "answer_editor", "answers", code, **{**values, **seen, **more})
        response.headers["ETag"] = f'"{base}"'
        return response

    async def _seen(
        self, visitor: Visitor, key: str, fields: Mapping[str, str], judged: Judged | None = None
    ) -> dict[str, Any]:
        """Return what stands beside the form: previews, remarks, variables, who else has it open."""
        judged = judged or await self._editing.judge(answer_of(key, fields))
        now = self._room.clock()
        others = await self._room.store.read(lambda db: sketches.others(db, key, visitor.name, now)) if key else []
        variables = await asyncio.to_thread(self._editing.variables, self._editing.today, "vi")
        return {"judged": judged, "others": others, "variables": variables}

    async def _note(self, visitor: Visitor, deed: str, key: str, number: int) -> None:
        now = self._room.clock()
        await self._room.store.write(lambda db: audit.note(db, visitor.name, deed, key, {"revision": number}, now))

    async def _gone(self, visitor: Visitor) -> Response:
        return await self._room.page(visitor, "answer_gone", "answers", 404)

    async def _elsewhere(self, visitor: Visitor) -> Response:
        return self._room.draw("refused", 403, reason="role", typed="", visitor=visitor)


def _within(visitor: Visitor, standing: Standing | None, answer: Answer | None = None) -> bool:
    """Return whether the answer, as it was and as it is to be, belongs to this person's branches."""
    held = [standing.newest.answer] if standing else []
    return all(within(visitor, each.branch) for each in (*held, *([answer] if answer else [])))


def _branches(editing: Editing, visitor: Visitor) -> dict[str, str]:
    return {id: name for id, name in editing.branches.items() if within(visitor, id)}


def _number(written: str) -> int:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 7 else 0


def _at(sketch: sketches.Sketch | None) -> Any:
    return sketch.at if sketch else None
