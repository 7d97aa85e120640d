"""`thuthu catalogue` with tables and OAI-PMH servers, as an operator types it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.cli import app
from tests.retrieval.oai_servers import Reply, served

ROOT = Path(__file__).resolve().parents[2]
TABLE = "DANH MỤC SÁCH\nSTT,Tên sách,TG,Năm XB,Số ĐKCB\n1,Số đỏ,Vũ Trọng Phụng,1988,A1\n2,Tắt đèn,Ngô Tất Tố,1939,B1\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "library.toml"
    path.write_text(
        f'[library]\ncalendar = "{ROOT}/demo/calendar.yml"\n[files]\nvar = "{tmp_path}/var"\n[search]\nencoder = ""\n'
        'answers_encoder = ""\n',
        encoding="utf-8",
    )
    (tmp_path / "sach.csv").write_text(TABLE, encoding="utf-8")
    return path


def thuthu(config: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["--config", str(config), "catalogue", *words])
    return done.exit_code, done.output


def found(config: Path, query: str) -> dict[str, str]:
    _, said = thuthu(config, "search", query, "--json", "-n", "1")
    first: dict[str, str] = json.loads(said)[0]
    return first


def test_a_table_s_columns_are_shown_mapped_and_taken(config: Path, tmp_path: Path) -> None:
    code, said = thuthu(config, "import", str(tmp_path / "sach.csv"))
    assert (code, "Tên sách" in said, "2 added" in said) == (0, True, True)
    assert found(config, "so do")["author"] == "Vũ Trọng Phụng"
    code, said = thuthu(config, "columns", str(tmp_path / "sach.csv"))
    assert (code, said.startswith("# field: record_id, title")) == (0, True)
    code, _ = thuthu(config, "columns", str(tmp_path / "sach.csv"), str(tmp_path / "map.toml"))
    assert code == 0
    told = (tmp_path / "map.toml").read_text(encoding="utf-8").replace('field = "author"', 'field = "publisher"')
    (tmp_path / "map.toml").write_text(told, encoding="utf-8")
    words = ("import", str(tmp_path / "sach.csv"), "--columns", str(tmp_path / "map.toml"), "--library", "HN")
    assert thuthu(config, *words)[0] == 0
    assert found(config, "tat den")["record_id"] in ("bB1", "HN:bB1")
    code, said = thuthu(config, "import", str(tmp_path / "sach.csv"), "--library", "Hà Nội")
    assert (code, "letters, digits" in said) == (2, True)


@pytest.mark.parametrize(("answer", "stored"), [(b"y\n", True), (b"n\n", False)])
def test_on_a_terminal_the_columns_are_asked_about(config: Path, tmp_path: Path, answer: bytes, stored: bool) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "connectors.cli", "--config", str(config), "catalogue", "import"]
    process = subprocess.Popen([*command, str(tmp_path / "sach.csv")], stdin=theirs, stdout=subprocess.PIPE, cwd=ROOT)
    os.write(ours, answer)
    said = process.communicate(timeout=60)[0].decode()
    assert "Is this right?" in said
    assert (process.returncode == 0, "2 added" in said) == (stored, stored)


def test_a_server_is_harvested_and_its_silence_is_told(config: Path) -> None:
    pages = {
        "Identify": "<Identify><granularity>YYYY-MM-DD</granularity></Identify>",
        "ListMetadataFormats": "<ListMetadataFormats/>",
        "ListRecords": "<ListRecords><record><header><identifier>oai:x:1</identifier></header><metadata><dc>"
        "<title>Nhật ký trong tù</title></dc></metadata></record></ListRecords>",
    }

    def answer(arguments: dict[str, str], number: int) -> Reply:
        when = "<responseDate>2026-11-22T10:00:00Z</responseDate>"
        body = f'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">{when}{pages[arguments["verb"]]}</OAI-PMH>'
        return 200, {}, body.encode()

    with served(answer) as url:
        code, said = thuthu(config, "harvest", url, "--library", "HN")
        assert (code, "1 added" in said) == (0, True)
        assert found(config, "nhat ky trong tu")["record_id"] == "HN:oai:x:1"
    code, said = thuthu(config, "harvest", "ftp://example.org/oai")
    assert (code, "http:// or https://" in said) == (2, True)
