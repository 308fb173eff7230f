"""When a terminal that ended badly is tried again by itself. Pure: the same terminal, attempt and rule always wait the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from fleet.model.again import AgainRule
from fleet.model.attempt import Cause, trouble_of


@dataclass(frozen=True, slots=True)
class Tried:
    """A terminal after a push that ended badly."""

    rollout: str
    terminal: str
    number: int
    """Of the attempt."""
    tries: int
    """Pushes in a row, this one too, since a person last wanted it pushed."""
    cause: Cause
    ended_at: datetime
    unreachable_since: datetime | None
    """Since when nobody has answered there; None where somebody did."""


def next_try(rules: Sequence[AgainRule], tried: Tried, offline_after_h: float | None) -> datetime | None:
    """When it is due again; None where it is a person's turn.

    That is so after a cause that does not pass by itself, after the last push its rule allows, and where it would be due only once nobody
    has answered for `offline_after_h`. A terminal that nobody answers at is a technician's job then.
    """
    trouble = trouble_of(tried.cause)
    rule = next((rule for rule in rules if trouble in rule.on), None)
    if rule is None or tried.tries >= rule.attempts:
        return None
    due = tried.ended_at + wait_of(rule, tried)
    if tried.unreachable_since is not None and offline_after_h is not None:
        return due if due < tried.unreachable_since + timedelta(hours=offline_after_h) else None
    return due


def wait_of(rule: AgainRule, tried: Tried) -> timedelta:
    """How long the terminal is left alone now."""
    longest = rule.most_wait_s
    plain = min(longest, rule.wait_s * rule.factor ** (tried.tries - 1))
    return timedelta(seconds=min(longest, plain * (1 + rule.jitter * (2 * _dice(tried) - 1))))


def _dice(tried: Tried) -> float:
    """Evenly spread over [0, 1), by rollout, terminal and attempt."""
    digest = sha256(f"{tried.rollout}\n{tried.terminal}\n{tried.number}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
