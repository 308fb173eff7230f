"""Host keys of simulated terminals, derived from the seed: a simulation raised again shows the same keys. Never for a real host."""

from base64 import b64decode, b64encode
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


def host_key(seed: int, terminal: str, *, wrong: bool = False) -> bytes:
    """The terminal's private ed25519 host key as OpenSSH writes it; `wrong` is another one, equally its own."""
    return _derive(seed, terminal, wrong).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def fingerprint(seed: int, terminal: str) -> str:
    """`SHA256:...` of the key the terminal ought to show, as `ssh-keygen -lf` prints it."""
    line = _derive(seed, terminal, wrong=False).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return "SHA256:" + b64encode(sha256(b64decode(line.split()[1])).digest()).decode().rstrip("=")


def _derive(seed: int, terminal: str, wrong: bool) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(f"{seed} {terminal} {'wrong' if wrong else 'right'}".encode()).digest())
