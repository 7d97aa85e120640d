"""Posters: every code on the printed sheet leads where its address says, and nobody is sent to an address of ours."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import segno
import typer
import zxingcpp
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from connectors.cli_poster import add_poster_commands
from connectors.poster import Look, PosterError, code, make_posters, open_doors, unreachable_host
from connectors.settings import LibrarySection, Settings, WebSection

LOOK = Look("Thư viện tỉnh Đồng Tháp", "Đồng Tháp Provincial Library")
DOORS = open_doors("https://hoi.thuvien.example", "thuvien_bot", "4318657068771012646")
SHEETS = {"a4": (1654, 2339), "a5": (1165, 1654)}  # pixels at 200 to the inch


def read(picture: Path) -> list[str]:
    """Return what a phone's camera reads on the sheet."""
    return sorted(found.text for found in zxingcpp.read_barcodes(Image.open(picture).convert("L")))


@pytest.mark.parametrize("size", ["a4", "a5"])
@pytest.mark.parametrize("lang", ["vi", "vi-en"])
def test_a_camera_reads_every_door_on_the_sheet(tmp_path, size, lang):
    pdf, png = make_posters(LOOK, DOORS, tmp_path, size, lang)
    assert read(png) == sorted(door.address for door in DOORS)
    assert Image.open(png).size == pytest.approx(SHEETS[size], abs=2)
    assert pdf.read_bytes().startswith(b"%PDF-")
    assert pdf.read_bytes().count(b"/Type/Pages/Count 1/") == 1


@pytest.mark.parametrize("number", [1, 2, 3])
def test_the_sheet_holds_one_two_or_three_doors(tmp_path, number):
    _, png = make_posters(LOOK, DOORS[:number], tmp_path)
    assert len(read(png)) == number


def test_a_code_is_still_read_when_a_tenth_of_it_is_scratched(tmp_path):
    _, png = make_posters(LOOK, DOORS[:1], tmp_path)
    sheet = Image.open(png).convert("L")
    (found,) = zxingcpp.read_barcodes(sheet)
    corners = found.position
    width, height = corners.top_right.x - corners.top_left.x, corners.bottom_left.y - corners.top_left.y
    scratch = Image.new("L", (int(width * 0.36), int(height * 0.28)), 255)
    sheet.paste(scratch, (corners.top_left.x + int(width * 0.35), corners.top_left.y + int(height * 0.36)))
    assert [one.text for one in zxingcpp.read_barcodes(sheet)] == [DOORS[0].address]


def test_a_code_keeps_its_quiet_zone_and_a_quarter_to_lose():
    made = segno.make(DOORS[0].address, error="q", micro=False)
    assert made.error in ("Q", "H")
    side = made.symbol_size(border=4)[0]
    assert f'width="{side}" height="{side}"' in code(DOORS[0].address)


def test_the_same_poster_is_the_same_file(tmp_path):
    first = [path.read_bytes() for path in make_posters(LOOK, DOORS, tmp_path / "one")]
    assert [path.read_bytes() for path in make_posters(LOOK, DOORS, tmp_path / "two")] == first


def test_a_name_is_never_read_as_markup(tmp_path):
    tricky = Look('Thư viện #panic() *xã* $x$ \\ "<b>" ]', '#read("/etc/passwd")')
    assert read(make_posters(tricky, DOORS, tmp_path)[1]) == sorted(door.address for door in DOORS)


def test_letters_stand_out_on_every_colour(tmp_path):
    for colour, ink in (("#1b5e20", 255), ("#ffd54f", 0x11), ("#0d47a1", 255), ("#FFFFFF", 0x11)):
        _, png = make_posters(Look("Thư viện", "Library", colour), DOORS, tmp_path)
        band = Image.open(png).convert("RGB").crop((200, 100, 1454, 400))
        assert any(pixel == (ink,) * 3 for _, pixel in band.getcolors(1 << 20))


@pytest.mark.parametrize("colour", ["green", "#12345", "#1b5e20; drop", ""])
def test_a_colour_that_is_none_is_refused(tmp_path, colour):
    with pytest.raises(PosterError, match="#rrggbb"):
        make_posters(Look("Thư viện", "Library", colour), DOORS, tmp_path)


def test_what_does_not_fit_on_one_sheet_is_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(PosterError, match="does not fit"):
        make_posters(Look("Thư viện " * 200, "Library"), DOORS, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_only_open_doors_are_on_the_poster():
    assert [door.address for door in open_doors("https://hoi.example", None, None)] == ["https://hoi.example/chat"]
    assert [door.name for door in DOORS] == ["Trên trang web", "Zalo", "Telegram"]


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8000", "http://localhost:8000", "http://0.0.0.0", "http://[::1]:8000", "http://192.168.1.7",
     "http://10.0.0.3:8000", "http://thuvien", "http://may-chu.local", "http://169.254.1.1", "not an address"],
)  # fmt: skip
def test_an_address_that_phones_cannot_reach_is_known(url):
    assert unreachable_host(url) is not None


@pytest.mark.parametrize(
    "url", ["https://hoi.thuvien.example", "https://thuvien.gov.vn:8443/hoi", "http://203.113.131.1"]
)
def test_a_public_address_is_fine(url):
    assert unreachable_host(url) is None


# --- the command ------------------------------------------------------------------------------------------------------


def run(settings: Settings, *words: str):
    app, written, complaint = typer.Typer(), io.StringIO(), []

    def fail(message: str):
        complaint.append(message)
        raise typer.Exit(2)

    add_poster_commands(app, lambda: settings, Console(file=written, width=300), fail)
    result = CliRunner().invoke(app, words)
    return result.exit_code, written.getvalue(), " ".join(complaint)


def settings_for(public_url: str, **more: object) -> Settings:
    return Settings(library=LibrarySection(name="Thư viện xã"), web=WebSection(public_url=public_url), **more)


def test_no_poster_sends_patrons_to_this_machine(tmp_path):
    code_, _, said = run(settings_for(""), "poster", str(tmp_path))
    assert code_ == 2
    assert "patrons' phones cannot reach 127.0.0.1; set [web] public_url" in said
    assert list(tmp_path.iterdir()) == []


def test_the_demo_can_make_one_anyway(tmp_path):
    code_, written, _ = run(settings_for(""), "poster", str(tmp_path), "--anyway", "--size", "a5", "--lang", "vi")
    assert code_ == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["poster-a5-vi.pdf", "poster-a5-vi.png"]
    assert "poster-a5-vi.png" in written


@contextmanager
def telegram(answer: object) -> Iterator[str]:
    """Serve this as Telegram's answer to every question; gives its address."""

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_the_bots_name_is_asked_at_telegram(tmp_path, monkeypatch):
    monkeypatch.setenv("BOT", "123:secret-of-the-bot")
    with telegram({"ok": True, "result": {"username": "thuvien_bot"}}) as api:
        known = settings_for("https://hoi.example", telegram={"token": {"env": "BOT"}, "api": api})
        assert run(known, "poster", str(tmp_path))[0] == 0
    assert "https://t.me/thuvien_bot" in read(tmp_path / "poster-a4-vi-en.png")


def test_a_silent_telegram_is_said_without_the_token(tmp_path, monkeypatch):
    monkeypatch.setenv("BOT", "123:secret-of-the-bot")
    with telegram({"ok": False}) as api:
        known = settings_for("https://hoi.example", telegram={"token": {"env": "BOT"}, "api": api})
        code_, written, said = run(known, "poster", str(tmp_path))
    assert code_ == 2
    assert "--telegram-user" in said
    assert "secret-of-the-bot" not in said + written
