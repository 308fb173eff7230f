"""A night of a province with everything in play: gates that look at swipes and causes, a limit in each district, windows, leases.

100,000 terminals at 49,000 sites in a hundred districts, two terminals at most sites, three at some. The first waves have passed and half of
the last one is upgraded; in a tenth of the districts the window opens later, and people have some of the sites to themselves. So many could
not go back before the morning, so a person has let it go past the point of no return.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice

from sqlalchemy import insert

from fleet.model.actor import FLEET
from fleet.model.attempt import TerminalState
from fleet.model.caps import PlannedLimit
from fleet.model.gate import SwipeRule
from fleet.model.inventory import District, Fleet, Site, SiteKind, Terminal
from fleet.model.lease import Lease, Purpose
from fleet.model.plan import Plan, Wave
from fleet.model.rollout import WavePhase
from fleet.model.windows import Entry, Scope, Windows
from fleet.store import Store, leases, progress, rollouts, tables
from tests.engine.city import AT, PEOPLE, PROGRAM, begin, fingerprint, make_plan

DISTRICTS, CHUNK, LEASED, DOWN = 100, 2_000, 40, 40
LATER = frozenset(f"d{number}" for number in range(0, DISTRICTS, 10))
"""Districts whose window opens in two hours."""
OPENS_AT = AT + timedelta(hours=2)
_FACTS = {f"{side}swipe{phase}_ms": "900" for side in ("before_", "") for phase in ("", "_card", "_encryption", "_network", "_host")}


def make_province(terminals: int) -> Fleet:
    """Sites in turn in each district, as many as that takes."""
    sites: list[str] = []
    machines: dict[str, Terminal] = {}
    while len(machines) < terminals:
        code = f"s{len(sites):05}"
        for place in range(1, 4 if len(sites) % 24 == 0 else 3):
            machine = Terminal(
                site=code, code=f"t{place}", host=f"terminal-{len(machines)}.invalid", host_key=fingerprint(f"{code}{place}")
            )
            machines[machine.id] = machine
        sites.append(code)
    return Fleet(
        districts={f"d{number}": District(code=f"d{number}", name=f"第{number}区") for number in range(DISTRICTS)},
        sites={
            code: Site(
                code=code,
                kind=SiteKind.PHARMACY,
                name=f"潮生大药房{code}",
                district=f"d{number % DISTRICTS}",
                opening_hours=f"{7 + number % 3:02}:00-{20 + number % 4}:00",
            )
            for number, code in enumerate(sites)
        },
        terminals=machines,
        people=PEOPLE,
    )


def make_night(fleet: Fleet) -> Plan:
    """Four waves, a gate that looks at swipes and causes, limits and windows."""
    sites = len(fleet.sites)
    waves = (20, sites // 10, sites * 3 // 10)
    plan = make_plan(fleet, *waves, sites - sum(waves), failures=sites // 20, unreachable=sites // 10, parallel=1000, program=PROGRAM)
    gate = plan.playbook.gate.model_copy(update={"causes": {"disk-full": 50}, "swipe": SwipeRule(target_s=2), "soak_s": 60})
    of_district = {code: tuple(site for site in fleet.sites if fleet.sites[site].district == code) for code in fleet.districts}
    places = {code: number for number, code in enumerate(of_district)}
    limits = tuple(
        PlannedLimit(select="kind:pharmacy", district=code, sites=len(codes), allowed=DOWN) for code, codes in of_district.items()
    )
    night = {"begins_at": AT - timedelta(hours=3), "ends_at": AT + timedelta(hours=8)}
    windows = Windows(
        zone="Asia/Shanghai",
        suspensions=(Entry(**night),),
        windows=tuple(
            Entry(
                scope=Scope.DISTRICT,
                target=code,
                sites=codes,
                begins_at=OPENS_AT if code in LATER else night["begins_at"],
                ends_at=night["ends_at"],
            )
            for code, codes in of_district.items()
        ),
        left_on=(Entry(**night),),
    )
    cut = tuple(_limited(wave, fleet, places) for wave in plan.waves)
    update = {"waves": cut, "limits": limits, "windows": windows, "playbook": plan.playbook.model_copy(update={"gate": gate})}
    plan = plan.model_copy(update=update)
    return plan.model_copy(update={"digest": plan.compute_digest()})


def _limited(wave: Wave, fleet: Fleet, places: dict[str, int]) -> Wave:
    sites = (site.model_copy(update={"limits": (places[fleet.sites[site.code].district],)}) for site in wave.sites)
    return wave.model_copy(update={"sites": tuple(sites)})


def bring_half_way(store: Store, fleet: Fleet, plan: Plan) -> None:
    """The first waves passed, half of the last one upgraded, each with what it showed; its shards are planned by a turn."""
    state = begin(store, fleet, plan)
    *before, last = plan.waves
    half = len(last.sites) // 2
    done = [terminal.id for wave in before for terminal in wave.terminals]
    done += [terminal.id for site in last.sites[:half] for terminal in site.terminals]
    for names in _chunks(iter(done)):
        with store.write(FLEET, AT) as tx:
            progress.move(tx, state.id, dict.fromkeys(names, TerminalState.UPGRADED), {})
            tx.connection.execute(insert(tables.attempt), [_attempt(state.id, name) for name in names])
    waves = tuple(
        wave.model_copy(
            update={"phase": WavePhase.OPEN, "opened_at": AT}
            | ({} if wave.number == last.number else {"phase": WavePhase.PASSED, "passed_at": AT})
        )
        for wave in state.waves
    )
    hold = [
        Lease(site=site.code, owner="t01", purpose=Purpose.BY_HAND, token=site.code, taken_at=AT, until=OPENS_AT) for site in last.sites
    ]
    with store.write(FLEET, AT) as tx:
        rollouts.save_rollout(tx, state.model_copy(update={"waves": waves, "past_return_by": "c01"}))
        for lease in hold[half :: max(1, half // LEASED)]:
            leases.take(tx, [lease])


def _attempt(rollout: str, terminal: str) -> dict[str, object]:
    return {
        "rollout": rollout,
        "terminal": terminal,
        "number": 1,
        "ending": TerminalState.UPGRADED.value,
        "in_place": False,
        "step": "",
        "cause": "none",
        "detail": "",
        "steps": {},
        "facts": _FACTS,
        "host_fingerprint": fingerprint(terminal),
        "bytes_sent": 5_000_000,
        "bytes_saved": 0,
        "log": [],
        "started_at": AT - timedelta(seconds=40),
        "finished_at": AT,
    }


def _chunks(names: Iterator[str]) -> Iterator[list[str]]:
    """So many at a time."""
    while found := list(islice(names, CHUNK)):
        yield found
