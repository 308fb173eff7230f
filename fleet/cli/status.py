"""`fleet status`: where the rollout stands, on one screen of plain text."""

import sys
from typing import TYPE_CHECKING, Any

import typer

from fleet.cli.common import current_door, print_json, print_table, show
from fleet.cli.exclusion import exclusion_facts, exclusion_lines
from fleet.cli.failures import show_failures
from fleet.cli.late import late_facts, late_lines, late_rows
from fleet.cli.offline import offline_facts, offline_lines
from fleet.cli.rates import limits_words
from fleet.cli.standing import (
    Stand,
    exit_code,
    held_in_part_lines,
    held_site_lines,
    judged_lines,
    local_time,
    look,
    orchestrator_line,
    phase_words,
    rehearsed_lines,
    soaking_lines,
    waiting_lines,
    why_waiting,
)
from fleet.cli.windows import outlook_facts, outlook_lines
from fleet.errors import InputError
from fleet.text import N_, _, render

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from zoneinfo import ZoneInfo

    from fleet.store import Store
    from fleet.store.reads import Tally

_EXCLUSIONS = 10
"""The last so many decisions that left terminals out are shown; --json and the export have them all."""


def command(
    *,
    watch: bool = typer.Option(False, "--watch", help=_("Show what changes until the rollout, the newest or the named one, is over.")),
    until_waiting: bool = typer.Option(False, "--until-waiting", help=_("Watch, and end when only a person can go on (exit code 3).")),
    plain: bool = typer.Option(False, "--plain", help=_("Watch a line at a time: no colour, nothing moves the cursor.")),
    rollout: str | None = typer.Option(None, "--rollout", metavar="ID", help=_("Which rollout. [default: the newest]")),
    failures: bool = typer.Option(False, "--failures", help=_("Show what went wrong instead, each failure once.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON; with --watch a line for each change.")),
) -> int:
    """Show the rollout's waves, counts and who it waits for. Exit code: 3 waits for a person, 1 over with failures, else 0."""
    store = current_door().open_store()
    if failures and (watch or until_waiting):
        raise InputError(N_("--failures is one look; it cannot be watched"), hint=N_("leave --watch out, or use `fleet watch`"))
    stand = look(store, rollout)
    if watch or until_waiting:
        return _watch(store, stand, plain=plain, as_json=as_json, until_waiting=until_waiting)
    if failures:
        show_failures(store, stand, as_json=as_json)
    elif as_json:
        print_json(_facts(stand))
    else:
        _show(stand)
    return exit_code(stand)


def _watch(store: "Store", first: Stand, *, plain: bool, as_json: bool, until_waiting: bool) -> int:
    from fleet.cli.status_watch import JsonTeller, PlainTeller, is_dumb, watch

    rollout = first.rollout.id
    if as_json:
        return exit_code(watch(store, JsonTeller(_facts), rollout, until_waiting=until_waiting))
    if plain or is_dumb():
        teller = PlainTeller(store, current_door().settings.zone, first)
        return exit_code(watch(store, teller, rollout, until_waiting=until_waiting))
    shown: list[dict[str, Any]] = []

    def draw(stand: Stand) -> None:
        facts = _facts(stand)
        if shown and shown[-1] == facts:
            return
        shown[:] = [facts]
        sys.stdout.write("\x1b[H\x1b[2J")
        _show(stand)
        sys.stdout.flush()

    return exit_code(watch(store, draw, rollout, until_waiting=until_waiting))


