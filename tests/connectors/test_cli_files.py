"""`thuthu import --publish`: past the bench and the second person, and never in silence."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from connectors.cli import app
from connectors.clock import VIETNAM
from connectors.store import Store, audit_trail
from retrieval.answers import Answer, AnswerBook

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=VIETNAM)
WIFI = Answer("wifi", "tiện ích", "Có wifi không?", "Có, mật khẩu ở quầy.")
FEE = Answer("phi", "thẻ", "Phí làm thẻ?", "20.000 đồng ở quầy.", risk="high")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "library.toml"
    path.write_text(
        f'[library]\ncalendar = "{ROOT}/demo/calendar.yml"\n[files]\nvar = "{tmp_path}/var"\n[search]\nencoder = ""\n'
        'answers_encoder = ""\n',
        encoding="utf-8",
    )
    return path


def thuthu(config: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["--config", str(config), *words])
    return done.exit_code, done.output


def exported(config: Path, folder: Path) -> AnswerBook:
    """Return the book of a library whose files say something else than it does."""
    book = AnswerBook(config.parent / "var" / "answers.sqlite")
    for answer in (WIFI, FEE):
        book.publish(answer.key, book.draft(answer, "Lan", NOW), "Lan", NOW)
    assert thuthu(config, "export", str(folder))[0] == 0
    for file in (folder / "answers").glob("*.yml"):
        file.write_text(file.read_text(encoding="utf-8").replace("ở quầy", "trên bảng"), encoding="utf-8")
    return book


def trail(config: Path) -> list[tuple[str, str, str, dict[str, object]]]:
    with closing(Store(config.parent / "var" / "gateway.sqlite")) as store:
        rows = store.read_now(lambda db: db.execute(select(audit_trail).order_by(audit_trail.c.number)).all())
    return [(row.who, row.deed, row.about, json.loads(row.detail)) for row in rows]


def test_what_goes_into_use_untried_is_told_and_noted(config: Path, tmp_path: Path) -> None:
    book = exported(config, tmp_path / "files")
    code, said = thuthu(config, "import", str(tmp_path / "files"), "--publish")
    assert code == 0
    assert "2 câu vào dùng ngay, không qua bàn thử và người duyệt" in said
    assert "high risk: phi" in " ".join(said.split())
    assert book.live_numbers() == {"wifi": 2, "phi": 2}
    kept = trail(config)
    assert [each[:3] for each in kept] == [
        ("thuthu import", "files.imported", "files"),
        ("thuthu import", "answer.published", "answer:phi"),
        ("thuthu import", "answer.published", "answer:wifi"),
    ]
    assert kept[0][3] == {"answers": ["phi", "wifi"], "changes": 2}
    assert kept[1][3]["revision"] == 2
    assert "không qua bàn thử" in str(kept[1][3]["reason"])


def test_drafts_are_noted_as_brought_in_alone(config: Path, tmp_path: Path) -> None:
    book = exported(config, tmp_path / "files")
    code, said = thuthu(config, "import", str(tmp_path / "files"))
    assert code == 0
    assert "không qua bàn thử" not in said
    assert book.live_numbers() == {"wifi": 1, "phi": 1}
    assert [each[1] for each in trail(config)] == ["files.imported"]


def test_to_look_or_to_bring_nothing_new_leaves_no_trace(config: Path, tmp_path: Path) -> None:
    exported(config, tmp_path / "files")
    assert thuthu(config, "import", str(tmp_path / "files"), "--publish", "--dry-run")[0] == 0
    assert trail(config) == []
    thuthu(config, "import", str(tmp_path / "files"))
    thuthu(config, "export", str(tmp_path / "same"))
    thuthu(config, "import", str(tmp_path / "same"), "--publish")
    assert [each[1] for each in trail(config)] == ["files.imported"]
