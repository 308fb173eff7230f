"""Pushes of signed releases: to terminals with these or those tools and clocks, with seals that are right or not."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from fleet.model.attempt import Cause, TerminalState
from fleet.model.playbook import ActivateStep, StageStep, Step
from fleet.model.release import Release
from fleet.model.signature import Proof, Seal
from fleet.trust.release_key import ReleaseKey
from fleet.trust.statement import PERMIT, permit_statement
from tests.seals import BEGAN, FOR, KEY, number_of, signature_of
from tests.terminal.field import VALUES, Build, Far, Pushed, build, words

OLD = build("1.0")
NEW = build("2.0")
NEWER = build("3.0")
NOW = int(BEGAN.timestamp()) + 3600
DAY = 86_400
UPGRADED = (TerminalState.UPGRADED, Cause.NONE)


def steps() -> list[Step]:
    return [
        StageStep(name="stage"),
        ActivateStep(
            name="activate",
            stop=words("bin/client", "stop"),
            start=words("bin/client", "start"),
            probe=words("bin/client", "probe"),
            probe_attempts=1,
        ),
    ]


def push(far: Far, release: Build, *, sent_at: int | None = NOW, attempt: str | None = None) -> Pushed:
    values = VALUES if sent_at is None else {**VALUES, "sent_at": str(sent_at)}
    return far.push(steps(), release, values=values, attempt=attempt)


def end(pushed: Pushed) -> tuple[TerminalState, Cause]:
    return pushed.story.ending, pushed.story.cause


def sealed_with(release: Build, seal: Seal | None) -> Build:
    return replace(release, artifact=release.artifact.model_copy(update={"seal": seal}))


def with_proof(release: Build, change: Callable[[Proof], Proof]) -> Build:
    seal = release.artifact.seal
    assert seal is not None
    return sealed_with(release, seal.model_copy(update={"release": change(seal.release)}))


def resigned(release: Build, *, valid_for: timedelta = FOR, key: ReleaseKey = KEY, number: int | None = None) -> Build:
    noun = Release(version=release.version, artifacts=(release.artifact,))
    return replace(release, artifact=noun.sealed(signature_of(noun, key=key, number=number, valid_for=valid_for), None).artifacts[0])


def permitted(release: Build, permit: Proof) -> Build:
    assert release.artifact.seal is not None
    return sealed_with(release, release.artifact.seal.model_copy(update={"permit": permit}))


def permit(
    *, version: str = "1.0", from_: str = "2.0", to: str = "1.0", days: int = 7, namespace: str = PERMIT, key: ReleaseKey = KEY
) -> Proof:
    return key.sign(namespace, permit_statement(version, number_of(from_), number_of(to), BEGAN, BEGAN + timedelta(days=days)))


def without(far: Far, *tools: str) -> None:
    for tool in tools:
        (far.tools / tool).unlink(missing_ok=True)


def with_everything(_far: Far) -> None:
    """It has what terminals of these tests have: ssh-keygen."""


def with_openssl_alone(far: Far) -> None:
    without(far, "ssh-keygen")
    found = shutil.which("openssl")
    assert found is not None
    (far.tools / "openssl").symlink_to(found)


def with_clock(far: Far, seconds: int) -> None:
    """The terminal's clock stands there."""
    without(far, "date")
    write_tool(far, "date", f'[ "$*" = +%s ] && echo {seconds}')


def write_tool(far: Far, name: str, line: str) -> None:
    (far.tools / name).write_text(f"#!/bin/sh\n{line}\n")
    (far.tools / name).chmod(0o755)


def kept(far: Far, name: str) -> str:
    file = far.root / ".fleet" / name
    return file.read_text() if file.exists() else ""
