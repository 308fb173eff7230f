"""Why a decision was not taken in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Decisions from before were all taken in."""
    op.add_column("decision", sa.Column("refused", sa.Text(), nullable=True))
