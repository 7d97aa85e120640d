"""The chat page as it is served."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from connectors.widget.page import page_router


def served(name: str = "Thư viện A", name_en: str = "Library A") -> TestClient:
    app = FastAPI()
    app.include_router(page_router(name, name_en))
    return TestClient(app)


def address_of(page: str, file: str) -> str:
    return page.split(f"/{file}")[0].rsplit('"', 1)[1] + f"/{file}"


def test_the_page_may_run_only_its_own_script() -> None:
    headers = served().get("/").headers
    policy = dict(rule.strip().partition(" ")[::2] for rule in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_library_may_have_any_name() -> None:
    page = served('A & "B" <script>alert(1)</script>', "it's").get("/").text
    assert "A &amp; &#34;B&#34; &lt;script&gt;" in page
    assert "<script>alert" not in page


def test_only_a_demonstration_says_that_it_is_one() -> None:
    assert 'data-text="demo"' not in served().get("/").text
    assert 'data-text="demo"' in served("Thư viện A (bản trình diễn)").get("/").text


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_files_are_kept_by_browsers_and_the_page_is_asked_for_each_time(encoding: str) -> None:
    client = served()
    page = client.get("/")
    script = client.get(address_of(page.text, "chat.js"), headers={"Accept-Encoding": encoding})
    assert page.headers["cache-control"] == "no-cache"
    assert "immutable" in script.headers["cache-control"]
    assert script.headers.get("content-encoding", "identity") == encoding
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.text.startswith("// The page")


@pytest.mark.parametrize(
    "path", ["/widget/0/chat.js", "{}/page.py", "{}/page.html", "{}/..%2Fpage.py", "{}/../page.py"]
)
def test_nothing_but_the_files_of_this_version_is_served(path: str) -> None:
    client = served()
    base = address_of(client.get("/").text, "chat.js").removesuffix("/chat.js")
    assert client.get(path.format(base)).status_code == 404
