"""Typed settings read from `library.toml`: unknown keys refused, secrets by name, a missing section is a shut door."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)


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
    # Each "fast", "thorough", a sentence-transformers folder or name; empty: by words alone.
    encoder: str = "fast"  # for records
    answers_encoder: str = "thorough"  # for curated answers, which are few and whose questions are worth a longer look


class SQLiteILSSection(Section):
    kind: Literal["sqlite"] = "sqlite"
    path: Path = Path("var/ils.sqlite")
    rules: Path | None = None  # who may keep what, how long; None: two weeks and two renewals for all
    nightly: bool = False  # filled every night from another system's file: told with its time, and only read


def _port_can_be(address: str) -> bool:
    """Return whether the port of the address, if it names one, can be one."""
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


class KohaILSSection(Section):
    kind: Literal["koha"]
    url: str  # of the staff client, where /api/v1 answers
    client_id: str = ""  # an API key of a patron made for this; else user and password (Basic)
    client_secret: Secret | None = None
    user: str = ""
    password: Secret | None = None
    ils_di: bool = True  # use ILS-DI beside REST: titles in one call, clean reasons; shut it if Koha has it off
    ils_di_url: str = ""  # of the catalogue for the public, where ilsdi.pl answers; empty: the same as url
    timeout_s: float = Field(default=10.0, gt=0)
    debt_limit_vnd: int = Field(default=50_000, ge=0)  # owing more than this blocks renewals and holds

    @model_validator(mode="after")
    def _has_a_key(self) -> KohaILSSection:
        if not (self.client_id and self.client_secret) and not (self.user and self.password):
            raise ValueError("koha needs client_id and client_secret (OAuth2), or user and password (Basic)")
        if not re.match(r"https?://", self.url):
            raise ValueError("url must begin with https:// (http:// only inside the library's own network)")
        for name, address in (("url", self.url), ("ils_di_url", self.ils_di_url)):
            if not _port_can_be(address):
                raise ValueError(f"{name} names a port that cannot be: ports go from 1 to 65535")
        return self


class SIP2ILSSection(Section):
    kind: Literal["sip2"]
    host: str
    port: int = Field(default=6001, gt=0, lt=65536)
    user: str = ""  # of the terminal, as the library system knows it; empty: no log-in
    password: Secret | None = None
    location: str = ""
    institution: str = ""
    encoding: Literal["utf-8", "cp850", "latin-1"] = "utf-8"
    name_order: Literal["as_sent", "given_first"] = "as_sent"  # given_first: "Thị Lan Nguyễn" is Nguyễn Thị Lan
    tls: bool = False  # SIP2 itself has no encryption: TLS, or a network of its own
    connections: int = Field(default=3, ge=1, le=4)
    error_detection: bool = True
    timeout_s: float = Field(default=10.0, gt=0)
    debt_limit_vnd: int = Field(default=50_000, ge=0)


def _kind(value: Any) -> str:
    """Return which library system the section is of; one without a kind is the built-in one."""
    return str(value.get("kind", "sqlite") if isinstance(value, Mapping) else getattr(value, "kind", ""))


ILSSection = Annotated[
    Annotated[SQLiteILSSection, Tag("sqlite")]
    | Annotated[KohaILSSection, Tag("koha")]
    | Annotated[SIP2ILSSection, Tag("sip2")],
    Discriminator(_kind),
]


class TelegramSection(Section):
    token: Secret  # from @BotFather
    updates: Literal["polling", "webhook"] = "polling"  # webhook needs a public https address
    secret: Secret | None = None  # webhook: what Telegram repeats in its header
    api: str = "https://api.telegram.org"

    @model_validator(mode="after")
    def _secret_for_webhook(self) -> TelegramSection:
        if self.updates == "webhook" and not self.secret:
            raise ValueError('updates = "webhook" needs secret = { env = "TELEGRAM_SECRET" }')
        if self.secret and not re.fullmatch(r"[A-Za-z0-9_-]{16,256}", self.secret):
            raise ValueError("the secret must be 16 to 256 of A-Z a-z 0-9 _ -")
        return self


class ZaloSection(Section):
    app_id: str
    oa_id: str
    app_secret: Secret  # "Khóa bí mật của ứng dụng": for tokens
    oa_secret: Secret  # "OA Secret Key" of the webhook page: for signatures
    refresh_token: Secret  # the first one; later ones are kept in token_file
    token_file: Path = Path("var/zalo_token.json")
    buttons: Literal["buttons", "list", "numbered"] = "buttons"
    paid: bool = False  # whether messages from 48 hours to 7 days after the patron's last one may be paid for
    requests_per_minute: int = Field(default=100, gt=0)
    interaction_widget: bool = False  # whether who logs a card in on the website may take it to Zalo on the same page
    api: str = "https://openapi.zalo.me"
    oauth: str = "https://oauth.zaloapp.com"


class AlertsSection(Section):
    """Where staff hear of new tickets and shut doors. Alerts hold no patron's words."""

    zalo_bot_token: Secret | None = None
    zalo_bot_chats: tuple[str, ...] = ()
    zalo_bot_api: str = "https://bot-api.zaloplatforms.com"


