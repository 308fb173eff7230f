"""The public half of a key that was born on a terminal, as a terminal tells it."""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key, load_ssh_public_key


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An ECDSA P-256 public key."""

    line: str
    """`ecdsa-sha2-nistp256 AAAA...`, without a comment."""
    blob: bytes
    """What the line holds in base64."""


def read_public_key(text: str) -> PublicKey | None:
    """The key in `ecdsa-sha2-nistp256 BASE64` or `spki BASE64` (DER, from openssl); None for anything else."""
    kind, _, encoded = text.partition(" ")
    try:
        key = load_der_public_key(b64decode(encoded, validate=True)) if kind == "spki" else load_ssh_public_key(text.encode())
    except (ValueError, Base64Error, UnsupportedAlgorithm):
        return None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        return None
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return PublicKey(line, b64decode(line.split(" ")[1]))
