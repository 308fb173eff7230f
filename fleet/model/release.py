"""A release of the client software: artifacts, each a manifest of files for the terminals its selection matches."""

from functools import cached_property
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from fleet.model.base import Code, FreeText, Noun, SafePath, Sha256, Version


class ReleaseFile(Noun):
    """One file of an artifact, by content."""

    path: SafePath
    """Relative to the release's directory on the terminal."""
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    mode: Literal["0644", "0755"] = "0644"


class Artifact(Noun):
    """The files for one group of terminals."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    name: Code
    where: FreeText = ""
    """Selection of the terminals it is for; empty is every one."""
    files: Annotated[tuple[ReleaseFile, ...], Field(min_length=1)]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @cached_property
    def manifest(self) -> str:
        """`sha256  path` lines as `sha256sum -c` reads them, sorted by path."""
        return "".join(f"{file.sha256}  {file.path}\n" for file in sorted(self.files, key=lambda file: file.path))

    @cached_property
    def digest(self) -> str:
        """sha256 over paths, contents, sizes and modes; the same files give the same digest."""
        lines = (f"{file.mode} {file.size} {file.sha256} {file.path}\n" for file in sorted(self.files, key=lambda file: file.path))
        return sha256("".join(lines).encode()).hexdigest()


class Release(Noun):
    """One version of the client software, as it was added to the workspace."""

    version: Version
    artifacts: Annotated[tuple[Artifact, ...], Field(min_length=1)]
    notes: FreeText = ""
    added_at: AwareDatetime | None = None
    added_by: Code | None = None

    @property
    def digest(self) -> str:
        """sha256 over version and artifacts (names, selections, contents)."""
        lines = (f"{artifact.name} {artifact.digest} {artifact.where}\n" for artifact in sorted(self.artifacts, key=lambda a: a.name))
        return sha256(f"{self.version}\n{''.join(lines)}".encode()).hexdigest()
