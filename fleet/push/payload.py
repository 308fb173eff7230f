"""The files of a push as they travel: a tar archive, and the last word behind it."""

from tarfile import BLOCKSIZE, GNU_FORMAT, TarInfo

from fleet.model.release import ReleaseFile

LAST_WORD = bytes(2 * BLOCKSIZE) + b"go\n"
"""The archive's end and the word without which a terminal touches nothing. A word, because a cut link looks like an end."""


def archive_header(file: ReleaseFile) -> bytes:
    """What goes before the file's contents."""
    info = TarInfo(file.path)
    info.size = file.size
    info.mode = int(file.mode, 8)
    return info.tobuf(GNU_FORMAT)


def archive_padding(file: ReleaseFile) -> bytes:
    """What goes behind the file's contents."""
    return bytes(-file.size % BLOCKSIZE)
