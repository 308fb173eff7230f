"""The files of a push as they travel: a tar archive, and the last word behind it.

The same files in the same order are the same bytes, so a push can go on behind what an earlier one brought.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from tarfile import BLOCKSIZE, GNU_FORMAT, TarInfo
from typing import BinaryIO

from fleet.model.release import ReleaseFile

LAST_WORD = bytes(2 * BLOCKSIZE) + b"go\n"
"""The archive's end and the word without which a terminal touches nothing. A word, because a cut link looks like an end."""

REST = b"rest\n"
"""Said to a terminal that holds a part, before what follows behind it."""
ANEW = b"anew\n"
"""Said to a terminal whose part is none of this payload, before all of it."""
_PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """What a terminal says it holds of a payload."""

    bytes: int
    """From its beginning."""
    sha256: str


def archive_header(file: ReleaseFile) -> bytes:
    """What goes before the file's contents."""
    return _header(file.path, file.size, file.mode)


@lru_cache(maxsize=4096)
def _header(path: str, size: int, mode: str) -> bytes:
    """Made once for all terminals."""
    info = TarInfo(path)
    info.size = size
    info.mode = int(mode, 8)
    return info.tobuf(GNU_FORMAT)


def archive_padding(file: ReleaseFile) -> bytes:
    """What goes behind the file's contents."""
    return bytes(-file.size % BLOCKSIZE)


def is_part(part: Part, files: Sequence[ReleaseFile], read: Callable[[ReleaseFile], BinaryIO]) -> bool:
    """Whether the payload of these files begins with the part, and something of it is left to send.

    Args:
        part: What the terminal says; any nonsense.
        files: Of the payload, in order.
        read: A file's contents, at their beginning; closed here.
    """
    size = sum(len(archive_header(file)) + file.size + len(archive_padding(file)) for file in files) + len(LAST_WORD)
    if not 0 < part.bytes < size:
        return False
    digest, left = sha256(), part.bytes
    for piece in _pieces(files, read):
        digest.update(memoryview(piece)[:left])
        left -= min(left, len(piece))
        if not left:
            break
    return not left and digest.hexdigest() == part.sha256


def _pieces(files: Sequence[ReleaseFile], read: Callable[[ReleaseFile], BinaryIO]) -> Iterator[bytes]:
    for file in files:
        yield archive_header(file)
        with read(file) as source:
            while piece := source.read(_PIECE_BYTES):
                yield piece
        yield archive_padding(file)
    yield LAST_WORD
