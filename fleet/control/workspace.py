"""Makes a workspace: its directory, fleet.toml, user key and database. `fleet init` and `fleet demo` do it here.

- All or nothing: it is made beside the place and moved there when it is whole.
- Its owner alone may enter, or a group as well. SQLite gives `-wal` and `-shm` the mode of the database's file, and who may only read
  needs them too: so the group may write the directory, and the private keys alone are the owner's.
"""

import grp
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

from fleet.errors import ConflictError, FleetError, InputError, system_words
from fleet.files import did_you_mean
from fleet.settings import SETTINGS_FILE, Settings, load_settings
from fleet.store import open_store
from fleet.text import N_, _
from fleet.trust.release_key import ReleaseKey, fingerprint, load_release_key, make_release_key
from fleet.trust.user_key import write_user_key

RELEASES = "releases"
USER_KEY = "id_ed25519"
RELEASE_KEY = "release_key"
_SHARED_DIRECTORY, _SHARED_FILE, _READ_BY_GROUP = 0o2770, 0o660, 0o640


def make_workspace(directory: Path, group: str | None = None) -> Settings:
    """Make a workspace in `directory`, which must not exist or be empty.

    Args:
        directory: Its place.
        group: The OS group whose members work in it too; None is nobody but the owner.

    Raises:
        ConflictError: There is something already; nothing was changed.
        InputError: The directory above it is not there, there is no such group, or the owner is not in it.
        FleetError: The disk or the system refused; nothing is left behind.
    """
    number = None if group is None else _number_of(group)
    if (directory / SETTINGS_FILE).exists():
        hint = N_("use it as it is, or name another directory with --workspace")
        raise ConflictError(N_("there is a workspace already; nothing was changed"), where=str(directory), hint=hint)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        hint = N_("name another directory with --workspace")
        raise ConflictError(N_("there is something else already; nothing was changed"), where=str(directory), hint=hint)
    if not directory.absolute().parent.is_dir():
        raise InputError(N_("the directory above the workspace is not there"), where=str(directory), hint=N_("make it first"))
    try:
        _make(directory, number)
    except OSError as error:
        hint = N_("see that its disk has room and may be written, or name another directory with --workspace")
        what = N_("the workspace cannot be made: {reason}", reason=system_words(error))
        raise FleetError(what, where=str(directory), hint=hint) from None
    return load_settings(directory)


def _make(directory: Path, group: int | None) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.absolute().parent))
    try:
        _fill(unfinished)
        if group is not None:
            _share(unfinished, group)
        unfinished.rename(directory)
    except FleetError as error:
        if str(unfinished) not in str(error.where):
            raise
        raise FleetError(error.what, where=str(directory), hint=error.hint) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _fill(directory: Path) -> None:
    (directory / SETTINGS_FILE).write_text(settings_text(), encoding="utf-8")
    (directory / RELEASES).mkdir()
    settings = load_settings(directory)
    if settings.key_file is None:
        write_user_key(directory / USER_KEY, "fleet")
    if settings.release_key_file is None:
        make_release_key(directory / RELEASE_KEY)
    open_store(settings, create=True).close()


def may_enter(settings: Settings, user: str) -> bool:
    """Whether an OS user of this machine can open the workspace. A database on a server is not ours to judge: there, everybody."""
    if not settings.url.startswith("sqlite"):
        return True
    place = settings.workspace.stat()
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        return False
    if found.pw_uid in (0, place.st_uid) or place.st_mode & stat.S_IRWXO == stat.S_IRWXO:
        return True
    is_shared = place.st_mode & stat.S_IRWXG == stat.S_IRWXG
    return is_shared and place.st_gid in os.getgrouplist(user, found.pw_gid)


