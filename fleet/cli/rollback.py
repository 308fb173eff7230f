"""What `fleet rollout rollback` says a rollback comes to."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fleet.text import _

if TYPE_CHECKING:
    from fleet.control.rollback import Meant


def meant_lines(meant: "Meant", wave: int | None) -> Iterator[str]:
    """How many terminals go back, and what does not go with them."""
    if meant.terminals:
        yield _("Terminals that will be rolled back: {count}. `fleet run` does it; `fleet status` shows it.", count=len(meant.terminals))
    else:
        yield _("They wait to be rolled back already; `fleet run` does it.")
    if meant.waiting and meant.terminals:
        yield _("Waiting for it already: {count}", count=meant.waiting)
    if meant.irreversible:
        yield _("What these steps did stays done: {steps}", steps=", ".join(meant.irreversible))
    if meant.by_hand:
        yield _("Done by hand, so a technician has to go there: {terminals}", terminals=", ".join(meant.by_hand))
    if meant.not_begun and wave is not None:
        yield _("Not begun in wave {wave}, and held until `fleet rollout approve {wave}`: {count}", wave=wave, count=meant.not_begun)
    elif meant.not_begun:
        yield _("Not begun, so it will be upgraded unless `fleet rollout exclude` leaves it out: {count}", count=meant.not_begun)
    if meant.is_paused:
        yield _("The rollout was stopped. It is paused now and pushes nothing else; `fleet rollout stop` ends it when this is through.")
