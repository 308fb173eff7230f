"""What columns are made of, beyond the types every database has."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, String
from sqlalchemy.types import TypeDecorator

ADDED = {"added": True}
"""Marks a column that a later version added: null in every row from before, and then no part of the row's digest (`written`)."""


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored as fixed-width ISO 8601 UTC text, so that text order is time order on every database."""

    impl = String(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the library's signature
        """Aware time -> text."""
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the library's signature
        """Text -> aware time."""
        return None if value is None else datetime.fromisoformat(value)
