"""Who goes where, and what they reported."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from fleet.model.base import Code, FreeText, Noun, TerminalId


class Assignment(Noun):
    """The technician of a site, and why."""

    site: Code
    technician: Code
    covering: tuple[Code, ...] = ()
    """Technicians who may mark the site in the assigned one's place."""
    reason: FreeText = ""
    """Empty: chosen by distance and load."""
    distance_km: Annotated[float, Field(ge=0)] | None = None
    by: Code | None = None
    """Person who changed it; None: the program chose."""
    at: AwareDatetime | None = None


class SelfTest(Noun):
    """A technician's own test of a terminal that was done by hand."""

    terminal: TerminalId
    version: FreeText
    """Version the terminal shows."""
    ok: bool
    note: FreeText = ""


class CheckIn(Noun):
    """A technician's mark that a site is complete, or that it is not."""

    site: Code
    technician: Code
    kind: Literal["mark", "problem"] = "mark"
    self_tests: tuple[SelfTest, ...] = ()
    note: FreeText = ""
    actor: Code
    """Who was authenticated; the technician, or a person acting for them."""
    at: AwareDatetime
