"""Which attempts ended unknown with a program that may tell how, once it is asked."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Attempts from before are asked about when a person retries."""
    op.add_column("attempt", sa.Column("may_still_tell", sa.Boolean(), nullable=True))
