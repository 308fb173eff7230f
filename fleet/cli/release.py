"""`fleet release`: add, list and verify releases of the client software."""

from pathlib import Path

import typer

from fleet.cli.common import current_door, print_json, print_table, say, show
from fleet.errors import FleetError, InputError
from fleet.text import N_, _

RELEASES = "releases"
"""Directory of the file contents inside the workspace."""

app = typer.Typer()


@app.command("add", help=_("Take a release's files into the workspace."))
def add(
    *,
    description: Path = typer.Argument(..., metavar="FILE", help=_("Its description, a release.yaml beside the files.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print the release as JSON.")),
) -> None:
    from datetime import UTC, datetime

    from fleet.control import releases as control
    from fleet.control.rights import Right, require
    from fleet.trust.release import add_release

    door = current_door()
    store = door.open_store()
    actor = door.actor(store)
    with store.read() as snapshot:
        require(snapshot, actor, Right.RELEASE)
    release = control.add_release(store, actor, datetime.now(UTC), add_release(description, door.workspace / RELEASES))
    if as_json:
        print_json(release)
        return
    rows = [(artifact.name, artifact.where, len(artifact.files), artifact.size) for artifact in release.artifacts]
    print_table([_("artifact"), _("for"), _("files"), _("bytes")], rows)
    show(_("Release {version} is in the workspace; digest {digest}", version=release.version, digest=release.digest[:12]))
    say(_("Next: fleet plan --playbook FILE --release {version}", version=release.version))


@app.command("list", help=_("List the releases in the workspace."))
def list_releases(*, as_json: bool = typer.Option(False, "--json", help=_("Print them as JSON."))) -> None:
    from fleet.store.releases import read_releases

    door = current_door()
    with door.open_store().read() as snapshot:
        releases = read_releases(snapshot)
    if as_json:
        print_json(releases)
        return
    zone = door.settings.zone
    rows = [
        (
            release.version,
            ", ".join(artifact.name for artifact in release.artifacts),
            sum(artifact.size for artifact in release.artifacts),
            release.digest[:12],
            f"{release.added_at.astimezone(zone):%Y-%m-%d %H:%M}" if release.added_at else "",
            release.added_by,
            release.notes,
        )
        for release in releases
    ]
    if rows:
        print_table([_("version"), _("artifacts"), _("bytes"), _("digest"), _("added"), _("by"), _("notes")], rows)
    else:
        say(_("There is no release yet; add one with `fleet release add`."))


@app.command("verify", help=_("See whether the files of the releases are still what was added."))
def verify(
    *, version: str | None = typer.Argument(None, metavar="[VERSION]", help=_("One release; without it every release is looked at."))
) -> int:
    from fleet.store.releases import read_releases
    from fleet.trust.release import verify_release

    door = current_door()
    with door.open_store().read() as snapshot:
        releases = [release for release in read_releases(snapshot) if version in (None, release.version)]
    if version is not None and not releases:
        raise InputError(N_("there is no release {version} in the workspace", version=version), hint=N_("see `fleet release list`"))
    code = 0
    for release in releases:
        mistakes = verify_release(release, door.workspace / RELEASES)
        for mistake in mistakes:
            for line in mistake.lines():
                say(line)
        if mistakes:
            show(_("Release {version}: files missing or damaged: {count}", version=release.version, count=len(mistakes)))
            code = FleetError.exit_code
        else:
            show(_("Release {version}: every file is as it was added", version=release.version))
    return code
