"""`fleet rollout confirm` and `decline`, and what is said of exclusions that wait for a second person."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from fleet.cli.common import current_door, show
from fleet.cli.typed import COUNT, count_of_request
from fleet.errors import WaitingError
from fleet.text import _

if TYPE_CHECKING:
    from collections.abc import Collection

    from fleet.control.exclusions import Exclusion
    from fleet.model.exclusion import ExclusionRequest
    from fleet.store import Snapshot

NUMBER = typer.Argument(..., metavar="NUMBER", min=1, help=_("Of the exclusion; `fleet status` shows those that wait."))


def confirm(number: int = NUMBER, count: int | None = COUNT) -> None:
    """Confirm an exclusion that somebody else asked for."""
    from fleet.cli.standing import look
    from fleet.control import exclusions

    door = current_door()
    store = door.open_store()
    actor, at, rollout = door.actor(store), datetime.now(UTC), look(store).rollout.id
    left_out = exclusions.confirm(store, actor, at, rollout, number, typed=count_of_request(store, rollout, number, count))
    show(_("Exclusion {number} is confirmed. Terminals newly left out: {count}", number=number, count=left_out))


def decline(number: int = NUMBER) -> None:
    """Close an exclusion that waits; nothing is left out."""
    from fleet.cli.standing import look
    from fleet.control import exclusions

    door = current_door()
    store = door.open_store()
    exclusions.decline(store, door.actor(store), datetime.now(UTC), look(store).rollout.id, number)
    show(_("Exclusion {number} is declined; its terminals stay in the rollout.", number=number))


def tell(made: "Exclusion", chosen: "Collection[str]") -> int:
    """Say what came of asking; the exit code."""
    if made.request is not None:
        values = {"number": made.request.id, "count": len(made.request.terminals), "names": made.may_confirm}
        show(_("Exclusion {number} waits for a second person; until then nothing is left out. Terminals: {count}", **values))
        show(_("May confirm: {names}. They type: fleet rollout confirm {number}", **values))
        return WaitingError.exit_code
    if already := len(set(chosen)) - made.left_out:
        show(_("Terminals newly left out: {count}; left out before: {already}", count=made.left_out, already=already))
    else:
        show(_("Terminals newly left out: {count}", count=made.left_out))
    return 0


def waiting_exclusions(snapshot: "Snapshot", rollout: str) -> "tuple[tuple[ExclusionRequest, str, str], ...]":
    """Every request that waits, with the name of who asked and the names of who may confirm."""
    from fleet.control.exclusions import who_may_confirm
    from fleet.control.four_eyes import names_of
    from fleet.store import exclusions, fleets

    waiting = exclusions.open_requests(snapshot, rollout)
    people = fleets.read_people(snapshot) if waiting else {}
    return tuple((each, names_of(people, [each.actor]), who_may_confirm(snapshot, each.asked_by, each.terminals)) for each in waiting)


def exclusion_lines(waiting: "tuple[tuple[ExclusionRequest, str, str], ...]") -> Iterator[str]:
    """Each request that waits: who asked and why, who may confirm, and how."""
    for request, person, names in waiting:
        values = {"number": request.id, "count": len(request.terminals), "person": person, "reason": request.reason, "names": names}
        yield _("Exclusion {number} waits for a second person; terminals: {count}, asked for by {person}: {reason}", **values)
        yield _("  {names} may: fleet rollout confirm {number}; or fleet rollout decline {number}", **values)


def exclusion_facts(waiting: "tuple[tuple[ExclusionRequest, str, str], ...]") -> list[dict[str, Any]]:
    """The same as data."""
    return [
        {"number": each.id, "by": each.actor, "at": each.at, "reason": each.reason, "terminals": each.terminals, "may_confirm": names}
        for each, _person, names in waiting
    ]
