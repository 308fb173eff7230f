"""`fleet rollout`: start a plan, and decide about it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fleet.cli import exclusion
from fleet.cli.chosen import chosen_terminals
from fleet.cli.common import RELEASES, current_door, print_json, say, show
from fleet.cli.typed import COUNT, count_of_plan, count_of_rest
from fleet.errors import InputError
from fleet.text import N_, _

if TYPE_CHECKING:
    from fleet.model.actor import Actor
    from fleet.model.plan import Plan
    from fleet.model.purpose import Limits, Only
    from fleet.store import Store

app = typer.Typer()

_CAUSE = typer.Option(
    None, "--cause", metavar="FINGERPRINT", help=_("Exactly the terminals that stand at this failure now (`fleet status --failures`).")
)
_REASON = typer.Option("", "--reason", metavar="TEXT", help=_("Why; it is recorded."))


@app.command("start", help=_("Start a rollout of a plan; `fleet run` carries it out."))
def start(
    plan: Path = typer.Argument(..., metavar="PLAN", help=_("The file that `fleet plan --out` wrote.")),
    *,
    only: str | None = typer.Option(
        None, metavar="PART", help=_("`stage`: only bring the release, days before the night; nothing live is touched.")
    ),
    site_rate: str | None = typer.Option(
        None, metavar="RATE", help=_("The most that is sent to one site in a second, for example 2Mbit or 500KB.")
    ),
    total_rate: str | None = typer.Option(None, metavar="RATE", help=_("The most that is sent to all sites together in a second.")),
    count: int | None = COUNT,
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> None:
    from fleet.cli.rates import parse_rate
    from fleet.control.rollouts import start_rollout
    from fleet.model.purpose import Limits
    from fleet.plan import read_plan

    purpose = _only(only)
    limits = Limits(site_rate=parse_rate(site_rate, "--site-rate"), total_rate=parse_rate(total_rate, "--total-rate"))
    store, actor, at = _asked()
    made = read_plan(plan)
    _require_whole_release(store, made)
    typed = count_of_plan(store, made, count)
    state = start_rollout(store, actor, at, made, only=purpose, limits=limits, zone=current_door().settings.zone, typed=typed)
    if as_json:
        print_json(state)
        return
    if purpose is None:
        show(_("Rollout {rollout} is started. Waves: {waves}", rollout=state.id, waves=len(state.waves)))
    else:
        show(
            _("Rollout {rollout} is started; it stages, and touches nothing live. Waves: {waves}", rollout=state.id, waves=len(state.waves))
        )
    for line in _pace_lines(store, made, limits):
        show(line)
    say(_("`fleet run` carries it out; `fleet watch` and `fleet status` show it."))


@app.command("approve", help=_("Let a wave that waits go on. The approval is kept with the plan it is about."))
def approve(
    wave: int = typer.Argument(..., metavar="WAVE", help=_("Its number.")),
    *,
    plan: str = typer.Option(
        "", metavar="DIGEST", show_default=False, help=_("Only if the rollout carries out this plan: its digest, or how that begins.")
    ),
    reason: str = _REASON,
) -> None:
    from fleet.control import rollouts

    store, actor, at = _asked()
    rollouts.approve(store, actor, at, _newest(store), wave, reason=reason, plan=plan)
    show(_("Wave {wave} is approved.", wave=wave))


@app.command("pause", help=_("Begin nothing more for now; pushes that run finish."))
def pause(*, reason: str = _REASON) -> None:
    from fleet.control import rollouts

    _move(
        rollouts.pause, reason, _("The pause is recorded. Pushes that run finish. Go on: fleet rollout resume"), _("It is paused already.")
    )


@app.command("resume", help=_("Go on after a pause."))
def resume(*, reason: str = _REASON) -> None:
    from fleet.control import rollouts

    _move(rollouts.resume, reason, _("The end of the pause is recorded."), _("It is not paused."))


@app.command("stop", help=_("End the rollout: what has not begun stays not started."))
def stop(*, reason: str = _REASON) -> None:
    from fleet.control import rollouts

    _move(rollouts.stop, reason, _("The stop is recorded. `fleet rollout retry` takes up what is unfinished."), _("It is stopped already."))


@app.command("go-past", help=_("Go on past the point of no return: what was touched could no longer all go back in time."))
def go_past(*, reason: str = typer.Option(..., "--reason", metavar="TEXT", help=_("Why; it is recorded."))) -> None:
    from fleet.control.go_past import go_past as decide

    store, actor, at = _asked()
    if decide(store, actor, at, _newest(store), reason=reason):
        show(_("It goes on past the point of no return. Your name and the reason are recorded."))
    else:
        show(_("Somebody decided so already."))


@app.command("retry", help=_("Push the unfinished again: failed, rolled back, unreachable and unknown."))
def retry(
    terminals: list[str] = typer.Argument(
        None, metavar="TERMINAL...", help=_("Only these, as SITE/TERMINAL, or SITE for all of a site; without it all.")
    ),
    *,
    select: str | None = typer.Option(None, metavar="EXPR", help=_("Only the terminals this selects, for example `state:failed wave:2`.")),
    cause: str | None = _CAUSE,
    count: int | None = COUNT,
    reason: str = _REASON,
) -> None:
    from fleet.control import rollouts
    from fleet.model.rollout import DecisionKind

    store, actor, at = _asked()
    rollout = _newest(store)
    chosen = chosen_terminals(store, rollout, terminals or [], select, cause)
    if not terminals:
        count = count_of_rest(store, rollout, DecisionKind.RETRY, chosen, count)
    rehearses = not chosen and rollouts.rehearses_again(store, rollout)
    again = rollouts.retry(store, actor, at, rollout, chosen, reason=reason, typed=count)
    if rehearses:
        show(_("The way back will be rehearsed again, where the windows leave time for it."))
    if again:
        show(_("Terminals that will be pushed again: {count}", count=again))
    elif not rehearses:
        show(_("They wait to be pushed again already; `fleet run` does it."))


@app.command(
    "exclude", help=_("Leave terminals out of the rollout. Where its plan wants four eyes, somebody else confirms it (exit code 3).")
)
def exclude(
    terminals: list[str] = typer.Argument(None, metavar="TERMINAL...", help=_("As SITE/TERMINAL, or SITE for all of a site.")),
    *,
    select: str | None = typer.Option(None, metavar="EXPR", help=_("The terminals this selects.")),
    cause: str | None = _CAUSE,
    reason: str = typer.Option(..., "--reason", metavar="TEXT", help=_("Why; it is recorded.")),
    count: int | None = COUNT,
) -> int:
    from fleet.cli.exclusion import tell
    from fleet.control import exclusions
    from fleet.model.rollout import DecisionKind

    if not terminals and select is None and cause is None:
        raise InputError(N_("name the terminals that are left out"), hint=N_("as SITE/TERMINAL, with --select, or with --cause"))
    store, actor, at = _asked()
    rollout = _newest(store)
    chosen = chosen_terminals(store, rollout, terminals or [], select, cause)
    if not terminals:
        count = count_of_rest(store, rollout, DecisionKind.EXCLUDE, chosen, count)
    return tell(exclusions.exclude(store, actor, at, rollout, chosen, reason=reason, typed=count), chosen)


app.command("confirm", help=_("Confirm an exclusion that somebody else asked for, where the plan wants four eyes."))(exclusion.confirm)
app.command("decline", help=_("Close an exclusion that waits for a second person; nothing is left out."))(exclusion.decline)


@app.command("by-hand", help=_("Have terminals done by hand in this rollout: a technician goes there, no push does."))
def by_hand(
    terminals: list[str] = typer.Argument(None, metavar="TERMINAL...", help=_("As SITE/TERMINAL, or SITE for all of a site.")),
    *,
    select: str | None = typer.Option(None, metavar="EXPR", help=_("The terminals this selects.")),
    cause: str | None = _CAUSE,
    reason: str = typer.Option(..., "--reason", metavar="TEXT", help=_("Why; it is recorded.")),
    count: int | None = COUNT,
) -> None:
    from fleet.control.by_hand import make_by_hand
    from fleet.model.rollout import DecisionKind

    store, actor, at = _asked()
    rollout = _newest(store)
    chosen = chosen_terminals(store, rollout, terminals or [], select, cause)
    if not terminals:
        count = count_of_rest(store, rollout, DecisionKind.BY_HAND, chosen, count)
    made = make_by_hand(store, actor, at, rollout, chosen, reason=reason, typed=count)
    show(
        _(
            "Terminals that wait for a technician now: {count}. They report with `fleet checkin SITE --self-test TERMINAL=VERSION`.",
            count=made,
        )
    )


@app.command("choices", help=_("What may be done now about a site, or about all that stand at one failure."))
def choices(
    site: str = typer.Argument("", metavar="SITE", help=_("Code or name of the site.")),
    *,
    cause: str | None = _CAUSE,
    as_json: bool = typer.Option(False, "--json", help=_("Print facts as JSON.")),
) -> None:
    from fleet.cli.choices import show_choices

    if bool(site) == (cause is not None):
        raise InputError(N_("say about what: a site, or a failure with --cause"), hint=N_("`fleet status --failures` lists the failures"))
    door = current_door()
    store = door.open_store()
    show_choices(store, door.person(store), _newest(store), site, cause, as_json=as_json)


@app.command("rollback", help=_("Take the release before live again: on a whole wave, or on some terminals."))
def rollback(
    terminals: list[str] = typer.Argument(None, metavar="TERMINAL...", help=_("Only these, as SITE/TERMINAL, or SITE for all of a site.")),
    *,
    wave: int | None = typer.Option(None, metavar="N", help=_("The whole wave; what of it has not begun is held.")),
    select: str | None = typer.Option(None, metavar="EXPR", help=_("Only the terminals this selects, for example `district:east`.")),
    cause: str | None = _CAUSE,
    despite_irreversible: bool = typer.Option(
        False, "--despite-irreversible", help=_("Go back although some steps have no way back; what they did stays done.")
    ),
    count: int | None = COUNT,
    reason: str = _REASON,
) -> None:
    from fleet.cli.rollback import meant_lines
    from fleet.control.rollback import roll_back
    from fleet.model.rollout import DecisionKind

    store, actor, at = _asked()
    rollout = _newest(store)
    chosen = chosen_terminals(store, rollout, terminals or [], select, cause)
    if wave is None and not terminals and chosen:
        count = count_of_rest(store, rollout, DecisionKind.ROLLBACK, chosen, count)
    meant = roll_back(
        store, actor, at, rollout, wave=wave, terminals=chosen, reason=reason, despite_irreversible=despite_irreversible, typed=count
    )
    for line in meant_lines(meant, wave):
        show(line)


def _require_whole_release(store: "Store", plan: "Plan") -> None:
    """Refuse where a file of the plan's release is missing or damaged; whether it is the right release, `start_rollout` says."""
    from fleet.store import releases
    from fleet.trust.release import require_whole

    with store.read() as snapshot:
        release = releases.read_release(snapshot, plan.release)
    if release is not None and release.digest == plan.release_digest:
        require_whole(release, current_door().workspace / RELEASES)


