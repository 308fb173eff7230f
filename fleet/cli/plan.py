"""`fleet plan`: make a plan, and show what it would do before anything is touched."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fleet.cli.common import RELEASES, current_door, print_json, print_table, say, show
from fleet.cli.earliest import earliest_line, queue_lines
from fleet.errors import InputError
from fleet.text import N_, _, render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fleet.model.inventory import Fleet
    from fleet.model.plan import Plan
    from fleet.model.release import Release
    from fleet.plan import Preview
    from fleet.plan.preview import ProgramPreview, WavePreview
    from fleet.store import Snapshot


def command(
    *,
    playbook: Path | None = typer.Option(None, metavar="FILE", help=_("What is done to a terminal, and how waves are cut.")),
    release: str | None = typer.Option(None, metavar="VERSION", help=_("A release that was added to the workspace.")),
    late: str | None = typer.Option(
        None, metavar="ROLLOUT", help=_("Only who came late to this rollout, with its playbook, release and selection.")
    ),
    select: str = typer.Option(
        "", metavar="EXPR", show_default=False, help=_("Only these terminals, for example `kind:pharmacy district:青湾`.")
    ),
    windows: Path | None = typer.Option(
        None, metavar="FILE", help=_("When sites may be touched: suspensions, windows, blackouts. Without it, at any time.")
    ),
    out: str | None = typer.Option(None, metavar="PLAN", help=_("Write the plan to this file, for `fleet rollout start`.")),
    push_seconds: float | None = typer.Option(
        None,
        metavar="S",
        show_default=False,
        help=_("How long one push is assumed to take; without it, as long as pushes of this workspace did, or 20 where it has seen none."),
    ),
    as_json: bool = typer.Option(False, "--json", help=_("Print the preview as JSON.")),
) -> None:
    """Make a plan and show it: waves, who is in the canary and why, steps, parallelism, earliest finish, digest."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from fleet.cli.assumed import assumptions
    from fleet.cli.release import other_key_words
    from fleet.cli.windows import refuse_out_of_time, unreached_warning, windows_facts, windows_lines
    from fleet.control.window_preview import preview_windows
    from fleet.plan import preview, write_plan

    push_s, assumed = assumptions(push_seconds)
    if out is not None:
        _check_out(out)
    door = current_door()
    if late is not None:
        _refuse_beside_late(playbook=playbook, release=release, select=select or None)
        plan, fleet, found = _late_plan(late, windows)
    else:
        plan, fleet, found = _plan(playbook, release, select, windows)
    if (other := other_key_words(door, found)) is not None:
        say(other)
    shown = preview(plan, fleet, push_s)
    times = preview_windows(plan, fleet, datetime.now(UTC), assumed)
    refuse_out_of_time(times, door.settings.zone, str(windows))
    unconfirmed = _unconfirmed(plan, fleet)
    if out is not None:
        _record_author(plan)
        write_plan(plan, Path(out))
    if as_json:
        gate = {"gate": plan.playbook.gate.model_dump(mode="json"), "formula": _gate_words(plan), "conditions": _condition_facts(plan)}
        print_json(
            {**asdict(shown), "late_of": plan.late_of, **gate, "windows": windows_facts(times), "host_keys_unconfirmed": unconfirmed}
        )
    else:
        for line in unreached_warning(times):
            show(line)
        _show(shown, plan)
        for line in windows_lines(times, door.settings.zone):
            show(line)
        if unconfirmed:
            show(_("Host keys not confirmed: {count}. `fleet hosts scan`, then `fleet hosts confirm`.", count=unconfirmed))
            show(_("Until then nothing is sent to these terminals, and each of them ends unreachable."))
    say(_what_next(plan, fleet, out))


