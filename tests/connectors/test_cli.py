"""The `thuthu` command as an operator types it."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.cli import app

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "library.toml"
    calendar = ROOT / "demo/calendar.yml"
    path.write_text(
        f'[library]\ncalendar = "{calendar}"\n[files]\nvar = "{tmp_path}/var"\n[search]\nencoder = ""\n'
        'answers_encoder = ""\n'
        f'[ils]\npath = "{tmp_path}/var/ils.sqlite"\n[rasa]\nmodel = "{tmp_path}/var/dialogue.tar.gz"\n',
        encoding="utf-8",
    )
    return path


def thuthu(config: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["--config", str(config), *words])
    return done.exit_code, done.output


def test_a_catalogue_goes_in_is_found_and_comes_out_again(config: Path, tmp_path: Path) -> None:
    code, said = thuthu(config, "catalogue", "import", str(ROOT / "demo/catalogue.mrc"))
    assert code == 0
    assert "refused" in said
    code, said = thuthu(config, "catalogue", "search", "de men phieu luu ky", "--json", "-n", "3")
    assert code == 0
    assert json.loads(said)[0]["title"] == "Dế Mèn phiêu lưu ký"
    code, _ = thuthu(config, "catalogue", "export", str(tmp_path / "out.mrc"))
    assert code == 0
    again = tmp_path / "again.toml"
    again.write_text(config.read_text().replace("/var", "/var2"))
    code, said = thuthu(again, "catalogue", "import", str(tmp_path / "out.mrc"))
    assert code == 0
    assert len(list((tmp_path / "var2/reports").iterdir())) == 1


def test_search_is_measured_over_judged_queries(config: Path, tmp_path: Path) -> None:
    thuthu(config, "catalogue", "import", str(ROOT / "demo/catalogue.mrc"))
    _, said = thuthu(config, "catalogue", "search", "so do", "--json", "-n", "1")
    (tmp_path / "q.tsv").write_text(f"so do\t{json.loads(said)[0]['record_id']}\tunaccented\n", encoding="utf-8")
    code, said = thuthu(config, "catalogue", "eval", str(tmp_path / "q.tsv"), "--json")
    assert code == 0
    assert json.loads(said)["all"]["recall@1"] == 1.0


def test_answers_go_in_and_out(config: Path, tmp_path: Path) -> None:
    code, said = thuthu(config, "answers", "import", str(ROOT / "demo/answers"))
    assert code == 0
    assert "0 unchanged" in said
    code, said = thuthu(config, "answers", "import", str(ROOT / "demo/answers"))
    assert "0 added, 0 changed" in said
    code, _ = thuthu(config, "answers", "export", str(tmp_path / "answers"))
    assert code == 0
    assert list((tmp_path / "answers").iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("catalogue", "import", "nowhere.mrc"), "nowhere.mrc"),
        (("catalogue", "eval", "nowhere.tsv"), "nowhere.tsv"),
        (("catalogue", "search", "số đỏ"), "thuthu catalogue index"),
        (("answers", "import", "nowhere"), "nowhere"),
        (("answers", "eval", "--questions", "q.tsv"), "--paraphrases"),
    ],
)
def test_what_cannot_be_done_says_what_is_missing(config: Path, words: tuple[str, ...], says: str) -> None:
    code, said = thuthu(config, *words)
    assert code == 2
    assert says in " ".join(said.split())
    assert "Traceback" not in said


def test_check_names_each_shut_door_and_what_to_do(config: Path) -> None:
    code, said = thuthu(config, "check")
    assert code == 1
    for words in ("thuthu catalogue import", "thuthu answers import", "thuthu train"):
        assert words in " ".join(said.split())
    assert "reminders: sent from 08:30; nobody wishes them yet" in " ".join(said.split())


def test_an_unknown_setting_stops_every_command(config: Path) -> None:
    config.write_text(config.read_text() + "\n[web]\nprot = 1\n")
    code, said = thuthu(config, "check")
    assert code == 2
    assert "unknown key" in " ".join(said.split())


def test_an_index_cut_short_is_named(config: Path, tmp_path: Path) -> None:
    thuthu(config, "catalogue", "import", str(ROOT / "demo/catalogue.mrc"))
    shutil.rmtree((tmp_path / "var/index").resolve() / "lexical")
    code, said = thuthu(config, "catalogue", "search", "số đỏ")
    assert code == 2
    assert "thuthu catalogue index" in " ".join(said.split())
    code, said = thuthu(config, "check")
    assert code == 1
    assert "damaged files in the index" in " ".join(said.split())
