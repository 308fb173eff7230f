"""Leaving terminals out of a rollout. Where its plan wants four eyes, one person asks and another confirms; nothing changes in between.

- Who confirms is neither who asked nor on whose behalf; both need the right when it is confirmed.
- What was done meanwhile stays done and in the counts; the rest of a request is left out.
- The decision names who confirmed as the one who left them out, and who asked beside.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from fleet.control.four_eyes import names_of, others_who_may, people_of
from fleet.control.leases import refuse_in_use
from fleet.control.rollouts import decidable, decision_of, require_known, sites_of
from fleet.control.scope import districts_of_sites, require_decision
from fleet.control.typed import check_typed
from fleet.control.words import checked_text
from fleet.errors import ConflictError, InputError, NotAllowedError
from fleet.model.actor import Actor
from fleet.model.attempt import SUCCEEDED, TerminalState
from fleet.model.exclusion import Answer, ExclusionRequest
from fleet.model.rollout import DecisionKind, RolloutState
from fleet.store import Snapshot, Store, Tx, exclusions, fleets, progress, releases, rollouts
from fleet.text import N_, Message


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What came of it: so many were left out, or a request waits."""

    left_out: int = 0
    request: ExclusionRequest | None = None
    may_confirm: str = ""
    """Names of the people who may confirm the request."""


def exclude(
    store: Store, actor: Actor, at: datetime, rollout: str, terminals: Collection[str], *, reason: str, typed: int | None = None
) -> Exclusion:
    """Leave terminals out of the rollout, for a reason, or ask for it where the plan wants four eyes; those excluded already do not count.

    `typed` is the number of sites that a person typed to confirm that the whole rollout is meant; None where nobody was asked.

    Raises:
        NotAllowedError: The actor may not decide about rollouts.
        ConflictError: A terminal is being pushed to now, somebody else has its site, another request names it, or a newer rollout was started.
        InputError: No reason, a terminal that is not in the rollout or done already, or nobody else could confirm.
    """
    if not reason.strip():
        raise InputError(N_("say why they are left out"), hint=N_("for example --reason 'closed for renovation'"))
    with store.write(actor, at) as tx:
        state, _pending = decidable(tx, actor, rollout, DecisionKind.EXCLUDE, terminals)
        require_known(tx, rollout, terminals)
        states = progress.states_of(tx, rollout, terminals)
        for name, found in states.items():
            if found in SUCCEEDED:
                raise InputError(N_("{terminal} is done already; it stays in the counts", terminal=name))
        left_out = _free_ones(tx, states, actor.code)
        if not left_out:
            return Exclusion()
        check_typed(typed, len(sites_of(left_out)))
        if wants_second(tx, state):
            return _ask(tx, state, left_out, reason)
        rollouts.add_decision(tx, decision_of(tx, rollout, DecisionKind.EXCLUDE, terminals=left_out, reason=reason))
        progress.exclude(tx, rollout, left_out)
    return Exclusion(len(left_out))


def confirm(store: Store, actor: Actor, at: datetime, rollout: str, number: int, *, typed: int | None = None) -> int:
    """Confirm what somebody else asked for, so that it takes effect; how many terminals are left out. `typed`: as of `exclude`.

    Raises:
        NotAllowedError: The actor asked for it, or one of the two may not decide about these terminals.
        ConflictError: It was answered already, a terminal is being pushed to now, or somebody else has its site.
        InputError: There is no such request, or all of it was done or left out meanwhile.
    """
    with store.write(actor, at) as tx:
        request = _open_request(tx, rollout, number)
        try:
            decidable(tx, actor, rollout, DecisionKind.EXCLUDE, request.terminals)
        except NotAllowedError as refused:  # who asked for it may decide, but not confirm
            raise NotAllowedError(refused.what, hint=who_may_words(tx, request)) from None
        check_typed(typed, len(sites_of(request.terminals)))
        refusal = why_not_second(tx, actor, request)
        if refusal is not None:
            raise NotAllowedError(refusal, hint=who_may_words(tx, request))
        require_decision(tx, Actor(code=request.actor), rollout, DecisionKind.EXCLUDE, request.terminals)
        states = progress.states_of(tx, rollout, request.terminals)
        left_out = _free_ones(tx, {name: state for name, state in states.items() if state not in SUCCEEDED}, actor.code, request.actor)
        if not left_out:
            raise InputError(
                N_("all of exclusion {number} was done or left out meanwhile", number=number),
                hint=N_("close it with `fleet rollout decline {number}`", number=number),
            )
        decision = decision_of(tx, rollout, DecisionKind.EXCLUDE, terminals=left_out, reason=request.reason)
        rollouts.add_decision(tx, decision.model_copy(update={"asked_by": request.actor}))
        progress.exclude(tx, rollout, left_out)
        exclusions.answer(tx, request, Answer.CONFIRMED)
    return len(left_out)


