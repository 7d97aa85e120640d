"""`thuthu check` names each fault of a Koha in words an operator can act on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from connectors.ils.health import Health
from connectors.ils.koha.check import check
from connectors.settings import KohaILSSection
from tests.connectors.ils.koha.scripted import Scripted, section
from tests.connectors.ils.sample import Clock
from tests.contract.scenes import koha_with_lan_and_an
from tests.simulators.koha import Fault, serving
from tests.simulators.koha.serving import Served

CLOCK = Clock()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving(koha_with_lan_and_an(CLOCK, (23, 5))) as served:
        yield served


async def looked(served: Served, monkeypatch: pytest.MonkeyPatch, **more: Any) -> dict[str, Health]:
    monkeypatch.setenv("KOHA_SECRET", more.pop("secret", "secret"))
    key = {"client_id": "client", "client_secret": {"env": "KOHA_SECRET"}}
    section = KohaILSSection(**{"kind": "koha", "url": served.url, "timeout_s": 1, **key, **more})
    return {health.what.split(" · ")[-1]: health for health in await check(section, CLOCK)}


async def test_a_koha_that_is_well_is_said_to_be_so(served, monkeypatch):
    found = await looked(served, monkeypatch)
    assert [health for health in found.values() if not health.ok] == []
    assert "permission: loans and renewals" in found
    assert served.koha.writes == []


async def test_a_wrong_secret_and_an_unknown_key_are_told_apart(served, monkeypatch):
    wrong = await looked(served, monkeypatch, secret="not-it")
    assert "client_secret" in wrong["API key"].says
    unknown = await looked(served, monkeypatch, client_id="nobody")
    assert "client_id" in unknown["API key"].says
    assert not wrong["API key"].ok
    assert not unknown["API key"].ok


async def test_a_wrong_password_is_named(served, monkeypatch):
    monkeypatch.setenv("KOHA_PASSWORD", "not-it")
    basic = {"client_id": "", "user": "thuthu", "password": {"env": "KOHA_PASSWORD"}}
    assert "[ils] user and password" in (await looked(served, monkeypatch, **basic))["API key"].says


@pytest.mark.parametrize(
    ("taken", "what"),
    [("circulate", "loans and renewals"), ("updatecharges", "fees"), ("borrowers", "cards"), ("catalogue", "branches")],
)
async def test_a_missing_permission_is_named_with_what_to_tick(served, monkeypatch, taken, what):
    served.koha.permissions[taken] = set()
    health = (await looked(served, monkeypatch))[f"permission: {what}"]
    assert not health.ok
    assert taken in health.says
    assert "tick" in health.says


async def test_a_clock_that_is_off_is_named_with_both_times(served, monkeypatch):
    served.clock_off_s = 3600
    health = (await looked(served, monkeypatch))["clock"]
    assert not health.ok
    assert "60 minutes ahead of ours" in health.says


@pytest.mark.parametrize(("state", "named"), [("off", "system preference ILS-DI"), ("shut", "ILS-DI:AuthorizedIPs")])
async def test_an_ils_di_that_is_off_or_shut_names_its_preference(served, monkeypatch, state, named):
    served.koha.ils_di = state
    health = (await looked(served, monkeypatch))["ILS-DI"]
    assert not health.ok
    assert named in health.says


def _by_codes(message: str) -> Callable[[httpx.Request], httpx.Response]:
    """Return an ILS-DI that says no by codes, and says so only where nothing is amiss with the question itself."""

    def answer(request: httpx.Request) -> httpx.Response:
        whole = {"patron_id", "item_id"} <= set(request.url.params)
        said = f"<code>NotAllowed</code><message>{message}</message>" if whole else "<code>MissingParameter</code>"
        return httpx.Response(200, text=f"<GetServices>{said}</GetServices>")

    return answer


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("ILS-DI is disabled.", "system preference ILS-DI on"),
        ("Unauthorized IP address: 10.0.0.9.", "ILS-DI:AuthorizedIPs"),
    ],
)
async def test_an_ils_di_that_says_no_by_a_code_is_not_taken_for_open(message, named):
    koha = Scripted(**{"/cgi-bin/koha/ilsdi.pl": _by_codes(message)})
    [health] = [each for each in await check(section(ils_di=True), CLOCK, koha) if each.what == "ILS-DI"]
    assert not health.ok
    assert named in health.says


async def test_a_basic_log_in_that_koha_has_off_names_the_preference(monkeypatch):
    monkeypatch.setenv("KOHA_PASSWORD", "password")
    off = httpx.Response(401, json={"error": "Basic authentication disabled"})
    koha = Scripted(**{"/libraries": off})
    basic = section(client_id="", user="thuthu", password={"env": "KOHA_PASSWORD"})
    key = next(each for each in await check(basic, CLOCK, koha) if "API key" in each.what)
    assert not key.ok
    assert "RESTBasicAuth" in key.says


async def test_an_old_koha_without_ils_di_can_let_nobody_log_in(served, monkeypatch):
    served.koha.version = (19, 11)
    health = (await looked(served, monkeypatch, ils_di=False))["card log-in"]
    assert not health.ok
    assert "23.05" in health.says


async def test_what_is_no_koha_and_what_is_away_are_named(served, monkeypatch):
    served.faults.append(Fault("garbage", "GET /$"))
    assert "staff client" in (await looked(served, monkeypatch))["Koha"].says
    served.faults[:] = [Fault("502")]
    assert "is Koha running" in (await looked(served, monkeypatch))["Koha"].says
    away = await looked(served, monkeypatch, url="http://127.0.0.1:9")
    assert "cannot be reached" in away["Koha"].says


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired", "certificate"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "http://"),
    ],
)
async def test_a_fault_of_tls_is_told_apart_from_a_koha_that_is_away(said, named):
    [health] = await check(section(), CLOCK, Scripted(**{"/": httpx.ConnectError(said)}))
    assert not health.ok
    assert named in health.says
    assert "running" not in health.says


async def test_a_koha_without_tls_on_a_strange_network_is_warned_of():
    koha = Scripted()
    far = (await check(section(url="http://koha.example"), CLOCK, koha))[0]
    near = (await check(section(url="http://127.0.0.1:8080"), CLOCK, koha))[0]
    assert "WITHOUT TLS" in far.says
    assert "WITHOUT TLS" not in near.says
