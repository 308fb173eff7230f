"""What is signed about a release, word for word, and by when. Pure; the key is in `fleet.trust.release_key`.

fleet/terminal/signature.sh puts the same lines together from what it knows and compares: order and names are part of the protocol.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo

from fleet.errors import InputError
from fleet.model.release import Artifact, Release
from fleet.model.signature import DowngradePermit, ReleaseSignature
from fleet.text import N_, Message
from fleet.trust.release_key import ReleaseKey, is_signed_by

RELEASE, PERMIT = "fleet-release", "fleet-permit"
"""Namespaces: a signature for one is none for the other."""


def next_number(highest: int, day: date) -> int:
    """The number of the next release: readable (YYYYMMDDNN), above every one before, and so even where the workspace was lost."""
    return max(highest + 1, int(f"{day:%Y%m%d}01"))


def sign_release(release: Release, number: int, key: ReleaseKey, *, valid_for: timedelta, at: datetime, by: str) -> ReleaseSignature:
    """Sign every artifact of a release."""
    begins, ends = at.replace(microsecond=0), at.replace(microsecond=0) + valid_for
    proofs = {
        artifact.name: key.sign(RELEASE, release_statement(release.version, artifact, number, begins, ends))
        for artifact in release.artifacts
    }
    return ReleaseSignature(
        version=release.version,
        number=number,
        key=key.public_line,
        not_before=begins,
        expires_at=ends,
        proofs=proofs,
        signed_at=at,
        signed_by=by,
    )


def sign_permit(
    to: ReleaseSignature, from_: ReleaseSignature, key: ReleaseKey, *, valid_for: timedelta, at: datetime, by: str
) -> DowngradePermit:
    """Let terminals whose newest release was at most `from_` take `to`."""
    begins, ends = at.replace(microsecond=0), at.replace(microsecond=0) + valid_for
    return DowngradePermit(
        version=to.version,
        number=to.number,
        from_version=from_.version,
        from_number=from_.number,
        key=key.public_line,
        not_before=begins,
        expires_at=ends,
        proof=key.sign(PERMIT, permit_statement(to.version, from_.number, to.number, begins, ends)),
        signed_at=at,
        signed_by=by,
    )


def release_statement(version: str, artifact: Artifact, number: int, not_before: datetime, expires_at: datetime) -> str:
    """What is signed about one artifact."""
    return _lines(
        "fleet-release/1",
        version=version,
        artifact=artifact.name,
        number=number,
        manifest=artifact.digest,
        size=artifact.size,
        not_before=int(not_before.timestamp()),
        expires=int(expires_at.timestamp()),
    )


def permit_statement(version: str, from_number: int, to_number: int, not_before: datetime, expires_at: datetime) -> str:
    """What is signed about a downgrade."""
    return _lines(
        "fleet-permit/1",
        version=version,
        **{"from": from_number},
        to=to_number,
        not_before=int(not_before.timestamp()),
        expires=int(expires_at.timestamp()),
    )


def _lines(header: str, **values: object) -> str:
    return "".join((f"{header}\n", *(f"{name.replace('_', '-')}={value}\n" for name, value in values.items())))


def signature_trouble(release: Release, at: datetime, zone: tzinfo = UTC) -> Message | None:
    """Why terminals would not take this release, or None; days are those of `zone`."""
    signature = release.signature
    if signature is None:
        return N_("release {version} is not signed", version=release.version)
    for artifact in release.artifacts:
        proof = signature.proofs.get(artifact.name)
        told = release_statement(release.version, artifact, signature.number, signature.not_before, signature.expires_at)
        if proof is None or proof.statement != told or not is_signed_by(signature.key, RELEASE, proof):
            values = {"version": release.version, "artifact": artifact.name}
            return N_("the signature of release {version} does not hold for its artifact `{artifact}`", **values)
    if signature.is_expired(at):
        day = f"{signature.expires_at.astimezone(zone):%Y-%m-%d}"
        return N_("the signature of release {version} expired on {day}", version=release.version, day=day)
    return None


def require_signed(release: Release, at: datetime, zone: tzinfo = UTC) -> None:
    """Let a release pass that terminals take; days are those of `zone`.

    Raises:
        InputError: It is not signed, its signature does not hold, or has expired.
    """
    trouble = signature_trouble(release, at, zone)
    if trouble is not None:
        raise InputError(trouble, hint=N_("run `fleet release sign {version}`, then plan", version=release.version))
