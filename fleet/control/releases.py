"""Recording a release."""

from datetime import datetime

from fleet.control.rights import Right, require
from fleet.errors import ConflictError
from fleet.model.actor import Actor
from fleet.model.release import Release
from fleet.store import Store, releases
from fleet.text import N_


def add_release(store: Store, actor: Actor, at: datetime, release: Release) -> Release:
    """Record a release whose files are in the workspace; returns it with who and when.

    Raises:
        NotAllowedError: The actor may not add releases.
        ConflictError: That version is there already, with other contents.
    """
    stamped = release.model_copy(update={"added_at": at, "added_by": actor.code})
    with store.write(actor, at) as tx:
        require(tx, actor, Right.RELEASE)
        known = releases.read_release(tx, release.version)
        if known is not None and known.digest == release.digest:
            return known
        if known is not None:
            raise ConflictError(
                N_("release {version} is there already, with other contents", version=release.version),
                hint=N_("a release never changes; give this one a new version"),
            )
        releases.add_release(tx, stamped)
    return stamped
