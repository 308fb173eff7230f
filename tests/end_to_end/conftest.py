"""A real OpenSSH server for the tests that push to one."""

from collections.abc import Iterator

import pytest

from tests.openssh import OpenSSH, running_openssh


@pytest.fixture(scope="session")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSSH]:
    """A running server that lets one user key in; who asks for it is marked `needs("sshd")`."""
    directory = tmp_path_factory.mktemp("openssh")
    home = directory / "home"
    home.mkdir()
    with running_openssh(directory, home) as server:
        yield server
