"""The signature on the terminal: who vouches for a release, and how old it may be; with the real ssh-keygen and openssl."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.release import Release
from fleet.model.signature import Proof, Seal
from fleet.plan import read_playbook
from fleet.trust.statement import PERMIT, RELEASE, permit_statement
from tests.conftest import ROOT
from tests.seals import BEGAN, FOR, KEY, OTHER_KEY, number_of, permit_of, signature_of
from tests.terminal.field import Far, build
from tests.terminal.signing import (
    NEW,
    NEWER,
    OLD,
    UPGRADED,
    end,
    kept,
    permit,
    permitted,
    push,
    resigned,
    sealed_with,
    with_everything,
    with_openssl_alone,
    with_proof,
    without,
    write_tool,
)

VERIFIERS = [
    pytest.param("sshsig", with_everything, id="ssh-keygen", marks=pytest.mark.needs("ssh-keygen")),
    pytest.param("openssl", with_openssl_alone, id="openssl", marks=pytest.mark.needs("openssl")),
]
each_verifier = pytest.mark.parametrize(("level", "prepare"), VERIFIERS)
Prepare = Callable[[Far], None]


@each_verifier
def test_a_signed_release_is_taken_and_how_it_was_checked_is_told(far: Far, level: str, prepare: Prepare) -> None:
    prepare(far)

    pushed = push(far, NEW)

    assert end(pushed) == UPGRADED
    assert pushed.story.facts == {"signature": level}
    assert kept(far, "release-key") == f"{KEY.public_line}\n"


def test_a_terminal_without_any_verifier_takes_it_and_says_that_the_channel_alone_vouches(far: Far) -> None:
    without(far, "ssh-keygen")

    pushed = push(far, NEW)

    assert (end(pushed), pushed.story.facts) == (UPGRADED, {"signature": "channel-only"})


def test_an_ssh_keygen_that_cannot_verify_leaves_it_to_openssl(far: Far) -> None:
    with_openssl_alone(far)
    write_tool(far, "ssh-keygen", "echo 'ssh-keygen: unknown option -- Y' >&2; echo 'usage: ssh-keygen [-q] ...' >&2; exit 1")

    pushed = push(far, NEW)

    assert (end(pushed), pushed.story.facts) == (UPGRADED, {"signature": "openssl"})


def test_in_place_the_terminal_tells_how_the_live_release_was_checked(far: Far) -> None:
    push(far, NEW)

    again = push(far, NEW)

    assert (again.story.in_place, again.story.facts) == (True, {"signature": "sshsig"})


def tampered(proof: Proof) -> Proof:
    return proof.model_copy(update={"statement": proof.statement.replace("expires=1", "expires=2")})


def of_another_key(proof: Proof) -> Proof:
    return OTHER_KEY.sign(RELEASE, proof.statement)


def for_something_else(proof: Proof) -> Proof:
    """As tampered as it gets for openssl, which knows no namespaces: there the header is what tells the two apart."""
    other = KEY.sign(PERMIT, proof.statement)
    return other.model_copy(update={"der": KEY.sign(PERMIT, permit_statement("2.0", 2, 1, BEGAN, BEGAN)).der})


@each_verifier
@pytest.mark.parametrize("change", [tampered, of_another_key, for_something_else])
def test_a_signature_that_is_not_the_release_s_is_refused_before_anything_is_sent(
    far: Far, level: str, prepare: Prepare, change: Callable[[Proof], Proof]
) -> None:
    push(far, OLD)
    prepare(far)

    refused = push(far, with_proof(NEW, change))

    assert end(refused) == (TerminalState.FAILED, Cause.SIGNATURE)
    assert ("ssh-keygen" if level == "sshsig" else "openssl") in refused.story.detail
    assert refused.asked_for == ()
    assert far.live == OLD.name


def test_a_permit_is_no_release(far: Far) -> None:
    refused = push(far, with_proof(NEW, lambda _: permit(namespace=RELEASE)))

    assert end(refused) == (TerminalState.FAILED, Cause.SIGNATURE)


@pytest.mark.parametrize("what", ["version", "artifact", "size"])
def test_the_statement_of_another_release_is_refused(far: Far, what: str) -> None:
    def of_another(proof: Proof) -> Proof:
        lines = [f"{what}=7" if line.startswith(f"{what}=") else line for line in proof.statement.splitlines()]
        return KEY.sign(RELEASE, "".join(f"{line}\n" for line in lines))

    refused = push(far, with_proof(NEW, of_another))

    assert (end(refused), refused.story.detail) == ((TerminalState.FAILED, Cause.SIGNATURE), "the statement is about something else")


def test_files_other_than_those_that_were_signed_are_refused(far: Far) -> None:
    smuggled = build("2.0", {"bin/client": ("0755", b"#!/bin/sh\n"), "lib/more": ("0644", b"more")})
    assert NEW.artifact.seal is not None
    proof = NEW.artifact.seal.release
    told = proof.statement.replace(f"size={NEW.artifact.size}", f"size={smuggled.artifact.size}")

    refused = push(far, sealed_with(smuggled, Seal(key=KEY.public_line, release=KEY.sign(RELEASE, told))))

    assert end(refused) == (TerminalState.FAILED, Cause.SIGNATURE)
    assert refused.story.detail == "the files are not those that were signed"


@pytest.mark.parametrize("tools", [(), ("ssh-keygen",)], ids=["verified", "channel-only"])
def test_a_terminal_stays_with_the_key_of_its_first_push(far: Far, tools: tuple[str, ...]) -> None:
    without(far, *tools)
    push(far, OLD)

    refused = push(far, resigned(NEW, key=OTHER_KEY))

    assert end(refused) == (TerminalState.FAILED, Cause.SIGNATURE)
    assert "another key than the one this terminal knows" in refused.story.detail
    assert kept(far, "release-key") == f"{KEY.public_line}\n"


@pytest.mark.parametrize("left", ["", KEY.public_line[:40]])
def test_a_key_of_which_a_power_cut_left_the_beginning_is_written_again(far: Far, left: str) -> None:
    (far.root / ".fleet").mkdir(parents=True)
    (far.root / ".fleet/release-key").write_text(left)

    pushed = push(far, NEW)

    assert end(pushed) == UPGRADED
    assert kept(far, "release-key") == f"{KEY.public_line}\n"


def test_the_playbook_of_the_documentation_makes_a_terminal_forget_a_key_that_was_lost(far: Far, tmp_path: Path) -> None:
    push(far, OLD)
    (tmp_path / "forget.yaml").write_text((ROOT / "docs/operations.md").read_text("utf-8").split("```yaml\n")[1].split("```")[0])

    forgot = far.push(list(read_playbook(tmp_path / "forget.yaml").steps))

    assert end(forgot) == UPGRADED
    assert end(push(far, resigned(NEW, key=OTHER_KEY))) == UPGRADED
    assert kept(far, "release-key") == f"{OTHER_KEY.public_line}\n"


def test_an_older_release_is_refused_even_where_nobody_can_verify(far: Far) -> None:
    without(far, "ssh-keygen")
    push(far, NEW)

    refused = push(far, OLD)

    assert end(refused) == (TerminalState.FAILED, Cause.DOWNGRADE)
    assert far.live == NEW.name


@each_verifier
def test_with_a_permit_an_older_release_is_taken_and_the_floor_stays(far: Far, level: str, prepare: Prepare) -> None:
    prepare(far)
    push(far, NEW)

    back = push(far, permitted(OLD, permit()))

    assert (end(back), back.story.facts, far.live) == (UPGRADED, {"signature": level}, OLD.name)
    assert kept(far, "floor").split()[0] == str(number_of("2.0"))
    assert end(push(far, build("1.5"))) == (TerminalState.FAILED, Cause.DOWNGRADE)
    assert end(push(far, NEWER)) == UPGRADED
    assert end(push(far, NEW)) == (TerminalState.FAILED, Cause.DOWNGRADE)


@each_verifier
@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (permit(from_="1.9"), Cause.DOWNGRADE),
        (permit(to="1.5"), Cause.SIGNATURE),
        (permit(version="1.5"), Cause.SIGNATURE),
        (permit(key=OTHER_KEY), Cause.SIGNATURE),
        (permit(days=0), Cause.RELEASE_EXPIRED),
    ],
    ids=["from less", "to another", "of another version", "of another key", "expired"],
)
def test_a_permit_that_is_not_for_this_is_refused(far: Far, level: str, prepare: Prepare, given: Proof, cause: Cause) -> None:
    prepare(far)
    push(far, NEW)

    refused = push(far, permitted(OLD, given))

    assert end(refused) == (TerminalState.FAILED, cause), level
    assert far.live == NEW.name


@pytest.mark.needs("ssh-keygen")
def test_a_release_s_namespace_is_no_permit_s(far: Far) -> None:
    push(far, NEW)

    assert end(push(far, permitted(OLD, permit(namespace=RELEASE)))) == (TerminalState.FAILED, Cause.SIGNATURE)


def test_a_release_that_was_rolled_back_does_not_raise_the_floor(far: Far) -> None:
    push(far, OLD)
    far.fail("probe", "3.0")

    assert end(push(far, NEWER)) == (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED)
    assert end(push(far, NEW)) == UPGRADED


def test_the_same_number_again_is_no_downgrade(far: Far) -> None:
    push(far, NEW)
    renewed = resigned(NEW, valid_for=FOR * 2)
    (far.root / "current" / "share/version").write_text("damaged\n")

    assert end(push(far, renewed)) == UPGRADED


def test_what_was_verified_for_a_release_once_is_not_verified_again(far: Far) -> None:
    far.fail("probe", "2.0")
    push(far, NEW)
    (far.home / "break-probe-2.0").unlink()
    without(far, "ssh-keygen")

    again = push(far, NEW)

    assert (end(again), again.story.facts) == (UPGRADED, {"signature": "sshsig"})


def test_what_only_the_channel_vouched_for_is_verified_as_soon_as_it_can_be(far: Far) -> None:
    found = (far.tools / "ssh-keygen").readlink()
    without(far, "ssh-keygen")
    far.fail("probe", "2.0")
    push(far, NEW)
    (far.home / "break-probe-2.0").unlink()
    (far.tools / "ssh-keygen").symlink_to(found)

    assert push(far, NEW).story.facts == {"signature": "sshsig"}


def test_nothing_of_the_check_is_left_lying_about(far: Far) -> None:
    push(far, OLD)
    push(far, NEW)
    push(far, NEWER)

    assert {path.name for path in (far.root / ".fleet/signed").iterdir()} == {NEW.name, NEWER.name}
    assert [path for path in far.root.rglob("*") if path.name.startswith(("statement", "signer")) or path.suffix == ".new"] == []


@pytest.mark.parametrize(("file", "content"), [("floor", "many 1\n"), ("floor", "\n"), ("signed", "sshsig\nfleet-release/1\nnumber=x\n")])
def test_a_floor_that_cannot_be_read_is_no_floor_of_zero(far: Far, file: str, content: str) -> None:
    push(far, NEW)
    place = far.root / ".fleet" / file
    (place / NEW.name if file == "signed" else place).write_text(content)

    assert end(push(far, NEWER)) == (TerminalState.FAILED, Cause.SIGNATURE)


def test_permits_are_what_the_orchestrator_makes(far: Far) -> None:
    old, new = (signature_of(Release(version=made.version, artifacts=(made.artifact,))) for made in (OLD, NEW))
    push(far, NEW)

    assert end(push(far, permitted(OLD, permit_of(old, new).proof))) == UPGRADED


def test_no_private_key_ever_reaches_a_terminal(far: Far) -> None:
    push(far, NEW)
    secret = KEY.private.private_numbers().private_value.to_bytes(32, "big")

    assert not any(secret in path.read_bytes() or b"PRIVATE" in path.read_bytes() for path in far.home.rglob("*") if _is_ours(path))


def _is_ours(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
