"""Who may do what: a table made from the console's own routes, so that a route added later is in it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import httpx
import pytest
from fastapi.routing import APIRoute

from connectors.console import menu
from connectors.console.gate import Needs, needed_by
from connectors.console.staff import Visitor, csrf_of, within
from connectors.staff.roles import GRANTS, Permission, Role, may, may_grant, role_of
from tests.connectors.console.desk import House, Librarian

SignIn = Callable[[Role], Awaitable[Librarian]]
LEAVES = {"/console/sign-out"}  # ends the session that the table is read with


def routes(house: House) -> list[tuple[str, str, Needs | None]]:
    """Return method, path and what is declared, of every route; a part of the path that varies is filled in."""

    def filled(path: str) -> str:
        return re.sub(r"\{\w+\}", "ab12", re.sub(r"\{\w+:int\}", "7", path))

    return [
        (method, filled(route.path), needed_by(route.endpoint))
        for route in house.router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods)
    ]


async def send(who: Librarian, method: str, path: str) -> httpx.Response:
    data = {"csrf": csrf_of(who.browser.cookies["console_session"])} if method == "POST" else None
    return await who.browser.request(method, path, data=data)


def test_every_route_says_who_may_come_in(house: House) -> None:
    assert [(method, path) for method, path, needed in routes(house) if needed is None] == []


async def test_a_route_that_says_nothing_is_refused_to_everybody(house: House, as_role: SignIn) -> None:
    @house.router.get("/console/forgotten")
    async def forgotten() -> str:
        return "in"

    house.app.include_router(house.router)
    for role in Role:
        answer = await (await as_role(role)).browser.get("/console/forgotten")
        assert answer.status_code == 403, role
    async with house.browser() as stranger:
        assert (await stranger.get("/console/forgotten")).status_code == 303


@pytest.mark.parametrize("role", Role)
async def test_each_role_comes_in_where_it_may_and_nowhere_else(house: House, as_role: SignIn, role: Role) -> None:
    who = await as_role(role)
    for method, path, needed in routes(house):
        if path in LEAVES or needed is None:
            continue
        answer = await send(who, method, path)
        wanted = all(may(role, permission) for permission in needed.permissions)
        refused = answer.status_code == 403 and "không nằm trong phần việc" in answer.text
        assert refused is not wanted, f"{role} {method} {path}: {answer.status_code}"
        assert answer.status_code < 500, f"{role} {method} {path}"


@pytest.mark.parametrize("role", Role)
async def test_the_menu_lists_what_a_role_may_open(house: House, as_role: SignIn, role: Role) -> None:
    who = await as_role(role)
    start = await who.browser.get("/console", follow_redirects=True)
    assert start.status_code == 200
    listed = set(re.findall(r'<a id="to-([\w-]+)"', start.text))
    assert listed == {entry.name for entry in menu.ENTRIES if may(role, entry.permission)}
    for entry in menu.ENTRIES:
        assert ((await who.browser.get(entry.path)).status_code == 403) is (entry.name not in listed)


def test_no_two_screens_have_the_same_key_or_name() -> None:
    assert (
        len({entry.key for entry in menu.ENTRIES}) == len({entry.name for entry in menu.ENTRIES}) == len(menu.ENTRIES)
    )


def test_technical_admins_have_no_right_to_conversations() -> None:
    words = {Permission.READ_TALKS, Permission.ANSWER_TALKS, Permission.TEACH, Permission.EXPORT}
    assert not GRANTS[Role.TECHNICAL_ADMIN] & words


@pytest.mark.parametrize("own", Role)
@pytest.mark.parametrize("other", Role)
def test_nobody_gives_a_role_that_may_more_than_their_own(own: Role, other: Role) -> None:
    if may_grant(own, other):
        assert may(own, Permission.MANAGE_STAFF)
        assert GRANTS[other] <= GRANTS[own]
    assert may_grant(Role.CONTENT_ADMIN, other)


def test_an_account_of_an_older_file_keeps_what_it_could_do() -> None:
    assert role_of("librarian") is Role.CONTENT_ADMIN
    with pytest.raises(ValueError, match="chief"):
        role_of("chief")


@pytest.mark.parametrize(
    ("branches", "branch", "theirs"),
    [((), None, True), ((), "a", True), (("a",), "a", True), (("a",), "b", False), (("a",), None, False)],
)
def test_a_branch_is_theirs_or_not(branches: tuple[str, ...], branch: str | None, theirs: bool) -> None:
    assert within(Visitor("Lan", Role.EDITOR, "", frozenset(branches)), branch) is theirs
