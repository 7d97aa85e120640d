"""What Zalo's error codes ask of us. They come with HTTP 200, in the body's `error`.

Source: docs.zaloplatforms.com, OA, appendix "mã lỗi".
"""

from __future__ import annotations

from connectors.channels.port import DoorShut, NotSent, Refused, TryLater, Unconfirmed, Unreachable

TOKEN_REFUSED = frozenset({-216, -220})
BUTTONS_REFUSED = frozenset({-201, -233})

RATE_LIMIT = -32
RATE_LIMIT_S = 20.0  # the limits count by the minute

_LATER = {-200: "send_failed"}
_UNREACHABLE = {
    -213: "blocked",  # does not follow us
    -217: "blocked",
    -218: "unreachable",  # has had all the messages that one person may get until they write again
    -227: "gone",
    -230: "window_7d",
    -232: "window_7d",
    -244: "blocked",
}
_SHUT = {
    -204: "account_disabled",
    -205: "account_missing",
    -209: "app_not_active",
    -211: "quota_used_up",
    -212: "app_not_registered",
    -219: "app_removed",
    -221: "account_not_verified",
    -223: "not_authorised",
    -224: "package_too_small",
    -235: "account_type",
    -240: "api_shut_down",
    -242: "appsecret_proof",
    -320: "no_paying_account",
    -321: "no_money",
}


def error_of(code: int) -> NotSent:
    """Return the refusal that a code stands for. One that nobody knows refuses this message and no other."""
    if code == RATE_LIMIT:
        return TryLater("rate_limit", RATE_LIMIT_S)
    if code in _LATER:
        return TryLater(_LATER[code])
    if code in _UNREACHABLE:
        return Unreachable(_UNREACHABLE[code])
    if code in _SHUT or code <= -14000:
        return DoorShut(_SHUT.get(code, f"zalo_{-code}"))
    return Refused(f"zalo_{-code}")


def error_of_status(status: int, retry_after: str = "") -> NotSent:
    """Return the refusal of an HTTP status that is no success."""
    if status == 429:
        return TryLater("rate_limit", float(retry_after) if retry_after.isdecimal() else RATE_LIMIT_S)
    if status >= 500:
        return Unconfirmed(f"http_{status}")
    return DoorShut(f"http_{status}") if status in (401, 403, 404, 407) else Refused(f"http_{status}")
