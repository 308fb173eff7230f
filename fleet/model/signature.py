"""What a release key vouches for: statements that a terminal can check with ssh-keygen or openssl.

- A statement is a few printable lines, `name=value` under a header; it is signed over its exact bytes and never parsed as anything else.
- Each has two signatures: an SSHSIG, which names what it is for, and a DER one for openssl, where the header says it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from fleet.model.base import Code, Noun, Version

Statement = Annotated[str, StringConstraints(pattern=r"^fleet-(?:release|permit)/1\n(?:[a-z-]+=[!-~]+\n)+$", max_length=1000)]
Armor = Annotated[
    str, StringConstraints(pattern=r"^-----BEGIN SSH SIGNATURE-----\n[A-Za-z0-9+/=\n]+-----END SSH SIGNATURE-----$", max_length=2000)
]
Base64 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$", max_length=200)]
KeyLine = Annotated[str, StringConstraints(pattern=r"^ecdsa-sha2-nistp256 [A-Za-z0-9+/]+={0,2}$", max_length=200)]
"""A public ECDSA P-256 key as OpenSSH writes it, without a comment."""
ReleaseNumber = Annotated[int, Field(ge=1, le=2_147_483_647)]
"""Rises with every release that is signed: YYYYMMDDNN."""


class Proof(Noun):
    """A statement and its two signatures."""

    statement: Statement
    sshsig: Armor
    der: Base64


class Seal(Noun):
    """What a program tells a terminal about one artifact."""

    key: KeyLine
    release: Proof
    permit: Proof | None = None


class ReleaseSignature(Noun):
    """The signature of a release: one statement for each of its artifacts."""

    version: Version
    number: ReleaseNumber
    key: KeyLine
    not_before: AwareDatetime
    expires_at: AwareDatetime
    proofs: Mapping[Code, Proof]
    """By the artifact's name."""
    signed_at: AwareDatetime
    signed_by: Code

    def is_expired(self, at: datetime) -> bool:
        """Whether terminals no longer take it."""
        return at > self.expires_at


class DowngradePermit(Noun):
    """Lets terminals that had a newer release take this one, until it expires."""

    version: Version
    """The release that may be taken."""
    number: ReleaseNumber
    from_version: Version
    """The newest release that may be left for it."""
    from_number: ReleaseNumber
    key: KeyLine
    not_before: AwareDatetime
    expires_at: AwareDatetime
    proof: Proof
    signed_at: AwareDatetime
    signed_by: Code
