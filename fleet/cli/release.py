"""`fleet release`: add, sign, list and verify releases of the client software, and permit a downgrade."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fleet.cli.common import RELEASES, current_door, print_json, print_table, say, show
from fleet.errors import FleetError, InputError
from fleet.text import N_, _

if TYPE_CHECKING:
    from fleet.cli.common import Door
    from fleet.control.releases import Signing
    from fleet.model.release import Release
    from fleet.store import Store
    from fleet.trust.release_key import ReleaseKey

WAITS = 3
_LONGEST_DAYS = 3650

app = typer.Typer()

_new_key = typer.Option(
    False, "--new-key", help=_("The release key is lost: make another. Terminals refuse it until they forgot the old one.")
)
_valid_days = typer.Option(90, metavar="N", help=_("How many days the signature holds; terminals refuse the release after that."))


@app.command("add", help=_("Take a release's files into the workspace, and sign it."))
def add(
    *,
    description: Path = typer.Argument(..., metavar="FILE", help=_("Its description, a release.yaml beside the files.")),
    valid_days: int = _valid_days,
    new_key: bool = _new_key,
    as_json: bool = typer.Option(False, "--json", help=_("Print the release as JSON.")),
) -> int:
    from fleet.control import releases as control
    from fleet.control.rights import Right, require
    from fleet.trust.release import add_release

    _check_days(valid_days)
    door = current_door()
    store = door.open_store()
    actor = door.actor(store)
    with store.read() as snapshot:
        require(snapshot, actor, Right.RELEASE)
    signing = _signing_at_hand(door, store, valid_days, new_key=new_key)
    taken = add_release(description, door.workspace / RELEASES)
    release = control.add_release(store, actor, datetime.now(UTC), taken, signing)
    if as_json:
        print_json(_as_data(release))
    else:
        rows = [(artifact.name, artifact.where, len(artifact.files), artifact.size) for artifact in release.artifacts]
        print_table([_("artifact"), _("for"), _("files"), _("bytes")], rows)
        show(_("Release {version} is in the workspace; digest {digest}", version=release.version, digest=release.digest[:12]))
    if release.signature is None:
        say(_("It is not signed yet. Whoever has the release key runs: fleet release sign {version}", version=release.version))
        return WAITS
    if not as_json:
        _show_signature(door, release)
        say(_("Next: fleet plan --playbook FILE --release {version}", version=release.version))
    return 0


@app.command("sign", help=_("Sign a release anew, before or after its signature has expired."))
def sign(
    *,
    version: str = typer.Argument(..., metavar="VERSION", help=_("A release in the workspace.")),
    valid_days: int = _valid_days,
    new_key: bool = _new_key,
) -> None:
    from fleet.control import releases as control

    _check_days(valid_days)
    door = current_door()
    store = door.open_store()
    actor = door.actor(store)
    with store.read() as snapshot:
        control.require_known(snapshot, actor, version)
    signing = _signing(door, store, valid_days, new_key=new_key)
    release = control.renew_signature(store, actor, datetime.now(UTC), version, signing)
    _show_signature(door, release)
    say(_("Plans made before keep the old signature; make them again: fleet plan --playbook FILE --release {version}", version=version))


@app.command("permit", help=_("Let terminals go back to an older release than the one they had."))
def permit(
    *,
    version: str = typer.Argument(..., metavar="VERSION", help=_("The older release.")),
    from_version: str = typer.Option(..., "--from", metavar="VERSION", help=_("The newest release that may be left for it.")),
    valid_days: int = typer.Option(7, metavar="N", help=_("How many days the permit holds.")),
) -> None:
    from fleet.control import releases as control

    _check_days(valid_days)
    door = current_door()
    store = door.open_store()
    signing = _signing(door, store, valid_days)
    made = control.permit_downgrade(store, door.actor(store), datetime.now(UTC), version, from_version=from_version, signing=signing)
    values = {"version": made.version, "from_version": made.from_version, "day": _day(door, made.expires_at)}
    show(_("Terminals may go from {from_version} or older to {version} until {day}", **values))
    say(_("Next: fleet plan --playbook FILE --release {version}", version=version))


@app.command("list", help=_("List the releases in the workspace."))
def list_releases(*, as_json: bool = typer.Option(False, "--json", help=_("Print them as JSON."))) -> None:
    from fleet.store.releases import read_releases

    door = current_door()
    with door.open_store().read() as snapshot:
        releases = read_releases(snapshot)
    if as_json:
        print_json([_as_data(release) for release in releases])
        return
    rows = [
        (
            release.version,
            release.signature.number if release.signature else "",
            _signature_words(door, release),
            ", ".join(artifact.name for artifact in release.artifacts),
            sum(artifact.size for artifact in release.artifacts),
            release.digest[:12],
            f"{release.added_at.astimezone(door.settings.zone):%Y-%m-%d %H:%M}" if release.added_at else "",
            release.added_by,
            release.notes,
        )
        for release in releases
    ]
    if rows:
        headings = [_("version"), _("number"), _("signature"), _("artifacts"), _("bytes"), _("digest"), _("added"), _("by"), _("notes")]
        print_table(headings, rows)
    else:
        say(_("There is no release yet; add one with `fleet release add`."))


@app.command("verify", help=_("See whether the releases' files are still what was added, and their signatures hold."))
def verify(
    *, version: str | None = typer.Argument(None, metavar="VERSION", help=_("One release; without it every release is looked at."))
) -> int:
    from fleet.store.releases import read_releases

    door = current_door()
    with door.open_store().read() as snapshot:
        releases = [release for release in read_releases(snapshot) if version in (None, release.version)]
    if version is not None and not releases:
        raise InputError(N_("there is no release {version} in the workspace", version=version), hint=N_("see `fleet release list`"))
    is_well = [_is_well(door, release) for release in releases]
    return 0 if all(is_well) else FleetError.exit_code


def _is_well(door: "Door", release: "Release") -> bool:
    """Look at one release and say what was found."""
    from fleet.text import render
    from fleet.trust.release import verify_release
    from fleet.trust.statement import signature_trouble

    mistakes = verify_release(release, door.workspace / RELEASES)
    for line in (line for mistake in mistakes for line in mistake.lines()):
        say(line)
    if mistakes:
        show(_("Release {version}: files missing or damaged: {count}", version=release.version, count=len(mistakes)))
    else:
        show(_("Release {version}: every file is as it was added", version=release.version))
    trouble = signature_trouble(release, datetime.now(UTC), door.settings.zone)
    if trouble is not None:
        show(_("Release {version}: {trouble}", version=release.version, trouble=render(trouble)))
    else:
        _show_signature(door, release)
    if (other := other_key_words(door, release)) is not None:
        say(other)
    return not mistakes and trouble is None


def _show_signature(door: "Door", release: "Release") -> None:
    from fleet.trust.release_key import fingerprint

    if release.signature is None:
        return
    values = {
        "number": release.signature.number,
        "key": fingerprint(release.signature.key),
        "day": _day(door, release.signature.expires_at),
    }
    show(_("Release {version}: number {number}, signed by {key} until {day}", version=release.version, **values))


def _signature_words(door: "Door", release: "Release") -> str:
    if release.signature is None:
        return _("not signed")
    day = _day(door, release.signature.expires_at)
    if other_key_words(door, release) is not None:
        return _("until {day}; by another key than the present one", day=day)
    if release.signature.is_expired(datetime.now(UTC)):
        return _("expired on {day}", day=day)
    if release.permit is not None and not release.permit.expires_at < datetime.now(UTC):
        return _("until {day}; permitted from {version}", day=day, version=release.permit.from_version)
    return _("until {day}", day=day)


def _as_data(release: "Release") -> dict[str, Any]:
    """The release as JSON; of its signature what people ask for."""
    data = release.model_dump(mode="json", exclude={"signature": {"proofs"}, "permit": {"proof"}})
    data["digest"] = release.digest
    return data


def _signing(door: "Door", store: "Store", valid_days: int, *, new_key: bool = False) -> "Signing":
    from fleet.control.releases import Signing
    from fleet.control.workspace import release_key

    key = release_key(door.settings, signed_before=_last_key(store), new=new_key)
    if new_key:
        _say_new(key)
    return Signing(key, door.settings.zone, timedelta(days=valid_days))


def _signing_at_hand(door: "Door", store: "Store", valid_days: int, *, new_key: bool) -> "Signing | None":
    """The same; None where the key is not within this person's reach."""
    from fleet.control.releases import Signing
    from fleet.control.workspace import release_key_at_hand

    key = release_key_at_hand(door.settings, signed_before=_last_key(store), new=new_key)
    if key is not None and new_key:
        _say_new(key)
    return None if key is None else Signing(key, door.settings.zone, timedelta(days=valid_days))


