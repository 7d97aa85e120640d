"""Typed settings read from `library.toml`: unknown keys refused, secrets by name, a missing section is a shut door."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError


class SettingsError(Exception):
    """The settings cannot be used; the message says which key, why, and what to write instead."""


def _secret(value: Any) -> str:
    """Return the secret a `{ env = … }` or `{ file = … }` names. A secret written as text is refused."""
    if isinstance(value, Mapping) and set(value) == {"env"}:
        found = os.environ.get(str(value["env"]))
        if not found:
            raise ValueError(f"environment variable {value['env']} is not set")
        return found
    if isinstance(value, Mapping) and set(value) == {"file"}:
        path = Path(str(value["file"]))
        if not path.is_file():
            raise ValueError(f"secret file {path} is not there")
        return path.read_text(encoding="utf-8").strip()
    raise ValueError('write a secret by name: { env = "NAME" } or { file = "/path" }')


Secret = Annotated[str, BeforeValidator(_secret)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LibrarySection(Section):
    name: str = "Thư viện"
    name_en: str = "Library"
    calendar: Path = Path("demo/calendar.yml")
    demo: bool = False  # load the demo library's books, answers and patrons at set-up
    card_pattern: str = r"\bDT\d{6}\b"  # what a card number looks like, so that it can be masked in chats


class FilesSection(Section):
    var: Path = Path("var")  # databases, indexes, models: everything made at run time


class WebSection(Section):
    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""  # what patrons' browsers see; empty: http://host:port
    allowed_origins: tuple[str, ...] = ()  # pages on other sites that may use the web chat


class RasaSection(Section):
    python: Path = Path(".venv-rasa/bin/python")
    model: Path = Path("var/models/dialogue.tar.gz")
    understanding_timeout_s: float = Field(default=60.0, gt=0)  # after this long the patron gets an answer without Rasa


class SearchSection(Section):
    encoder: str = "var/encoder"  # folder of a sentence-transformers model; empty: find by words alone


class SQLiteILSSection(Section):
    kind: Literal["sqlite"] = "sqlite"
    path: Path = Path("var/ils.sqlite")


class ConsoleSection(Section):
    session_hours: float = Field(default=10.0, gt=0)


class Settings(Section):
    library: LibrarySection = LibrarySection()
    files: FilesSection = FilesSection()
    web: WebSection = WebSection()
    rasa: RasaSection = RasaSection()
    search: SearchSection = SearchSection()
    ils: SQLiteILSSection = SQLiteILSSection()
    console: ConsoleSection = ConsoleSection()
    facts: dict[str, str] = {}  # variables of the curated answers

    @property
    def public_url(self) -> str:
        return self.web.public_url.rstrip("/") or f"http://{self.web.host}:{self.web.port}"


def load_settings(path: Path) -> Settings:
    """Return the settings of the file. Raises SettingsError naming the file, the key and what to do."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise SettingsError(f"{path} is not there: copy library.example.toml to {path} and edit it") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path} is not TOML: {exc}") from exc
    try:
        return Settings.model_validate(raw)
    except ValidationError as exc:
        raise SettingsError("\n".join(_plain(path, error) for error in exc.errors())) from exc


def _plain(path: Path, error: Any) -> str:
    *sections, key = (str(part) for part in error["loc"])
    where = f"{path}: [{'.'.join(sections)}] {key}" if sections else f"{path}: [{key}]"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key; library.example.toml lists every setting"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"
