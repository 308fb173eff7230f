"""`fleet rollout choices`: the card of what may be done now about a site or a failure, with the command for each."""

import shlex
from typing import TYPE_CHECKING

from fleet.cli.common import print_json, show
from fleet.text import _, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.control.choices import Choice
    from fleet.model.inventory import Person
    from fleet.store import Store


def show_choices(store: "Store", person: "Person | None", rollout: str, site: str, cause: str | None, *, as_json: bool) -> None:
    """Print the card; a choice that this person cannot make now says why, and who can.

    Raises:
        InputError: There is no such site or failure, or the rollout does not hold it.
    """
    from fleet.control.causes import find_group, members
    from fleet.control.choices import choices_for_failure, choices_for_site
    from fleet.control.crew import find_site
    from fleet.errors import InputError
    from fleet.model.actor import Actor
    from fleet.store import reads, rollouts
    from fleet.text import N_

    actor = None if person is None else Actor(code=person.code)
    with store.read() as snapshot:
        state = rollouts.read_rollout(snapshot, rollout)
        assert state is not None
        if cause is not None:
            group = find_group(snapshot, rollout, cause)
            title = _("Failure {fingerprint} (sites: {sites}, terminals: {terminals})", **_of_group(group))
            card = choices_for_failure(snapshot, actor, state, members(snapshot, rollout, group.fingerprint))
            target = f"--cause {group.fingerprint}"
        else:
            found = find_site(snapshot, site)
            if reads.read_site_row(snapshot, rollout, found.code) is None:
                raise InputError(N_("rollout {rollout} does not hold site `{site}`", rollout=rollout, site=found.code))
            title = _("{name} (`{code}`)", name=found.name, code=found.code)
            card = choices_for_site(snapshot, actor, state, found.code)
            target = ""
    if as_json:
        print_json([_facts(number, choice, target) for number, choice in enumerate(card, 1)])
        return
    show(title)
    for number, choice in enumerate(card, 1):
        show(_("{number}. {title}: {meaning}", number=number, title=choice.title, meaning=choice.meaning))
        if choice.refusal is not None:
            show("   " + _("not now: {reason}", reason=choice.refusal))
            if choice.hint is not None:
                show("   " + render(choice.hint))
        else:
            for command in _commands(choice, target):
                show(f"   {command}")


def _of_group(group: object) -> dict[str, object]:
    return {name: getattr(group, name) for name in ("fingerprint", "sites", "terminals")}


def _facts(number: int, choice: "Choice", target: str) -> dict[str, object]:
    return {
        "number": number,
        "choice": choice.what.value,
        "title": render(choice.title),
        "meaning": render(choice.meaning),
        "terminals": choice.terminals,
        "may": choice.refusal is None,
        "why_not": None if choice.refusal is None else render(choice.refusal),
        "hint": None if choice.hint is None else render(choice.hint),
        "commands": [] if choice.refusal is not None else _commands(choice, target),
    }


def _commands(choice: "Choice", target: str) -> "Sequence[str]":
    """What to type; of a technician one command for each site."""
    from fleet.control.choices import What
    from fleet.control.rollouts import sites_of

    names = target or shlex.join(choice.terminals)
    count = "" if choice.everything is None else f" --count {choice.everything}"
    verbs = {
        What.STEP: f"fleet rollout retry {names}",
        What.SITE: f"fleet rollout retry {names}{count}",
        What.BY_HAND: f"fleet rollout by-hand {names} --reason TEXT{count}",
        What.ROLL_BACK: f"fleet rollout rollback {names}{count}",
        What.CONFIRM: f"fleet rollout confirm {choice.request}{count}",
        What.EXCLUDE: f"fleet rollout exclude {names} --reason TEXT{count}",
    }
    if choice.what in verbs:
        return [verbs[choice.what]]
    if target:
        return [f"fleet assign {target} --to TECHNICIAN --reason TEXT"]
    return [f"fleet assign {site} --to TECHNICIAN --reason TEXT" for site in sorted(sites_of(choice.terminals))]
