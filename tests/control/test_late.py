"""Late joiners, on SQLite and PostgreSQL: `+n` beside the plan's numbers. 739 stays 739, whatever enters and however it is served."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from fleet.control.inventory import import_fleet
from fleet.control.rollouts import start_rollout
from fleet.errors import ConflictError, InputError
from fleet.model.actor import FLEET, Actor
from fleet.model.attempt import AttemptResult, TerminalState
from fleet.model.inventory import Fleet, Site, SiteKind, Terminal
from fleet.model.late import Late, LateCount
from fleet.model.plan import Plan
from fleet.model.rollout import RolloutPhase
from fleet.plan.late import late_terminals
from fleet.settings import Settings
from fleet.store import Store, audit, open_store, progress, rollouts
from fleet.store.late import late_joiners, read_late
from tests.databases import Databases, databases, postgresql, settings
from tests.engine.city import AT, make_fleet, make_plan, set_up

__all__ = ["databases", "postgresql", "settings"]
COORDINATOR = Actor(code="c01")
SITES = 4


def grown(fleet: Fleet, *ids: str) -> Fleet:
    """The fleet with these terminals (SITE/CODE) as well; their sites where it has none of that code."""
    some = next(iter(fleet.sites.values()))
    sites, terminals = dict(fleet.sites), dict(fleet.terminals)
    for name in ids:
        code, _, terminal = name.partition("/")
        sites.setdefault(code, Site(code=code, kind=SiteKind.PHARMACY, name=code, district=some.district))
        terminals[name] = Terminal(site=code, code=terminal, host="127.0.0.1")
    return fleet.model_copy(update={"sites": sites, "terminals": terminals})


def late_plan(fleet: Fleet, original: Plan, *ids: str) -> Plan:
    """A plan in one wave for these late joiners of another."""
    codes = dict.fromkeys(name.partition("/")[0] for name in ids)
    part = fleet.model_copy(
        update={"sites": {code: fleet.sites[code] for code in codes}, "terminals": {name: fleet.terminals[name] for name in ids}}
    )
    plan = make_plan(part, len(codes)).model_copy(update={"late_of": original.digest})
    return plan.model_copy(update={"digest": plan.compute_digest()})


def end(store: Store, rollout: str) -> None:
    """The rollout is over, as the orchestrator would leave it."""
    with store.write(FLEET, AT) as tx:
        state = rollouts.read_rollout(tx, rollout)
        assert state is not None
        rollouts.save_rollout(tx, state.model_copy(update={"phase": RolloutPhase.FINISHED}))


def upgrade(store: Store, rollout: str, *ids: str) -> None:
    """These terminals are upgraded, and their sites marked."""
    with store.write(FLEET, AT) as tx:
        for name in ids:
            result = AttemptResult(terminal=name, number=1, ending=TerminalState.UPGRADED, started_at=AT, finished_at=AT)
            progress.record_result(tx, rollout, result)
        for site in {name.partition("/")[0] for name in ids}:
            progress.record_mark(tx, rollout, site, marked=True)


def look(store: Store, rollout: str = "r1") -> Late:
    """Who came late, as the views read it."""
    with store.read() as snapshot:
        state = rollouts.read_rollout(snapshot, rollout)
        assert state is not None
        return read_late(snapshot, state)


class Night:
    """A rollout r1 of four sites with a terminal each, and what enters after it."""

    def __init__(self, settings: Settings) -> None:
        self.store = open_store(settings, create=True)
        self.fleet = make_fleet(SITES)
        set_up(self.store, self.fleet)
        self.plan = make_plan(self.fleet, SITES)
        start_rollout(self.store, COORDINATOR, AT, self.plan, typed=SITES)

    def join(self, *ids: str) -> None:
        """An import brings these in."""
        self.fleet = grown(self.fleet, *ids)
        import_fleet(self.store, COORDINATOR, AT, self.fleet, {})

    def serve(self, *ids: str) -> str:
        """A rollout for these; everything before is over."""
        with self.store.read() as snapshot:
            newest = rollouts.newest_rollout(snapshot)
        assert newest is not None
        end(self.store, newest.id)
        return start_rollout(self.store, COORDINATOR, AT, late_plan(self.fleet, self.plan, *ids)).id

    @property
    def first(self) -> str:
        """A terminal that r1 holds."""
        return next(iter(self.plan.program_of))


@pytest.fixture
def night(settings: Settings) -> Iterator[Night]:
    made = Night(settings)
    yield made
    made.store.close()


def test_a_new_site_is_counted_beside_the_plan_and_not_in_it(night: Night) -> None:
    night.join("late1/t1", "late1/t2")

    late = look(night.store)
    assert (late.planned_sites, late.planned_terminals) == (SITES, SITES)
    assert late.sites == LateCount(unplanned=1)
    assert late.terminals == LateCount(unplanned=2)


def test_a_new_terminal_at_a_planned_site_is_late_and_its_site_is_not(night: Night) -> None:
    night.join(night.first.partition("/")[0] + "/t99")

    late = look(night.store)
    assert late.sites.total == 0
    assert (late.terminals.total, late.at_planned_sites) == (1, 1)
    assert late.planned_sites == SITES


def test_a_terminal_imported_between_plan_and_start_is_late(settings: Settings) -> None:
    store, fleet = open_store(settings, create=True), make_fleet(SITES)
    set_up(store, grown(fleet, "late1/t1"))
    start_rollout(store, COORDINATOR, AT, make_plan(fleet, SITES), typed=SITES)

    assert look(store).sites == LateCount(unplanned=1)
    store.close()


def test_what_the_selection_does_not_take_is_not_late() -> None:
    fleet = make_fleet(SITES)
    plan = make_plan(fleet, SITES).model_copy(update={"select": "kind:hospital"})

    assert not late_terminals(grown(fleet, "late1/t1"), plan)


def test_the_endings_of_a_late_rollout_count_in_the_n_and_never_in_the_plan(night: Night) -> None:
    night.join("late1/t1", "late2/t1")
    rollout = night.serve("late1/t1", "late2/t1")
    upgrade(night.store, rollout, "late1/t1")

    late = look(night.store)
    assert (late.planned_sites, late.planned_done, late.planned_terminals, late.planned_proven) == (SITES, 0, SITES, 0)
    assert late.sites == late.terminals == LateCount(done=1, open=1)
    assert [(each.id, each.sites.done) for each in late.rollouts] == [(rollout, 1)]
    assert look(night.store, rollout) == late


def test_who_comes_while_a_late_rollout_runs_is_late_to_the_first_plan(night: Night) -> None:
    night.join("late1/t1")
    night.serve("late1/t1")
    night.join("late2/t1")

    assert look(night.store).sites == LateCount(open=1, unplanned=1)


def test_a_late_joiner_that_leaves_the_inventory_unserved_is_no_longer_counted(night: Night) -> None:
    before = night.fleet
    night.join("late1/t1")
    import_fleet(night.store, COORDINATOR, AT, before, {})

    assert not look(night.store).is_any


def test_a_late_plan_is_started_once_and_only_where_its_plan_was_carried_out(night: Night) -> None:
    night.join("late1/t1", "late2/t1")
    night.serve("late1/t1")
    end(night.store, "r2")

    with pytest.raises(ConflictError, match="rollout r2 serves 1 terminal of this plan by now, late1/t1 first"):
        start_rollout(night.store, COORDINATOR, AT, late_plan(night.fleet, night.plan, "late1/t1", "late2/t1"))
    stranger = late_plan(night.fleet, night.plan.model_copy(update={"digest": "0" * 64}), "late2/t1")
    with pytest.raises(InputError, match="which no rollout of this workspace carries out"):
        start_rollout(night.store, COORDINATOR, AT, stranger)


def test_a_late_joiner_changed_by_hand_is_found_by_the_audit(night: Night) -> None:
    night.join("late1/t1")
    with night.store.read() as snapshot:
        assert not audit.check_record(snapshot)[2]
    with night.store.write(FLEET, AT) as tx:
        tx.connection.exec_driver_sql("UPDATE late_joiner SET is_new_site = false")

    with night.store.read() as snapshot:
        assert any("late_joiner" in str(problem) for problem in audit.check_record(snapshot)[2])


_IDS = st.sampled_from([f"{site}/{code}" for site in ("late1", "late2", "late3", "s000", "s001") for code in ("t8", "t9")])


@hypothesis_settings(max_examples=25)
@given(acts=st.lists(st.tuples(st.sampled_from(["join", "serve", "upgrade"]), st.sets(_IDS, min_size=1)), max_size=6))
def test_law_the_denominator_never_moves_and_done_open_and_unplanned_add_up(databases: Databases, acts: list[tuple[str, set[str]]]) -> None:
    with TemporaryDirectory() as directory, databases(Settings(workspace=Path(directory))) as settings:
        night = Night(settings)
        joined: set[str] = set()
        served: dict[str, str] = {}
        proven: set[str] = set()
        for act, ids in acts:
            if act == "join":
                joined |= ids
                night.join(*sorted(ids))
            elif act == "serve" and (fresh := ids & joined - served.keys()):
                served |= dict.fromkeys(fresh, night.serve(*sorted(fresh)))
            elif act == "upgrade":
                for name in sorted(ids & served.keys() - proven):
                    upgrade(night.store, served[name], name)
                    proven.add(name)

            late = look(night.store)
            assert (late.planned_sites, late.planned_terminals, late.planned_done) == (SITES, SITES, 0)
            assert late.terminals == LateCount(len(proven), len(served) - len(proven), len(joined) - len(served))
            assert late.sites.total == len(_new(night, joined))
            with night.store.read() as snapshot:
                assert len(late_joiners(snapshot, night.plan.digest)) == late.terminals.total
        night.store.close()


def _new(night: Night, joined: set[str]) -> set[str]:
    return {name.partition("/")[0] for name in joined} - set(night.plan.wave_of)
