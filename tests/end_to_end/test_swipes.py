"""Swipes measured over real SSH: of a client that is slow in one phase, gate, site and export show that phase, and no other, changed."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from fleet.control import inventory as inventory_control
from fleet.control import releases as release_control
from fleet.control import rollouts as control
from fleet.control.workspace import make_workspace, release_key
from fleet.data import data_dir
from fleet.demo.night import COORDINATOR
from fleet.demo.sample import sample_city
from fleet.engine import Orchestrator
from fleet.engine.orchestrator import utc_now
from fleet.model.gate import Phase, SwipeRule
from fleet.model.inventory import Reach
from fleet.model.playbook import Approval, GateRule
from fleet.plan import make_plan, read_playbook
from fleet.report.json_file import write_json
from fleet.report.reading import read_completion
from fleet.rollout.evidence import pair_of, swipe_medians
from fleet.rollout.verdict import phase_words, seconds
from fleet.settings import Settings
from fleet.sim.inventory import reaching
from fleet.sim.simulation import start_simulation
from fleet.store import Store, open_store, reads, rollouts
from fleet.text import render
from fleet.trust.release import add_release
from fleet.tui.feed import Feed
from fleet.tui.swipes import swipe_lines
from tests.conftest import Cli

SITES = 4
ENOUGH_S = 120
SLOWER_MS = 3000


@dataclass(frozen=True)
class Night:
    """A town whose canary was upgraded."""

    settings: Settings
    store: Store
    terminals: tuple[str, ...]
    """Those of the first wave; behind it nothing opens, for its swipes are too slow."""


Medians = dict[str, tuple[int, int, int]]
"""Phase -> pairs, median before, median now; milliseconds."""


def slow_release(directory: Path, phase: Phase) -> Path:
    """The sample release, its client slower in one phase."""
    shutil.copytree(data_dir("playbooks") / "release", directory)
    probe = directory / "common" / "bin" / "swipe-test"
    before, told, rest = probe.read_text().partition("printf 'swipe=ok")
    probe.write_text(f"{before}{phase.value}=$(({phase.value} + {SLOWER_MS}))\n{told}{rest}")
    return directory / "release.yaml"


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Callable[[Phase], Night]]:
    """A town whose canary is upgraded to a client that is slower in a phase: `night(Phase.CARD)`."""
    with ExitStack() as stack:

        def carry_out(phase: Phase) -> Night:
            city = sample_city(SITES)
            settings = make_workspace(tmp_path / "workspace")
            key = settings.user_key.with_name(settings.user_key.name + ".pub").read_text().strip()
            simulation = stack.enter_context(start_simulation(list(city.terminals.values()), {}, tmp_path / "terminals", key, seed=1))
            store = stack.enter_context(closing(open_store(settings)))
            fleet = reaching(city, simulation)
            kept = {"sites": len(fleet.sites), "terminals": len(fleet.terminals)}
            inventory_control.import_fleet(store, COORDINATOR, utc_now(), fleet, kept)
            release = add_release(slow_release(tmp_path / "slow", phase), settings.workspace / "releases")
            signing = release_control.Signing(release_key(settings), settings.zone)
            release = release_control.add_release(store, COORDINATOR, utc_now(), release, signing)
            playbook = read_playbook(data_dir("playbooks") / "upgrade-client.yaml")
            # Both clients sign with the card, so that nothing is different but what was planted.
            steps = tuple(step for step in playbook.steps if step.name != "software-encryption")
            gate = GateRule(approval=Approval.NEVER, success=0, swipe=SwipeRule(target_s=1, min_pairs=1))
            plan = make_plan(fleet, playbook.model_copy(update={"steps": steps, "gate": gate, "rollback_rehearsal": False}), release)
            control.start_rollout(store, COORDINATOR, utc_now(), plan)
            with Orchestrator(settings, store) as orchestrator:
                assert orchestrator.wait_at_rest(ENOUGH_S) is not None
            measured = [each.id for site in plan.waves[0].sites for each in site.terminals if each.reach is Reach.SSH]
            return Night(settings, store, tuple(measured))

        yield carry_out


def on_the_site_screen(settings: Settings, store: Store, terminal: str) -> dict[str, list[str]]:
    """The rows of the terminal's swipe: name of the phase -> its seconds before and now."""
    site = terminal.partition("/")[0]
    feed = Feed(store, COORDINATOR, settings.zone)
    feed.poll(site)
    detail = feed.poll(site).board.site
    assert detail is not None
    rows = ["".join(text for text, _look in line) for line in swipe_lines(detail, detail.attempts[terminal])][1:]
    names = [render(phase_words(phase)) for phase in Phase]
    return {name: row.strip().removeprefix(name).split() for row in rows for name in names if row.strip().startswith(name + " ")}


def shown(value_ms: int) -> str:
    """As tables print it."""
    return str(float(seconds(value_ms)))


def in_the_export(settings: Settings, store: Store) -> Medians:
    """What the export's JSON says of all kinds of sites together."""
    stream = BytesIO()
    with store.read() as snapshot:
        write_json(read_completion(snapshot, settings, utc_now()), stream)
    of_all = next(group for group in json.loads(stream.getvalue())["swipes"] if group["kind"] is None)
    return {each["phase"]: (each["pairs"], each["before_ms"], each["after_ms"]) for each in of_all["phases"]}


def slower_by(medians: Medians) -> dict[str, int]:
    return {phase: after - before for phase, (_pairs, before, after) in medians.items()}


@pytest.mark.parametrize("slow", [Phase.CARD, Phase.ENCRYPTION, Phase.NETWORK, Phase.HOST])
def test_a_client_that_is_slow_in_one_phase_is_shown_so_by_gate_status_site_and_export(
    night: Callable[[Phase], Night], cli: Cli, slow: Phase
) -> None:
    town = night(slow)
    settings, store = town.settings, town.store
    with store.read() as snapshot:
        state = rollouts.newest_rollout(snapshot)
        told = {name: pair_of([each.facts for each in reads.attempts_of_terminal(snapshot, "r1", name)]) for name in town.terminals}
    assert state is not None
    gate = {one.phase.value: (one.n, one.before_ms, one.after_ms) for one in swipe_medians(state.waves[0].verdict_values)}

    expected = {phase.value: SLOWER_MS if phase in {slow, Phase.TOTAL} else 0 for phase in Phase}
    for name, pair in told.items():
        assert pair is not None, name
        assert {phase.value: pair.after[phase] - pair.before[phase] for phase in Phase} == expected, name
    assert slower_by(gate) == expected
    assert {pairs for pairs, _before, _after in gate.values()} == {len(town.terminals)}
    assert state.waves[0].verdict_code == "slow"
    assert in_the_export(settings, store) == gate
    status = [line.split() for line in cli("status").out.splitlines()]
    for phase, (pairs, before, after) in gate.items():
        row = ["1", *render(phase_words(Phase(phase))).split(), str(pairs), shown(before), shown(after)]
        assert row in status
    for name, pair in told.items():
        assert pair is not None
        rows = on_the_site_screen(settings, store, name)
        for phase in Phase:
            assert rows[render(phase_words(phase))][:2] == [seconds(pair.before[phase]), seconds(pair.after[phase])], name
