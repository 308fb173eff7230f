"""What a person writes about a release: `release.yaml` beside the files it names. Pure; see `fleet.trust.release` for the files."""

from typing import Annotated, Any

from pydantic import Field, field_validator

from fleet.model.base import Code, FreeText, Name, Noun, Version
from fleet.text import N_


class ArtifactDescription(Noun):
    """The files for one group of terminals, and where they lie."""

    name: Code
    where: FreeText = ""
    """Selection of the terminals it is for; empty is every one."""
    source: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Directories and tar.gz files, relative to the description; their files together are the artifact. One may be written alone."""

    @field_validator("source", mode="before")
    @classmethod
    def _one_alone(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class ReleaseDescription(Noun):
    """One version of the client software, as its maker hands it over."""

    version: Version
    notes: FreeText = ""
    artifacts: Annotated[tuple[ArtifactDescription, ...], Field(min_length=1)]

    @field_validator("artifacts")
    @classmethod
    def _names_unique(cls, value: tuple[ArtifactDescription, ...]) -> tuple[ArtifactDescription, ...]:
        names = [artifact.name for artifact in value]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(N_("two artifacts are named `{name}`", name=twice))
        return value
