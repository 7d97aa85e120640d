"""What an address in an answer may make this machine do: look at public web pages, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import pytest

from connectors.clock import VIETNAM
from connectors.curation.links import KEPT, Link, Links, addresses_in

PUBLIC = "93.184.216.34"


class Web:
    """A web of pages by path; remembers every request that reached it."""

    def __init__(self, names: dict[str, Sequence[str]] | None = None) -> None:
        self.now = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
        self.names = names or {}
        self.asked: list[tuple[str, str, str]] = []
        self.links = Links(lambda: self.now, resolve=self.resolve, transport=httpx.MockTransport(self.answer))

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        if host in self.names:
            return self.names[host]
        raise OSError("no such name")

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, request.url.host, request.headers["host"]))
        path = request.url.path
        if path == "/moved":
            return httpx.Response(302, headers={"location": "http://inside.test/secret"})
        if path == "/round":
            return httpx.Response(302, headers={"location": "/round"})
        if path == "/gets-only":
            return httpx.Response(405 if request.method == "HEAD" else 200)
        return httpx.Response({"/gone": 404, "/broken": 502}.get(path, 200))


@pytest.fixture
def web() -> Web:
    return Web({"library.test": [PUBLIC], "inside.test": ["10.0.0.5"]})


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("/ok", Link.OK),
        ("/gone", Link.DEAD),
        ("/broken", Link.AWAY),
        ("/gets-only", Link.OK),
        ("/moved", Link.INSIDE),
        ("/round", Link.AWAY),
    ],
)
async def test_a_page_is_visited_and_told_of(web: Web, path: str, link: Link) -> None:
    assert await web.links.check(f"https://library.test{path}") is link
    assert {host for _, host, _ in web.asked} == {PUBLIC}  # the address that was judged, and no other
    assert {named for _, _, named in web.asked} == {"library.test"}


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1",
        "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "2002:7f00:1::", "224.0.0.1",
    ],
)  # fmt: skip
async def test_nothing_of_our_own_network_is_asked(address: str) -> None:
    web = Web({"evil.test": [address], "half.test": [PUBLIC, address]})
    for host in ("evil.test", "half.test"):
        assert await web.links.check(f"http://{host}/") is Link.INSIDE
    assert web.asked == []


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://library.test/", "http://a:b@library.test/", "gopher://library.test/", "http://"],
)
async def test_only_plain_web_addresses_are_visited(web: Web, url: str) -> None:
    assert await web.links.check(url) in (Link.ODD, Link.AWAY)
    assert web.asked == []


async def test_an_unknown_name_and_a_broken_address_are_told_of(web: Web) -> None:
    assert await web.links.check("https://nowhere.test/") is Link.AWAY
    assert await web.links.check("http://[half/") is Link.AWAY
    assert await web.links.check("http://library.test:99999/") is Link.AWAY


async def test_a_visit_is_remembered_for_a_while(web: Web) -> None:
    url = "https://library.test/ok"
    assert web.links.known(url) is None
    await web.links.check(url)
    await web.links.check(url)
    assert (len(web.asked), web.links.known(url)) == (1, Link.OK)
    web.now += KEPT + timedelta(seconds=1)
    assert web.links.known(url) is None


def test_addresses_are_found_in_a_text() -> None:
    text = "Xem https://a.test/x?y=1, hoặc (http://b.test/z). Lại https://a.test/x?y=1!"
    assert addresses_in(text) == ["https://a.test/x?y=1", "http://b.test/z"]
