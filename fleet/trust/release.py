"""Takes a release into the workspace, and looks whether it is still what was taken in.

- All or nothing: every mistake of the description and of all its files is reported at once, and nothing is kept.
- A file that begins with `#!` or may be executed is 0755 on the terminal, every other 0644; nothing else of its mode survives.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from fleet.errors import InputError, Mistake, MistakesError, system_words
from fleet.files import read_model
from fleet.files.places import line_at
from fleet.model.release import Artifact, Release, ReleaseFile
from fleet.select import parse_inventory_selection
from fleet.text import N_
from fleet.trust.contents import Contents, TooLargeError, receive
from fleet.trust.description import ArtifactDescription, ReleaseDescription
from fleet.trust.sources import Limits, SourceFile, read_source, reading


def add_release(description: Path, releases_dir: Path, limits: Limits = Limits()) -> Release:
    """Copy a release's files into the workspace and tell what it holds.

    Args:
        description: A `release.yaml`; its sources are relative to its directory.
        releases_dir: `<workspace>/releases`; made where it is not there.
        limits: What is more than this is refused.

    Raises:
        MistakesError: Of the description and of its files, all at once. Nothing was kept.
    """
    described = read_model(description, ReleaseDescription)
    releases_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".incoming-", dir=releases_dir) as incoming:
        intake = _Intake(Path(incoming), limits)
        for position, artifact in enumerate(described.artifacts):
            _check_where(artifact, position, description, intake)
            for source in artifact.source:
                intake.read(description.parent / source)
        artifacts = tuple(_artifact(artifact, description, intake) for artifact in described.artifacts)
        if intake.mistakes:
            raise MistakesError(intake.mistakes)
        Contents(releases_dir).take_in(Path(incoming))
    return Release(
        version=described.version,
        notes=described.notes,
        artifacts=tuple(Artifact(name=name, where=where, files=files) for name, where, files in artifacts),
    )


def verify_release(release: Release, releases_dir: Path) -> tuple[Mistake, ...]:
    """Every file of the release whose content in the workspace is missing or no longer the one that was added; empty when all is well."""
    contents = Contents(releases_dir)
    files = {file.sha256: file for artifact in release.artifacts for file in artifact.files}
    return tuple(mistake for file in files.values() for mistake in _look_at(file, contents))


def require_whole(release: Release, releases_dir: Path) -> None:
    """Let a release pass whose every file is still the one that was added.

    Raises:
        MistakesError: Of every file that is missing or damaged.
    """
    if mistakes := verify_release(release, releases_dir):
        raise MistakesError(mistakes)


@dataclass(slots=True)
class _Intake:
    """What was read so far; a source that two artifacts name is read once."""

    incoming: Path
    limits: Limits
    files: dict[Path, dict[str, ReleaseFile]] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)
    bytes_taken: int = 0

    def read(self, source: Path) -> None:
        """Take in every file of `source`."""
        if source in self.files:
            return
        taken = self.files[source] = {}
        for found in read_source(source, self.limits):
            if isinstance(found, Mistake):
                self.mistakes.append(found)
            elif found.path in taken:
                self.mistakes.append(Mistake(str(source), 0, N_("holds `{path}` twice", path=found.path)))
            elif len(taken) == self.limits.source_files:
                self.mistakes.append(Mistake(str(source), 0, N_("holds more than {limit} files", limit=self.limits.source_files)))
                return
            elif not self._take(found, source):
                return

    def _take(self, found: SourceFile, source: Path) -> bool:
        content = None
        with reading(source) as trouble:
            try:
                content = receive(found.stream, self.incoming, self.limits.release_bytes - self.bytes_taken)
            except TooLargeError:
                what = N_("is too large: a release may hold {limit} MiB", limit=self.limits.release_bytes >> 20)
                trouble.append(Mistake(f"{source}/{found.path}", 0, what))
        self.mistakes.extend(trouble)
        if content is None:
            return False
        self.bytes_taken += content.size
        is_program = found.is_executable or content.head == b"#!"
        self.files[source][found.path] = ReleaseFile(
            path=found.path, sha256=content.sha256, size=content.size, mode="0755" if is_program else "0644"
        )
        return True


def _artifact(artifact: ArtifactDescription, description: Path, intake: _Intake) -> tuple[str, str, tuple[ReleaseFile, ...]]:
    files: dict[str, ReleaseFile] = {}
    for source in artifact.source:
        for path, file in intake.files[description.parent / source].items():
            if path in files:
                what = N_("artifact `{artifact}` gets `{path}` from two sources", artifact=artifact.name, path=path)
                intake.mistakes.append(Mistake(str(description), 0, what))
            files[path] = file
    intake.mistakes.extend(_conflicts(artifact, files, description))
    if not files and not intake.mistakes:
        intake.mistakes.append(Mistake(str(description), 0, N_("artifact `{artifact}` holds no file", artifact=artifact.name)))
    return artifact.name, artifact.where, tuple(files[path] for path in sorted(files))


def _conflicts(artifact: ArtifactDescription, files: Iterable[str], description: Path) -> Iterable[Mistake]:
    """A path that is a file in one source and a directory in another."""
    paths = set(files)
    for path in sorted(paths):
        parents = path.split("/")[:-1]
        if any("/".join(parents[: n + 1]) in paths for n in range(len(parents))):
            what = N_("artifact `{artifact}` needs a directory where it has a file: `{path}`", artifact=artifact.name, path=path)
            yield Mistake(str(description), 0, what)


def _check_where(artifact: ArtifactDescription, position: int, description: Path, intake: _Intake) -> None:
    try:
        parse_inventory_selection(artifact.where)
    except InputError as error:
        line = line_at(description, ("artifacts", position, "where"))
        intake.mistakes.append(Mistake(str(description), line, error.what, error.hint))


def _look_at(file: ReleaseFile, contents: Contents) -> Iterable[Mistake]:
    try:
        found = contents.digest_of(file.sha256)
    except OSError as error:
        what = N_("`{path}` cannot be read: {reason}", path=file.path, reason=system_words(error))
    else:
        if found == file.sha256:
            return
        what = N_("`{path}` is damaged: its digest is {found}", path=file.path, found=found[:12])
    yield Mistake(str(contents.directory / file.sha256), 0, what, N_("add the release again; that puts the right content in place"))
