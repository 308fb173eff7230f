"""What makes the event table append-only, whoever writes to the database."""

from typing import Any

from sqlalchemy import text

_PROTECT_EVENTS = (
    "CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
    "CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
)
_PROTECT_EVENTS_POSTGRESQL = (
    "CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'events are append-only'; END $$",
    "CREATE TRIGGER event_is_never_changed BEFORE UPDATE OR DELETE ON event FOR EACH ROW EXECUTE FUNCTION refuse_event_change()",
)


def protections(dialect_name: str) -> tuple[Any, ...]:
    """The statements that make the event table append-only, for `sqlite` or `postgresql`."""
    statements = _PROTECT_EVENTS_POSTGRESQL if dialect_name == "postgresql" else _PROTECT_EVENTS
    return tuple(text(statement) for statement in statements)