def _show(stand: Stand) -> None:
    from fleet.model.attempt import TerminalState
    from fleet.report.words import files_words, wave_name_words, wave_phase_words

    total, zone = stand.tallies.total, current_door().settings.zone
    values = {"rollout": stand.rollout.id, "release": stand.release, "phase": phase_words(stand)}
    if stand.rollout.only is None:
        show(_("Rollout {rollout} of release {release}: {phase}", **values))
    else:
        show(_("Rollout {rollout} stages release {release} and touches nothing live: {phase}", **values))
    if limits := limits_words(stand.rollout.limits):
        show(limits)
    if not stand.is_over:
        show(orchestrator_line(stand, zone))
    for line in (
        *waiting_lines(stand),
        *held_site_lines(stand, zone),
        *held_in_part_lines(stand, zone),
        *exclusion_lines(stand.asked),
        *soaking_lines(stand, zone),
        *judged_lines(stand),
        *rehearsed_lines(stand),
    ):
        show(line)
    show()
    columns = _columns(stand)
    rows = [
        [
            wave.number,
            render(wave_name_words(name)),
            render(wave_phase_words(wave.phase)),
            *_counts(columns, stand.tallies.by_wave.get(wave.number)),
        ]
        for wave, name in zip(stand.rollout.waves, stand.names, strict=True)
    ]
    headings = [_("wave"), _("name"), _("phase"), *(heading for heading, _count in columns)]
    print_table(
        headings, [*rows, ["", _("all"), "", *_counts(columns, total)], *late_rows(stand, [heading for heading, _count in columns])]
    )
    show()
    if stand.rollout.only is None:
        show(_("Terminals: {proven} of {count} proven on the new release", proven=total.proven, count=total.terminal_count))
    else:
        count = total.terminal_count - total.terminals.get(TerminalState.EXCLUDED, 0)
        show(_("Terminals: {staged} of {count} staged; nothing was made live", staged=total.staged, count=count))
    for line in late_lines(stand):
        show(line)
    _show_swipes(stand)
    for line in (*offline_lines(stand, zone), *_decision_lines(stand, zone), *outlook_lines(stand, zone)):
        show(line)
    show(render(files_words(stand.bytes_sent, stand.bytes_saved)))


def _show_swipes(stand: Stand) -> None:
    """Both medians of each wave that was judged, split by phase."""
    from fleet.report.swipes import swipe_headings, swipe_rows
    from fleet.rollout.evidence import swipe_medians

    rows = [(wave.number, *row) for wave in stand.rollout.waves for row in swipe_rows(swipe_medians(wave.verdict_values))]
    if rows:
        show()
        show(_("Swipes, medians of the terminals measured before and after, when each wave was judged:"))
        print_table([_("wave"), *swipe_headings()], rows)
        show()


def _decision_lines(stand: Stand, zone: "ZoneInfo") -> "Iterator[str]":
    """What people left out and rolled back, and what of their decisions was not taken in; the last of each."""
    from fleet.report.words import decision_words

    for decision, person in stand.exclusions[-_EXCLUSIONS:]:
        values = {"count": len(decision.terminals), "person": person, "reason": decision.reason}
        yield _("Left out on {time} by {person}, terminals: {count}; {reason}", time=local_time(decision.at, zone), **values)
    for decision, person in stand.made_by_hand[-_EXCLUSIONS:]:
        values = {"count": len(decision.terminals), "person": person, "reason": decision.reason or _("no reason was given")}
        yield _("Made by-hand on {time} by {person}, terminals: {count}; {reason}", time=local_time(decision.at, zone), **values)
    for decision, person in stand.rollbacks[-_EXCLUSIONS:]:
        values = {"count": len(decision.terminals), "person": person, "reason": decision.reason or _("no reason was given")}
        yield _("Rolled back on purpose on {time} by {person}, terminals: {count}; {reason}", time=local_time(decision.at, zone), **values)
    for decision in stand.refused[-_EXCLUSIONS:]:
        told = {"what": decision_words(decision), "person": decision.actor, "reason": decision.refused or ""}
        yield _("Not taken in, decided on {time}: {what}, by {person}; {reason}", time=local_time(decision.at, zone), **told)


def _columns(stand: Stand) -> "list[tuple[str, Callable[[Tally], int]]]":
    """Headings, and what is counted under them; a rollout that only stages knows no other ways to end."""
    upgraded: list[tuple[str, Callable[[Tally], int]]] = [
        (_("upgraded"), lambda tally: tally.sites.upgraded),
        (_("done"), lambda tally: tally.done),
    ]
    staged: list[tuple[str, Callable[[Tally], int]]] = [(_("staged"), lambda tally: tally.sites.staged)]
    wanted_back: list[tuple[str, Callable[[Tally], int]]] = [
        (_("waits to be rolled back"), lambda tally: tally.sites.going_back),
        (_("rolled back on purpose"), lambda tally: tally.sites.taken_back),
    ]
    is_whole = stand.rollout.only is None
    return [
        (_("sites"), lambda tally: tally.sites.total),
        *(upgraded if is_whole else staged),
        (_("running"), lambda tally: tally.sites.running),
        (_("failed"), lambda tally: tally.sites.failed),
        *([(_("rolled back"), lambda tally: tally.sites.rolled_back)] if is_whole else []),
        *(wanted_back if is_whole and any(sites.going_back or sites.taken_back for sites in [stand.tallies.total.sites]) else []),
        (_("unreachable"), lambda tally: tally.sites.unreachable),
        (_("unknown"), lambda tally: tally.sites.unknown),
        (_("not started"), lambda tally: tally.sites.not_started),
        *([(_("by hand"), lambda tally: tally.sites.waiting_by_hand)] if is_whole else []),
        (_("excluded"), lambda tally: tally.sites.excluded),
    ]


