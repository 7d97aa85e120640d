"""The screen of one's own account: password, second step, where one is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Response
from sqlalchemy import Connection

from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, own_account
from connectors.console.places import ACCOUNT
from connectors.console.room import Room
from connectors.console.staff import Visitor
from connectors.staff import second_step, totp
from connectors.staff.accounts import StaffError, change_password, check_password, end_sessions

SHOWN = {"password", "second-step-off", "signed-out"}  # deeds that the page says were done


def add_account(router: APIRouter, room: Room) -> None:
    screen = AccountScreen(room)

    @router.get(ACCOUNT)
    @own_account
    async def show_account(visitor: SignedIn, done: str = "") -> Response:
        return await screen.page(visitor, done=done if done in SHOWN else "")

    @router.post(f"{ACCOUNT}/password")
    @own_account
    async def set_password(visitor: SignedIn, form: Posted) -> Response:
        return await screen.set_password(visitor, form)

    @router.post(f"{ACCOUNT}/second-step/offer")
    @own_account
    async def offer_second_step(visitor: SignedIn, form: Posted) -> Response:
        return await screen.offer(visitor, form)

    @router.post(f"{ACCOUNT}/second-step/confirm")
    @own_account
    async def confirm_second_step(visitor: SignedIn, form: Posted) -> Response:
        return await screen.confirm(visitor, form)

    @router.post(f"{ACCOUNT}/second-step/off")
    @own_account
    async def end_second_step(visitor: SignedIn, form: Posted) -> Response:
        return await screen.turn_off(visitor, form)

    @router.post(f"{ACCOUNT}/sign-out-elsewhere")
    @own_account
    async def sign_out_elsewhere(visitor: SignedIn) -> Response:
        await room.store.write(lambda db: end_sessions(db, visitor.name, but=visitor.session))
        return _done("signed-out")


class AccountScreen:
    """Does what somebody wishes for their own account; whoever changes how one signs in gives the password again."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def page(self, visitor: Visitor, code: int = 200, **values: object) -> Response:
        sessions = await self._room.store.read(lambda db: self._room.staff.sessions(db, visitor.name))
        on = await self._room.store.read(lambda db: second_step.is_on(db, visitor.name))
        empty = {"done": "", "problem": "", "offer": None, "codes": ()}
        shown = {**empty, "sessions": sessions, "second_step": on, "branch_names": self._room.branches(), **values}
        return await self._room.page(visitor, "account", "account", code, **shown)

    async def set_password(self, visitor: Visitor, form: Form) -> Response:
        if problem := await self._unproven(visitor, form) or _unusable(visitor, form):
            return await self.page(visitor, 422, problem=problem)
        now, password = self._room.clock(), form.get("password")

        def work(db: Connection) -> None:
            change_password(db, visitor.name, password, now)
            end_sessions(db, visitor.name, but=visitor.session)

        await self._room.store.write(work)
        return _done("password")

    async def offer(self, visitor: Visitor, form: Form) -> Response:
        if problem := await self._unproven(visitor, form):
            return await self.page(visitor, 422, problem=problem)
        secret = await self._room.store.write(lambda db: second_step.offer(db, visitor.name))
        return await self.page(visitor, offer=self._shown(secret, visitor))

    async def confirm(self, visitor: Visitor, form: Form) -> Response:
        now, typed = self._room.clock(), form.get("code")
        codes = await self._room.store.write(lambda db: second_step.confirm(db, visitor.name, typed, now))
        if codes is not None:
            return await self.page(visitor, codes=codes)
        secret = await self._room.store.read(lambda db: second_step.offered(db, visitor.name))
        offer = self._shown(secret, visitor) if secret else None
        return await self.page(
            visitor, 422, offer=offer, problem="Mã chưa đúng. Chờ mã mới trên điện thoại rồi thử lại."
        )

    async def turn_off(self, visitor: Visitor, form: Form) -> Response:
        if problem := await self._unproven(visitor, form):
            return await self.page(visitor, 422, problem=problem)
        now = self._room.clock()
        await self._room.store.write(lambda db: second_step.turn_off(db, visitor.name, visitor.name, now))
        return _done("second-step-off")

    async def _unproven(self, visitor: Visitor, form: Form) -> str:
        """Return why this may be somebody at an unlocked screen, or nothing."""
        if await self._room.staff.knows(visitor.name, form.get("current")):
            return ""
        return "Mật khẩu hiện tại chưa đúng, hoặc đã thử sai nhiều lần; khi ấy chờ 15 phút rồi thử lại."

    def _shown(self, secret: str, visitor: Visitor) -> Mapping[str, object]:
        address = totp.address(secret, visitor.name, self._room.library or "Thủ Thư")
        squares = segno.make(address, error="m", micro=False).matrix
        dark = [(x, y) for y, row in enumerate(squares) for x, square in enumerate(row) if square]
        drawn = "".join(f"M{x} {y}h1v1h-1z" for x, y in dark)
        return {"path": drawn, "size": len(squares), "secret": " ".join(_in_fours(secret))}


def _unusable(visitor: Visitor, form: Form) -> str:
    if form.get("password") != form.get("again"):
        return "Hai lần nhập mật khẩu mới chưa giống nhau."
    if form.get("password") == form.get("current"):
        return "Mật khẩu mới giống mật khẩu hiện tại. Hãy chọn mật khẩu khác."
    try:
        check_password(visitor.name, form.get("password"))
    except StaffError as exc:
        return str(exc)
    return ""


def _in_fours(secret: str) -> list[str]:
    return [secret[start : start + 4] for start in range(0, len(secret), 4)]


def _done(what: str) -> Response:
    return see_other(f"{ACCOUNT}?{urlencode({'done': what})}")
