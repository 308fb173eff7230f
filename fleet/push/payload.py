"""The files of a push as they travel: a tar archive, and the last word behind it."""

from functools import lru_cache
from tarfile import BLOCKSIZE, GNU_FORMAT, TarInfo

from fleet.model.release import ReleaseFile

LAST_WORD = bytes(2 * BLOCKSIZE) + b"go\n"
"""The archive's end and the word without which a terminal touches nothing. A word, because a cut link looks like an end."""


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
