"""Whether a webhook is Zalo's."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.channels.zalo.signature import is_fresh, is_genuine, mac_of, matching_secret, timestamp_of

APP, SECRET = "1234567890", "S3cr3t-OA"
BODY = (
    '{"app_id":"1234567890","event_name":"user_send_text","timestamp":"1790000000000",'
    '"message":{"text":"Xin chào","msg_id":"m1"}}'
).encode()
MAC = "mac=8eac80311d84f9617b0936b7545c2ac6a3b7ae9b41e1edc995849caf09e05d44"
SENT_AT = datetime.fromtimestamp(1790000000).astimezone()


def test_a_known_signature_is_genuine() -> None:
    assert is_genuine(MAC, APP, BODY, SECRET)
    assert mac_of(APP, BODY, "1790000000000", SECRET) == MAC


@pytest.mark.parametrize(
    "header", ["", "mac=", MAC[4:], MAC[:-1], MAC + "0", MAC.upper(), f" {MAC}", "mac=é", "\ud800"]
)
def test_a_header_that_is_not_the_whole_signature_is_refused(header: str) -> None:
    assert not is_genuine(header, APP, BODY, SECRET)


def test_another_secret_or_app_is_refused() -> None:
    assert not is_genuine(MAC, APP, BODY, "S3cr3t-App")
    assert not is_genuine(MAC, "1234567891", BODY, SECRET)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_any_changed_byte_is_refused(at: int, by: int) -> None:
    changed = bytearray(BODY)
    changed[at] ^= by
    assert not is_genuine(MAC, APP, bytes(changed), SECRET)


@given(st.integers(0, len(MAC) - 1), st.characters(max_codepoint=0x2FF))
def test_any_changed_letter_of_the_signature_is_refused(at: int, letter: str) -> None:
    changed = MAC[:at] + letter + MAC[at + 1 :]
    assert is_genuine(changed, APP, BODY, SECRET) == (changed == MAC)


@given(st.integers(1, 13))
def test_moving_digits_of_the_time_into_the_body_is_refused(moved: int) -> None:
    """The signed bytes are joined without a mark between them: body and time must not be cut anew."""
    digits = b"1790000000000"
    assert not is_genuine(MAC, APP, BODY + digits[:moved], SECRET)


@given(st.binary(max_size=200))
def test_no_body_makes_the_check_fail_otherwise_than_by_refusing(body: bytes) -> None:
    assert not is_genuine(MAC, APP, body, SECRET)
    assert is_genuine(mac_of(APP, body, timestamp_of(body) or "", SECRET), APP, body, SECRET)


def test_the_time_is_read_as_it_is_written() -> None:
    assert timestamp_of(b'{"timestamp": 17900000000000000000000}') == "17900000000000000000000"
    assert timestamp_of(b'{"timestamp": "1790000000000"}') == "1790000000000"
    assert timestamp_of(b'{"message": {"timestamp": "1"}}') is None
    assert timestamp_of(b'{"timestamp": "1790000000000", "message": {"text": "cut of') == "1790000000000"
    assert timestamp_of(b"[" * 100_000) is None


def test_the_console_is_told_which_of_two_secrets_signed() -> None:
    secrets = {"app_secret": "S3cr3t-App", "oa_secret": SECRET}
    assert matching_secret(MAC, APP, BODY, secrets) == "oa_secret"
    assert matching_secret(MAC, APP, BODY + b" ", secrets) is None


@pytest.mark.parametrize(
    ("later", "fresh"),
    [
        (timedelta(0), True),
        (timedelta(hours=1, minutes=50), True),
        (timedelta(hours=2, minutes=29), True),
        (timedelta(hours=2, minutes=31), False),
        (timedelta(days=365), False),
        (timedelta(minutes=-9), True),
        (timedelta(minutes=-11), False),
    ],
)
def test_a_delivery_is_taken_as_long_as_zalo_retries(later: timedelta, fresh: bool) -> None:
    assert is_fresh("1790000000000", SENT_AT + later) == fresh


@pytest.mark.parametrize("written", [None, "", "now", "-1790000000000", "١٧٩٠٠٠٠٠٠٠٠٠٠", "1.79e12", "9" * 5000])
def test_a_time_that_is_none_is_not_fresh(written: str | None) -> None:
    assert not is_fresh(written, SENT_AT)
