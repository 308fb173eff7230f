"""The terminals that a command is about: named, selected, or all that stand at one failure."""

from typing import TYPE_CHECKING

from fleet.errors import InputError
from fleet.text import N_

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.store import Snapshot, Store


def chosen_terminals(store: "Store", rollout: str, terminals: list[str], select: str | None, cause: str | None = None) -> "Sequence[str]":
    """Names, a selection and a failure narrow each other, where more than one is given; empty where none is.

    A name without `/` is a site, and means all of its terminals in the rollout.

    Raises:
        InputError: Together they choose no terminal, or one of them cannot be read.
    """
    if any("/" not in name for name in terminals):
        with store.read() as snapshot:
            terminals = list(dict.fromkeys(found for name in terminals for found in _named(snapshot, rollout, name)))
    if select is None and cause is None:
        return terminals
    if select is not None and not select.strip():
        raise InputError(N_("an empty --select would mean every terminal"), hint=N_("name terminals, or say with --select which ones"))
    with store.read() as snapshot:
        sets = [_selected(snapshot, rollout, select)] if select is not None else []
        sets += [_failed(snapshot, rollout, cause)] if cause is not None else []
    meant = set.intersection(*sets)
    chosen = [name for name in terminals if name in meant] if terminals else sorted(meant)
    if not chosen and select is not None:
        raise InputError(N_("`{select}` selects no terminal of rollout {rollout}", select=select, rollout=rollout))
    if not chosen:
        raise InputError(N_("none of these terminals stands at failure {cause}", cause=cause))
    return chosen


def _named(snapshot: "Snapshot", rollout: str, name: str) -> "Sequence[str]":
    """The terminal of that name, or those of the site of that code or name."""
    from fleet.control.crew import find_site
    from fleet.store import progress

    if "/" in name:
        return [name]
    site = find_site(snapshot, name).code
    found = progress.states_of_sites(snapshot, rollout, [site]).get(site)
    if not found:
        raise InputError(
            N_("rollout {rollout} holds no terminal of site {site}", rollout=rollout, site=site),
            hint=N_("it was not selected when the plan was made"),
        )
    return sorted(found)


def _failed(snapshot: "Snapshot", rollout: str, cause: str) -> set[str]:
    from fleet.control.causes import members

    return set(members(snapshot, rollout, cause))


def _selected(snapshot: "Snapshot", rollout: str, select: str) -> set[str]:
    from fleet.model.attempt import Cause
    from fleet.select import parse_selection, subject_of
    from fleet.store import crew, failures, fleets, reads

    fleet = fleets.read_fleet(snapshot)
    labels = [*(site.labels for site in fleet.sites.values()), *(terminal.labels for terminal in fleet.terminals.values())]
    selection = parse_selection(select, {key for of_one in labels for key in of_one})
    waves = {row.code: row.wave for row in reads.sites_since(snapshot, rollout)}
    sent = crew.read_assignments(snapshot)
    fingerprints = failures.fingerprints_of(snapshot, rollout)
    chosen: set[str] = set()
    for row in reads.all_terminals(snapshot, rollout):
        terminal = fleet.terminals.get(row.id)
        if terminal is None:
            continue
        extra = {"state": row.state.value, "wave": str(waves[terminal.site])}
        if row.cause is not Cause.NONE:
            extra["cause"] = row.cause.value
        if row.id in fingerprints:
            extra["fingerprint"] = fingerprints[row.id]
        if terminal.site in sent:
            extra["technician"] = sent[terminal.site].technician
        if selection.matches(subject_of(terminal, fleet.sites[terminal.site], fleet, extra)):
            chosen.add(row.id)
    return chosen
