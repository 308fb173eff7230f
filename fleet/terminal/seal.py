"""What a program carries of a release's signature, as sh constants for signature.sh. Pure."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from shlex import quote
from textwrap import wrap

from fleet.model.plan import Program
from fleet.model.release import Artifact
from fleet.model.signature import Proof

_SPKI_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
"""What stands before the point in the SubjectPublicKeyInfo of a P-256 key. Source: RFC 5480."""
_POINT_BYTES = 65
_COLUMNS = 64
_EXPIRES = re.compile(r"^release_statement='fleet-release/1\n(?:[a-z-]+=.*\n)*?expires=(\d+)'$", re.MULTILINE)


def seal_lines(artifact: Artifact, version: str) -> Iterator[str]:
    """The constants of one artifact's seal; nothing where there is none."""
    if artifact.seal is None:
        return
    yield f"release_version={quote(version)}"
    yield f"release_artifact={quote(artifact.name)}"
    yield f"release_size={artifact.size}"
    yield f"release_key={quote(artifact.seal.key)}"
    yield f"release_spki={quote(_pem(artifact.seal.key))}"
    yield from _proof("release", artifact.seal.release)
    yield from _proof("permit", artifact.seal.permit)


def expires_at(program: Program) -> datetime | None:
    """When terminals stop to take the release a program stages; None for one that stages none."""
    found = _EXPIRES.search(program.text)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None


def _proof(name: str, proof: Proof | None) -> Iterator[str]:
    # Without the last line feed, as a shell keeps texts; the terminal puts it back.
    yield f"{name}_statement={quote(proof.statement.removesuffix(chr(10))) if proof else ''}"
    yield f"{name}_sshsig={quote(proof.sshsig) if proof else ''}"
    yield f"{name}_der={quote(_wrapped(proof.der)) if proof else ''}"


def _pem(key: str) -> str:
    """The public key as openssl reads it, from the way OpenSSH writes it: both end in the same point."""
    point = b64decode(key.split()[1])[-_POINT_BYTES:]
    body = _wrapped(b64encode(_SPKI_HEAD + point).decode("ascii"))
    return f"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----"


def _wrapped(text: str) -> str:
    """Base64 in lines that every openssl reads."""
    return "\n".join(wrap(text, _COLUMNS))
