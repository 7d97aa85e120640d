"""What the documents promise is there: files, commands, links."""

import re
from pathlib import Path

import pytest
import typer.main

from connectors.cli import app

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    path
    for path in (
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "nlu_data/README.md",
        ROOT / "connectors/widget/README.md",
    )
    if path.name != "CHANGELOG.md"
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_linked_file_exists(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:)([^)#]*[./][^)#]*)", document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


def _commands() -> set[str]:
    root = typer.main.get_command(app)
    names = set()
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        below = getattr(command, "commands", None)
        names |= {f"{name} {sub}" for sub in below} if below else {name}
    return names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_named_command_exists(document: Path) -> None:
    named = re.findall(r"`(?:\S*/)?thuthu(?: --config \S+)? ([a-z]+(?: [a-z]+)?)", document.read_text(encoding="utf-8"))
    known = _commands()
    assert [name for name in named if not {name, name.split()[0]} & known] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_named_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assignments = r"""(?:[A-Z_]+=(?:"[^"]*"|\S+) )*"""
    named = set(re.findall(rf"`make {assignments}([a-z-]+)", document.read_text(encoding="utf-8")))
    assert named <= targets


def test_both_readmes_show_the_two_commands() -> None:
    for name in ("README.md", "README.vi.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "make run" in text
        assert "make test" in text