def decline(store: Store, actor: Actor, at: datetime, rollout: str, number: int) -> None:
    """Close a request without effect; whoever may decide about its terminals may, who asked for it too.

    Raises:
        NotAllowedError: The actor may not decide about these terminals.
        ConflictError: It was answered already.
        InputError: There is no such request.
    """
    with store.write(actor, at) as tx:
        request = _open_request(tx, rollout, number)
        decidable(tx, actor, rollout, DecisionKind.EXCLUDE, request.terminals)
        exclusions.answer(tx, request, Answer.DECLINED)


def wants_second(snapshot: Snapshot, state: RolloutState) -> bool:
    """Whether a second person has to confirm what is left out of this rollout."""
    return releases.read_plan(snapshot, state.plan_digest).playbook.gate.four_eyes


def why_not_second(snapshot: Snapshot, actor: Actor, request: ExclusionRequest) -> Message | None:
    """Why this person may not confirm a request, or None when they may as far as four eyes go."""
    same = sorted(people_of(actor) & request.asked_by)
    if not same:
        return None
    name = names_of(fleets.read_people(snapshot), same[:1])
    return N_("{name} asked for exclusion {number}, and the plan wants somebody else to confirm it", name=name, number=request.id)


def who_may_confirm(snapshot: Snapshot, asked_by: Collection[str], terminals: Collection[str]) -> str:
    """Names of everybody else who may decide about these terminals; empty where nobody may."""
    districts = districts_of_sites(snapshot, sites_of(terminals))
    return names_of(fleets.read_people(snapshot), others_who_may(snapshot, asked_by, districts))


def who_may_words(snapshot: Snapshot, request: ExclusionRequest) -> Message:
    """Whom to ask for the confirmation."""
    names = who_may_confirm(snapshot, request.asked_by, request.terminals)
    return N_("{names} may", names=names) if names else N_("add another coordinator to people.csv and import it")


def _ask(tx: Tx, state: RolloutState, terminals: Collection[str], reason: str) -> Exclusion:
    wanted = set(terminals)
    for other in exclusions.open_requests(tx, state.id):
        if twice := sorted(wanted.intersection(other.terminals)):
            raise ConflictError(
                N_("{terminal} waits to be left out already, with exclusion {number}", terminal=twice[0], number=other.id),
                hint=who_may_words(tx, other),
            )
    may = who_may_confirm(tx, people_of(tx.actor), terminals)
    if not may:
        raise InputError(
            N_("the plan wants four eyes, and nobody else may confirm that these terminals are left out"),
            hint=N_("add another coordinator to people.csv and import it"),
        )
    request = ExclusionRequest(
        rollout=state.id,
        terminals=tuple(sorted(terminals)),
        reason=checked_text(reason, N_("the reason")),
        actor=tx.actor.code,
        on_behalf=tx.actor.on_behalf,
        at=tx.at,
    )
    return Exclusion(0, exclusions.ask(tx, request), may)


def _free_ones(tx: Tx, states: "dict[str, TerminalState]", *owners: str) -> list[str]:
    """Those that are not left out yet; refuses while a push or somebody else is at one of them."""
    for name, state in states.items():
        if state is TerminalState.RUNNING:
            raise ConflictError(N_("{terminal} is being pushed to now", terminal=name), hint=N_("try again when that has ended"))
        if state is TerminalState.GOING_BACK:
            raise ConflictError(
                N_("{terminal} waits to be rolled back", terminal=name), hint=N_("try again when that has ended; `fleet status` shows it")
            )
    free = [name for name, state in states.items() if state is not TerminalState.EXCLUDED]
    refuse_in_use(tx, sites_of(free), *owners)
    return free


def _open_request(tx: Tx, rollout: str, number: int) -> ExclusionRequest:
    request = exclusions.read_request(tx, number)
    if request is None or request.rollout != rollout:
        raise InputError(
            N_("rollout {rollout} has no exclusion {number} that waits", rollout=rollout, number=number),
            hint=N_("`fleet status` shows those that wait"),
        )
    if request.answer is not None:
        values = {"number": number, "name": names_of(fleets.read_people(tx), [request.answered_by or ""])}
        if request.answer is Answer.CONFIRMED:
            raise ConflictError(N_("exclusion {number} was already confirmed, by {name}", **values))
        raise ConflictError(N_("exclusion {number} was already declined, by {name}", **values))
    return request
