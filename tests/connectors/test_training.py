"""Training happens only when something it learns from has changed."""

from pathlib import Path

import pytest

from connectors.settings import RasaSection, Settings
from connectors.training import TrainingFailed, fingerprint, is_trained, train

INPUTS = ("bot/config.yml", "bot/domain/a.yml", "bot/rules/a.yml", "nlu_data/nlu/a.yml", "library/text.py")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in INPUTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("một")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", INPUTS)
def test_a_change_of_any_input_is_seen(checkout: Path, name: str) -> None:
    before = fingerprint()
    (checkout / name).write_text("hai")
    assert fingerprint() != before


def test_a_new_file_is_seen_and_other_files_are_not(checkout: Path) -> None:
    before = fingerprint()
    (checkout / "nlu_data/nlu/notes.txt").write_text("x")
    assert fingerprint() == before
    (checkout / "nlu_data/nlu/b.yml").write_text("x")
    assert fingerprint() != before


def test_without_a_model_nothing_counts_as_trained(checkout: Path) -> None:
    assert not is_trained(Settings())


def test_without_rasas_python_the_error_says_what_to_run(checkout: Path) -> None:
    with pytest.raises(TrainingFailed, match="make setup"):
        train(Settings(rasa=RasaSection(python=Path("nowhere/python"))))


def test_a_failed_training_names_its_log_and_keeps_the_old_model(checkout: Path) -> None:
    model = checkout / "var/models/dialogue.tar.gz"
    model.parent.mkdir(parents=True)
    model.write_text("the old one")
    with pytest.raises(TrainingFailed, match=r"train\.log"):
        train(Settings(rasa=RasaSection(python=Path("/bin/false"))))
    assert model.read_text() == "the old one"