class RemindersSection(Section):
    on: bool = True  # whether reminders that patrons asked for are sent
    at: time = time(8, 30)  # of the day; never from 21 to 7 o'clock
    per_minute: int = Field(default=60, gt=0)  # at most so many patrons are looked up for it at the library system


class AccountsSection(Section):
    """Library cards linked to a chat."""

    adult_age: int = Field(default=16, ge=0, le=30)  # younger patrons' cards need a guardian's consent
    minor_categories: list[str] = []  # categories of the library system that are children's, whatever their age
    unused_days: int = Field(default=180, gt=0)  # a link unused for so long ends
    tries_per_hour: int = Field(default=60, gt=0)  # log-ins from one address


class HandoffSection(Section):
    idle_minutes: float = Field(default=30.0, gt=0)  # after so long without a word the assistant answers again
    strange_echo_minutes: float = Field(default=10.0, gt=0)  # the same, when it is not sure that a person wrote


class PrivacySection(Section):
    keep_conversations_days: int = Field(default=180, gt=0)
    keep_notes_days: int = Field(default=365, gt=0)
    contact: str = ""  # who answers questions on personal data, as patrons read it


class OIDCSection(Section):
    """The library's or the province's own sign-in service (OpenID Connect), for the librarians' door."""

    issuer: str
    client_id: str
    client_secret: Secret
    label: str = "tài khoản cơ quan"  # after "Đăng nhập bằng"

    @model_validator(mode="after")
    def _guarded(self) -> OIDCSection:
        if not re.match(r"https://|http://(localhost|127\.0\.0\.1)[:/]", self.issuer):
            raise ValueError("issuer must begin with https://")
        return self


class ConsoleSection(Section):
    session_hours: float = Field(default=10.0, gt=0)
    idle_minutes: float = Field(default=120.0, gt=0)  # a session nobody used for so long is over
    oidc: OIDCSection | None = None


class Settings(Section):
    library: LibrarySection = LibrarySection()
    files: FilesSection = FilesSection()
    web: WebSection = WebSection()
    rasa: RasaSection = RasaSection()
    search: SearchSection = SearchSection()
    ils: ILSSection = SQLiteILSSection()
    console: ConsoleSection = ConsoleSection()
    telegram: TelegramSection | None = None
    zalo: ZaloSection | None = None
    alerts: AlertsSection = AlertsSection()
    handoff: HandoffSection = HandoffSection()
    accounts: AccountsSection = AccountsSection()
    reminders: RemindersSection = RemindersSection()
    privacy: PrivacySection = PrivacySection()
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
    if error["type"] == "union_tag_invalid":
        return f"{path}: [ils] kind: choose sqlite, koha or sip2"
    # pydantic names the kind of library system too; the file has no such section.
    *sections, key = (str(part) for at, part in enumerate(error["loc"]) if not (error["loc"][0] == "ils" and at == 1))
    where = f"{path}: [{'.'.join(sections)}] {key}" if sections else f"{path}: [{key}]"
    if error["type"] == "extra_forbidden":
        return f"{where}: unknown key; library.example.toml lists every setting"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}"
