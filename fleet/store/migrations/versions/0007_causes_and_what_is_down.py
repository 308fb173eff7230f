"""Sites that ended badly are counted by cause, and those that are down by limit."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """What ended badly before is counted by cause; no rollout from before has a limit."""
    op.add_column("attempt", sa.Column("interrupted", sa.Boolean(), nullable=True))
    op.add_column("terminal_progress", sa.Column("down", sa.Boolean(), nullable=True))
    op.add_column("site_progress", sa.Column("down", sa.Boolean(), nullable=True))
    op.add_column("site_progress", sa.Column("limits", sa.Text(), nullable=True))
    op.add_column("shard", sa.Column("limits", sa.JSON(), nullable=True))
    op.add_column("shard", sa.Column("down", sa.Integer(), nullable=True))
    op.execute(
        "INSERT INTO tally (rollout, unit, wave, district, kind, state, n) "
        "SELECT rollout, 'cause', wave, district, kind, cause, count(*) FROM site_progress "
        "WHERE state IN ('failed', 'rolled-back', 'unreachable') GROUP BY rollout, wave, district, kind, cause"
    )
