"""What may be done now about terminals that ended badly, what each choice means, and who may: a card of numbered choices, and acting on one.

- A push is safe to repeat: it looks first, goes on from the step where it stood, and sends only what is not there. So retrying the step is
  one terminal pushed again, and retrying the site is all of its unfinished ones.
- A choice that cannot be made now is shown with its reason; the right is looked at again when it is made.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fleet.control import crew
from fleet.control.by_hand import make_by_hand
from fleet.control.everything import sites_at, sites_of_request
from fleet.control.exclusions import Exclusion, confirm, exclude, wants_second, who_may_confirm, who_may_words, why_not_second
from fleet.control.four_eyes import names_of, people_of
from fleet.control.rights import Right
from fleet.control.rollback import roll_back
from fleet.control.rollouts import retry, sites_of
from fleet.control.scope import require_decision, require_sites
from fleet.errors import FleetError, InputError, NotAllowedError
from fleet.model.actor import Actor
from fleet.model.attempt import SPENDS_FAILURES, SUCCEEDED, TerminalState
from fleet.model.inventory import Reach
from fleet.model.rollout import DecisionKind, RolloutPhase, RolloutState
from fleet.model.step_words import step_words
from fleet.rollout import phase_after
from fleet.store import Snapshot, Store, exclusions, fleets, reads, rollouts
from fleet.store.reads import TerminalRow
from fleet.text import N_, Message

_UNFINISHED = SPENDS_FAILURES | {TerminalState.UNREACHABLE}
_MAY_BE_LIVE = frozenset((TerminalState.UPGRADED, TerminalState.UNKNOWN))
_FIXED = SUCCEEDED | {TerminalState.RUNNING, TerminalState.EXCLUDED, TerminalState.GOING_BACK, TerminalState.TAKEN_BACK}


class What(StrEnum):
    """A choice."""

    STEP = "retry-step"
    SITE = "retry-site"
    TECHNICIAN = "send-technician"
    BY_HAND = "by-hand"
    ROLL_BACK = "roll-back"
    EXCLUDE = "exclude"
    CONFIRM = "confirm-exclusion"


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the card."""

    what: What
    title: Message
    meaning: Message
    terminals: tuple[str, ...]
    """The ones that it is about."""
    refusal: Message | None = None
    """Why it cannot be made now; None when it can."""
    hint: Message | None = None
    """Who can, or what to do first."""
    request: int = 0
    """Of a confirmation: the number of the exclusion that was asked for."""
    second: str = ""
    """Of an exclusion under four eyes: names of those who may confirm it."""
    everything: int | None = None
    """Of one that means everything that is left: how many sites that are, to be typed."""

    @property
    def needs_reason(self) -> bool:
        """Whether somebody has to say why."""
        return self.what in {What.TECHNICIAN, What.BY_HAND, What.EXCLUDE}

    @property
    def needs_technician(self) -> bool:
        """Whether somebody has to say who goes there."""
        return self.what is What.TECHNICIAN


def choices_for_site(
    snapshot: Snapshot, actor: Actor | None, rollout: RolloutState, site: str, terminal: str | None = None
) -> list[Choice]:
    """The card of one site.

    Args:
        snapshot: One moment of the store.
        actor: Who asks; None is nobody of the inventory.
        rollout: The newest one.
        site: Its code.
        terminal: The one whose step is retried; None takes the first that ended badly.
    """
    rows = reads.terminals_of_site(snapshot, rollout.id, site)
    failed = [row for row in rows if row.state in _UNFINISHED and row.reach is Reach.SSH]
    one = next((row for row in failed if row.id == terminal), failed[0] if failed and terminal is None else None)
    step = [_step(rollout, one)] if one is not None else []
    asked = _asked(snapshot, actor, rollout, {row.id for row in rows})
    return _checked(snapshot, actor, rollout, [*step, *_common(rows, N_("retry the site")), *asked])


