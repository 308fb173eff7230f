"""`fleet rehearse`: live through a plan on simulated terminals before anything is touched."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from fleet.cli.common import current_door, print_json, print_table, say, show
from fleet.cli.plan import duration
from fleet.errors import InputError, WaitingError
from fleet.model.windows import YEARS
from fleet.text import N_, _, render

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from datetime import tzinfo

    from fleet.model.release import Release
    from fleet.rehearsal.night import Rehearsed, Setting
    from fleet.rehearsal.outcome import Moment, Outcome
    from fleet.store import Snapshot

_MOST_SEED = 2**63 - 1


def command(
    *,
    plan: str = typer.Argument(..., metavar="PLAN", show_default=False, help=_("A file that `fleet plan --out` wrote.")),
    faults: str = typer.Option(
        "",
        metavar="FAULTS",
        show_default=False,
        help=_("Troubles with their percent of the terminals, for example `unreachable=5,health=2`, or a YAML file of them."),
    ),
    at: str = typer.Option(
        "",
        metavar="TIME",
        show_default=False,
        help=_("When it begins, for a plan with windows: `2026-03-14 22:00`, in the workspace's time zone; now, where nothing is said."),
    ),
    seed: int = typer.Option(1, metavar="N", min=0, max=_MOST_SEED, help=_("The same number gives the same night.")),
    as_json: bool = typer.Option(False, "--json", help=_("Print what came of it as JSON.")),
) -> int:
    """Live through a plan on simulated terminals: who would be asked, how it would end, and what was not tried.

    The waves, gates and budgets are the plan's and the code is the one that runs a night; time, terminals and the person who answers
    are simulated. Nothing in the workspace is touched. Ends with 3 where somebody would be asked for more than the approvals that the plan wants.
    """
    from fleet.control.late import require_late
    from fleet.plan.plan_file import read_plan
    from fleet.rehearsal.faults import plant, read_faults
    from fleet.rehearsal.keys import vouched_for
    from fleet.rehearsal.night import Setting, rehearse
    from fleet.store import fleets, observed, trust

    rules = read_faults(faults)
    made = read_plan(Path(plan))
    door = current_door()
    begins_at = _moment(at, door.settings.zone) if at else datetime.now(UTC).replace(microsecond=0)
    with door.open_store().read() as snapshot:
        require_late(snapshot, made)
        fleet, release = fleets.read_fleet(snapshot), _release(snapshot, made.release)
        _require_known(made.wave_of, fleet.sites)
        _require_known(made.program_of, fleet.terminals)
        keys, unconfirmed = vouched_for(made, fleet, trust.read_host_keys(snapshot), begins_at)
        setting = Setting(
            plan=made,
            fleet=fleet,
            release=release,
            host_keys=keys,
            faults=plant(rules, made, fleet, seed),
            push_seconds=observed.push_seconds(snapshot),
            seed=seed,
            begins_at=begins_at,
            zone=door.settings.zone,
            at_gateway=door.settings.logins_per_gateway,
        )
    rehearsed = rehearse(setting)
    if as_json:
        print_json(_as_json(setting, rehearsed) | {"host_keys_unconfirmed": unconfirmed})
    else:
        _show(setting, rehearsed)
        if unconfirmed:
            say(
                _(
                    "Host keys taken as confirmed that are not: {count}. In earnest each of these terminals ends unreachable.",
                    count=unconfirmed,
                )
            )
        say(_("Simulated: nothing in the workspace was touched, and no terminal was connected to."))
    return 0 if rehearsed.runs_through else WaitingError.exit_code


def _moment(text: str, zone: "tzinfo") -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            N_("`{text}` is no time", text=text), where="--at", hint=N_("write day and time, for example `2026-03-14 22:00`")
        ) from None
    if moment.year not in YEARS:
        raise InputError(
            N_("`{value}` is in no year from {first} to {last}", value=text, first=YEARS[0], last=YEARS[-1]),
            where="--at",
            hint=N_("write day and time, for example `2026-03-14 22:00`"),
        )
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _release(snapshot: "Snapshot", version: str) -> "Release":
    from fleet.store import releases

    found = releases.read_release(snapshot, version)
    if found is None:
        raise InputError(
            N_("the workspace has no release {version}, which the plan names", version=version),
            hint=N_("add it with `fleet release add`"),
        )
    return found


def _require_known(named: "Iterable[str]", known: "Container[str]") -> None:
    gone = [name for name in named if name not in known]
    if gone:
        raise InputError(
            N_("{count} of the plan are no longer in the inventory, {first} first", count=len(gone), first=gone[0]),
            hint=N_("make the plan again with `fleet plan`"),
        )


def _show(setting: "Setting", rehearsed: "Rehearsed") -> None:
    from fleet.cli.not_tried import show_not_tried

    outcome = rehearsed.outcome
    _show_setting(setting)
    show()
    print_table(
        [_("After"), _("Wave"), _("What happens")],
        [[_clock(moment.at_s), moment.wave, _happens(moment)] for moment in outcome.timeline],
    )
    show()
    _show_asked(rehearsed)
    show()
    _show_endings(outcome)
    show()
    show_not_tried(outcome)


def _show_setting(setting: "Setting") -> None:
    from collections import Counter

    from fleet.rehearsal.swipes import are_assumed

    values = {"digest": setting.plan.digest[:12], "seed": setting.seed, "terminals": sum(map(bool, setting.plan.program_of.values()))}
    show(_("Plan {digest}: {terminals} {terminals:terminal|terminals} over SSH, seed {seed}", **values))
    if seen := setting.push_seconds:
        pace = {"count": len(seen), "least": duration(seen[0]), "most": duration(seen[-1])}
        show(_("A push lasts as {count} {count:push|pushes} of this workspace did: {least} to {most}", **pace))
    else:
        show(_("A push is assumed to last 10 to 40 s; this workspace has seen none yet"))
    if are_assumed(setting.plan):
        show(_("Swipes are assumed, too: fast enough after the upgrade, but for terminals on which `slow-swipe` is planted"))
    planted = Counter(setting.faults.values())
    if planted:
        show(_("Planted: {faults}", faults=", ".join(f"{fault} {count}" for fault, count in planted.items())))
    else:
        show(_("Planted: nothing; `--faults unreachable=5,health=2` says what happens when things go wrong"))


def _happens(moment: "Moment") -> str:
    words = {
        "wave.opened": _("opens"),
        "wave.held": _("is held: a person is asked"),
        "wave.passed": _("has passed its gate"),
    }
    return words.get(moment.what) or _judged(moment.verdict)


def _judged(verdict: str | None) -> str:
    """What a gate says: the same words for what happened and for what a person is asked about."""
    verdicts = {"pass": _("is judged: pass"), "fail": _("is judged: fail"), "inconclusive": _("is judged: inconclusive")}
    return verdicts[verdict or "inconclusive"]


def _show_asked(rehearsed: "Rehearsed") -> None:
    from fleet.rehearsal.night import ANSWER_S, Why

    whys = {
        Why.APPROVAL: _("the plan wants an approval"),
        Why.HELD: _("the wave is held"),
        Why.PAST_RETURN: _("the point of no return is past"),
    }
    waited = ANSWER_S * len(rehearsed.asked)
    values = {"time": duration(rehearsed.outcome.finish_s), "waited": duration(waited) if waited else _("none")}
    show(_("It ends after {time}, of that waiting for a person: {waited}", **values))
    if not rehearsed.asked:
        show(_("Nobody is asked anything."))
        return
    show(
        _(
            "A person is asked {count} {count:time|times}; each answer is assumed to take {time} and to let it go on:",
            **_times(rehearsed, ANSWER_S),
        )
    )
    print_table(
        [_("After"), _("Wave"), _("Asked because"), _("What it says")],
        [
            [_clock(asked.at_s), asked.wave or "-", whys.get(asked.why) or _judged(asked.verdict), render(asked.words)]
            for asked in rehearsed.asked
        ],
    )


def _times(rehearsed: "Rehearsed", answer_s: float) -> dict[str, object]:
    return {"count": len(rehearsed.asked), "time": duration(answer_s)}


def _show_endings(outcome: "Outcome") -> None:
    from fleet.model.attempt import Cause
    from fleet.report.rows import in_brief
    from fleet.report.words import terminal_state_words

    rows = [
        [render(terminal_state_words(ending.state)), "" if ending.cause is Cause.NONE else in_brief(ending.cause), ending.terminals]
        for ending in outcome.endings
    ]
    print_table([_("Ending"), _("Cause"), _("Terminals")], rows)
    if outcome.by_hand:
        show(_("Terminals done by hand, which no rehearsal does: {count}", count=outcome.by_hand))


def _as_json(setting: "Setting", rehearsed: "Rehearsed") -> dict[str, object]:
    from collections import Counter

    from fleet.rehearsal.night import ANSWER_S
    from fleet.rehearsal.swipes import are_assumed

    return {
        "plan": setting.plan.digest,
        "seed": setting.seed,
        "faults": dict(Counter(setting.faults.values())),
        "pushes_seen": len(setting.push_seconds),
        "answer_s": ANSWER_S,
        "swipes_assumed": are_assumed(setting.plan),
        "runs_through": rehearsed.runs_through,
        "asked": [
            {"at_s": asked.at_s, "wave": asked.wave, "why": asked.why.value, "verdict": asked.verdict, "words": render(asked.words)}
            for asked in rehearsed.asked
        ],
        "outcome": rehearsed.outcome,
    }


def _clock(seconds: float) -> str:
    """`1:05:09`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
