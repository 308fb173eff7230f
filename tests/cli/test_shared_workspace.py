"""A workspace that several OS users work in: `fleet init --group`. The users are those every Debian has."""

import grp
import os
import pwd
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from fleet.cli.app import run
from fleet.errors import NotAllowedError
from fleet.settings import load_settings
from fleet.store import open_store
from tests.conftest import Cli

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two OS users"),
    pytest.mark.skipif(
        not all(way.stat().st_mode & 0o001 for way in Path(__file__).resolve().parents),
        reason="this clone lies in a directory that other OS users may not enter: clone it into one they may",
    ),
]

GROUP = "users"
OWNER, MEMBER, STRANGER = "daemon", "bin", "nobody"
TABLES = {
    "districts": "code,name\nqingwan,青湾区\n",
    "sites": "code,kind,name,district\np1,pharmacy,东门药店,qingwan\n",
    "terminals": "site,code,host\np1,t1,127.0.0.1\n",
    "people": f"code,name,role,os_user\nli,李,coordinator,{OWNER}\nwang,王,coordinator,{MEMBER}\n",
}


@dataclass(frozen=True)
class Ran:
    """What a command of another user printed on stderr, and how it ended."""

    code: int
    err: str


As = Callable[..., Ran]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that every user can enter and the workspace's owner can write; pytest's own are root's alone."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        os.chown(place, pwd.getpwnam(OWNER).pw_uid, -1)
        place.chmod(0o755)
        for table, text in TABLES.items():
            (place / f"{table}.csv").write_text(text, "utf-8")
        monkeypatch.setenv("FLEET_WORKSPACE", str(place / "workspace"))
        yield place