def choices_for_failure(snapshot: Snapshot, actor: Actor | None, rollout: RolloutState, terminals: Collection[str]) -> list[Choice]:
    """The card of a failure: every choice is about exactly these terminals, which are never none."""
    rows = [row for site in sorted(sites_of(terminals)) for row in reads.terminals_of_site(snapshot, rollout.id, site)]
    title = N_("retry exactly these")
    common = [_counted(snapshot, rollout, choice) for choice in _common([row for row in rows if row.id in set(terminals)], title)]
    return _checked(snapshot, actor, rollout, [*common, *_asked(snapshot, actor, rollout, terminals)])


def choose(
    store: Store,
    actor: Actor,
    at: datetime,
    rollout: str,
    choice: Choice,
    *,
    technician: str = "",
    reason: str = "",
    typed: int | None = None,
) -> int:
    """Make a choice; answers how many terminals (of a technician: sites) it moved.

    Raises:
        FleetError: What the verb itself refuses: no right, no reason, another state by now.
    """
    names = choice.terminals
    verbs: dict[What, Callable[[], int]] = {
        What.STEP: lambda: retry(store, actor, at, rollout, names, reason=reason),
        What.SITE: lambda: retry(store, actor, at, rollout, names, reason=reason, typed=typed),
        What.TECHNICIAN: lambda: crew.assign_sites(store, actor, at, sorted(sites_of(names)), technician, reason=reason),
        What.BY_HAND: lambda: make_by_hand(store, actor, at, rollout, names, reason=reason, typed=typed),
        What.ROLL_BACK: lambda: len(roll_back(store, actor, at, rollout, terminals=names, reason=reason, typed=typed).terminals),
        What.EXCLUDE: lambda: _left_out(exclude(store, actor, at, rollout, names, reason=reason, typed=typed), names),
        What.CONFIRM: lambda: confirm(store, actor, at, rollout, choice.request, typed=typed),
    }
    return verbs[choice.what]()


def _left_out(made: Exclusion, names: Collection[str]) -> int:
    return len(names) if made.request is not None else made.left_out


def _step(rollout: RolloutState, row: TerminalRow) -> Choice:
    if row.step:
        meaning = N_(
            "push {terminal} again; it goes on at {step}, and sends nothing that is there already",
            terminal=row.id,
            step=step_words(row.step),
        )
    else:
        meaning = N_("connect to {terminal} again, and go on from where it stands", terminal=row.id)
    return Choice(What.STEP, N_("retry the step"), meaning, (row.id,), _stopped(rollout))


def _common(rows: Collection[TerminalRow], retry_title: Message) -> list[Choice]:
    """The choices that a site and a failure share."""
    unfinished = tuple(row.id for row in rows if row.state in _UNFINISHED and row.reach is Reach.SSH)
    pushed = tuple(row.id for row in rows if row.state not in _FIXED and row.reach is Reach.SSH)
    live = tuple(row.id for row in rows if row.state in _MAY_BE_LIVE and row.reach is Reach.SSH)
    left = tuple(row.id for row in rows if row.state not in _FIXED)
    nothing = N_("no terminal here waits for that")
    return [
        Choice(
            What.SITE,
            retry_title,
            N_("push each unfinished terminal again, from where it stood: {count}", count=len(unfinished)),
            unfinished,
            None if unfinished else N_("no push has ended badly here"),
        ),
        Choice(
            What.TECHNICIAN,
            N_("send a technician"),
            N_("somebody goes there; terminals stay as they are until retry or check-in"),
            tuple(row.id for row in rows),
        ),
        Choice(
            What.BY_HAND,
            N_("have it done by hand"),
            N_(
                "no push any more in this rollout; they wait for a technician's self-test and stay in the counts: {count}",
                count=len(pushed),
            ),
            pushed,
            None if pushed else nothing,
        ),
        Choice(
            What.ROLL_BACK,
            N_("roll back"),
            N_("the release before is made live again where the new one may be: {count}", count=len(live)),
            live,
            None if live else N_("the new release is live on none of them"),
        ),
        Choice(
            What.EXCLUDE,
            N_("exclude"),
            N_("leave them out of this rollout, with your name and a reason; they stay in the report: {count}", count=len(left)),
            left,
            None if left else nothing,
        ),
    ]


