"""Who came after a plan was made, and which rollout serves them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Whoever came late to a rollout from before is found when the inventory is imported next."""
    op.add_column("rollout", sa.Column("late_of", sa.String(length=64), nullable=True))
    op.create_index("ix_rollout_late_of", "rollout", ["late_of"])
    op.create_table(
        "late_joiner",
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("terminal", sa.String(length=80), nullable=False),
        sa.Column("site", sa.String(length=80), nullable=False),
        sa.Column("is_new_site", sa.Boolean(), nullable=False),
        sa.Column("rollout", sa.String(length=80), nullable=True),
        sa.PrimaryKeyConstraint("plan", "terminal", name="pk_late_joiner"),
    )
