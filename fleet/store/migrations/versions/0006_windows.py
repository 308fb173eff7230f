"""Shards that wait for a window, and the point of no return."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Shards from before wait for nothing, and their rollouts have no window to be late for."""
    op.add_column("shard", sa.Column("opens_at", sa.String(length=32), nullable=True))
    op.add_column("rollout", sa.Column("past_return_at", sa.String(length=32), nullable=True))
    op.add_column("rollout", sa.Column("past_return_by", sa.String(length=80), nullable=True))
    op.create_index(op.f("ix_attempt_rollout_finished_at"), "attempt", ["rollout", "finished_at"])