def _asked(snapshot: Snapshot, actor: Actor | None, rollout: RolloutState, terminals: Collection[str]) -> list[Choice]:
    """Exclusions that somebody asked for of one of these terminals, to be confirmed as they were asked for."""
    people, found = fleets.read_people(snapshot), list[Choice]()
    for request in exclusions.open_requests(snapshot, rollout.id):
        if set(terminals).isdisjoint(request.terminals):
            continue
        refusal = why_not_second(snapshot, actor, request) if actor is not None else None
        meaning = N_(
            "leave out what {name} asked for, in your name: {count} {count:terminal|terminals}; {reason}",
            name=names_of(people, [request.actor]),
            count=len(request.terminals),
            reason=request.reason,
        )
        title = N_("confirm exclusion {number}", number=request.id)
        hint = who_may_words(snapshot, request) if refusal else None
        everything = sites_of_request(snapshot, rollout, request)
        found.append(Choice(What.CONFIRM, title, meaning, request.terminals, refusal, hint, request=request.id, everything=everything))
    return found


_KINDS = {
    What.STEP: DecisionKind.RETRY,
    What.SITE: DecisionKind.RETRY,
    What.BY_HAND: DecisionKind.BY_HAND,
    What.ROLL_BACK: DecisionKind.ROLLBACK,
    What.EXCLUDE: DecisionKind.EXCLUDE,
    What.CONFIRM: DecisionKind.EXCLUDE,
}


def _checked(snapshot: Snapshot, actor: Actor | None, rollout: RolloutState, choices: list[Choice]) -> list[Choice]:
    """The choices, each with why this person cannot make it now."""
    phase = phase_after(rollout.phase, rollouts.decisions_after(snapshot, rollout.id, rollout.seen_decision))
    rollout = rollout.model_copy(update={"phase": phase})
    choices = [_second(snapshot, actor, rollout, choice) for choice in choices]
    return [_with_refusal(snapshot, actor, rollout, choice) for choice in choices]


def _second(snapshot: Snapshot, actor: Actor | None, rollout: RolloutState, choice: Choice) -> Choice:
    """An exclusion under four eyes says who has to confirm it."""
    if choice.what is not What.EXCLUDE or actor is None or not choice.terminals or not wants_second(snapshot, rollout):
        return choice
    names = who_may_confirm(snapshot, people_of(actor), choice.terminals)
    meaning = N_("ask for it to be left out, with a reason; somebody else has to confirm: {names}", names=names)
    return replace(choice, meaning=meaning, second=names)


def _counted(snapshot: Snapshot, rollout: RolloutState, choice: Choice) -> Choice:
    """A choice about a failure, with the number of its sites where nothing else is left; at a site it is named what is meant."""
    if choice.what is What.TECHNICIAN:
        return choice
    return replace(choice, everything=sites_at(snapshot, rollout, _KINDS[choice.what], choice.terminals) if choice.terminals else None)


def _with_refusal(snapshot: Snapshot, actor: Actor | None, rollout: RolloutState, choice: Choice) -> Choice:
    refusal, hint = choice.refusal, choice.hint
    if refusal is None and choice.what in {What.STEP, What.SITE} and rollout.phase is RolloutPhase.STOPPED:
        refusal, hint = _stopped(rollout), N_("`fleet rollout retry` takes all of it up again")
    if refusal is None:
        error = _right(snapshot, actor, rollout, choice)
        refusal, hint = (error.what, error.hint) if error else (None, None)
    return replace(choice, refusal=refusal, hint=hint)


def _right(snapshot: Snapshot, actor: Actor | None, rollout: RolloutState, choice: Choice) -> FleetError | None:
    if actor is None:
        return InputError(N_("you are nobody of this inventory, and may look but not act"))
    try:
        if choice.what is What.TECHNICIAN:
            require_sites(snapshot, actor, Right.ASSIGN, sites_of(choice.terminals))
        else:
            require_decision(snapshot, actor, rollout.id, _KINDS[choice.what], choice.terminals)
    except NotAllowedError as error:
        return error
    return None


def _stopped(rollout: RolloutState) -> Message | None:
    return N_("the rollout is stopped, and is retried as a whole") if rollout.phase is RolloutPhase.STOPPED else None
