"""What a rollout is for, and how fast its pushes may send."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Rollouts from before are for the whole plan, as fast as the line."""
    op.add_column("rollout", sa.Column("only", sa.String(length=16), nullable=True))
    op.add_column("rollout", sa.Column("site_rate", sa.BigInteger(), nullable=True))
    op.add_column("rollout", sa.Column("total_rate", sa.BigInteger(), nullable=True))
