"""Release files that are kept in memory while their rollout sends them to one terminal after the other."""

import threading
from collections import OrderedDict
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO

from fleet.push.job import FileSource

LARGEST_BYTES = 1024 * 1024
"""A file that is larger is read anew for each push, a piece at a time."""
ALL_BYTES = 32 * 1024 * 1024


class KeptFiles:
    """A source that remembers the small files of another, those last used. Safe to share between threads.

    Kept is only what its digest says it is: a file that the disk has damaged is read again, so that mending it is enough.
    """

    def __init__(self, files: FileSource, *, largest_bytes: int = LARGEST_BYTES, all_bytes: int = ALL_BYTES) -> None:
        """Nothing is kept yet."""
        self._files = files
        self._largest_bytes, self._all_bytes = largest_bytes, all_bytes
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0
        self._changing = threading.Lock()

    def open(self, digest: str, /) -> BinaryIO:
        """As FileSource's."""
        with self._changing:
            data = self._kept.get(digest)
            if data is not None:
                self._kept.move_to_end(digest)
                return BytesIO(data)
        source = self._files.open(digest)
        try:
            data = source.read(self._largest_bytes + 1)
            if len(data) <= self._largest_bytes and sha256(data).hexdigest() == digest:
                self._keep(digest, data)
            source.seek(0)
        except BaseException:
            source.close()
            raise
        return source

    def _keep(self, digest: str, data: bytes) -> None:
        with self._changing:
            if digest in self._kept:
                return
            self._kept[digest] = data
            self._kept_bytes += len(data)
            while self._kept_bytes > self._all_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._kept_bytes -= len(oldest)
