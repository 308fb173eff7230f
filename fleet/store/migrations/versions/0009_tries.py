"""How often a terminal was tried, when it is due again, and since when nobody answers there."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Terminals from before are due when a person wants them."""
    op.add_column("terminal_progress", sa.Column("due_at", sa.String(length=32), nullable=True))
    op.add_column("terminal_progress", sa.Column("tries", sa.Integer(), nullable=True))
    op.add_column("terminal_progress", sa.Column("unreachable_since", sa.String(length=32), nullable=True))
