"""A town staged days before its night, over real SSH: nothing live changes, and the night's rollout sends no artifact."""

from collections.abc import Iterator

import pytest

from fleet.control import rollouts as control
from fleet.demo.night import COORDINATOR
from fleet.engine.orchestrator import utc_now
from fleet.model.attempt import TerminalState
from fleet.model.purpose import Limits, Only
from fleet.model.rollout import RolloutPhase
from fleet.store.audit import check_record
from tests.end_to_end.town import ASKS_NOBODY, Town, simulated_town

SITES = 20


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with simulated_town(tmp_path_factory.mktemp("town"), SITES, gate=ASKS_NOBODY) as made:
        yield made


def live(town: Town) -> dict[str, object]:
    """What each terminal's client and boot hook rest on: the link, everything behind it, the journal, the hook."""
    found: dict[str, object] = {}
    for name in town.by_ssh:
        root = town.homes / name / "client"
        current, work = root / "current", root / ".fleet"
        behind = {str(path): path.lstat().st_mtime_ns for path in current.resolve().rglob("*") if path.is_file()}
        kept = {file: (work / file).read_bytes() for file in ("journal", "boot.sh") if (work / file).exists()}
        found[name] = (current.is_symlink() and current.readlink(), current.lstat().st_ino, behind, kept)
    return found


def test_a_staged_town_is_upgraded_on_its_night_without_a_byte_of_the_release(town: Town) -> None:
    before = live(town)

    staging = control.start_rollout(
        town.store, COORDINATOR, utc_now(), town.plan, only=Only.STAGE, limits=Limits(site_rate=2_000_000, total_rate=8_000_000)
    )
    staged = town.carry_out(staging.id)

    first = town.last_attempts(staging.id)
    tally = town.tally(staging.id)
    assert staged.phase is RolloutPhase.FINISHED
    assert {result.ending for result in first.values()} == {TerminalState.STAGED}, first
    assert all(result.bytes_sent > 0 for result in first.values())
    assert (tally.staged, tally.proven, tally.done, tally.sites.upgraded) == (len(town.by_ssh), 0, 0, 0)
    assert tally.sites.staged + tally.sites.excluded == SITES
    assert live(town) == before

    night = control.start_rollout(town.store, COORDINATOR, utc_now(), town.plan)
    state = town.carry_out(night.id)
    while state.phase is RolloutPhase.RUNNING:
        waiting = next(wave for wave in state.waves if wave.phase.value in {"gate", "held"})
        control.approve(town.store, COORDINATOR, utc_now(), night.id, waiting.number)
        state = town.carry_out(night.id)

    second = town.last_attempts(night.id)
    assert {result.ending for result in second.values()} == {TerminalState.UPGRADED}, second
    assert sum(result.bytes_sent for result in second.values()) == 0
    assert town.tally(night.id).terminals[TerminalState.UPGRADED] == len(town.by_ssh)
    assert all((town.homes / name / "client/current").readlink().name.startswith(town.plan.release) for name in town.by_ssh)
    with town.store.read() as snapshot:
        assert check_record(snapshot)[2] == []
