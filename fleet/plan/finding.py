"""One thing wrong in a playbook, and where."""

from dataclasses import dataclass

from fleet.text import Message


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong in a playbook."""

    place: tuple[str | int, ...]
    """Keys and list positions from the root of the playbook."""
    what: Message
    hint: Message | None = None