def release_key(settings: Settings, *, signed_before: str | None = None, new: bool = False) -> ReleaseKey:
    """The key that signs this workspace's releases. A workspace that never had one gets it now, from its owner.

    Args:
        settings: Name its place.
        signed_before: The public key that signed this workspace's releases last, where one did: terminals take no other.
        new: Make one all the same; somebody said that the old one is lost.

    Raises:
        InputError: There is none and it is not ours to make, terminals know another, or it cannot be used; see `load_release_key`.
    """
    file = settings.release_key
    is_ours = os.geteuid() in (0, settings.workspace.stat().st_uid)
    is_gone = not file.exists() and not file.with_name(f"{file.name}.pub").exists()
    if new and not is_gone:
        hint = N_("move what is left of it away, the .pub file too; without --new-key it is used as it is")
        raise InputError(N_("there is a release key already"), where=str(file), hint=hint)
    if not is_gone or not is_ours or (settings.release_key_file is not None and not new):
        return load_release_key(file)
    if signed_before is not None and not new:
        raise InputError(
            N_("the release key is gone; terminals take no other than {key}, which signed before", key=fingerprint(signed_before)),
            where=str(file),
            hint=N_(
                'bring its copy back; if it is lost for good, add --new-key, and read "When the key is lost" in docs/operations.md first'
            ),
        )
    if not file.parent.is_dir():
        raise InputError(N_("the directory above the release key is not there"), where=str(file), hint=N_("make it first"))
    return make_release_key(file)


def release_key_at_hand(settings: Settings, *, signed_before: str | None = None, new: bool = False) -> ReleaseKey | None:
    """The same, but None where it is not within this person's reach: another's, or kept elsewhere."""
    is_another_s = os.geteuid() not in (0, settings.workspace.stat().st_uid)
    is_elsewhere = settings.release_key_file is not None or settings.release_key.with_name(f"{RELEASE_KEY}.pub").exists()
    is_out_of_reach = not new and (is_another_s or is_elsewhere) and not os.access(settings.release_key, os.R_OK)
    return None if is_out_of_reach else release_key(settings, signed_before=signed_before, new=new)


def present_key(settings: Settings) -> str | None:
    """The public half of the key that signs now; None where it is kept elsewhere, out of this person's reach."""
    try:
        return load_release_key(settings.release_key).public_line
    except InputError:
        pass
    try:
        words = settings.release_key.with_name(f"{settings.release_key.name}.pub").read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        return None
    return " ".join(words[:2]) or None


def _number_of(group: str) -> int:
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        hint = did_you_mean(group, [each.gr_name for each in grp.getgrall()])
        raise InputError(N_("there is no group `{group}`", group=group), hint=hint) from None
    if os.geteuid() != 0 and number not in (os.getegid(), *os.getgroups()):
        raise InputError(
            N_("you are not in group `{group}`", group=group),
            hint=N_("have yourself added to it, then log in again: `id` shows your groups"),
        )
    return number


def _share(directory: Path, group: int) -> None:
    """Let the group in; what is made in the directories later is the group's as well. The private keys stay the owner's."""
    for path in (directory, *directory.iterdir()):
        if path.name in (USER_KEY, RELEASE_KEY):
            continue
        os.chown(path, -1, group)
        path.chmod(_SHARED_DIRECTORY if path.is_dir() else _SHARED_FILE if path.suffix == ".db" else _READ_BY_GROUP)


def settings_text() -> str:
    """A fleet.toml in which everything has its default and says what it is."""
    settings = (
        (_("Time zone of every time that is shown and of every count by day."), 'time_zone = "Asia/Shanghai"'),
        (_("Local time at which a new day begins in counts, so that a night's work is one day."), 'day_boundary = "06:00"'),
        (_("Language: en or zh_CN. Without it the environment decides."), 'lang = "zh_CN"'),
        (_("A PostgreSQL database in place of the SQLite file in this directory."), 'database_url = "postgresql://fleet@db.invalid/fleet"'),
        (_("Private ed25519 key that the terminals accept, in place of id_ed25519 in this directory."), 'key_file = "/path/to/id_ed25519"'),
        (
            _("Private ECDSA P-256 key that signs releases, in place of release_key in this directory; it may be kept elsewhere."),
            'release_key_file = "/path/to/release_key"',
        ),
        (_("An ssh_config file with the counties' gateways."), 'ssh_config = "/path/to/ssh_config"'),
        (_("SSH logins in progress at one gateway, at most; a gateway that turns some away gets fewer."), "logins_per_gateway = 8"),
        (_("SSH logins in progress to one district's terminals, at most; fewer while they are slow."), "logins_per_district = 32"),
        (_("SSH logins in progress in all, at most; fewer while they are slow."), "logins_at_once = 64"),
    )
    return "\n".join(f"# {about}\n#{line}\n" for about, line in settings)