def _only(text: str | None) -> "Only | None":
    from fleet.model.purpose import Only

    if text is None or text in {one.value for one in Only}:
        return Only(text) if text else None
    raise InputError(N_("`{text}` is no part of a plan that can be carried out alone", text=text), where="--only", hint=N_("use: stage"))


def _pace_lines(store: "Store", plan: "Plan", limits: "Limits") -> list[str]:
    """What the limits come to: how long a push may take, and all of them together."""
    from datetime import timedelta
    from math import ceil

    from fleet.cli.rates import limits_words
    from fleet.rollout import sending_s
    from fleet.store import releases

    if not limits:
        return []
    with store.read() as snapshot:
        release = releases.read_release(snapshot, plan.release)
    assert release is not None
    slowest = max((sending_s(plan, release, program, limits) for program in plan.programs.values()), default=0.0)
    longest = timedelta(seconds=ceil(plan.playbook.push_deadline_s + slowest))
    lines = [limits_words(limits), _("A push may take {time} at most, waiting for its turn included.", time=longest)]
    if limits.total_rate:
        sizes = {name: artifact.size if (artifact := release.artifact(program.artifact)) else 0 for name, program in plan.programs.items()}
        sent = sum(sizes[terminal.program] for wave in plan.waves for terminal in wave.terminals if terminal.program)
        least = timedelta(seconds=ceil(sent / limits.total_rate))
        lines.append(_("All of it takes {time} at least, where no terminal has any of the files yet.", time=least))
    return lines


def _asked() -> "tuple[Store, Actor, datetime]":
    """The store, who asks, and when."""
    door = current_door()
    store = door.open_store()
    return store, door.actor(store), datetime.now(UTC)


def _newest(store: "Store") -> str:
    """Id of the rollout that decisions are about."""
    from fleet.cli.standing import look

    return look(store).rollout.id


def _move(decide: "Callable[[Store, Actor, datetime, str, str], bool]", reason: str, done: str, already: str) -> None:
    from fleet.cli.standing import look

    store, actor, at = _asked()
    is_new = decide(store, actor, at, _newest(store), reason)
    show(done if is_new else already)
    if not is_new:
        return
    if look(store).is_run:
        show(_("The orchestrator takes it up."))
    else:
        show(_("No orchestrator runs now; it takes effect when one does: fleet run"))
