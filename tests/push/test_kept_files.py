"""Release files in memory: what is kept, and what never is."""

from hashlib import sha256
from pathlib import Path

import pytest

from fleet.push import KeptFiles
from fleet.trust.contents import Contents


def put(directory: Path, data: bytes) -> str:
    digest = sha256(data).hexdigest()
    (directory / digest).write_bytes(data)
    return digest


def read(files: KeptFiles, digest: str) -> bytes:
    with files.open(digest) as source:
        return source.read()


def test_a_file_is_read_from_the_disk_once(tmp_path: Path) -> None:
    files, digest = KeptFiles(Contents(tmp_path)), put(tmp_path, b"a client")
    read(files, digest)
    (tmp_path / digest).unlink()

    assert read(files, digest) == b"a client"


def test_a_damaged_file_is_not_kept_so_mending_it_is_enough(tmp_path: Path) -> None:
    files, digest = KeptFiles(Contents(tmp_path)), put(tmp_path, b"a client")
    (tmp_path / digest).write_bytes(b"a cliemt")

    damaged = read(files, digest)
    put(tmp_path, b"a client")

    assert (damaged, read(files, digest)) == (b"a cliemt", b"a client")


def test_a_large_file_is_not_kept(tmp_path: Path) -> None:
    files, digest = KeptFiles(Contents(tmp_path), largest_bytes=7), put(tmp_path, b"a client")
    read(files, digest)
    (tmp_path / digest).unlink()

    with pytest.raises(FileNotFoundError):
        files.open(digest)


def test_what_was_used_last_is_kept_when_the_room_is_gone(tmp_path: Path) -> None:
    files = KeptFiles(Contents(tmp_path), all_bytes=2)
    first, second, third = (put(tmp_path, data) for data in (b"1", b"2", b"3"))
    for digest in (first, second, first, third):
        read(files, digest)
    for digest in (first, second, third):
        (tmp_path / digest).unlink()

    assert (read(files, first), read(files, third)) == (b"1", b"3")
    with pytest.raises(FileNotFoundError):
        files.open(second)
