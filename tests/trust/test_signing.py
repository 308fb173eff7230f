"""Statements and signatures: what the stock tools say about them, and what we find when we look again."""

import subprocess
from base64 import b64decode
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from fleet.errors import InputError
from fleet.model.release import Artifact, Release, ReleaseFile
from fleet.model.signature import Proof, ReleaseSignature
from fleet.trust.release_key import fingerprint, is_signed_by, load_release_key, make_release_key
from fleet.trust.statement import PERMIT, RELEASE, next_number, permit_statement, release_statement, require_signed, signature_trouble
from tests.seals import BEGAN, FOR, KEY, OTHER_KEY, signature_of

ARTIFACT = Artifact(
    name="hospital",
    files=tuple(ReleaseFile(path=path, sha256="ab" * 32, size=7, mode="0755") for path in ("share/notice.txt", "bin/client")),
)
BARE = Release(version="4.2.0", artifacts=(ARTIFACT, ARTIFACT.model_copy(update={"name": "pharmacy"})))
AT = datetime(2026, 11, 27, 14, tzinfo=UTC)
STATEMENT = release_statement("4.2.0", ARTIFACT, 2026112701, AT, AT + timedelta(days=90))


def test_a_statement_is_a_few_printable_lines_in_a_fixed_order() -> None:
    assert STATEMENT.splitlines() == [
        "fleet-release/1",
        "version=4.2.0",
        "artifact=hospital",
        "number=2026112701",
        f"manifest={ARTIFACT.digest}",
        "size=14",
        "not-before=1795788000",
        "expires=1803564000",
    ]
    assert permit_statement("4.1.0", 2026112701, 2026110101, AT, AT).splitlines() == [
        "fleet-permit/1",
        "version=4.1.0",
        "from=2026112701",
        "to=2026110101",
        "not-before=1795788000",
        "expires=1795788000",
    ]


def by_ssh_keygen(directory: Path, proof: Proof, *, namespace: str = RELEASE, key: str = KEY.public_line) -> bool:
    (directory / "signers").write_text(f'fleet namespaces="{namespace}" {key}\n')
    (directory / "sig").write_text(f"{proof.sshsig}\n")
    words = ["ssh-keygen", "-Y", "verify", "-f", "signers", "-I", "fleet", "-n", namespace, "-s", "sig"]
    return subprocess.run(words, input=proof.statement.encode(), cwd=directory, capture_output=True, check=False).returncode == 0


def by_openssl(directory: Path, proof: Proof) -> bool:
    (directory / "key.pem").write_bytes(KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (directory / "sig").write_bytes(b64decode(proof.der))
    words = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "sig"]
    return subprocess.run(words, input=proof.statement.encode(), cwd=directory, capture_output=True, check=False).returncode == 0


@pytest.mark.needs("ssh-keygen", "openssl")
def test_the_stock_tools_accept_what_we_sign_whatever_its_numbers_look_like(tmp_path: Path) -> None:
    for _ in range(20):  # an ECDSA number is now and then a byte shorter, or needs one more for its sign
        proof = KEY.sign(RELEASE, STATEMENT)
        assert by_ssh_keygen(tmp_path, proof)
        assert by_openssl(tmp_path, proof)


@pytest.mark.needs("ssh-keygen", "openssl")
def test_the_stock_tools_refuse_another_text_another_key_and_another_namespace(tmp_path: Path) -> None:
    proof = KEY.sign(RELEASE, STATEMENT)
    changed = proof.model_copy(update={"statement": STATEMENT.replace("size=14", "size=15")})

    assert not by_ssh_keygen(tmp_path, changed)
    assert not by_openssl(tmp_path, changed)
    assert not by_ssh_keygen(tmp_path, proof, key=OTHER_KEY.public_line)
    assert not by_openssl(tmp_path, OTHER_KEY.sign(RELEASE, STATEMENT))
    assert not by_ssh_keygen(tmp_path, proof, namespace=PERMIT)


@pytest.mark.needs("ssh-keygen")
def test_a_fingerprint_is_the_one_ssh_keygen_shows(tmp_path: Path) -> None:
    make_release_key(tmp_path / "release_key")

    ran = subprocess.run(["ssh-keygen", "-lf", tmp_path / "release_key.pub"], capture_output=True, text=True, check=True)

    assert fingerprint(load_release_key(tmp_path / "release_key").public_line) == ran.stdout.split()[1]


