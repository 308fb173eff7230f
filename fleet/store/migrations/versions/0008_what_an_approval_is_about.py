"""The plan that an approval is about."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Approvals from before did not say it."""
    op.add_column("decision", sa.Column("plan_digest", sa.String(length=64), nullable=True))
