"""Asking for the number of sites before something that is about all of them: at a terminal, or with `--count` in a script."""

import sys
from typing import TYPE_CHECKING

import typer

from fleet.cli.common import say
from fleet.errors import InputError
from fleet.text import N_, Message, _, render

if TYPE_CHECKING:
    from collections.abc import Collection

    from fleet.model.plan import Plan
    from fleet.model.rollout import DecisionKind
    from fleet.store import Store

COUNT = typer.Option(
    None,
    "--count",
    metavar="SITES",
    min=0,
    help=_("How many sites it is about; needed where it means all there are, or all that are left."),
)


def typed_count(count: int | None, sites: int, about: Message) -> int:
    """The number of sites that the person confirms; control holds it against what is there.

    Args:
        count: What `--count` says.
        sites: How many it is about.
        about: What that is, in a sentence.

    Raises:
        InputError: `--count` is missing and nobody is there to be asked, or no number was typed.
    """
    if count is not None:
        return count
    hint = N_("if that is meant, add `--count {sites}`", sites=sites)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InputError(about, hint=hint)
    say(render(about))
    say(render(N_("Type how many sites that is, or nothing to leave everything as it is:")))
    answer = sys.stdin.readline().strip()
    if not answer.isascii() or not answer.isdigit():
        raise InputError(N_("nothing was confirmed, and nothing was changed"), hint=hint)
    return int(answer)


def count_of_plan(store: "Store", plan: "Plan", count: int | None) -> int | None:
    """The number that confirms a plan which means every site, however its selection is written; raises like `typed_count`."""
    from fleet.control.everything import sites_of_whole_plan

    sites = sites_of_whole_plan(store, plan)
    if sites is None:
        return count
    if plan.select:
        about = N_("the plan's selection means every site of the inventory: it is about all its {sites} {sites:site|sites}", sites=sites)
    else:
        about = N_("the plan has no selection: it is about all its {sites} {sites:site|sites}", sites=sites)
    return typed_count(count, sites, about)


def count_of_rest(store: "Store", rollout: str, kind: "DecisionKind", terminals: "Collection[str]", count: int | None) -> int | None:
    """The number that confirms an act which means everything that is left of a rollout, however it is written; raises like `typed_count`.

    Who names terminals or sites has said which, and is not asked.
    """
    from fleet.control.everything import sites_if_everything

    sites = sites_if_everything(store, rollout, kind, terminals)
    return count if sites is None else typed_count(count, sites, _about_rest(kind, rollout, sites))


def count_of_request(store: "Store", rollout: str, number: int, count: int | None) -> int | None:
    """The same for an exclusion that is confirmed."""
    from fleet.control.everything import sites_if_request_is_everything
    from fleet.model.rollout import DecisionKind

    sites = sites_if_request_is_everything(store, rollout, number)
    return count if sites is None else typed_count(count, sites, _about_rest(DecisionKind.EXCLUDE, rollout, sites))


def _about_rest(kind: "DecisionKind", rollout: str, sites: int) -> Message:
    words = {
        "retry": N_("this would push again everything that rollout {rollout} has unfinished: {sites} {sites:site|sites}"),
        "by-hand": N_("this would have done by hand everything that rollout {rollout} still pushes: {sites} {sites:site|sites}"),
        "exclude": N_("this would leave out everything that rollout {rollout} still holds: {sites} {sites:site|sites}"),
        "rollback": N_("this would take back everything that rollout {rollout} made live: {sites} {sites:site|sites}"),
    }
    return Message(words[kind.value].text, {"rollout": rollout, "sites": sites})
