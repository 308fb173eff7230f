"""What stands on a simulated terminal's disk."""

from pathlib import Path

import pytest

from fleet.sim.faults import Fault
from fleet.sim.scratch import OLD_VERSION, Scratch


def test_homes_share_the_old_clients_files_by_hard_link(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)

    one, other = (scratch.home(f"s1/{code}", None).directory for code in ("t1", "t2"))

    assert (one / "client" / "current" / "bin" / "client").samefile(other / "client" / "current" / "bin" / "client")


def test_what_the_client_writes_into_is_each_terminals_own(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)

    one, other = (scratch.home(f"s1/{code}", None).directory for code in ("t1", "t2"))

    assert not (one / "client" / "client-state").samefile(other / "client" / "client-state")


def test_the_old_client_is_live_through_one_relative_symlink(tmp_path: Path) -> None:
    home = Scratch(tmp_path).home("s1/t1", None).directory

    assert (home / "client" / "current").readlink() == Path("releases") / OLD_VERSION
    assert (home / "client" / "current" / "bin" / "health").stat().st_mode & 0o111


def test_a_home_that_stands_is_left_as_it_is(tmp_path: Path) -> None:
    home = Scratch(tmp_path).home("s1/t1", None).directory
    (home / "client" / "note").write_text("kept")

    again = Scratch(tmp_path).home("s1/t1", None).directory

    assert (again / "client" / "note").read_text() == "kept"


def test_only_a_full_disk_has_another_df(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path)

    full, sound = scratch.home("s1/t1", Fault.DISK_FULL), scratch.home("s1/t2", None)

    assert full.environment["PATH"] == f"{tmp_path}/shims:{sound.environment['PATH']}"


@pytest.mark.needs("busybox")
def test_a_busybox_terminal_finds_nothing_but_busybox(tmp_path: Path) -> None:
    home = Scratch(tmp_path, "busybox").home("s1/t1", None)

    found = {file.readlink().name for file in Path(home.environment["PATH"]).iterdir()}

    assert found == {"busybox"}
    assert home.shell("true") == (str(tmp_path / "applets" / "sh"), "-c", "true")