def _last_key(store: "Store") -> str | None:
    from fleet.control.releases import last_key

    with store.read() as snapshot:
        return last_key(snapshot)


def _say_new(key: "ReleaseKey") -> None:
    from fleet.trust.release_key import fingerprint

    say(_("A new release key was made, {key}; keep a copy of it apart.", key=fingerprint(key.public_line)))
    say(_('Terminals that know another key refuse it until they forgot that one: docs/operations.md, "When the key is lost".'))


def other_key_words(door: "Door", release: "Release") -> str | None:
    """What to know of a release that another key signed than the workspace's present one; None where none did."""
    from fleet.control.workspace import present_key
    from fleet.trust.release_key import fingerprint

    present = present_key(door.settings)
    if present is None or release.signature is None or release.signature.key == present:
        return None
    return _(
        "Release {version} is signed by another key ({key}) than the workspace's present one. Each terminal takes only the key of its first push; "
        "`fleet release sign {version}` signs with the present one.",
        version=release.version,
        key=fingerprint(release.signature.key),
    )


def _check_days(days: int) -> None:
    if not 1 <= days <= _LONGEST_DAYS:
        raise InputError(N_("--valid-days must be a number from {least} to {most}", least=1, most=_LONGEST_DAYS))


def _day(door: "Door", at: datetime) -> str:
    return f"{at.astimezone(door.settings.zone):%Y-%m-%d}"
