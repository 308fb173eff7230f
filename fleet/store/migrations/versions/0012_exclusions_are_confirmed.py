"""Exclusions that a second person confirms, and who asked for one that was."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Nobody has asked for any; what was excluded before was asked for by nobody else."""
    op.add_column("decision", sa.Column("asked_by", sa.String(length=80)))
    op.create_table(
        "exclusion_request",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("rollout", sa.String(length=80), nullable=False),
        sa.Column("terminals", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("on_behalf", sa.String(length=80)),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.String(length=16)),
        sa.Column("answered_by", sa.String(length=80)),
        sa.Column("answered_at", sa.String(length=32)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exclusion_request")),
    )
    op.create_index(op.f("ix_exclusion_request_rollout"), "exclusion_request", ["rollout"], unique=False)
