"""A house with two librarians."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from connectors.staff.accounts import add_staff
from connectors.staff.roles import Role
from connectors.store import Store
from tests.connectors.console.desk import COLLEAGUE, NAME, PASSWORD, START, House, Librarian, sign_in
from tests.connectors.console.seat import chrome, seat  # noqa: F401  fixtures

SignIn = Callable[[Role], Awaitable[Librarian]]


@pytest.fixture(scope="session")
def with_accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with accounts, one for every role, made once: hashing a password is slow on purpose."""
    path = tmp_path_factory.mktemp("accounts") / "gateway.sqlite"
    store = Store(path)
    for role in Role:
        store.write_now(lambda db, role=role: add_staff(db, role.label, PASSWORD, role, START))  # type: ignore[misc]
    for name in (NAME, COLLEAGUE):
        store.write_now(lambda db, name=name: add_staff(db, name, PASSWORD, "content_admin", START))  # type: ignore[misc]
    store.close()
    return path


@pytest.fixture
def house(with_accounts: Path, tmp_path: Path) -> Iterator[House]:
    store = Store(Path(shutil.copy(with_accounts, tmp_path)))
    yield House(store)
    store.close()


@pytest.fixture
async def browser(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.browser() as browser:
        yield browser


@pytest.fixture
async def lan(browser: httpx.AsyncClient) -> Librarian:
    assert (await sign_in(browser)).status_code == 303
    return Librarian(browser)


@pytest.fixture
async def minh(house: House) -> AsyncIterator[Librarian]:
    async with house.browser() as browser:
        assert (await sign_in(browser, name=COLLEAGUE)).status_code == 303
        yield Librarian(browser)


@pytest.fixture
async def as_role(house: House) -> AsyncIterator[SignIn]:
    """Give a function that returns somebody of this role, signed in."""
    async with contextlib.AsyncExitStack() as stack:

        async def signed_in(role: Role) -> Librarian:
            browser = await stack.enter_async_context(house.browser())
            assert (await sign_in(browser, name=role.label)).status_code == 303
            return Librarian(browser)

        yield signed_in