@pytest.fixture
def fleet_as(place: Path, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> As:
    """Run a `fleet` command as a user: `fleet_as("daemon", "status")`.

    The user's process is a child of this one, which has imported all it takes: the interpreter may lie where they may not look.
    """
    monkeypatch.setenv("FLEET_WORKSPACE", str(tmp_path / "warm"))
    for words in (["init"], ["inventory", "import", place, "--apply"], ["assign", "--apply"], ["status"], ["audit", "verify"]):
        cli(*words)
    monkeypatch.setenv("FLEET_WORKSPACE", str(place / "workspace"))

    def run_as(user: str, *words: object) -> Ran:
        with tempfile.TemporaryFile("w+", encoding="utf-8") as err, Path(os.devnull).open("w", encoding="utf-8") as out:
            child = os.fork()
            if not child:
                sys.stdout, sys.stderr = out, err
                become(user, lambda: run([str(word) for word in words]))
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            err.seek(0)
            return Ran(code, err.read())

    return run_as


def become(user: str, action: Callable[[], int]) -> NoReturn:
    """End this process as that user's, with the action's code. All but the stranger are in the group; no umask is generous."""
    code = 99
    try:
        found = pwd.getpwnam(user)
        os.setgroups([] if user == STRANGER else [grp.getgrnam(GROUP).gr_gid])
        os.setgid(found.pw_gid)
        os.setuid(found.pw_uid)
        os.umask(0o077)
        code = action()
        sys.stderr.flush()
    finally:
        os._exit(code)


def test_a_shared_workspace_takes_an_inventory_whose_coordinator_is_another_member_but_not_a_stranger(place: Path, fleet_as: As) -> None:
    group = grp.getgrgid(pwd.getpwnam(MEMBER).pw_gid).gr_name
    with_member = TABLES["people"].replace(f",coordinator,{OWNER}", ",technician,")
    fleet_as(OWNER, "init", "--group", GROUP)
    os.chown(place / "workspace", -1, grp.getgrnam(group).gr_gid)  # a group that the member has by the system, not only in this test
    (place / "workspace").chmod(0o2770)
    (place / "people.csv").write_text(with_member.replace(MEMBER, STRANGER), "utf-8")
    refused = fleet_as("root", "inventory", "import", place, "--apply")
    (place / "people.csv").write_text(with_member, "utf-8")

    assert refused.code == 2
    assert "nobody could act in it" in refused.err
    assert fleet_as("root", "inventory", "import", place, "--apply").code == 0


def test_two_os_users_work_in_one_workspace_one_after_the_other(place: Path, fleet_as: As) -> None:
    ran = [
        fleet_as(OWNER, "init", "--group", GROUP),
        fleet_as(OWNER, "inventory", "import", place, "--apply"),
        fleet_as(MEMBER, "assign"),
    ]
    (place / "people.csv").write_text(TABLES["people"] + "zhao,赵,technician,\n", "utf-8")
    ran += [
        fleet_as(MEMBER, "inventory", "import", place, "--apply"),
        fleet_as(OWNER, "assign", "--apply"),
        fleet_as(MEMBER, "audit", "verify"),
    ]

    assert [each for each in ran if each.code] == []
    assert (place / "workspace/id_ed25519").stat().st_mode & 0o777 == 0o600


def test_who_may_not_read_the_user_key_hears_who_can_run_it(place: Path, fleet_as: As) -> None:
    from fleet.push import load_user_key

    fleet_as(OWNER, "init", "--group", GROUP)
    said, says = os.pipe()

    def load() -> int:
        try:
            load_user_key(place / "workspace/id_ed25519")
        except NotAllowedError as error:
            os.write(says, str(error).encode())
            return error.exit_code
        return 0

    child = os.fork()
    if not child:
        become(MEMBER, load)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(says)
    with os.fdopen(said) as words:
        told = words.read()
    assert code == 2
    assert told.startswith("you may not read the user key of this workspace")
    assert f"have them run this: {OWNER}" in told


@pytest.mark.parametrize(("holder", "other"), [(OWNER, MEMBER), (MEMBER, OWNER)])
def test_one_writes_while_the_other_looks(place: Path, fleet_as: As, holder: str, other: str) -> None:
    fleet_as(OWNER, "init", "--group", GROUP)
    fleet_as(OWNER, "inventory", "import", place, "--apply")
    (place / "people.csv").write_text(TABLES["people"] + "zhao,赵,technician,\n", "utf-8")
    reads_open, says_open = os.pipe()
    reads_done, says_done = os.pipe()

    def look() -> int:
        os.close(says_done)
        store = open_store(load_settings(place / "workspace"))
        with store.read() as snapshot:
            seen = store.version()
            os.write(says_open, b"open")
            os.read(reads_done, 1)
            del snapshot
        return 0 if store.version() > seen else 1

    child = os.fork()
    if not child:
        become(holder, look)
    os.close(says_open)
    opened = os.read(reads_open, 4)
    wrote = fleet_as(other, "inventory", "import", place, "--apply")
    os.close(says_done)
    saw = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(reads_open)
    os.close(reads_done)

    assert opened == b"open"
    assert (wrote.code, saw) == (0, 0)


def test_who_may_not_enter_the_workspace_is_told_whom_to_ask(place: Path, fleet_as: As) -> None:
    fleet_as(OWNER, "init", "--group", GROUP)
    ran = fleet_as(STRANGER, "status")

    assert ran.code == 2
    assert ran.err.splitlines() == [
        f"the workspace is not open to you ({STRANGER})",
        f"  at: {place / 'workspace'}",
        "hint: ask its owner: people share one that was made with `fleet init --group`, and are in that group",
    ]


def test_an_owner_who_is_not_in_the_group_cannot_share_with_it(place: Path, fleet_as: As) -> None:
    os.chown(place, pwd.getpwnam(STRANGER).pw_uid, -1)
    ran = fleet_as(STRANGER, "init", "--group", GROUP)

    assert ran.code == 2
    assert f"you are not in group `{GROUP}`" in ran.err
    assert not (place / "workspace").exists()