def _what_next(plan: "Plan", fleet: "Fleet", out: str | None) -> str:
    """Where the plan is, and the command that starts it, as a script needs it too."""
    from fleet.control.everything import means_every_site

    if out is None:
        return _("Nothing was written. `--out plan.json` writes the plan to a file.")
    if not means_every_site(plan, fleet):
        return _("Wrote the plan to {file}. Start it: fleet rollout start {file}", file=out)
    return _("Wrote the plan to {file}. Start it: fleet rollout start {file} --count {sites}", file=out, sites=len(plan.wave_of))


def _unconfirmed(plan: "Plan", fleet: "Fleet") -> int:
    """How many of the terminals that are pushed to have a host key that nobody confirmed."""
    from fleet.model.attempt import Cause
    from fleet.model.trust import pinned_key
    from fleet.store import trust

    with current_door().open_store().read() as snapshot:
        keys = trust.read_host_keys(snapshot)
    pushed = (name for name, program in plan.program_of.items() if program is not None)
    return sum(isinstance(pinned_key(fleet.terminals[name], keys.get(name)), Cause) for name in pushed)


def _plan(playbook: Path | None, release: str | None, select: str, windows: Path | None) -> "tuple[Plan, Fleet, Release]":
    """The plan that was asked for, the inventory it was made of, and its release."""
    from fleet.plan import make_plan, read_playbook, read_windows
    from fleet.store.fleets import read_fleet
    from fleet.trust.release import require_whole

    if playbook is None:
        raise InputError(N_("--playbook needs the name of a file"), hint=N_("for example `--playbook playbooks/upgrade-client.yaml`"))
    steps, door = read_playbook(playbook), current_door()
    with door.open_store().read() as snapshot:
        fleet, found = read_fleet(snapshot), _release(snapshot, release or "")
    require_whole(found, door.workspace / RELEASES)
    dated = read_windows(windows, fleet, door.settings.zone) if windows is not None else None
    return make_plan(fleet, steps, found, select, dated), fleet, found


def _late_plan(rollout: str, windows: Path | None) -> "tuple[Plan, Fleet, Release]":
    """The plan for who came late to a rollout; says what starting it would close."""
    from datetime import UTC, datetime

    from fleet.control.everything import sites_if_everything
    from fleet.control.late import original_of
    from fleet.model.rollout import DecisionKind
    from fleet.plan import read_windows
    from fleet.plan.late import make_late_plan
    from fleet.store.fleets import read_fleet
    from fleet.trust.release import require_whole

    door = current_door()
    store = door.open_store()
    with store.read() as snapshot:
        first, original, served = original_of(snapshot, rollout)
        fleet, found = read_fleet(snapshot), _release(snapshot, original.release)
    require_whole(found, door.workspace / RELEASES)
    dated = read_windows(windows, fleet, door.settings.zone) if windows is not None else None
    plan = make_late_plan(fleet, original, found, served=served, windows=dated, now=datetime.now(UTC), rollout=first.id)
    if count := sites_if_everything(store, first.id, DecisionKind.RETRY):
        what = _("Sites of rollout {rollout} that a retry would push again: {count}.", rollout=first.id, count=count)
        say(what + " " + _("Retry first: once this plan is started, that is over."))
    return plan, fleet, found


