"""Who does something: the authenticated person, and on whose behalf."""

from fleet.model.base import Code, Noun

ORCHESTRATOR = "fleet"
"""Actor code of the orchestrator itself."""


class Actor(Noun):
    """The person code that was authenticated, and the one it acts for."""

    code: Code
    on_behalf: Code | None = None


FLEET = Actor(code=ORCHESTRATOR)
