"""Settings: every key known, every secret by name, every error says where and what to do."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from connectors.settings import Secret, Settings, SettingsError, TelegramSection, ZaloSection, load_settings

ROOT = Path(__file__).resolve().parents[2]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "library.toml"
    path.write_text(text, encoding="utf-8")
    return path


SHUT = {"telegram": TelegramSection.model_fields, "zalo": ZaloSection.model_fields}  # sections without a default


def test_the_example_lists_every_setting_with_its_default() -> None:
    assert load_settings(ROOT / "library.example.toml") == Settings()
    text = (ROOT / "library.example.toml").read_text(encoding="utf-8")
    for name, section in {**Settings().model_dump(), **SHUT}.items():
        assert f"[{name}]" in text
        ways = {key: rf"^(?:# )?(?:{key} =|\[{name}\.{key}\])" for key in section or ()}
        assert [key for key, way in ways.items() if not re.search(way, text, re.MULTILINE)] == [], name


def test_the_demo_settings_load() -> None:
    assert load_settings(ROOT / "demo/library.toml").library.demo


def test_a_missing_file_says_what_to_copy(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"copy library\.example\.toml"):
        load_settings(tmp_path / "library.toml")


def test_an_unknown_key_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"\[web\] prot: unknown key"):
        load_settings(written(tmp_path, "[web]\nprot = 80\n"))


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(written(tmp_path, '[web]\nprot = 80\nport = "x"\n[nonsense]\na = 1\n'))
    assert all(part in str(caught.value) for part in ("[web] prot", "[web] port", "[nonsense]"))


def test_text_that_is_not_toml_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not TOML"):
        load_settings(written(tmp_path, "[web\n"))


class WithSecret(BaseModel):
    model_config = ConfigDict(extra="forbid")
    token: Secret


def test_a_secret_comes_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOME_TOKEN", "from-env")
    (tmp_path / "token").write_text("from-file\n")
    assert WithSecret(token={"env": "SOME_TOKEN"}).token == "from-env"  # type: ignore[arg-type]
    assert WithSecret(token={"file": str(tmp_path / "token")}).token == "from-file"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("written-as-text", "write a secret by name"),
        ({"env": "NOT_SET_ANYWHERE"}, "NOT_SET_ANYWHERE is not set"),
        ({"file": "/nowhere/token"}, "/nowhere/token is not there"),
        ({"env": "A", "file": "B"}, "write a secret by name"),
    ],
)
def test_a_secret_that_cannot_be_had_says_why(value: object, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        WithSecret(token=value)  # type: ignore[arg-type]
    assert "written-as-text" not in str(caught.value).split("[type")[0]


@pytest.mark.parametrize("key", ["url", "ils_di_url"])
def test_a_port_of_koha_that_cannot_be_is_refused_before_anything_is_asked(tmp_path: Path, key: str) -> None:
    addresses = {"url": "http://10.0.0.5", "ils_di_url": "http://10.0.0.5"} | {key: "http://10.0.0.5:99999"}
    told = "\n".join(f'{name} = "{address}"' for name, address in addresses.items())
    with pytest.raises(SettingsError, match=rf"\[ils\]: {key} names a port that cannot be"):
        load_settings(
            written(
                tmp_path, f'[ils]\nkind = "koha"\nclient_id = "x"\nuser = "a"\npassword = {{ env = "PATH" }}\n{told}\n'
            )
        )
