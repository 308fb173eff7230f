"""What a workspace is set to: `fleet.toml` in its directory, overridden by FLEET_* environment variables."""

import re
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from fleet.errors import InputError
from fleet.text import N_, Message

SETTINGS_FILE = "fleet.toml"
LOGINS_PER_GATEWAY = 8
"""Two fewer than OpenSSH lets in before it begins to turn away (MaxStartups 10:30:100); others log in there, too."""
LOGINS_PER_DISTRICT = 32
LOGINS_AT_ONCE = 64
_DATABASE_URL = re.compile(
    r"sqlite(?:\+pysqlite)?:///.+"
    r"|postgresql(?:\+psycopg)?://(?:\S*@)?(?:[^\s:/@?\[\]]*|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?(?:[/?]\S*)?"
)


class Settings(BaseSettings):
    """One workspace's settings. Frozen; read once at a door."""

    model_config = SettingsConfigDict(env_prefix="FLEET_", frozen=True, extra="forbid")

    workspace: Path = Field(default=Path(".fleet"), exclude=True)
    """Directory that holds fleet.toml, fleet.db and the release files."""
    time_zone: str = "Asia/Shanghai"
    """IANA name; every count by day and every time shown uses it."""
    day_boundary: time = time(6, 0)
    """Local time at which a new day begins in counts: a night's work is one day."""
    database_url: str | None = None
    """SQLAlchemy URL; None is the SQLite file in the workspace."""
    lang: str | None = None
    """`en` or `zh_CN`; None follows the environment."""
    key_file: Path | None = None
    """Private ed25519 user key that terminals accept; None is `id_ed25519` in the workspace."""
    release_key_file: Path | None = None
    """Private ECDSA P-256 key that signs releases; None is `release_key` in the workspace. Pushing never needs it."""
    ssh_config: Path | None = None
    """An ssh_config(5) file for gateways and aliases; None reads none."""
    logins_per_gateway: int = Field(default=LOGINS_PER_GATEWAY, ge=1, le=1000)
    """SSH logins in progress at one gateway, at most; what it really allows is found out below that."""
    logins_per_district: int = Field(default=LOGINS_PER_DISTRICT, ge=1, le=1000)
    """SSH logins in progress to the terminals of one district, at most; fewer while its line is slow."""
    logins_at_once: int = Field(default=LOGINS_AT_ONCE, ge=1, le=1000)
    """SSH logins in progress in all, at most; fewer while all of them are slow."""

    @field_validator("time_zone")
    @classmethod
    def _a_known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            message = f"unknown time zone {value!r}"
            raise ValueError(message)
        return value

    @field_validator("database_url")
    @classmethod
    def _a_known_database(cls, value: str | None) -> str | None:
        if value and not _DATABASE_URL.fullmatch(value):
            message = "not a URL of SQLite or PostgreSQL"
            raise ValueError(message)
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The workspace's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def url(self) -> str:
        """SQLAlchemy URL of the workspace's database."""
        return self.database_url or f"sqlite:///{self.workspace / 'fleet.db'}"

    @property
    def user_key(self) -> Path:
        """Path of the private user key."""
        return self.key_file or self.workspace / "id_ed25519"

    @property
    def release_key(self) -> Path:
        """Path of the private key that signs releases."""
        return self.release_key_file or self.workspace / "release_key"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments first, then the environment, then fleet.toml."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(workspace: Path) -> Settings:
    """The settings of the workspace at `workspace`.

    Raises:
        InputError: fleet.toml is not TOML, or names an unknown key or a bad value.
    """
    file = workspace / SETTINGS_FILE
    if file.exists() and not file.is_file():  # a pipe may never end
        raise InputError(N_("not an ordinary file"), where=str(file), hint=N_("is it the right file?"))
    sourced = type("Settings", (Settings,), {"model_config": SettingsConfigDict(**{**Settings.model_config, "toml_file": file})})
    try:
        loaded = sourced(workspace=workspace)
    except ValidationError as error:
        raise _unusable(error, str(file)) from None
    except ValueError as error:
        hint = N_('mend that line: a setting is written `name = "value"`, a number without quotes')
        raise InputError(_no_toml(str(error)), where=str(file), hint=hint) from None
    return Settings.model_construct(**{name: getattr(loaded, name) for name in Settings.model_fields})


def _no_toml(reason: str) -> Message:
    """Where it stops being TOML; `tomllib` says in English why, which its line shows as well."""
    where = _TOML_PLACE.search(reason)
    if where is None:
        return N_("not a TOML file: {reason}", reason=reason)
    return N_("not a TOML file: line {line}, column {column}", line=where["line"], column=where["column"])


def _unusable(error: ValidationError, file: str) -> InputError:
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return InputError(N_("there is no setting `{key}`", key=key), where=file, hint=N_("settings are: {names}", names=", ".join(_NAMES)))
    return InputError(
        N_("setting `{key}` is not usable", key=key),
        where=N_("{file} or FLEET_*", file=file),
        hint=_EXAMPLES.get(key, N_("write it as text")),
    )


_TOML_PLACE = re.compile(r"\(at line (?P<line>\d+), column (?P<column>\d+)\)")
_NAMES = tuple(name for name, field in Settings.model_fields.items() if not field.exclude)
_NUMBER = N_("give a whole number from 1 to 1000")
_EXAMPLES = {
    "logins_per_gateway": _NUMBER,
    "logins_per_district": _NUMBER,
    "logins_at_once": _NUMBER,
    "time_zone": N_("give an IANA name such as `Asia/Shanghai`"),
    "database_url": N_("give a URL such as `postgresql://fleet@db.invalid/fleet`; without it the workspace has its own SQLite file"),
    "day_boundary": N_("give a time of the day such as `06:00`"),
}
