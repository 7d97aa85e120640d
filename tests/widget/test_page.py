"""The chat page and the widget's files as they are served."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from connectors.widget.page import page_router


def served(name: str = "Thư viện A", name_en: str = "Library A") -> TestClient:
    app = FastAPI()
    app.include_router(page_router(name, name_en))
    return TestClient(app)


def address_of(page: str, file: str) -> str:
    found = re.search(rf'"(widget/{re.escape(file)}\?v=[0-9a-f]+)"', page)
    assert found
    return f"/{found[1]}"


@pytest.mark.parametrize("address", ["/", "/chat", "/chat?sach=1&hoi=gi%3F"])
def test_the_page_may_run_only_its_own_script(address: str) -> None:
    headers = served().get(address).headers
    policy = dict(rule.strip().partition(" ")[::2] for rule in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_what_is_asked_in_the_address_is_no_part_of_the_page() -> None:
    client = served()
    assert client.get("/chat?hoi=<script>alert(1)</script>").text == client.get("/chat").text


def test_a_library_may_have_any_name() -> None:
    page = served('A & "B" <script>alert(1)</script>', "it's").get("/").text
    assert "A &amp; &#34;B&#34; &lt;script&gt;" in page
    assert "<script>alert" not in page


def test_only_a_demonstration_says_that_it_is_one() -> None:
    assert "demo" not in served().get("/widget/library.json").json()
    assert "minh hoạ" in served("Thư viện A (bản trình diễn)").get("/widget/library.json").json()["demo"][0]


def test_the_library_introduces_itself_in_both_languages() -> None:
    words = served().get("/widget/library.json").json()
    assert words["name"] == ["Thư viện A", "Library A"]
    assert all(len(pair) == 2 and pair[0] != pair[1] for pair in words.values())
    assert "gặp thủ thư" in words["greeting"][0].lower()


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
@pytest.mark.parametrize("file", ["loader.js", "widget.js"])
def test_files_are_kept_by_browsers_and_the_page_is_asked_for_each_time(file: str, encoding: str) -> None:
    client = served()
    page = client.get("/")
    script = client.get(address_of(page.text, file), headers={"Accept-Encoding": encoding})
    assert page.headers["cache-control"] == "no-cache"
    assert "immutable" in script.headers["cache-control"]
    assert script.headers.get("content-encoding", "identity") == encoding
    assert script.headers["content-type"].startswith("text/javascript")
    assert "thu-thu" in script.text


def test_the_loader_names_the_widget_that_is_served() -> None:
    client = served()
    version = address_of(client.get("/").text, "widget.js").removeprefix("/widget/")
    assert version in client.get("/widget/loader.js").text


def test_a_loader_without_a_version_is_asked_for_again_before_long_and_not_sent_twice() -> None:
    client = served()
    first = client.get("/widget/loader.js")
    assert first.headers["cache-control"] == "public, max-age=600"
    again = client.get("/widget/loader.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/widget/loader.js", headers={"If-None-Match": 'W/"another"'}).status_code == 200


def test_a_version_that_is_not_the_one_served_is_not_kept_for_good() -> None:
    assert served().get("/widget/widget.js?v=000000000000").headers["cache-control"] == "public, max-age=600"


@pytest.mark.parametrize("file", ["loader.js", "widget.js", "library.json"])
def test_any_page_may_load_the_widget(file: str) -> None:
    headers = served().get(f"/widget/{file}", headers={"Origin": "null"}).headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["cross-origin-resource-policy"] == "cross-origin"


@pytest.mark.parametrize(
    "path", ["page.py", "page.html", "package.json", "src/loader.js", "..%2Fpage.py", "../page.py", "dist/loader.js"]
)
def test_nothing_but_the_widgets_files_is_served(path: str) -> None:
    assert served().get(f"/widget/{path}").status_code == 404
