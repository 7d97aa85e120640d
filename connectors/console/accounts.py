"""The screens of the staff's accounts, for who manages them."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from fastapi import APIRouter, Response
from sqlalchemy import Connection

from connectors.console.drawing import see_other
from connectors.console.gate import Form, Posted, SignedIn, needs
from connectors.console.places import STAFF
from connectors.console.room import Room
from connectors.console.staff import Visitor
from connectors.staff import accounts, second_step
from connectors.staff.accounts import StaffError
from connectors.staff.passwords import plain_name
from connectors.staff.roles import Permission, Role, may_grant

ONE = f"{STAFF}/accounts/{{name:path}}"  # a name may hold a slash
DONE = {"changed", "locked", "unlocked", "signed-out", "second-step-off"}


def add_accounts(router: APIRouter, room: Room) -> None:
    screen = AccountsScreen(room)
    clock = room.clock

    @router.get(STAFF)
    @needs(Permission.MANAGE_STAFF)
    async def show_staff(visitor: SignedIn) -> Response:
        return await screen.everybody(visitor)

    @router.post(f"{STAFF}/add")
    @needs(Permission.MANAGE_STAFF)
    async def add_account(visitor: SignedIn, form: Posted) -> Response:
        return await screen.add(visitor, form)

    @router.get(ONE)
    @needs(Permission.MANAGE_STAFF)
    async def show_one(visitor: SignedIn, name: str, done: str = "") -> Response:
        return await screen.one(visitor, name, done=done if done in DONE else "")

    @router.post(f"{ONE}/change")
    @needs(Permission.MANAGE_STAFF)
    async def change_account(visitor: SignedIn, form: Posted, name: str) -> Response:
        wanted, email = form.get("role"), form.get("email")

        def deed(db: Connection) -> None:
            accounts.change(db, visitor, name, wanted, form.all("branch"), email, clock())

        return await screen.do(visitor, name, "changed", deed)

    @router.post(f"{ONE}/lock")
    @needs(Permission.MANAGE_STAFF)
    async def lock_account(visitor: SignedIn, name: str) -> Response:
        return await screen.do(visitor, name, "locked", lambda db: accounts.lock(db, visitor, name, clock()))

    @router.post(f"{ONE}/unlock")
    @needs(Permission.MANAGE_STAFF)
    async def unlock_account(visitor: SignedIn, name: str) -> Response:
        return await screen.do(visitor, name, "unlocked", lambda db: accounts.unlock(db, visitor, name, clock()))

    @router.post(f"{ONE}/sign-out")
    @needs(Permission.MANAGE_STAFF)
    async def sign_out_account(visitor: SignedIn, name: str) -> Response:
        def deed(db: Connection) -> None:
            accounts.sign_out_everywhere(db, visitor, name, clock())

        return await screen.do(visitor, name, "signed-out", deed)

    @router.post(f"{ONE}/second-step-off")
    @needs(Permission.MANAGE_STAFF)
    async def end_second_step_of(visitor: SignedIn, name: str) -> Response:
        def deed(db: Connection) -> None:
            accounts.check_managed(db, visitor, name)
            second_step.turn_off(db, name, visitor.name, clock())

        return await screen.do(visitor, name, "second-step-off", deed)

    @router.post(f"{ONE}/reset")
    @needs(Permission.MANAGE_STAFF)
    async def reset_password(visitor: SignedIn, name: str) -> Response:
        return await screen.reset(visitor, name)


class AccountsScreen:
    """Shows the accounts, and does with them what a manager wishes and may."""

    def __init__(self, room: Room) -> None:
        self._room = room

    async def everybody(self, visitor: Visitor, code: int = 200, **values: object) -> Response:
        everybody = await self._room.store.read(accounts.accounts)
        mine = {one.name for one in everybody if accounts.may_manage(visitor, one)}
        typed = {"typed": Form(), "problem": "", "password": "", "made": ""}
        shown = {**typed, "everybody": everybody, "mine": mine, **self._choices(visitor), **values}
        return await self._room.page(visitor, "staff", "staff", code, **shown)

    async def one(self, visitor: Visitor, name: str, code: int = 200, **values: object) -> Response:
        account = await self._room.store.read(lambda db: accounts.account(db, name))
        if account is None:
            return await self._room.page(visitor, "staff_gone", "staff", 404, name=name)
        theirs = accounts.may_manage(visitor, account)
        said = {"done": "", "problem": "", "password": ""}
        shown = {**said, "account": account, "theirs": theirs, **self._choices(visitor), **values}
        return await self._room.page(visitor, "staff_one", "staff", code, **shown)

    async def add(self, visitor: Visitor, form: Form) -> Response:
        name, now = form.get("name"), self._room.clock()

        def deed(db: Connection) -> str:
            role, email = form.get("role"), form.get("email")
            return accounts.hire(db, visitor, name, role, form.all("branch"), email, now)

        try:
            password = await self._room.store.write(deed)
        except StaffError as exc:
            return await self.everybody(visitor, 422, problem=str(exc), typed=form)
        return await self.everybody(visitor, password=password, made=plain_name(name))

    async def reset(self, visitor: Visitor, name: str) -> Response:
        now = self._room.clock()
        try:
            password = await self._room.store.write(lambda db: accounts.reset_password(db, visitor, name, now))
        except StaffError as exc:
            return await self.one(visitor, name, 422, problem=str(exc))
        return await self.one(visitor, name, password=password)

    async def do(self, visitor: Visitor, name: str, done: str, deed: Callable[[Connection], None]) -> Response:
        try:
            await self._room.store.write(deed)
        except StaffError as exc:
            return await self.one(visitor, name, 422, problem=str(exc))
        return see_other(f"{STAFF}/accounts/{quote(name, safe='')}?done={done}")

    def _choices(self, visitor: Visitor) -> dict[str, object]:
        names = self._room.branches()
        branches = {code: name for code, name in names.items() if not visitor.branches or code in visitor.branches}
        roles = [role for role in Role if may_grant(visitor.role, role)]
        return {"roles": roles, "branches": branches, "branch_names": names}
