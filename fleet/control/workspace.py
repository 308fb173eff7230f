"""Makes a workspace: its directory, fleet.toml, user key and database. `fleet init` and `fleet demo` do it here.

All or nothing: it is made beside the place and moved there when it is whole.
"""

import shutil
import tempfile
from pathlib import Path

from fleet.errors import ConflictError, InputError
from fleet.settings import SETTINGS_FILE, Settings, load_settings
from fleet.store import open_store
from fleet.text import N_, _
from fleet.trust.user_key import write_user_key


def make_workspace(directory: Path) -> Settings:
    """Make a workspace in `directory`, which must not exist or be empty; only its owner may enter it.

    Raises:
        ConflictError: There is something already; nothing was changed.
        InputError: The directory above it is not there.
    """
    if (directory / SETTINGS_FILE).exists():
        hint = N_("use it as it is, or name another directory with --workspace")
        raise ConflictError(N_("there is a workspace already; nothing was changed"), where=str(directory), hint=hint)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        hint = N_("name another directory with --workspace")
        raise ConflictError(N_("there is something else already; nothing was changed"), where=str(directory), hint=hint)
    if not directory.absolute().parent.is_dir():
        raise InputError(N_("the directory above the workspace is not there"), where=str(directory), hint=N_("make it first"))
    unfinished = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.absolute().parent))
    try:
        _fill(unfinished)
        unfinished.rename(directory)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return load_settings(directory)


def _fill(directory: Path) -> None:
    (directory / SETTINGS_FILE).write_text(settings_text(), encoding="utf-8")
    (directory / "releases").mkdir()
    settings = load_settings(directory)
    if settings.key_file is None:
        write_user_key(directory / "id_ed25519", "fleet")
    open_store(settings, create=True).close()


def settings_text() -> str:
    """A fleet.toml in which everything has its default and says what it is."""
    settings = (
        (_("Time zone of every time that is shown and of every count by day."), 'time_zone = "Asia/Shanghai"'),
        (_("Local time at which a new day begins in counts, so that a night's work is one day."), 'day_boundary = "06:00"'),
        (_("Language: en or zh_CN. Without it the environment decides."), 'lang = "zh_CN"'),
        (_("A PostgreSQL database in place of the SQLite file in this directory."), 'database_url = "postgresql://fleet@db.invalid/fleet"'),
        (_("Private ed25519 key that the terminals accept, in place of id_ed25519 in this directory."), 'key_file = "/path/to/id_ed25519"'),
        (_("An ssh_config file with the counties' gateways."), 'ssh_config = "/path/to/ssh_config"'),
    )
    return "\n".join(f"# {about}\n#{line}\n" for about, line in settings)
