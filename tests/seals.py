"""Signed releases for tests: one key for all of them, and a number that follows the version."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key

from fleet.model.release import Artifact, Release
from fleet.model.signature import DowngradePermit, ReleaseSignature
from fleet.trust.release_key import ReleaseKey
from fleet.trust.statement import sign_permit, sign_release

KEY = ReleaseKey(derive_private_key(int.from_bytes(sha256(b"tests").digest(), "big") >> 1, SECP256R1()))
OTHER_KEY = ReleaseKey(derive_private_key(int.from_bytes(sha256(b"somebody else").digest(), "big") >> 1, SECP256R1()))
BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
FOR = timedelta(days=90)


def number_of(version: str) -> int:
    """1.0 -> 2026010100, 2.0 -> 2026010200, 4.2.0 -> 2026010420."""
    parts = [int(part) for part in version.split(".") if part.isdigit()]
    return 2026010000 + 100 * parts[0] + 10 * (parts[1] if len(parts) > 1 else 0) + (parts[2] if len(parts) > 2 else 0)


def signature_of(
    release: Release, *, key: ReleaseKey = KEY, number: int | None = None, at: datetime = BEGAN, valid_for: timedelta = FOR
) -> ReleaseSignature:
    """The release's signature, as `fleet release add` makes it."""
    return sign_release(release, number or number_of(release.version), key, valid_for=valid_for, at=at, by="li-na")


def permit_of(to: ReleaseSignature, from_: ReleaseSignature, *, key: ReleaseKey = KEY, valid_for: timedelta = FOR) -> DowngradePermit:
    """A permit to go back, as `fleet release permit` makes it."""
    return sign_permit(to, from_, key, valid_for=valid_for, at=BEGAN, by="li-na")


def signed(release: Release) -> Release:
    """The release, signed, its artifacts sealed."""
    return release.sealed(signature_of(release), None)


def sealed(artifact: Artifact, version: str, *, permitted_from: str | None = None) -> Artifact:
    """One artifact with its seal; with a permit, also for terminals that had `permitted_from`."""
    release = Release(version=version, artifacts=(artifact,))
    signature = signature_of(release)
    permit = None if permitted_from is None else permit_of(signature, signature_of(release, number=number_of(permitted_from)))
    return release.sealed(signature, permit).artifacts[0]