def _refuse_beside_late(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            what = N_("--{option} and --late exclude each other: a late plan takes it from the rollout", option=name)
            raise InputError(what, hint=N_("leave it out"))


def _record_author(plan: "Plan") -> None:
    """Keep who made a plan that wants four eyes; any other plan is made without writing anything to the workspace."""
    from datetime import UTC, datetime

    from fleet.control.four_eyes import record_author

    if plan.playbook.gate.four_eyes:
        door = current_door()
        store = door.open_store()
        record_author(store, door.actor(store), datetime.now(UTC), plan)


def _gate_words(plan: "Plan") -> list[str]:
    """How the gates judge, line by line."""
    from fleet.rollout import formula, gate_lines

    return [render(line) for line in (*formula(plan), *gate_lines(plan))]


def _condition_facts(plan: "Plan") -> list[dict[str, str | int | None]]:
    """The same conditions as data, under the codes that verdicts are kept under, the first that is met first."""
    from fleet.model.purpose import Only
    from fleet.rollout.formula import conditions, staging_conditions

    stated = [(None, each) for each in conditions(plan)] + [(Only.STAGE.value, each) for each in staging_conditions(plan)]
    return [
        {"code": each.code, "verdict": each.verdict.value, "gate": each.gate, "only": only, "words": render(each.words)}
        for only, each in stated
    ]


def _check_out(out: str) -> None:
    from fleet.plan.plan_file import check_place

    if not out:
        raise InputError(N_("--out needs the name of a file"), hint=N_("for example `--out plan.json`"))
    check_place(Path(out), current_door().workspace)


def _release(snapshot: "Snapshot", version: str) -> "Release":
    if not version:
        raise InputError(N_("--release needs a version"), hint=N_("`fleet release list` shows them"))
    from datetime import UTC, datetime

    from fleet.control.releases import plannable

    return plannable(snapshot, version, datetime.now(UTC), current_door().settings.zone)


def _show(shown: "Preview", plan: "Plan") -> None:
    show(_("Plan: playbook {playbook}, release {release}", playbook=shown.playbook, release=shown.release))
    if plan.late_of:
        show(_("For the late joiners of plan {digest}; they are counted beside its sites, as +n", digest=plan.late_of[:12]))
    if shown.select:
        show(_("Selection: {selection}", selection=shown.select))
    counts = {"sites": shown.sites, "terminals": shown.terminals, "by_hand": shown.by_hand}
    show(_("Sites: {sites}; terminals: {terminals}, of them by hand: {by_hand}", **counts))
    if shown.sites_without_terminals:
        show(_("Not planned: {count} {count:site has|sites have} no terminal in the inventory", count=shown.sites_without_terminals))
    if not shown.installs:
        show(_("It puts no release live: `upgraded` will mean that its steps were done, and there will be no completion to export."))
    _show_waves(shown)
    _show_budgets(shown)
    _show_canary(shown)
    _show_untested(shown)
    _show_too_few(shown)
    show()
    show(_("How each gate judges; the first that is so decides:"))
    for line in _gate_words(plan):
        show(f"  {line}")
    _show_programs(shown)
    show()
    show(earliest_line(shown))
    for line in queue_lines(shown):
        show(f"  {line}")
    show(_("Digest: {digest}", digest=shown.digest))


def _show_waves(shown: "Preview") -> None:
    from fleet.model.inventory import SiteKind
    from fleet.report.words import kind_words

    kinds = [kind for kind in SiteKind if any(kind.value in wave.terminals for wave in shown.waves)]
    headings = [
        _("wave"),
        _("name"),
        _("sites"),
        *(_("terminals, {kind}", kind=kind_words(kind)) for kind in kinds),
        _("by hand"),
        _("in flight"),
        _("may fail"),
        _("may be unreachable"),
        _("earliest"),
    ]
    show()
    print_table(headings, [_wave_row(wave, [kind.value for kind in kinds]) for wave in shown.waves])


def _wave_row(wave: "WavePreview", kinds: list[str]) -> list[str | int]:
    from fleet.report.words import wave_name_words

    counts = [wave.terminals.get(kind, 0) for kind in kinds]
    limits = [wave.parallel, wave.failures_allowed, wave.unreachable_allowed]
    return [wave.number, render(wave_name_words(wave.name)), wave.sites, *counts, wave.by_hand, *limits, duration(wave.earliest_s)]


def _show_budgets(shown: "Preview") -> None:
    """What keeps the sites in flight down, budgets by cause and district, and limits; where a playbook sets any."""
    from fleet.cli.all_down import all_down_lines

    if not shown.limits and not any(wave.causes_allowed or wave.districts for wave in shown.waves):
        return
    show()
    bounds = {
        "sites": _("all of its sites"),
        "parallel": "`parallel`",
        "failures": _("its failure budget"),
        "unreachable": _("its budget for unreachable sites"),
        "per_district": _("the budgets of its districts"),
        "limits": _("the limits"),
    }
    for wave in shown.waves:
        why = bounds.get(wave.bound_by) or _("the budget for the cause `{cause}`", cause=wave.bound_by)
        show(_("Wave {number}: in flight at most {count}, because of: {what}", number=wave.number, count=wave.parallel, what=why))
    if any(wave.causes_allowed for wave in shown.waves):
        show(_("Any site in flight may end with any cause, so in flight are never more than the smallest budget has left."))
    causes = sorted({cause for wave in shown.waves for cause in wave.causes_allowed})
    if causes:
        show()
        rows = [[wave.number, *(wave.causes_allowed.get(cause, "") for cause in causes)] for wave in shown.waves]
        print_table([_("wave"), *causes], rows)
    districts = [(wave.number, part) for wave in shown.waves for part in wave.districts]
    if districts:
        show()
        headings = [_("wave"), _("district"), _("sites"), _("may fail"), _("may be unreachable")]
        print_table(headings, [[n, part.district, part.sites, part.failures_allowed, part.unreachable_allowed] for n, part in districts])
    if shown.limits:
        show()
        waves = [_("in wave {number}", number=wave.number) for wave in shown.waves]
        headings = [_("limit"), _("district"), _("sites"), _("down at once"), *waves]
        rows = [[each.select or "*", each.district or _("all"), each.sites, each.allowed, *each.planned] for each in shown.limits]
        print_table(headings, rows)
        for line in all_down_lines(shown):
            show(line)


def _show_canary(shown: "Preview") -> None:
    show()
    show(_("The canary, and why these sites: each is the first of a kind, vendor and size"))
    filled = _("(makes up the samples the gate needs)")
    rows = [(site.code, site.name, site.terminals, _strata(site.tries_first) or filled) for site in shown.canary]
    print_table([_("site"), _("name"), _("terminals"), _("tries first")], rows)


def _show_untested(shown: "Preview") -> None:
    show()
    if not any(wave.untested for wave in shown.waves):
        show(_("The canary tries every kind, vendor and size there is."))
    for wave in shown.waves:
        if wave.untested:
            show(_("Untested before wave {number}: {strata}", number=wave.number, strata=_strata(wave.untested)))


def _strata(strata: "Iterable[str]") -> str:
    from fleet.model.plan import stratum_words

    return "; ".join(render(stratum_words(stratum)) for stratum in strata)


def _show_too_few(shown: "Preview") -> None:
    for wave in shown.waves:
        if wave.too_few:
            values = {"number": wave.number, "count": wave.by_ssh, "needed": shown.min_samples}
            show(
                _(
                    "Wave {number} can get no verdict: {count} {count:terminal|terminals} by SSH, `min_samples` is {needed}. A person will be asked.",
                    **values,
                )
            )


def _show_programs(shown: "Preview") -> None:
    for program in shown.programs:
        show()
        values = {"digest": program.digest[:12], "artifact": program.artifact or "-", "count": program.terminals}
        show(_("Program {digest}: artifact {artifact}, {count} {count:terminal|terminals}", **values))
        show(f"  {_steps(program)}")
    if shown.unused_steps:
        show()
        show(_("Steps that nobody gets: {steps}", steps=", ".join(shown.unused_steps)))


def _steps(program: "ProgramPreview") -> str:
    from fleet.model.step_words import step_words

    words = {step: step_words(step) for step in program.steps}
    return " > ".join(
        _("{step} (IRREVERSIBLE)", step=word) if step in program.irreversible else render(word) for step, word in words.items()
    )


def duration(seconds: float) -> str:
    """`45 s`, `12 min` or `3 h 05 min`, rounded up."""
    from math import ceil

    if seconds < 60:
        return _("{seconds} s", seconds=ceil(seconds))
    minutes = ceil(seconds / 60)
    if minutes < 60:
        return _("{minutes} min", minutes=minutes)
    return _("{hours} h {minutes} min", hours=minutes // 60, minutes=f"{minutes % 60:02}")
