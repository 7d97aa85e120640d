"""Who may import whom: the plan of rooms, kept true."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAY_IMPORT = {
    "library": {"library"},
    "retrieval": {"retrieval", "library"},
    "bot.components": {"bot.components", "library"},
    "bot.actions": {"bot.actions", "retrieval", "library"},
    "connectors": {"connectors", "retrieval", "library"},
}
ONLY_APP = {"bot.actions"}  # app.py introduces the actions to the gateway
# Floors of `connectors`, top to bottom: a file imports from its own floor or one below.
FLOORS = (
    {"cli"},
    {"cli_explain"},
    {
        "talk",
        "checks",
        "door_checks",
        "cli_catalogue",
        "cli_answers",
        "cli_demo",
        "cli_files",
        "cli_loans",
        "cli_poster",
        "cli_privacy",
        "cli_staff",
        "supervisor",
    },
    {"cli_output", "explaining", "takeover"},
    {"preparing", "poster"},
    {"month", "month_rows"},
    {"app"},
    {
        "doors",
        "console",
        "linkpage",
        "logins",
        "privacypage",
        "widget",
        "actions",
        "reception",
        "exchange",
        "following",
    },
    {"handover", "privacy_words", "retention", "teaching"},
    {"privacy"},
    {"curation", "numbers"},
    {"reminding"},
    {"announcing", "filing"},
    {"timetable"},
    {
        "switchboard",
        "delivery",
        "account",
        "availability",
        "cards",
        "tries",
        "guardian",
        "deeds",
        "desk",
        "shelving",
        "training",
        "alarms",
        "housekeeping",
    },
    {"answerer"},
    {"dialogue", "processes", "limits", "pace", "workers", "models"},
    {"mailbox", "messages", "turns"},
    {"deliveries", "ownership", "export"},
    {"staff"},
    {"store", "places"},
    {"channels", "ils", "settings", "sharing", "clock", "tokens"},
)
ROOMS = {"library", "retrieval", "bot", "connectors"}


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _ours() -> list[tuple[str, str]]:
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py")]
    pairs = ((_module(path), name) for path in files for name in _imports(path))
    return sorted({(importer, name) for importer, name in pairs if name.split(".")[0] in ROOMS})


def _room(module: str) -> str:
    rooms = sorted(MAY_IMPORT, key=len, reverse=True)
    return next((room for room in rooms if f"{module}.".startswith(f"{room}.")), "bot")


def _floor(module: str) -> int | None:
    part = module.split(".")[1] if "." in module else ""
    return next((number for number, floor in enumerate(FLOORS) if part in floor), None)


@pytest.mark.parametrize(("importer", "name"), _ours())
def test_no_import_runs_up_or_across(importer: str, name: str) -> None:
    room, target = _room(importer), _room(name)
    if importer == "connectors.app" and target in ONLY_APP:
        return
    if room == "bot":  # bot/evaluate.py looks through Rasa's eyes
        assert target in {"bot", "bot.components", "library"}
        return
    assert target in MAY_IMPORT[room], f"{importer} imports {name}"


@pytest.mark.parametrize(("importer", "name"), [(a, b) for a, b in _ours() if a.startswith("connectors.")])
def test_inside_connectors_imports_go_down(importer: str, name: str) -> None:
    if not name.startswith("connectors.") or importer == name:
        return
    above, below = _floor(importer), _floor(name)
    if above is None or below is None:
        pytest.fail(f"{importer} or {name} stands on no floor: add its file to FLOORS")
    assert above <= below, f"{importer} (floor {above}) imports {name} (floor {below})"


def test_adapters_do_not_import_each_other() -> None:
    """A door may share its port and, for library systems, the circulation rules; never another door."""
    adapters = ("web", "telegram", "zalo", "sqlite", "koha", "sip2")

    def adapter(module: str) -> str | None:
        return next((name for name in adapters if re.match(rf"connectors\.(channels|ils)\.{name}", module)), None)

    pairs = [(a, b) for a, b in _ours() if adapter(a) and adapter(b) and adapter(a) != adapter(b)]
    assert pairs == []


def test_library_needs_no_package_beyond_a_calendar_and_yaml() -> None:
    allowed = {"lunar_vn", "yaml"}
    files = (ROOT / "library").rglob("*.py")
    names = {name.split(".")[0] for path in files for name in _imports(path)}
    foreign = names - set(sys.stdlib_module_names) - {"library"} - {"__future__"}
    assert foreign <= allowed
