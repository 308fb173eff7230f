"""Reads what a release is made of: a directory, or a tar.gz, as a stream of ordinary files.

- Only ordinary files and directories pass. A link, a device, a set-user-id bit, an odd name is a mistake, and every mistake is reported.
- An archive is read as a stream and nothing of it is ever unpacked by name.
- An archive cannot cost more than `Limits` says, whatever it claims: neither memory, nor time, nor mistakes without end.
"""

import gzip
import os
import stat
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self, cast

from pydantic import TypeAdapter, ValidationError

from fleet.errors import Mistake, system_words
from fleet.model.base import SafePath
from fleet.text import N_, Message

_SAFE_PATH = TypeAdapter[str](SafePath)
_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID
_TRAILER_BYTES = 16 << 20
_HEADER_BYTES = 2048
"""What an archive spends on an ordinary entry beside its contents, at most."""
_LONGEST_EXTENSION_BYTES = 64 << 10
"""Of the headers that bring a long name or more; `tarfile` reads one whole."""
_EXTENSIONS = frozenset((tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK))

Refusal = tuple[Message, Message | None]
_LINK: Refusal = (N_("is a link; a release holds ordinary files"), N_("put the file itself in its place"))
_NOT_ORDINARY: Refusal = (N_("is not an ordinary file"), N_("remove it"))
_SPECIAL: Refusal = (N_("has a set-user-id or set-group-id bit"), N_("remove the bit; nothing in a release runs as somebody else"))
_OUTSIDE: Refusal = (N_("lies outside the release"), N_("make the archive with paths relative to the release"))
_STATE: Refusal = (N_("lies where the client keeps its own data; a release brings nothing there"), N_("rename or remove it"))
_ODD_NAME: Refusal = (
    N_("has a name that a terminal may not take"),
    N_("names are letters, digits and `._+@-` and do not begin with `.` or `-`; rename or remove it"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a release may hold."""

    release_bytes: int = 2 << 30
    """All its different sources together."""
    source_files: int = 10_000
    """Files of one source."""
    archive_entries: int = 20_000
    """Entries of one archive, directories and what is refused included."""

    @property
    def archive_bytes(self) -> int:
        """What an archive may unpack to, its own headers included."""
        return self.release_bytes + self.archive_entries * _HEADER_BYTES


class _TooMuchError(Exception):
    """An archive goes on after what it may unpack to, or holds more entries than it may."""

    def __init__(self, what: Message) -> None:
        super().__init__(what)
        self.what = what


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One ordinary file of a source; `stream` is good until the next one is asked for."""

    path: str
    """Relative to the source."""
    is_executable: bool
    stream: BinaryIO


def read_source(source: Path, limits: Limits = Limits()) -> Iterator[SourceFile | Mistake]:
    """Every file of a directory or tar.gz in a fixed order, and a mistake in place of each thing that may not be in a release."""
    with reading(source) as trouble:
        if source.is_symlink():
            yield Mistake(str(source), 0, *_LINK)
        elif source.is_dir():
            yield from _read_directory(source, source)
        elif source.is_file():
            yield from _read_archive(source, limits)
        else:
            yield Mistake(str(source), 0, N_("is not there"), N_("paths are relative to the release's description"))
    yield from trouble


def _read_directory(directory: Path, source: Path) -> Iterator[SourceFile | Mistake]:
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        path = Path(entry.path)
        refusal = _name_refusal(path.relative_to(source).as_posix())
        if refusal is not None:
            yield Mistake(entry.path, 0, *refusal)
        elif entry.is_dir(follow_symlinks=False):
            yield from _read_directory(path, source)
        else:
            yield from _read_file(path, source)


def _read_file(path: Path, source: Path) -> Iterator[SourceFile | Mistake]:
    mode = path.lstat().st_mode
    refusal = _mode_refusal(mode)
    if refusal is not None:
        yield Mistake(str(path), 0, *refusal)
        return
    # O_NOFOLLOW and the second look: what was an ordinary file a moment ago still is one.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
        now = os.fstat(stream.fileno())
        if _mode_refusal(now.st_mode) is None:
            yield SourceFile(path.relative_to(source).as_posix(), bool(now.st_mode & 0o111), stream)
        else:
            yield Mistake(str(path), 0, N_("changed while it was read"))


def _read_archive(archive: Path, limits: Limits) -> Iterator[SourceFile | Mistake]:
    with gzip.open(archive) as unpacked:
        plain = _Bounded(cast("BinaryIO", unpacked), limits.archive_bytes)
        with tarfile.open(fileobj=plain, mode="r|", tarinfo=_Member) as members:  # type: ignore[call-overload]  # a stream needs `read` only
            for count, member in enumerate(members):
                if count == limits.archive_entries:
                    raise _TooMuchError(N_("holds more than {limit} entries", limit=limits.archive_entries))
                yield from _read_member(member, members, archive)
        plain.read(_TRAILER_BYTES)  # gzip compares its checksum at the end, which lies behind the archive's own


@dataclass(slots=True)
class _Bounded:
    """A stream that says so when more is read from it than it may hold."""

    stream: BinaryIO
    left_bytes: int

    def read(self, size: int) -> bytes:
        """The next bytes."""
        data = self.stream.read(size)
        self.left_bytes -= len(data)
        if self.left_bytes < 0:
            raise _TooMuchError(N_("unpacks to more than a release may hold"))
        return data


class _Member(tarfile.TarInfo):
    """An entry, refused by its header where reading it would take the memory it claims."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """The entry of a header."""
        member = super().frombuf(buf, encoding, errors)
        if member.type in _EXTENSIONS and member.size > _LONGEST_EXTENSION_BYTES:
            raise _TooMuchError(N_("holds a name or a header that is far too long"))
        return member


@contextmanager
def reading(source: Path) -> Iterator[list[Mistake]]:
    """Inside the block, a damaged archive or a disk that fails becomes a mistake in the list."""
    trouble: list[Mistake] = []
    try:
        yield trouble
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        hint = N_("make the archive with `tar -czf`, and copy it again should it have been damaged on the way")
        trouble.append(Mistake(str(source), 0, N_("is not a readable tar.gz: {reason}", reason=_first_line(error)), hint))
    except _TooMuchError as error:
        trouble.append(Mistake(str(source), 0, error.what))
    except OSError as error:
        place = str(error.filename or source)
        trouble.append(Mistake(place, 0, N_("cannot be read: {reason}", reason=system_words(error))))


def _read_member(member: tarfile.TarInfo, members: tarfile.TarFile, archive: Path) -> Iterator[SourceFile | Mistake]:
    path = member.name.removeprefix("./")
    if member.isdir() and path in ("", "."):
        return
    refusal = _name_refusal(path) or _member_refusal(member)
    if refusal is not None:
        yield Mistake(f"{archive}!{_shown(path)}", 0, *refusal)
    elif not member.isdir():
        yield SourceFile(path, bool(member.mode & 0o111), cast("BinaryIO", members.extractfile(member)))


def _member_refusal(member: tarfile.TarInfo) -> Refusal | None:
    if member.issym() or member.islnk():
        return _LINK
    if member.isdir():
        return None
    if not member.isfile() or member.issparse():
        return _NOT_ORDINARY
    return _SPECIAL if member.mode & _SPECIAL_BITS else None


def _mode_refusal(mode: int) -> Refusal | None:
    if stat.S_ISLNK(mode):
        return _LINK
    if not stat.S_ISREG(mode):
        return _NOT_ORDINARY
    return _SPECIAL if mode & _SPECIAL_BITS else None


def _name_refusal(path: str) -> Refusal | None:
    try:
        _SAFE_PATH.validate_python(path)
    except ValidationError:
        return _OUTSIDE if ".." in path.split("/") else _ODD_NAME
    if path.startswith("/"):
        return _OUTSIDE
    return _STATE if path.split("/", maxsplit=1)[0] == "state" else None


def _shown(path: str) -> str:
    return "".join(c if c.isprintable() else "\ufffd" for c in path[:200])


def _first_line(error: Exception) -> str:
    return _shown(str(error).splitlines()[0] if str(error) else type(error).__name__)
