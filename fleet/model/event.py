"""A fact in the append-only hash chain."""

from hashlib import sha256
from json import dumps
from typing import Any

from pydantic import AwareDatetime

from fleet.model.base import Noun

GENESIS = "0" * 64


class Event(Noun):
    """One fact. Holds person codes, never names or phone numbers, and no secret."""

    seq: int
    at: AwareDatetime
    kind: str
    """`rollout.started`, `attempt.ended`, ...: noun and past tense."""
    subject: str
    """Code of what it is about."""
    actor: str
    """Person code of who was authenticated, or `fleet` for the orchestrator itself."""
    on_behalf: str | None = None
    body: dict[str, Any]
    prev: str
    hash: str


def event_hash(prev: str, seq: int, at: str, *, kind: str, subject: str, actor: str, on_behalf: str | None, body: dict[str, Any]) -> str:
    """sha256 over the previous hash and the canonical JSON of the rest; `at` is ISO 8601 UTC with microseconds."""
    data = [prev, seq, at, kind, subject, actor, on_behalf, body]
    return sha256(dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()
