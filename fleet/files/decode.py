"""The text of a file, whatever the office program that wrote it: UTF-8 with or without BOM, or GB18030.

- A byte order mark decides. Without one, strict UTF-8 is tried, then strict GB18030.
- A damaged UTF-8 file is not taken for GB18030, where its bytes would often be legal and every name wrong.
"""

import codecs
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from fleet.files.mistakes import Mistakes
from fleet.text import N_

MAX_BYTES = 256 * 1024 * 1024
"""A larger file is refused before it is read: a province's inventory is a tenth of it."""


def read_bytes(path: Path, mistakes: Mistakes) -> bytes | None:
    """The file's bytes, or None after noting why there are none."""
    try:
        status = path.stat()
        if not (S_ISREG(status.st_mode) or S_ISDIR(status.st_mode)):  # a pipe or a device may never end, or never begin
            mistakes.add(str(path), 0, N_("not an ordinary file"), N_("is it the right file?"))
            return None
        if status.st_size > MAX_BYTES:
            mistakes.add(str(path), 0, N_("larger than {limit} MiB", limit=MAX_BYTES // 1024 // 1024), N_("is it the right file?"))
            return None
        return path.read_bytes()
    except FileNotFoundError:
        mistakes.add(str(path), 0, N_("no such file"), N_("check the path"))
    except IsADirectoryError:
        mistakes.add(str(path), 0, N_("this is a directory"), N_("name the file in it, too"))
    except PermissionError:
        mistakes.add(str(path), 0, N_("cannot be read: {reason}", reason=N_("Permission denied")), N_("have its owner let you read it"))
    except (OSError, ValueError) as error:
        mistakes.add(str(path), 0, N_("cannot be read: {reason}", reason=getattr(error, "strerror", None) or str(error)))
    return None


def decode(file: str, data: bytes, mistakes: Mistakes) -> str | None:
    """The text of `data`, or None after noting where it breaks."""
    if data.startswith(codecs.BOM_UTF8):
        return _strict(file, data, "utf-8-sig", mistakes)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        mistakes.add(file, 0, N_("the file is UTF-16"), N_("save it as UTF-8 (in Excel: `CSV UTF-8`)"))
        return None
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        if _begins_as_chinese_utf8(data[: error.start]):
            return _strict(file, data, "utf-8", mistakes)
    return _strict(file, data, "gb18030", mistakes)


def _begins_as_chinese_utf8(data: bytes) -> bool:
    """Whether bytes that are legal UTF-8 read as Chinese: by chance, GB18030 bytes give Latin or Greek letters instead."""
    letters = [char for char in data.decode("utf-8") if not char.isascii()]
    return len(letters) >= 2 and all(char >= "\u2000" for char in letters)


def _strict(file: str, data: bytes, encoding: str, mistakes: Mistakes) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        broken_at = error.start + (len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        line = data.count(b"\n", 0, broken_at) + 1
        byte = f"0x{data[broken_at]:02x}"
        if encoding == "gb18030":
            what = N_("neither UTF-8 nor GB18030: byte {byte} does not fit", byte=byte)
        else:
            what = N_("broken UTF-8: byte {byte} does not fit", byte=byte)
        mistakes.add(file, line, what, N_("save it again as UTF-8 (in Excel: `CSV UTF-8`); a broken copy is often a transfer that was cut"))
        return None
