"""The table of exclusions that wait for a second person, or were answered by one."""

from sqlalchemy import JSON, Column, Integer, String, Table, Text

from fleet.store.columns import UtcTime
from fleet.store.tables import metadata

exclusion_request = Table(
    "exclusion_request",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("rollout", String(80), nullable=False, index=True),
    Column("terminals", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(80), nullable=False),
    Column("on_behalf", String(80)),
    Column("at", UtcTime, nullable=False),
    Column("answer", String(16)),
    Column("answered_by", String(80)),
    Column("answered_at", UtcTime),
)