@pytest.mark.parametrize(
    "change",
    [
        {"statement": STATEMENT.replace("size=14", "size=15")},
        {"sshsig": KEY.sign(PERMIT, STATEMENT).sshsig},
        {"sshsig": OTHER_KEY.sign(RELEASE, STATEMENT).sshsig},
        {"der": OTHER_KEY.sign(RELEASE, STATEMENT).der},
        {"der": "AAAA"},
        {"sshsig": "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----"},
        {"sshsig": "-----BEGIN SSH SIGNATURE-----\nAAA\n-----END SSH SIGNATURE-----"},
    ],
)
def test_we_notice_ourselves_what_the_stock_tools_would_refuse(change: dict[str, str]) -> None:
    proof = KEY.sign(RELEASE, STATEMENT)

    assert is_signed_by(KEY.public_line, RELEASE, proof)
    assert not is_signed_by(KEY.public_line, RELEASE, proof.model_copy(update=change))


@given(st.binary(max_size=400))
def test_no_bytes_in_place_of_a_signature_are_accepted_or_raise(data: bytes) -> None:
    from base64 import b64encode

    text = b64encode(data).decode()
    broken = KEY.sign(RELEASE, STATEMENT).model_copy(
        update={"sshsig": f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----"}
    )

    assert not is_signed_by(KEY.public_line, RELEASE, broken)


@pytest.mark.parametrize(
    ("highest", "number"),
    [(0, 2026112701), (2026112600, 2026112701), (2026112701, 2026112702), (2026112799, 2026112800), (2026120101, 2026120102)],
)
def test_a_release_number_is_the_day_s_and_always_above_the_ones_before(highest: int, number: int) -> None:
    assert next_number(highest, date(2026, 11, 27)) == number


def trouble(signature: ReleaseSignature | None, at: datetime = BEGAN) -> str:
    return str(signature_trouble(BARE.sealed(signature, None), at))


def test_what_terminals_would_not_take_is_told_before_anything_is_planned() -> None:
    good = signature_of(BARE)
    swapped = good.model_copy(update={"proofs": {"hospital": good.proofs["pharmacy"], "pharmacy": good.proofs["hospital"]}})

    assert trouble(good) == trouble(good, BEGAN + FOR) == "None"
    assert trouble(None) == "release 4.2.0 is not signed"
    assert trouble(good, BEGAN + FOR + timedelta(seconds=1)).startswith("the signature of release 4.2.0 expired on ")
    for bad in (
        swapped,
        good.model_copy(update={"proofs": {}}),
        good.model_copy(update={"number": good.number + 1}),
        good.model_copy(update={"expires_at": good.expires_at + timedelta(days=1)}),
        good.model_copy(update={"key": OTHER_KEY.public_line}),
    ):
        assert trouble(bad) == "the signature of release 4.2.0 does not hold for its artifact `hospital`"
    with pytest.raises(InputError, match=r"is not signed\nhint: run `fleet release sign 4\.2\.0`"):
        require_signed(BARE, BEGAN)


def test_a_key_is_made_once_readable_by_its_owner_alone_and_never_shown(tmp_path: Path) -> None:
    made = make_release_key(tmp_path / "release_key")

    assert (tmp_path / "release_key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "release_key.pub").read_text() == f"{made.public_line}\n"
    assert load_release_key(tmp_path / "release_key").public_line == made.public_line
    assert repr(made) == "ReleaseKey()"
    with pytest.raises(FileExistsError):
        make_release_key(tmp_path / "release_key")


def pem(curve: object, password: bytes | None) -> bytes:
    assert isinstance(curve, SECP384R1 | type(None))
    private = generate_private_key(curve) if curve else KEY.private
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password) if password else NoEncryption())


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0o600, "no release key: No such file or directory"),
        (pem(None, None), 0o640, "others may read the release key"),
        (pem(None, b"secret"), 0o600, "this release key cannot be used"),
        (pem(SECP384R1(), None), 0o600, "this release key cannot be used"),
        (b"no key\n", 0o600, "this release key cannot be used"),
    ],
    ids=["absent", "open", "encrypted", "another curve", "no key"],
)
def test_a_key_that_cannot_be_used_is_refused_by_its_place(tmp_path: Path, content: bytes | None, mode: int, said: str) -> None:
    file = tmp_path / "release_key"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)

    with pytest.raises(InputError) as caught:
        load_release_key(file)

    assert said in str(caught.value)
    assert f"at: {file}" in str(caught.value)
    assert content is None or content.decode() not in str(caught.value)
