"""A house with two librarians."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from connectors.console.staff import add_staff
from connectors.store import Store
from tests.connectors.console.desk import COLLEAGUE, NAME, PASSWORD, START, House, Librarian, sign_in


@pytest.fixture(scope="session")
def with_accounts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database with two accounts, made once: hashing a password is slow on purpose."""
    path = tmp_path_factory.mktemp("accounts") / "gateway.sqlite"
    store = Store(path)
    for name in (NAME, COLLEAGUE):
        store.write_now(lambda db, name=name: add_staff(db, name, PASSWORD, "librarian", START))  # type: ignore[misc]
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
