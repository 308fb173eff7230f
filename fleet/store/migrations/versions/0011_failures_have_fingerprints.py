"""What groups failures by what went wrong."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """What ended badly before keeps no fingerprint; the next attempt gets one."""
    op.add_column("terminal_progress", sa.Column("fingerprint", sa.String(length=16), nullable=True))
    op.add_column("attempt", sa.Column("fingerprint", sa.String(length=16), nullable=True))
    op.create_index("ix_terminal_progress_rollout_fingerprint", "terminal_progress", ["rollout", "fingerprint"])
    op.create_table(
        "failure_tally",
        sa.Column("rollout", sa.String(length=80), nullable=False),
        sa.Column("fingerprint", sa.String(length=16), nullable=False),
        sa.Column("district", sa.String(length=80), nullable=False),
        sa.Column("terminals", sa.Integer(), nullable=False),
        sa.Column("sites", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("rollout", "fingerprint", "district", name="pk_failure_tally"),
    )
