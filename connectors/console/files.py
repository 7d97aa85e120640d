"""The screen of the library's files: all of them as one zip, and one at a time back in, with what would change."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from fastapi import APIRouter, Response

from connectors.console.calendar import choices_of, shown_value
from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.places import ROOT
from connectors.console.room import Room
from connectors.console.staff import Visitor
from connectors.filing.filing import Filing, FilingError, Intake, name_of
from connectors.staff import audit
from connectors.staff.roles import Permission
from library.threeway import Change, Clash

AT = f"{ROOT}/files"
PARTS = {"answers": "Câu trả lời", "calendar": "Lịch", "examples": "Ví dụ đã dạy"}
MOST_SHOWN = 60


@dataclass(frozen=True)
class Line:
    """One place that would change, or where both sides changed; `path` is what a form carries."""

    where: str
    path: str
    before: str
    after: str
    base: str = ""


def add_files(router: APIRouter, room: Room, filing: Filing) -> None:
    async def page(visitor: Visitor, code: int = 200, problem: str = "", done: str = "") -> Response:
        return await room.page(visitor, "files", "files", code, problem=problem, done=done)

    async def preview(visitor: Visitor, form: Form, intake: Intake, code: int = 200) -> Response:
        shown = {
            "text": form.get("text"),
            "lines": [_line(change) for change in intake.changes[:MOST_SHOWN]],
            "more": max(0, len(intake.changes) - MOST_SHOWN),
            "clashes": [_clash(clash) for clash in intake.clashes],
            "chosen": [(json.dumps(at), side) for at, side in choices_of(form).items()],
        }
        return await room.page(visitor, "files_preview", "files", code, **shown)

    @router.get(AT)
    @needs(Permission.EXPORT)
    async def show(visitor: SignedIn) -> Response:
        return await page(visitor)

    @router.post(f"{AT}/export")
    @needs(Permission.EXPORT)
    async def export(visitor: SignedIn) -> Response:
        """Give every file in one archive; that it was taken is noted."""
        packed, now = await asyncio.to_thread(filing.archive), room.clock()
        detail = {"bytes": len(packed)}
        await room.store.write(lambda db: audit.note(db, visitor.name, "files.exported", "files", detail, now))
        headers = {"Content-Disposition": f'attachment; filename="thu-thu-{now:%Y-%m-%d}.zip"'}
        return Response(packed, media_type="application/zip", headers=headers)

    @router.post(f"{AT}/look")
    @needs(Permission.EXPORT, Permission.EDIT_ANSWERS, Permission.EDIT_CALENDAR)
    async def look(visitor: SignedIn, form: Posted) -> Response:
        if visitor.branches:
            return await page(visitor, 422, "Tệp nói về mọi chi nhánh, nên cần người phụ trách tất cả để nhập.")
        try:
            return await preview(visitor, form, await _looked(filing, form))
        except FilingError as exc:
            return await page(visitor, 422, str(exc))

    @router.post(f"{AT}/import")
    @needs(Permission.EXPORT, Permission.EDIT_ANSWERS, Permission.EDIT_CALENDAR)
    async def take_in(visitor: SignedIn, form: Posted) -> Response:
        """Take the file in: answers become drafts, to be looked at and published like any other."""
        if visitor.branches:
            return await page(visitor, 422, "Tệp nói về mọi chi nhánh, nên cần người phụ trách tất cả để nhập.")
        now = room.clock()
        try:
            intake = await _looked(filing, form)
            if intake.clashes:
                return await preview(visitor, form, intake, 409)
            keys = await asyncio.to_thread(filing.take_in, intake, visitor.name, now)
        except FilingError as exc:
            return await page(visitor, 422, str(exc))
        detail = {"answers": keys, "changes": len(intake.changes)}
        await room.store.write(lambda db: audit.note(db, visitor.name, "files.imported", "files", detail, now))
        return see_other(f"{AT}/done")

    @router.get(f"{AT}/done")
    @needs(Permission.EXPORT)
    async def done(visitor: SignedIn) -> Response:
        return await page(visitor, done="imported")


async def _looked(filing: Filing, form: Form) -> Intake:
    text = form.get("text").replace("\r\n", "\n").lstrip("\ufeff\n ")
    return await asyncio.to_thread(lambda: filing.look({name_of(text): text}, choices_of(form)))


def _line(change: Change) -> Line:
    return Line(_where(change.path), "", shown_value(change.before), shown_value(change.after))


def _clash(clash: Clash) -> Line:
    shown = (shown_value(value) for value in (clash.ours, clash.theirs, clash.base))
    return Line(_where(clash.path), json.dumps(clash.path), *shown)


def _where(path: tuple[str, ...]) -> str:
    return " › ".join([PARTS.get(path[0], path[0]), *path[1:]])
