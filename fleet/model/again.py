"""Trying a terminal again by ourselves: after which trouble, how often, and how long to wait in between."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from fleet.model.base import Noun


class Trouble(StrEnum):
    """The kinds of trouble that pass by themselves. Every other cause is somebody's to mend, and is never tried again by itself."""

    LINK = "link"
    """No connection, or it was lost."""
    TIMEOUT = "timeout"
    """The push, or a command, took too long."""
    BUSY = "busy"
    """Another push held the terminal."""
    COMMAND = "command"
    """A command or the probe said no."""
    DAMAGE = "damage"
    """A file arrived damaged."""


class AgainRule(Noun):
    """How often pushes to a terminal are made when they end with such a trouble, and how long it is left alone after each."""

    on: Annotated[tuple[Trouble, ...], Field(min_length=1)]
    attempts: Annotated[int, Field(ge=2, le=50)]
    """Pushes in all, the first one too; from when a person last wanted it pushed."""
    wait_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """After the first one."""
    factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    """So many times as long after each further one."""
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Share of a wait that it may be longer or shorter, so that what fell together does not come again together."""
    most_wait_s: Annotated[float, Field(gt=0, le=86_400)] = 3600.0
    """The longest wait, jitter included."""
