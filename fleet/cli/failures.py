"""`fleet status --failures`: what went wrong, each failure once, with how many sites stand there and the command that retries exactly those."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fleet.cli.common import print_json, show
from fleet.text import _, current_language, render

if TYPE_CHECKING:
    from fleet.cli.standing import Stand
    from fleet.store import Store
    from fleet.store.failures import FailureGroup


def show_failures(store: "Store", stand: "Stand", *, as_json: bool) -> None:
    """Print the failures of the rollout, the most sites first."""
    from fleet.store import fleets
    from fleet.store.failures import read_groups

    with store.read() as snapshot:
        groups, districts = read_groups(snapshot, stand.rollout.id), fleets.read_districts(snapshot)
    names = {code: district.name_in(current_language()) for code, district in districts.items()}
    rest = ungrouped(stand, groups)
    if as_json:
        print_json({"rollout": stand.rollout.id, "failures": [_facts(group) for group in groups], "without_fingerprint": rest})
        return
    if not groups:
        show(_("Nothing stands at a failure now."))
    for group in groups:
        for line in _lines(group, names):
            show(line)
        show()
    if rest:
        show(_("Terminals that ended before failures had fingerprints: {count}; `--select state:failed` names them.", count=rest))


def ungrouped(stand: "Stand", groups: "list[FailureGroup]") -> int:
    """Terminals that stand badly since before failures had fingerprints."""
    from fleet.model.fingerprint import GROUPED

    return sum(stand.tallies.total.terminals.get(state, 0) for state in GROUPED) - sum(group.terminals for group in groups)


def _lines(group: "FailureGroup", names: dict[str, str]) -> "list[str]":
    from fleet.model.attempt import cause_words
    from fleet.model.step_words import step_words
    from fleet.report.terminal_words import detail_words
    from fleet.report.words import terminal_state_words

    values = {
        "sites": group.sites,
        "terminals": group.terminals,
        "ending": terminal_state_words(group.ending),
        "why": cause_words(group.cause),
    }
    if group.step:
        first = _("{ending} at {step}: {why} (sites: {sites}, terminals: {terminals})", step=step_words(group.step), **values)
    else:
        first = _("{ending}: {why} (sites: {sites}, terminals: {terminals})", **values)
    where = ", ".join(f"{names.get(code, code)} {n}" for code, n in group.districts.items())
    said = render(detail_words(group.detail))
    example = (
        _("for example {terminal}: {said}", terminal=group.example, said=said)
        if said
        else _("for example {terminal}", terminal=group.example)
    )
    return [
        first,
        f"  {where}",
        f"  {example}",
        f"  fleet rollout retry --cause {group.fingerprint}",
        f"  fleet rollout choices --cause {group.fingerprint}",
    ]


def _facts(group: "FailureGroup") -> dict[str, Any]:
    return asdict(group)
