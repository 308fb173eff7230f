"""What a workspace is set to."""

import os
from collections.abc import Callable
from datetime import time
from pathlib import Path

import pytest

from fleet.errors import InputError
from fleet.settings import SETTINGS_FILE, load_settings


def settings_file(directory: Path, text: str) -> Path:
    (directory / SETTINGS_FILE).write_text(text, "utf-8")
    return directory


def test_a_workspace_without_a_file_has_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)

    assert settings.time_zone == "Asia/Shanghai"
    assert settings.day_boundary == time(6)
    assert settings.url == f"sqlite:///{tmp_path}/fleet.db"
    assert settings.user_key == tmp_path / "id_ed25519"


def test_the_file_is_read_and_the_environment_goes_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file(tmp_path, 'time_zone = "Asia/Urumqi"\nlang = "zh_CN"\nday_boundary = "05:30"\n')
    monkeypatch.setenv("FLEET_TIME_ZONE", "Asia/Tokyo")

    settings = load_settings(tmp_path)

    assert (settings.time_zone, settings.lang, settings.day_boundary) == ("Asia/Tokyo", "zh_CN", time(5, 30))
    assert settings.zone.key == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('time_zone = "Asia/Shangri-La"', "time_zone"),
        ('timezone = "Asia/Shanghai"', "timezone"),
        ('day_boundary = "late"', "day_boundary"),
        ("lang = ", "not a TOML file"),
        ('lang = "en"\n= 2', "not a TOML file: line 2, column 1"),
        ("logins_per_gateway = 0", "logins_per_gateway"),
        ('logins_at_once = "many"', "logins_at_once"),
        ("logins_per_district = 1001", "logins_per_district"),
        ('database_url = "foo"', "database_url"),
        ('database_url = "mysql://fleet@db.invalid/fleet"', "database_url"),
        ('database_url = "postgresql://fleet@db.invalid:port/fleet"', "database_url"),
    ],
)
def test_a_setting_that_is_not_usable_is_named_with_its_file(tmp_path: Path, text: str, what: str) -> None:
    settings_file(tmp_path, text)

    with pytest.raises(InputError) as caught:
        load_settings(tmp_path)

    assert what in str(caught.value)
    assert SETTINGS_FILE in str(caught.value)


@pytest.mark.parametrize(
    "url", ["sqlite:///other.db", "postgresql:///fleet", "postgresql+psycopg://fleet:a%40b@[::1]:5432/fleet?sslmode=require"]
)
def test_a_database_is_named_by_its_url(tmp_path: Path, url: str) -> None:
    settings_file(tmp_path, f'database_url = "{url}"')

    assert load_settings(tmp_path).url == url


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes('lang = "中文"'.encode("gb18030"))

    with pytest.raises(InputError, match="not a TOML file"):
        load_settings(tmp_path)


def test_settings_do_not_change_after_they_are_read(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)

    with pytest.raises(ValueError, match="frozen"):
        settings.lang = "en"  # type: ignore[misc]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_settings_file_that_is_no_file_is_refused_and_not_waited_for(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / SETTINGS_FILE)

    with pytest.raises(InputError, match="not an ordinary file"):
        load_settings(tmp_path)
