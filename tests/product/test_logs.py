"""What patrons say stays out of the logs; what they must not say stays out of everything."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product.product import Chat, Product

pytestmark = pytest.mark.product

TITLE = "Kazimirquux cù lao"
PHONE = "0987 651 423"
CARD, OTHER_CARD = "DT987651", "DT987652"
PIN, LONG_PIN = "918273", "pinkazimirzz918273"
SECRETS = (CARD, OTHER_CARD, PIN, LONG_PIN, PHONE, PHONE.replace(" ", ""))


@pytest.fixture(scope="module")
def told(product: Product) -> Product:
    """Everything said once: typed, on the link page, in malformed requests, and in the wrong fields."""
    chat = Chat.open(product.url)
    for text in (
        f"có cuốn {TITLE} không",
        f"đề nghị mua sách {TITLE}",
        f"gặp thủ thư về cuốn {TITLE}, gọi {PHONE}",
        f"số điện thoại của tôi là {PHONE.replace(' ', '')}",
        f"thẻ {CARD} mật khẩu {PIN} gia hạn giúp",
        f"pin của em là {PIN}",
        f"{CARD} {PIN}",
        f'/inform{{"title": "{TITLE}", "card": "{CARD}"}}',
    ):
        chat.say(text)
    chat.say("liên kết thẻ")
    page = chat.link_page()
    chat.http.post(page, data={"card": OTHER_CARD, "pin": ""})
    assert chat.http.post(page, data={"card": OTHER_CARD, "pin": LONG_PIN}).status_code == 403
    chat.http.post(page, data={"card": OTHER_CARD, "pin": LONG_PIN})
    chat.http.post(f"{page}x", content=f"card={OTHER_CARD}&pin={LONG_PIN}&x=%ff")
    chat.http.get(page, params={"card": OTHER_CARD, "pin": LONG_PIN})
    for odd in ({"id": "1", "pin": LONG_PIN}, {"id": LONG_PIN * 9, "text": TITLE}, {"id": "2", "payload": OTHER_CARD}):
        chat.http.post(f"{chat.here}/messages", json=odd, headers=chat.key)
    chat.http.post(f"{chat.here}/messages", content=f'{{"id": "3", "text": "{LONG_PIN}', headers=chat.key)
    chat.http.get(f"{chat.here}/history", headers={"Authorization": f"Bearer {LONG_PIN}"})
    chat.http.get(f"/{LONG_PIN}/{TITLE}")
    chat.say("giờ mở cửa")
    chat.http.close()
    return product


def written(told: Product) -> Iterator[tuple[Path, bytes]]:
    """Yield every file the product wrote while it ran."""
    yield told.log, told.log.read_bytes()
    for path in told.var.rglob("*"):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes()


def holds(content: bytes, word: str) -> bool:
    """Return whether the word stands in the content; digits inside a longer number or hash are another word."""
    return re.search(rb"(?<![0-9a-fA-F])" + re.escape(word.encode()) + rb"(?![0-9a-fA-F])", content) is not None


def test_no_log_holds_what_a_patron_wrote(told: Product) -> None:
    logs = [(path, content) for path, content in written(told) if ".sqlite" not in path.name]
    assert (told.log, b"") not in logs
    words = (*SECRETS, "Kazimirquux", "kazimirquux")
    assert [(path.name, word) for path, content in logs for word in words if holds(content, word)] == []


def test_no_file_holds_a_card_a_pin_or_a_telephone(told: Product) -> None:
    found = [(path.name, word) for path, content in written(told) for word in SECRETS if holds(content, word)]
    assert found == []


def test_the_words_themselves_stand_in_the_message_store_alone(told: Product) -> None:
    found = {path.name.partition(".sqlite")[0] for path, content in written(told) if b"Kazimirquux" in content}
    assert found == {"gateway"}


def test_no_access_token_is_in_a_log(told: Product) -> None:
    wiring = told.wiring()
    output = told.output()
    assert not any(secret in output for name, secret in wiring.items() if name.endswith("SECRET"))
    assert "/link/" not in output
    assert "Bearer" not in output
