"""What is promised of each parser, for any bytes at all: a result of its own kinds, never an error, nothing unstorable.

    python -m tests.fuzz.parsers telegram|zalo|web [-max_total_time=600] [FOLDER]

runs one under atheris, which is installed for the run (`pip install atheris`) and needed for nothing else.
"""

from __future__ import annotations

import json
import random
import sys
import unicodedata
from collections.abc import Callable, Mapping

from pydantic import ValidationError

from connectors.channels.port import COMMANDS, Arrival, Happening
from connectors.channels.telegram import updates
from connectors.channels.web import Post
from connectors.channels.zalo import events, signature

ME = updates.Me(7_000_000_001, "thu_vien_bot")
ACCOUNT = events.Account("360846524940903967", "388613280878808645")
KINDS = {"text", "payload", "attachment", "command"}
LONGEST = 8000


def telegram(body: bytes) -> None:
    found = updates.parse(body, ME)
    assert isinstance(found, updates.Heard | updates.Malformed)
    if isinstance(found, updates.Heard) and found.news is not None:
        sound(found.news)
    if isinstance(found, updates.Malformed):
        assert found.reason.isprintable()
        assert len(found.reason) < 60


def zalo(body: bytes) -> None:
    found = events.parse(body, ACCOUNT)
    if isinstance(found, events.Ignored | events.Malformed):
        assert found.reason.isprintable()
        assert len(found.reason) < 80
    else:
        sound(found)
    assert events.is_probe(body) in (True, False)
    assert not signature.is_genuine("mac=" + "0" * 64, ACCOUNT.app_id, body, "secret")
    signature.is_fresh(signature.timestamp_of(body), events.EPOCH)


def web(body: bytes) -> None:
    try:
        post = Post.model_validate_json(body)
    except ValidationError:
        return
    message = post.message("c")
    assert message.kind in KINDS
    assert 0 < len(message.client_id) <= 64
    assert len(message.text) <= LONGEST
    if message.kind == "command":
        assert message.text.split(" ")[0] in COMMANDS


def sound(news: Arrival | Happening) -> None:
    """Check that what was understood can be stored, and is no more than what the channel may say."""
    assert isinstance(news, Arrival | Happening)
    for text in (news.address, news.key, news.text):
        text.encode("utf-8")
        assert len(text) <= LONGEST
    assert 0 < len(news.address) <= 64
    assert 0 < len(news.key) <= 300
    if isinstance(news, Arrival):
        assert news.kind in KINDS
        assert news.kind != "text" or unicodedata.is_normalized("NFC", news.text)
        assert news.kind != "command" or news.text.split(" ")[0] in COMMANDS
    if news.said_at is not None:
        news.said_at.isoformat()


TARGETS: Mapping[str, Callable[[bytes], None]] = {"telegram": telegram, "zalo": zalo, "web": web}

_CHAT = {"id": 42, "type": "private"}
_MESSAGE = {"message_id": 5, "date": 1_790_000_000, "chat": _CHAT, "from": {"id": 42, "is_bot": False}}
_USER = {"app_id": ACCOUNT.app_id, "sender": {"id": "2468"}, "recipient": {"id": ACCOUNT.oa_id}}
_AT = {"timestamp": "1790000000000", "user_id_by_app": "5521"}
SEEDS: Mapping[str, tuple[object, ...]] = {
    "telegram": (
        {"update_id": 1, "message": {**_MESSAGE, "text": "/start b_Nzk4MDQyNw"}},
        {"update_id": 2, "message": {**_MESSAGE, "photo": [{"file_id": "x"}], "caption": "Số đỏ"}},
        {"update_id": 3, "message": {**_MESSAGE, "sticker": {}, "media_group_id": "9"}},
        {"update_id": 4, "edited_message": {**_MESSAGE, "text": "sửa", "edit_date": 1_790_000_001}},
        {"update_id": 5, "callback_query": {"id": "9", "data": "token", "message": _MESSAGE}},
        {
            "update_id": 6,
            "my_chat_member": {
                "chat": _CHAT,
                "date": 1,
                "old_chat_member": {"status": "member"},
                "new_chat_member": {"status": "kicked"},
            },
        },
        {"update_id": 7, "message": {**_MESSAGE, "migrate_to_chat_id": -100}},
        {"update_id": 8, "message": {**_MESSAGE, "chat": {"id": -5, "type": "group"}, "text": "@thu_vien_bot chào"}},
    ),
    "zalo": (
        {**_USER, **_AT, "event_name": "user_send_text", "message": {"text": "/menu", "msg_id": "m1"}},
        {**_USER, **_AT, "event_name": "user_send_text", "message": {"text": "#" + "x" * 43, "msg_id": "m2"}},
        {**_USER, **_AT, "event_name": "user_send_link", "message": {"text": "https://a.vn", "msg_id": "m3"}},
        {**_USER, **_AT, "event_name": "user_send_location", "message": {"attachments": [{}], "msg_id": "m4"}},
        {**_AT, "app_id": ACCOUNT.app_id, "event_name": "follow", "follower": {"id": "2"}, "oa_id": ACCOUNT.oa_id},
        {
            **_AT,
            "app_id": ACCOUNT.app_id,
            "sender": {"id": ACCOUNT.oa_id, "admin_id": "7"},
            "recipient": {"id": "2468"},
            "event_name": "oa_send_template",
            "message": {"msg_id": "m5", "attachments": [{"type": "template", "payload": {"text": "chào"}}]},
        },
        {**_USER, **_AT, "event_name": "user_withdraw"},
        {},
    ),
    "web": (
        {"id": "m1", "text": "mấy giờ mở cửa"},
        {"id": "m2", "payload": "token"},
        {"id": "m3", "attachment": "photo"},
        {"id": "m4", "command": "start book:7980427"},
    ),
}


def seeds(name: str) -> list[bytes]:
    """Return bodies to begin from, in both ways of writing letters beyond ASCII."""
    return [json.dumps(seed, ensure_ascii=ascii_only).encode() for seed in SEEDS[name] for ascii_only in (True, False)]


def spoil(found: object, chance: random.Random) -> object:
    """Return the same JSON with one of its parts dropped, doubled or replaced by junk."""
    if isinstance(found, dict) and found and chance.random() < 0.9:
        key = chance.choice(sorted(found))
        if chance.random() < 0.1:
            return {other: value for other, value in found.items() if other != key}
        return {**found, key: spoil(found[key], chance)}
    if isinstance(found, list) and found and chance.random() < 0.7:
        at = chance.randrange(len(found))
        return [*found[:at], spoil(found[at], chance), *found[at:]]
    if isinstance(found, str) and chance.random() < 0.5:
        return found + chr(chance.choice((0, 0x2F, 0x0A, 0x301, 0x202E, 0xD800, 0x1F600))) * chance.choice((1, 1, 9000))
    return chance.choice(
        (None, True, 0, -1, 2**53 + 1, 2**63, 10**400, 1.5, float("nan"), "", "1", [], {}, found, [found])
    )


def main() -> None:
    import atheris  # not among the packages of the project

    def mutated(body: bytes, longest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.4:
            return bytes(atheris.Mutate(body, longest))
        try:
            return json.dumps(spoil(json.loads(body), chance)).encode()[:longest]
        except (ValueError, RecursionError):
            return bytes(atheris.Mutate(body, longest))

    name = sys.argv.pop(1)
    atheris.instrument_all()
    atheris.Setup(sys.argv, TARGETS[name], custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
