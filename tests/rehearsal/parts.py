"""What is on in some nights and not in others: parts of a plan, and troubles. Which ones is decided by the night's own dice.

A quarter of all nights has none of it, a quarter has all, the others some.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from enum import StrEnum
from random import Random

from fleet.model.again import AgainRule, Trouble
from fleet.model.caps import DistrictAllowance, PlannedLimit
from fleet.model.inventory import Fleet, Person, Role, Terminal
from fleet.model.plan import Plan
from fleet.model.playbook import ActivateStep, Command
from fleet.model.windows import Entry, Scope, Windows
from tests.engine.city import AT

SECOND_PERSON = "c02"


class Part(StrEnum):
    """One of them."""

    WINDOWS = "windows"
    LIMITS = "limits"
    DISTRICTS = "districts"
    CAUSES = "causes"
    RETRY = "retry"
    FOUR_EYES = "four-eyes"
    SOAK = "soak"
    ROLLBACK = "rollback"
    """The way back is rehearsed on the canary, and people want waves and terminals rolled back."""
    OFFLINE = "offline"
    """Some terminals answer nothing at first, and come back."""
    LEASES = "leases"
    """People work at sites."""
    CLOCK = "clock"
    """The clock jumps."""
    LATE = "late"
    """Terminals and sites enter the inventory that the plan does not know."""


SWAYED = frozenset((Part.WINDOWS, Part.OFFLINE, Part.LEASES, Part.CLOCK, Part.LIMITS))
"""With these, what a kill delays, or leaves down, may end in another way for good reason."""


def choose(dice: Random) -> frozenset[Part]:
    """The parts of one night."""
    roll = dice.random()
    return frozenset(part for part in Part if roll >= 0.25 and (roll < 0.5 or dice.random() < 0.5))


def peopled(fleet: Fleet, parts: Collection[Part], dice: Random) -> Fleet:
    """The fleet with a second coordinator and, where there are windows, with sites that have opening hours."""
    people = {**fleet.people, SECOND_PERSON: Person(code=SECOND_PERSON, name="周敏", role=Role.COORDINATOR)}
    hours = ("", "", "08:00-21:00", "08:00-12:00 13:00-23:30", "00:00-24:00")
    sites = {
        code: site.model_copy(update={"opening_hours": dice.choice(hours), "open_24h": dice.random() < 0.1})
        if Part.WINDOWS in parts
        else site
        for code, site in fleet.sites.items()
    }
    return fleet.model_copy(update={"people": people, "sites": sites})


def joined(fleet: Fleet, site: str, number: int) -> Fleet:
    """The inventory with one more terminal at a site of it, and one at a site of its own."""
    new = fleet.sites[site].model_copy(update={"code": f"n{number:03}", "name": f"n{number:03}"})
    machines = [Terminal(site=code, code=f"j{number}", host="127.0.0.1", key_card=f"late-{code}-{number}") for code in (site, new.code)]
    terminals = {**fleet.terminals, **{machine.id: machine for machine in machines}}
    return fleet.model_copy(update={"sites": {**fleet.sites, new.code: new}, "terminals": terminals})


def with_parts(plan: Plan, fleet: Fleet, parts: Collection[Part], dice: Random) -> Plan:
    """The plan with these parts."""
    playbook = plan.playbook
    if Part.RETRY in parts:
        rules = [AgainRule(on=(Trouble.LINK,), attempts=dice.randint(2, 4), wait_s=dice.choice((5, 60, 300)))]
        rules += [AgainRule(on=(Trouble.COMMAND, Trouble.BUSY), attempts=2, wait_s=30)] * dice.randint(0, 1)
        playbook = playbook.model_copy(update={"retry": tuple(rules), "offline_after_h": dice.choice((None, 0.2, 2))})
    if Part.ROLLBACK in parts:
        steps = (*playbook.steps, ActivateStep(name="activate", probe=Command(words=("true",))))
        playbook = playbook.model_copy(update={"rollback_rehearsal": True, "steps": steps})
    if Part.WINDOWS in parts:
        playbook = playbook.model_copy(update={"push_deadline_s": 120.0})  # what a window has to be long enough for
    gate = {"four_eyes": Part.FOUR_EYES in parts, "soak_s": dice.choice((30, 300, 900)) if Part.SOAK in parts else playbook.gate.soak_s}
    limits = _limits(plan, fleet, dice) if Part.LIMITS in parts else {}
    causes = {cause: dice.randint(1, 2) for cause in ("probe-failed", "no-answer")} if Part.CAUSES in parts else {}
    districts = {
        code: DistrictAllowance(failures=dice.randint(1, 2), unreachable=dice.randint(1, 2))
        for code in (fleet.districts if Part.DISTRICTS in parts else ())
    }
    waves = tuple(
        wave.model_copy(
            update={
                "causes_allowed": causes,
                "districts_allowed": {
                    code: one for code, one in districts.items() if code in {fleet.sites[s.code].district for s in wave.sites}
                },
                "sites": tuple(
                    site.model_copy(update={"limits": tuple(n for n, (_, sites) in enumerate(limits.items()) if site.code in sites[1])})
                    for site in wave.sites
                ),
            }
        )
        for wave in plan.waves
    )
    found = {
        "playbook": playbook.model_copy(update={"gate": playbook.gate.model_copy(update=gate)}),
        "waves": waves,
        "limits": tuple(PlannedLimit(select="", district=code, sites=len(sites), allowed=n) for code, (n, sites) in limits.items()),
        "windows": _windows(fleet, dice) if Part.WINDOWS in parts else None,
    }
    plan = plan.model_copy(update=found)
    return plan.model_copy(update={"digest": plan.compute_digest()})


def _limits(plan: Plan, fleet: Fleet, dice: Random) -> Mapping[str | None, tuple[int, list[str]]]:
    """District, or None for all -> how many of its sites may be down, and which those are."""
    found: dict[str | None, tuple[int, list[str]]] = {None: (dice.randint(1, 3), list(plan.wave_of))}
    for code in dice.sample(list(fleet.districts), dice.randint(0, len(fleet.districts))):
        found[code] = (dice.randint(1, 2), [site for site in plan.wave_of if fleet.sites[site].district == code])
    return {code: (allowed, sites) for code, (allowed, sites) in found.items() if sites}


def _windows(fleet: Fleet, dice: Random) -> Windows:
    """A suspension of some hours about the time at which the night begins, and exceptions from it."""

    def entry(scope: Scope, sites: Collection[str], begins: tuple[int, int], lasts: tuple[int, int]) -> Entry:
        begin = AT + timedelta(minutes=dice.randint(*begins))
        end = begin + timedelta(minutes=dice.randint(*lasts))
        return Entry(scope=scope, target=",".join(sites), sites=tuple(sites), begins_at=begin, ends_at=end)

    def some() -> list[str]:
        return dice.sample(list(fleet.sites), dice.randint(1, len(fleet.sites)))

    return Windows(
        zone="Asia/Shanghai",
        suspensions=(entry(Scope.PLAN, (), (-60, 40), (90, 420)),),
        windows=tuple(entry(Scope.SITE, some(), (-60, 120), (25, 240)) for _ in range(dice.randint(0, 2))),
        blackouts=tuple(entry(Scope.SITE, some(), (0, 90), (5, 60)) for _ in range(dice.randint(0, 1))),
        left_on=tuple(entry(Scope.SITE, some(), (-60, 0), (300, 500)) for _ in range(dice.randint(0, 2))),
    )
