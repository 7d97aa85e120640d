"""One whole product for all tests that only talk to it; a test that hurts it starts its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.product.product import Chat, Product, missing, skip_or_fail


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    if reason := missing():
        skip_or_fail(reason)
    with Product.running(tmp_path_factory.mktemp("product")) as running:
        yield running


@pytest.fixture
def chat(product: Product) -> Iterator[Chat]:
    opened = Chat.open(product.url)
    yield opened
    opened.http.close()


@pytest.fixture
def another_chat(product: Product) -> Iterator[Callable[[], Chat]]:
    opened: list[Chat] = []

    def open_one() -> Chat:
        opened.append(Chat.open(product.url))
        return opened[-1]

    yield open_one
    for one in opened:
        one.http.close()
