"""What of a payload a terminal may hold, and how that is told from anything else."""

import io
from collections.abc import Sequence
from hashlib import sha256
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.release import ReleaseFile
from fleet.push.payload import LAST_WORD, Part, is_part
from tests.terminal.field import build, payload_of

RELEASE = build("2.0", {"a": ("0755", b"first" * 300), "b": ("0644", b""), "c": ("0644", b"last" * 128)})
FILES = RELEASE.artifact.files
PAYLOAD = payload_of(RELEASE, "a", "b", "c")


def read(file: ReleaseFile) -> BinaryIO:
    return io.BytesIO(RELEASE.contents[file.sha256])


def part_of(data: bytes) -> Part:
    return Part(len(data), sha256(data).hexdigest())


@given(st.integers(1, len(PAYLOAD) - 1))
def test_every_beginning_of_a_payload_is_a_part_of_it(size: int) -> None:
    assert is_part(part_of(PAYLOAD[:size]), FILES, read)


@given(st.integers(1, len(PAYLOAD) - 1), st.data())
def test_one_wrong_byte_makes_it_none(size: int, data: st.DataObject) -> None:
    wrong = bytearray(PAYLOAD[:size])
    wrong[data.draw(st.integers(0, size - 1))] ^= 1

    assert not is_part(part_of(bytes(wrong)), FILES, read)


@pytest.mark.parametrize("said", [PAYLOAD, PAYLOAD + b"and more", b"", LAST_WORD])
def test_what_leaves_nothing_to_send_or_is_no_beginning_is_none(said: bytes) -> None:
    assert not is_part(part_of(said), FILES, read)


@pytest.mark.parametrize("files", [FILES[:1], FILES[1:], (*FILES[1:], FILES[0])])
def test_the_beginning_of_other_files_is_none(files: Sequence[ReleaseFile]) -> None:
    assert not is_part(part_of(PAYLOAD[:-1]), files, read)


def test_nothing_is_read_for_a_part_that_is_too_long() -> None:
    def never(file: ReleaseFile) -> BinaryIO:
        raise AssertionError(file)

    assert not is_part(Part(10**14, "0" * 64), FILES, never)