def _counts(columns: "list[tuple[str, Callable[[Tally], int]]]", tally: "Tally | None") -> list[int]:
    from fleet.store.reads import Tally

    tally = tally or Tally()
    return [count(tally) for _heading, count in columns]


def _facts(stand: Stand) -> dict[str, Any]:
    """The same as data; without anything that changes while nothing happens."""
    from fleet.report.swipes import swipes_as_json
    from fleet.rollout.evidence import swipe_medians
    from fleet.rollout.standing import waiting_waves

    last = stand.orchestrator
    by_wave = stand.tallies.by_wave
    return {
        "rollout": stand.rollout.id,
        "release": stand.release,
        "plan": stand.rollout.plan_digest,
        "phase": stand.phase,
        "only": stand.rollout.only,
        "site_rate": stand.rollout.site_rate,
        "total_rate": stand.rollout.total_rate,
        "standing": stand.standing.value,
        "waiting": [
            {
                "wave": wave.number,
                "phase": wave.phase,
                "verdict": wave.verdict,
                "why": why_waiting(stand, wave),
                "held_by": [
                    {"cap": hold.cap.code, "spent": hold.cap.spent, "allowed": hold.cap.allowed + hold.cap.accepted, "sites": hold.sites}
                    for hold in stand.holds.get(wave.number, ())
                ],
            }
            for wave in waiting_waves(stand.rollout, stand.pending)
        ],
        "held_in_part": [
            {
                "wave": part.wave,
                "cap": part.cap.code,
                "spent": part.cap.spent,
                "allowed": part.cap.allowed + part.cap.accepted,
                "why": render(part.line),
            }
            for part in stand.held_in_part
        ],
        "pending": [{"decision": decision.kind, "wave": decision.wave, "by": decision.actor} for decision in stand.pending],
        "exclusions_asked": exclusion_facts(stand.asked),
        "exclusions": [
            {
                "by": decision.actor,
                "asked_by": decision.asked_by,
                "at": decision.at,
                "reason": decision.reason,
                "terminals": decision.terminals,
            }
            for decision, _person in stand.exclusions
        ],
        "made_by_hand": [
            {"by": decision.actor, "at": decision.at, "reason": decision.reason, "terminals": decision.terminals}
            for decision, _person in stand.made_by_hand
        ],
        "rollbacks": [
            {"by": decision.actor, "at": decision.at, "reason": decision.reason, "wave": decision.wave, "terminals": decision.terminals}
            for decision, _person in stand.rollbacks
        ],
        "refused": [
            {"decision": decision.kind, "wave": decision.wave, "by": decision.actor, "at": decision.at, "reason": decision.refused}
            for decision in stand.refused
        ],
        "orchestrator": None
        if last is None
        else {
            "alive": stand.is_run,
            "pid": last.pid,
            "host": last.host,
            "user": last.user,
            "started_at": last.started_at,
            "stopped_at": last.stopped_at,
        },
        "waves": [
            {
                "number": wave.number,
                "name": name,
                "phase": wave.phase,
                "verdict": wave.verdict,
                "verdict_code": wave.verdict_code or None,
                "verdict_values": wave.verdict_values,
                "swipes": swipes_as_json(swipe_medians(wave.verdict_values)),
                "soaks_until": wave.soaks_until,
                "approved_by": wave.approved_by,
                "rehearsed_at": wave.rehearsed_at,
                **_tally_facts(by_wave.get(wave.number)),
            }
            for wave, name in zip(stand.rollout.waves, stand.names, strict=True)
        ],
        "late": late_facts(stand),
        "held_sites": [{"site": each.lease.site, "by": each.lease.owner, "until": each.lease.until} for each in stand.held_sites],
        "offline": offline_facts(stand),
        "rollback_s": stand.rollback_s,
        "total": _tally_facts(stand.tallies.total),
        **outlook_facts(stand),
        "bytes_sent": stand.bytes_sent,
        "bytes_saved": stand.bytes_saved,
    }


def _tally_facts(tally: "Tally | None") -> dict[str, Any]:
    from fleet.store.reads import Tally

    tally = tally or Tally()
    return {
        "sites": {"total": tally.sites.total, **tally.sites.model_dump()},
        "done": tally.done,
        "claimed": tally.claimed,
        "terminals": {state.value: n for state, n in sorted(tally.terminals.items())},
    }
