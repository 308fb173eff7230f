"""Recording a release, signing it, and permitting a downgrade to it.

A release is signed when it is added. Its signature can be renewed, under the number it has; nothing else about it ever changes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from fleet.control.rights import Right, require
from fleet.errors import ConflictError, InputError
from fleet.files import one_of
from fleet.model.actor import Actor
from fleet.model.release import Release
from fleet.model.signature import DowngradePermit, ReleaseSignature
from fleet.store import Snapshot, Store, Tx, releases
from fleet.text import N_
from fleet.trust.release_key import ReleaseKey, fingerprint
from fleet.trust.statement import next_number, require_signed, sign_permit, sign_release

VALID = timedelta(days=90)
"""How long a release's signature holds, unless somebody says otherwise: a rollout takes weeks."""


@dataclass(frozen=True, slots=True)
class Signing:
    """With what a release is signed."""

    key: ReleaseKey
    zone: ZoneInfo
    """Whose day a new release's number begins with."""
    valid_for: timedelta = VALID


def add_release(store: Store, actor: Actor, at: datetime, release: Release, signing: Signing | None = None) -> Release:
    """Record a release whose files are in the workspace, signed; returns it with who and when.

    One that is there already is signed only where it was not. Without `signing` it stays unsigned, and nothing can be planned with it.

    Raises:
        NotAllowedError: The actor may not add releases.
        ConflictError: That version is there already, with other contents.
    """
    stamped = release.model_copy(update={"added_at": at, "added_by": actor.code})
    with store.write(actor, at) as tx:
        require(tx, actor, Right.RELEASE)
        known = releases.read_release(tx, release.version)
        if known is not None and known.digest != release.digest:
            raise ConflictError(
                N_("release {version} is there already, with other contents", version=release.version),
                hint=N_("a release never changes; give this one a new version"),
            )
        if known is None:
            releases.add_release(tx, stamped)
        found = known or stamped
        return _sign(tx, found, signing) if signing is not None and found.signature is None else found


def renew_signature(store: Store, actor: Actor, at: datetime, version: str, signing: Signing) -> Release:
    """Sign a release anew, under its own number where it has one. Plans that were made before keep the signature they were made with.

    Raises:
        NotAllowedError: The actor may not add releases.
        InputError: There is no such release.
    """
    with store.write(actor, at) as tx:
        require(tx, actor, Right.RELEASE)
        return _sign(tx, _known(tx, version), signing)


def permit_downgrade(store: Store, actor: Actor, at: datetime, version: str, *, from_version: str, signing: Signing) -> DowngradePermit:
    """Let terminals whose newest release was at most `from_version` take `version` again.

    Raises:
        NotAllowedError: The actor may not add releases.
        InputError: One of the two is not there, not signed, or the first is not the older one.
    """
    with store.write(actor, at) as tx:
        require(tx, actor, Right.RELEASE)
        to, from_ = _signature(tx, version), _signature(tx, from_version)
        if to.number > from_.number:
            values = {"version": version, "number": to.number, "from_version": from_version, "from_number": from_.number}
            raise InputError(
                N_("release {version} needs no permit: its number {number} is above that of {from_version}, {from_number}", **values),
                hint=N_("the number counts, not the version, and {version} was added later; plan with it as it is", version=version),
            )
        if to.number == from_.number:
            raise InputError(
                N_("release {version} is not older than {from_version}; that is no downgrade", version=version, from_version=from_version),
                hint=N_("name the release that terminals have with --from"),
            )
        if to.key != signing.key.public_line:
            raise InputError(
                N_("release {version} is signed with another key than the permit would be", version=version),
                hint=N_("run `fleet release sign {version}` first", version=version),
            )
        permit = sign_permit(to, from_, signing.key, valid_for=signing.valid_for, at=at, by=actor.code)
        releases.save_permit(tx, permit, fingerprint(permit.key))
    return permit


def plannable(snapshot: Snapshot, version: str, at: datetime, zone: ZoneInfo) -> Release:
    """The release of that version, if terminals would take it; days are those of `zone`.

    Raises:
        InputError: It is not there, not signed, its signature does not hold, or has expired.
    """
    release = _known(snapshot, version)
    require_signed(release, at, zone)
    return release


def require_known(snapshot: Snapshot, actor: Actor, version: str) -> None:
    """Let pass who may sign a release that is there; asked before a key is made for it.

    Raises:
        NotAllowedError: The actor may not.
        InputError: There is no such release.
    """
    require(snapshot, actor, Right.RELEASE)
    _known(snapshot, version)


def last_key(snapshot: Snapshot) -> str | None:
    """The public key that signed a release of this workspace last; None where none was signed."""
    signatures = [release.signature for release in releases.read_releases(snapshot) if release.signature is not None]
    return max(signatures, key=lambda signature: signature.signed_at).key if signatures else None


def _sign(tx: Tx, release: Release, signing: Signing) -> Release:
    before = release.signature
    number = before.number if before else next_number(releases.highest_number(tx), tx.at.astimezone(signing.zone).date())
    signature = sign_release(release, number, signing.key, valid_for=signing.valid_for, at=tx.at, by=tx.actor.code)
    releases.save_signature(tx, signature, fingerprint(signature.key))
    return release.sealed(signature, release.permit)


def _known(snapshot: Snapshot, version: str) -> Release:
    found = releases.read_release(snapshot, version)
    if found is None:
        versions = [release.version for release in releases.read_releases(snapshot)]
        hint = one_of(version, versions) if versions else N_("add one with `fleet release add`")
        raise InputError(N_("there is no release {version} in the workspace", version=version), hint=hint)
    return found


def _signature(snapshot: Snapshot, version: str) -> ReleaseSignature:
    signature = _known(snapshot, version).signature
    if signature is None:
        hint = N_("run `fleet release sign {version}` first", version=version)
        raise InputError(N_("release {version} is not signed", version=version), hint=hint)
    return signature
