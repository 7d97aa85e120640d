"""A Koha whose every answer a test writes itself: what a sound one says by default, and who asked what."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connectors.ils.koha.adapter import KohaILS
from connectors.ils.koha.client import KohaClient
from connectors.settings import KohaILSSection
from tests.connectors.ils.sample import Clock

LAN = 51
PATHS = (
    "get /libraries",
    "get /checkouts",
    "get /checkouts/{checkout_id}/allows_renewal",
    "post /checkouts/{checkout_id}/renewal",
    "get /holds",
    "post /holds",
    "delete /holds/{hold_id}",
    "get /patrons/{patron_id}",
    "get /patrons/{patron_id}/account",
    "get /items/{item_id}",
    "get /biblios/{biblio_id}",
    "get /biblios/{biblio_id}/items",
    "post /auth/password/validation",
)
SPEC: dict[str, Any] = {"swagger": "2.0", "paths": {}}
for _route in PATHS:
    SPEC["paths"].setdefault(_route.split()[1], {})[_route.split()[0]] = {"parameters": []}
LOAN = {
    "checkout_id": 1,
    "patron_id": LAN,
    "item_id": 4,
    "library_id": "TVTW",
    "due_date": "2026-11-27T23:59:00+07:00",
    "renewals": 0,
}
HOLD = {"hold_id": 7, "patron_id": LAN, "biblio_id": 3, "priority": 1, "status": None, "pickup_library_id": "TVTW"}
PATRON = {
    "patron_id": LAN,
    "cardnumber": "TV000001",
    "surname": "Nguyễn",
    "firstname": "Thị Lan",
    "expiry_date": "2028-12-31",
    "restricted": False,
    "library_id": "TVTW",
    "category_id": "BD",
}
ACCOUNT = {
    "balance": 12000,
    "outstanding_credits": {"lines": [], "total": 0},
    "outstanding_debits": {"lines": [{"amount_outstanding": 12000, "description": "Phí phạt quá hạn"}], "total": 12000},
}
SOUND: dict[str, Any] = {
    "/": SPEC,
    "/oauth/token": {"access_token": "T1", "expires_in": 3600},
    "/libraries": [{"library_id": "TVTW", "name": "Thư viện Trung tâm", "pickup_location": True}],
    "/checkouts": [LOAN],
    "/checkouts/1/allows_renewal": {"allows_renewal": True, "error": None},
    "/checkouts/1/renewal": {**LOAN, "due_date": "2026-12-04T23:59:00+07:00", "renewals": 1},
    "/holds": [HOLD],
    "/holds/7": {},
    "/patrons/51": PATRON,
    "/patrons/51/account": ACCOUNT,
    "/items/4": {"item_id": 4, "biblio_id": 2},
    "/biblios/2": {"biblio_id": 2, "title": "Số đỏ /"},
    "/biblios/3": {"biblio_id": 3, "title": "Dế mèn phiêu lưu ký /"},
    "/biblios/3/items": [{"item_id": 9, "external_id": "VN009", "holding_library_id": "TVTW"}],
    "/auth/password/validation": {"cardnumber": "TV000001", "patron_id": LAN, "userid": "lan"},
}
Say = Callable[[httpx.Request], Any]


class Scripted(httpx.AsyncBaseTransport):
    """Answers as SOUND says, or as `says` does for a path: a body, a response, an exception, or what makes one."""

    def __init__(self, **says: Any) -> None:
        self.says: dict[str, Any] = dict(says)
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = re.sub(r"^/api/v1", "", request.url.path) or "/"
        self.asked.append(f"{request.method} {path}")
        said = self.says.get(f"{request.method} {path}", self.says.get(path, SOUND.get(path)))
        if callable(said) and not isinstance(said, type):
            said = said(request)
        if hasattr(said, "__await__"):
            said = await said
        if isinstance(said, Exception):
            raise said
        if isinstance(said, httpx.Response):
            return said
        if said is None:
            return httpx.Response(404, json={"errors": [{"message": "Not found.", "path": "/"}], "status": 404})
        return httpx.Response(201 if request.method == "POST" and path != "/oauth/token" else 200, json=said)


def section(**more: Any) -> KohaILSSection:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOHA_SECRET", "secret")
        key = {"client_id": "client", "client_secret": {"env": "KOHA_SECRET"}}
        usual = {"kind": "koha", "url": "https://koha.example", "ils_di": False}
        return KohaILSSection.model_validate(usual | key | more)


def client(koha: Scripted, **more: Any) -> KohaClient:
    return KohaClient(section(**more), koha)


def ils(koha: Scripted, **more: Any) -> KohaILS:
    return KohaILS(section(**more), Clock(), None, koha)
