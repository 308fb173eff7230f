"""The user key: made once, read by nobody else, refused when it is not what it should be."""

import stat
import subprocess
from pathlib import Path

import pytest

from fleet.errors import InputError
from fleet.push import load_user_key
from tests.keys import new_user_key


@pytest.mark.needs("ssh-keygen")
def test_a_key_that_was_made_is_one_that_openssh_knows(tmp_path: Path) -> None:
    key = new_user_key(tmp_path / "id_ed25519")

    shown = subprocess.run(["ssh-keygen", "-y", "-f", tmp_path / "id_ed25519"], check=True, capture_output=True, text=True)
    assert shown.stdout.strip().split()[:2] == key.public_line.split()
    assert (tmp_path / "id_ed25519.pub").read_text().startswith(key.public_line)
    assert stat.S_IMODE((tmp_path / "id_ed25519").stat().st_mode) == 0o600


def test_a_key_that_was_made_is_read_again(tmp_path: Path) -> None:
    made = new_user_key(tmp_path / "id_ed25519")

    assert load_user_key(tmp_path / "id_ed25519").public_line == made.public_line


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    new_user_key(path)
    before = path.read_bytes()

    with pytest.raises(FileExistsError):
        new_user_key(path)

    assert path.read_bytes() == before


def test_no_key_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`fleet init` makes one"):
        load_user_key(tmp_path / "none")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "id_ed25519"
    new_user_key(path)
    path.chmod(0o640)

    with pytest.raises(InputError, match="others may read the user key"):
        load_user_key(path)


@pytest.mark.needs("ssh-keygen")
@pytest.mark.parametrize("options", [["-t", "rsa", "-N", ""], ["-t", "ed25519", "-N", "a passphrase"]])
def test_another_kind_of_key_is_refused(tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", *options, "-f", path], check=True)

    with pytest.raises(InputError, match="this user key cannot be used"):
        load_user_key(path)


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("not a key\n")
    path.chmod(0o600)

    with pytest.raises(InputError, match="this user key cannot be used"):
        load_user_key(path)
