"""A release of the client software: artifacts, each a manifest of files for the terminals its selection matches."""

from functools import cached_property
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from fleet.model.base import Code, FreeText, Noun, SafePath, Sha256, Version
from fleet.model.signature import DowngradePermit, ReleaseSignature, Seal


class ReleaseFile(Noun):
    """One file of an artifact, by content."""

    path: SafePath
    """Relative to the release's directory on the terminal."""
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    mode: Literal["0644", "0755"] = "0644"


def _by_path(files: tuple[ReleaseFile, ...]) -> tuple[ReleaseFile, ...]:
    return tuple(sorted(files, key=lambda file: file.path))


class Artifact(Noun):
    """The files for one group of terminals."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    name: Code
    where: FreeText = ""
    """Selection of the terminals it is for; empty is every one."""
    files: Annotated[tuple[ReleaseFile, ...], Field(min_length=1), AfterValidator(_by_path)]
    """By path: a terminal works the digest out from this order."""
    seal: Annotated[Seal | None, Field(exclude=True)] = None
    """What terminals check before they take it; kept beside the release, see `Release.sealed`."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @cached_property
    def manifest(self) -> str:
        """`sha256  path` lines as `sha256sum -c` reads them, sorted by path."""
        return "".join(f"{file.sha256}  {file.path}\n" for file in self.files)

    @cached_property
    def digest(self) -> str:
        """sha256 over paths, contents, sizes and modes; the same files give the same digest. A terminal works it out again."""
        lines = (f"{file.mode} {file.size} {file.sha256} {file.path}\n" for file in self.files)
        return sha256("".join(lines).encode()).hexdigest()


class Release(Noun):
    """One version of the client software, as it was added to the workspace."""

    version: Version
    artifacts: Annotated[tuple[Artifact, ...], Field(min_length=1)]
    notes: FreeText = ""
    added_at: AwareDatetime | None = None
    added_by: Code | None = None
    signature: ReleaseSignature | None = None
    """None before it was signed; no terminal takes it then."""
    permit: DowngradePermit | None = None

    def sealed(self, signature: ReleaseSignature | None, permit: DowngradePermit | None) -> "Release":
        """The same release with its signature, and every artifact with its seal. A permit of another key is left out."""
        if signature is None:
            return self.model_copy(update={"signature": None, "permit": permit})
        allowed = permit.proof if permit is not None and permit.key == signature.key else None
        artifacts = tuple(
            artifact.model_copy(update={"seal": Seal(key=signature.key, release=signature.proofs[artifact.name], permit=allowed)})
            if artifact.name in signature.proofs
            else artifact
            for artifact in self.artifacts
        )
        return self.model_copy(update={"artifacts": artifacts, "signature": signature, "permit": permit})

    def artifact(self, name: str | None) -> Artifact | None:
        """The artifact of that name."""
        return next((artifact for artifact in self.artifacts if artifact.name == name), None)

    @property
    def digest(self) -> str:
        """sha256 over version and artifacts (names, selections, contents)."""
        lines = (f"{artifact.name} {artifact.digest} {artifact.where}\n" for artifact in sorted(self.artifacts, key=lambda a: a.name))
        return sha256(f"{self.version}\n{''.join(lines)}".encode()).hexdigest()
