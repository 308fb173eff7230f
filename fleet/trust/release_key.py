"""The key that signs releases: ECDSA P-256, in a file that only its owner reads. Pushing never needs it."""

import base64
import stat
import struct
from dataclasses import dataclass, field
from hashlib import sha256, sha512
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_public_key,
)

from fleet.errors import InputError, system_words
from fleet.model.signature import Proof
from fleet.text import N_
from fleet.trust.user_key import write_new

_ALGORITHM = b"ecdsa-sha2-nistp256"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_COLUMNS = 70


@dataclass(frozen=True, slots=True)
class ReleaseKey:
    """A private release key, ready to sign."""

    private: EllipticCurvePrivateKey = field(repr=False)

    @property
    def public_line(self) -> str:
        """`ecdsa-sha2-nistp256 AAAA...`."""
        return self.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii")

    def sign(self, namespace: str, statement: str) -> Proof:
        """Sign a statement's exact bytes twice: for `ssh-keygen -Y verify -n NAMESPACE`, and for `openssl dgst -sha256 -verify`."""
        message = statement.encode("ascii")
        der = self.private.sign(message, ECDSA(SHA256()))
        raw = self.private.sign(_what_ssh_signs(namespace, message), ECDSA(SHA256()))
        return Proof(statement=statement, sshsig=_armor(self.public_line, namespace, raw), der=base64.b64encode(der).decode("ascii"))


def make_release_key(file: Path) -> ReleaseKey:
    """Make a key in `file` (mode 0600), and its public half in `file`.pub.

    Raises:
        FileExistsError: One of the two files is there already; nothing was changed.
    """
    key = ReleaseKey(generate_private_key(SECP256R1()))
    write_new(file, key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    write_new(file.with_name(file.name + ".pub"), f"{key.public_line}\n".encode("ascii"), 0o644)
    return key


def load_release_key(file: Path) -> ReleaseKey:
    """The key in a file.

    Raises:
        InputError: There is none, it may not be read, others may read it, it is encrypted, or it is no ECDSA P-256 key.
    """
    try:
        mode, content = file.stat().st_mode, file.read_bytes()
    except OSError as error:
        hint = N_("whoever made the workspace has it; a lost one is replaced as docs/operations.md says")
        raise InputError(N_("no release key: {reason}", reason=system_words(error)), where=str(file), hint=hint) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InputError(N_("others may read the release key"), where=str(file), hint=N_("chmod 600 it"))
    try:
        private = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, EllipticCurvePrivateKey) or not isinstance(private.curve, SECP256R1):
        hint = N_("it must be an ECDSA P-256 key in PEM, without a passphrase")
        raise InputError(N_("this release key cannot be used"), where=str(file), hint=hint)
    return ReleaseKey(private)


def fingerprint(public_line: str) -> str:
    """`SHA256:...` of a public key, as ssh-keygen shows it."""
    digest = sha256(base64.b64decode(public_line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode('ascii').rstrip('=')}"


def is_signed_by(public_line: str, namespace: str, proof: Proof) -> bool:
    """Whether both signatures of a proof are this key's, over exactly its statement, for this namespace."""
    message = proof.statement.encode("ascii")
    try:
        public = load_ssh_public_key(public_line.encode("ascii"))
        assert isinstance(public, EllipticCurvePublicKey)
        raw = _unarmor(proof.sshsig, public_line, namespace)
        public.verify(base64.b64decode(proof.der), message, ECDSA(SHA256()))
        public.verify(raw, _what_ssh_signs(namespace, message), ECDSA(SHA256()))
    except (InvalidSignature, ValueError, UnsupportedAlgorithm, AssertionError, struct.error):
        return False
    return True


def _what_ssh_signs(namespace: str, message: bytes) -> bytes:
    """The blob an SSHSIG signs. Source: OpenSSH, PROTOCOL.sshsig."""
    return b"SSHSIG" + b"".join(map(_string, (namespace.encode("ascii"), b"", b"sha512", sha512(message).digest())))


def _armor(public_line: str, namespace: str, der: bytes) -> str:
    """An SSHSIG in the form of a file. Source: OpenSSH, PROTOCOL.sshsig; RFC 5656 for the signature in it."""
    signature = _string(_ALGORITHM) + _string(b"".join(_mpint(number) for number in decode_dss_signature(der)))
    text = base64.b64encode(_head(public_line, namespace) + _string(signature)).decode("ascii")
    return "\n".join((_BEGIN, *(text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)), _END))


def _unarmor(armored: str, public_line: str, namespace: str) -> bytes:
    """The DER signature in an SSHSIG of this key and namespace.

    Raises:
        ValueError: It is another's, or for something else.
    """
    blob = base64.b64decode("".join(armored.splitlines()[1:-1]), validate=True)
    head = _head(public_line, namespace)
    if not blob.startswith(head):
        message = "another key or namespace"
        raise ValueError(message)
    signature, _ = _take(blob[len(head) :])
    _, rest = _take(signature)
    numbers, _ = _take(rest)
    first, rest = _take(numbers)
    second, _ = _take(rest)
    return encode_dss_signature(int.from_bytes(first, "big"), int.from_bytes(second, "big"))


def _head(public_line: str, namespace: str) -> bytes:
    key = base64.b64decode(public_line.split()[1])
    return b"SSHSIG" + struct.pack(">I", 1) + b"".join(map(_string, (key, namespace.encode("ascii"), b"", b"sha512")))


def _string(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value


def _mpint(value: int) -> bytes:
    return _string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _take(data: bytes) -> tuple[bytes, bytes]:
    (length,) = struct.unpack(">I", data[:4])
    return data[4 : 4 + length], data[4 + length :]
