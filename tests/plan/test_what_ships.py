"""The playbook and the release that ship, on a real shell, in the home of a simulated terminal with the old client."""

import subprocess
from pathlib import Path

import pytest

from fleet.model.attempt import Cause, TerminalState
from fleet.model.inventory import District, Fleet, Site, SiteKind, Terminal
from fleet.model.plan import Plan
from fleet.model.playbook import Playbook
from fleet.model.release import Release
from fleet.plan import make_plan
from fleet.push.conversation import Conversation, SendFile, SendLastWord, Story
from fleet.push.payload import LAST_WORD, archive_header, archive_padding
from fleet.sim.faults import Fault
from fleet.sim.scratch import Home, Scratch
from fleet.trust.contents import Contents
from fleet.trust.release import add_release
from tests.seals import signed

RELEASE = Path(__file__).parents[2] / "playbooks" / "release" / "release.yaml"
SITES = {"h1": (SiteKind.HOSPITAL, "heron"), "p1": (SiteKind.PHARMACY, "kestrel"), "p2": (SiteKind.PHARMACY, "osprey")}


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    return Contents(tmp_path / "releases")


@pytest.fixture
def shipped(contents: Contents) -> Release:
    return signed(add_release(RELEASE, contents.directory))


@pytest.fixture
def plan(playbook: Playbook, shipped: Release) -> Plan:
    sites = {
        code: Site(code=code, kind=kind, name=code, district="qw", labels={"vendor": vendor}) for code, (kind, vendor) in SITES.items()
    }
    terminals = {f"{code}/t01": Terminal(site=code, code="t01", host="127.0.0.1", port=2000 + n) for n, code in enumerate(sites)}
    return make_plan(Fleet(districts={"qw": District(code="qw", name="青湾")}, sites=sites, terminals=terminals), playbook, shipped)


def push(home: Home, terminal: str, plan: Plan, release: Release, contents: Contents, *, attempt: int = 1) -> Story:
    program = plan.program_of[terminal]
    assert program is not None
    artifact = next(artifact for artifact in release.artifacts if artifact.name == program.artifact)
    site = terminal.partition("/")[0]
    values = {"terminal": terminal, "site": site, "kind": SITES[site][0].value, "district": "qw", "key_card": "KC-1"}
    conversation = Conversation(program, artifact, values, "5eed" * 8, f"{attempt:016x}")
    with subprocess.Popen(
        home.shell(conversation.command()),
        cwd=home.directory,
        env=home.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(conversation.opening())
        while data := process.stdout.read(65536):
            for order in conversation.feed(data):
                if isinstance(order, SendFile):
                    with contents.open(order.file.sha256) as file:
                        process.stdin.write(archive_header(order.file) + file.read() + archive_padding(order.file))
                elif isinstance(order, SendLastWord):
                    conversation.last_word_sent = True
                    process.stdin.write(LAST_WORD)
                    process.stdin.close()
        return conversation.story(exit_code=process.wait(30))


@pytest.mark.parametrize("site", SITES)
def test_the_shipped_release_goes_live_on_every_kind_of_terminal(
    tmp_path: Path, site: str, plan: Plan, shipped: Release, contents: Contents
) -> None:
    terminal = f"{site}/t01"
    home = Scratch(tmp_path).home(terminal, None)

    first = push(home, terminal, plan, shipped, contents)
    again = push(home, terminal, plan, shipped, contents, attempt=2)

    assert (first.ending, first.cause, first.detail) == (TerminalState.UPGRADED, Cause.NONE, "")
    assert {"swipe": "ok", "encryption": "software"}.items() <= first.facts.items()
    assert int(first.facts["swipe_ms"]) > 0
    slow, quick = (
        {phase: int(first.facts[f"{when}swipe_{phase}_ms"]) for phase in ("card", "encryption", "network", "host")}
        for when in ("before_", "")
    )
    assert {phase for phase in slow if slow[phase] != quick[phase]} == {"encryption"}
    assert slow["encryption"] >= 6000
    assert sum(slow.values()) == int(first.facts["before_swipe_ms"])
    assert [step.ok for step in first.steps] == [True] * 9
    assert first.key is not None
    assert again.in_place
    assert again.key == first.key
    if site == "h1":
        assert first.key.public_key.startswith("ecdsa-sha2-nistp256 ")
    else:
        assert (first.key.number, len(first.key.check_value)) == (f"YB-{site}-t01", 4)
    conf = (home.directory / "client" / "current" / "etc" / "terminal.conf").read_text()
    assert f"terminal={terminal}\n" in conf


def test_a_client_that_does_not_pass_its_probe_is_taken_back(tmp_path: Path, plan: Plan, shipped: Release, contents: Contents) -> None:
    home = Scratch(tmp_path).home("p1/t01", Fault.FAILING_HEALTH)

    story = push(home, "p1/t01", plan, shipped, contents)

    assert (story.ending, story.cause, story.step) == (TerminalState.ROLLED_BACK, Cause.PROBE_FAILED, "activate")
    assert (home.directory / "client" / "current").readlink() == Path("releases/4.1.0")


def test_a_full_disk_stops_before_anything_is_touched(tmp_path: Path, plan: Plan, shipped: Release, contents: Contents) -> None:
    home = Scratch(tmp_path).home("p1/t01", Fault.DISK_FULL)

    story = push(home, "p1/t01", plan, shipped, contents)

    assert (story.ending, story.cause, story.step) == (TerminalState.FAILED, Cause.DISK_FULL, "preflight")


@pytest.mark.needs("shellcheck")
def test_the_shipped_programs_are_clean_posix_sh() -> None:
    programs = sorted((RELEASE.parent / "common" / "bin").iterdir())

    checked = subprocess.run(["shellcheck", *programs], capture_output=True, text=True, check=False)

    assert checked.stdout == ""


def test_the_shipped_release_is_small() -> None:
    assert sum(file.stat().st_size for file in RELEASE.parent.rglob("*") if file.is_file()) < 100_000
